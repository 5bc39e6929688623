//! The rules that an inventory's settings keep, each broken one a sentence.

use crate::supplier::{Auth, AuthKind, SourceConfig, WebhookConfig};

/// A rule that a source's configuration breaks, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// A time that must not be zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A time beyond all reason, most likely in the wrong unit.
    #[error("{0} must be at most 31536000000, a year in milliseconds")]
    TooLong(&'static str),
    /// Connecting may take as long as the whole call, so that a server that is down would look like a lost answer.
    #[error("connect_timeout_ms ({connect}) must be less than {name} ({timeout})")]
    ConnectTooLong {
        /// The connect timeout.
        connect: u64,
        /// The name of the other timeout.
        name: &'static str,
        /// The other timeout.
        timeout: u64,
    },
    /// Absence would be believed while the request is still under way.
    #[error("linger_ms ({linger}) must be at least timeout_ms ({timeout}): until then the request itself is still under way")]
    LingerTooShort {
        /// The linger.
        linger: u64,
        /// The timeout.
        timeout: u64,
    },
    /// The pauses would shrink.
    #[error("slowest_check_ms ({slowest}) must be at least first_check_ms ({first})")]
    SlowestTooShort {
        /// The longest pause.
        slowest: u64,
        /// The first pause.
        first: u64,
    },
    /// A human would be called before a machine could know.
    #[error("manual_after_ms ({manual}) must be more than linger_ms ({linger}): nothing is proven before that")]
    ManualTooSoon {
        /// When a human is called.
        manual: u64,
        /// The linger.
        linger: u64,
    },
    /// Nothing would have to be seen to believe in absence.
    #[error("absent_looks must be from 1 to 100")]
    AbsentLooks,
    /// Evidence of no time, or of more than any stock keeps still.
    #[error("evidence_ttl_s must be from 1 to 31536000, a year")]
    EvidenceTtl,
    /// An answer could have run out before it came.
    #[error("evidence_ttl_s ({ttl}) must be longer than check_timeout_ms ({timeout}): it is counted from before the question")]
    EvidenceTooShort {
        /// How long evidence may be used.
        ttl: u32,
        /// How long its answer may take.
        timeout: u64,
    },
    /// Evidence would answer checks when it may no longer be used.
    #[error("reuse_for_s ({reuse}) must be at most evidence_ttl_s ({ttl}): evidence that has expired answers nothing")]
    ReuseTooLong {
        /// How old it may be.
        reuse: u32,
        /// How long it may be used.
        ttl: u32,
    },
    /// A hold of no time.
    #[error("max_hold_s must be at least 1 and at most 31536000, a year")]
    MaxHold,
    /// No rate at all.
    #[error("{0} must be greater than 0 and at most 100000")]
    Rate(&'static str),
    /// The kind of credentials needs something that is not there.
    #[error("auth.kind '{kind}' needs auth.{needs}")]
    AuthLacks {
        /// The kind.
        kind: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A secret that no sender could have made.
    #[error("{0} must be whsec_ and base64 of 24 to 64 bytes")]
    WebhookSecret(&'static str),
    /// A place in a notice that cannot be found.
    #[error("{0} must be a JSON pointer such as /data/reference")]
    WebhookPointer(&'static str),
    /// A credential that the kind does not use: most likely the kind is missing.
    #[error("auth.{field} is given, but auth.kind is '{kind}'")]
    AuthIdle {
        /// What is given.
        field: &'static str,
        /// The kind.
        kind: &'static str,
    },
}

const YEAR_MS: u64 = 365 * 24 * 3600 * 1000;

impl SourceConfig {
    /// Every rule that is broken; empty if all is well. The profile and the address are looked at when the source is built.
    #[must_use]
    pub fn validate(&self) -> Vec<SourceFault> {
        let mut faults = Vec::new();
        let times = [
            ("timeout_ms", self.timeout_ms),
            ("check_timeout_ms", self.check_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("idle_connection_ms", self.idle_connection_ms),
            ("linger_ms", self.linger_ms),
            ("first_check_ms", self.first_check_ms),
            ("slowest_check_ms", self.slowest_check_ms),
            ("manual_after_ms", self.manual_after_ms),
            ("orphan_after_ms", self.orphan_after_ms),
            ("breaker.pause_ms", self.breaker.pause_ms),
        ];
        faults.extend(times.iter().filter(|(_, time)| *time == 0).map(|(name, _)| SourceFault::Zero(name)));
        let all = times.into_iter().chain([("expiry_grace_ms", self.expiry_grace_ms)]);
        faults.extend(all.filter(|(_, time)| *time > YEAR_MS).map(|(name, _)| SourceFault::TooLong(name)));
        for (name, timeout) in [("timeout_ms", self.timeout_ms), ("check_timeout_ms", self.check_timeout_ms)] {
            if self.connect_timeout_ms >= timeout && timeout > 0 {
                faults.push(SourceFault::ConnectTooLong { connect: self.connect_timeout_ms, name, timeout });
            }
        }
        if self.linger_ms < self.timeout_ms {
            faults.push(SourceFault::LingerTooShort { linger: self.linger_ms, timeout: self.timeout_ms });
        }
        if self.slowest_check_ms < self.first_check_ms {
            faults.push(SourceFault::SlowestTooShort { slowest: self.slowest_check_ms, first: self.first_check_ms });
        }
        if self.manual_after_ms <= self.linger_ms {
            faults.push(SourceFault::ManualTooSoon { manual: self.manual_after_ms, linger: self.linger_ms });
        }
        if !(1..=100).contains(&self.absent_looks) {
            faults.push(SourceFault::AbsentLooks);
        }
        if self.evidence_ttl_s == 0 || u64::from(self.evidence_ttl_s) > YEAR_MS / 1000 {
            faults.push(SourceFault::EvidenceTtl);
        } else if u64::from(self.evidence_ttl_s) * 1000 <= self.check_timeout_ms {
            faults.push(SourceFault::EvidenceTooShort { ttl: self.evidence_ttl_s, timeout: self.check_timeout_ms });
        }
        if let Some(reuse) = self.reuse_for_s
            && reuse > self.evidence_ttl_s
        {
            faults.push(SourceFault::ReuseTooLong { reuse, ttl: self.evidence_ttl_s });
        }
        if self.max_hold_s.is_some_and(|longest| longest == 0 || longest > YEAR_MS / 1000) {
            faults.push(SourceFault::MaxHold);
        }
        for (name, rate) in [("rate_per_s", self.rate_per_s), ("tenant_rate_per_s", self.tenant_rate_per_s)] {
            if rate.is_some_and(|rate| !(rate > 0.0 && rate <= 100_000.0)) {
                faults.push(SourceFault::Rate(name));
            }
        }
        faults.extend(self.auth.faults());
        faults.extend(self.webhook.iter().flat_map(WebhookConfig::faults));
        faults
    }
}

impl AuthKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Bearer => "bearer",
            Self::Header => "header",
        }
    }
}

impl Auth {
    fn faults(&self) -> Vec<SourceFault> {
        let needs: &[&str] = match self.kind {
            AuthKind::None => &[],
            AuthKind::Basic => &["username", "password"],
            AuthKind::Bearer => &["token"],
            AuthKind::Header => &["header", "value"],
        };
        let given = [
            ("username", self.username.is_some()),
            ("password", self.password.is_some()),
            ("token", self.token.is_some()),
            ("header", self.header.is_some()),
            ("value", self.value.is_some()),
        ];
        let kind = self.kind.as_str();
        let fault = |(field, given): (&'static str, bool)| match (needs.contains(&field), given) {
            (true, false) => Some(SourceFault::AuthLacks { kind, needs: field }),
            (false, true) => Some(SourceFault::AuthIdle { field, kind }),
            (true, true) | (false, false) => None,
        };
        given.into_iter().filter_map(fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> SourceConfig {
        toml::from_str(&format!("base_url = \"http://inventory.example/v1\"\n{lines}")).unwrap()
    }

    fn said(lines: &str) -> Vec<String> {
        config(lines).validate().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn numbers_that_contradict_each_other_are_refused_in_a_sentence() {
        assert_eq!(
            said("linger_ms = 4000"),
            ["linger_ms (4000) must be at least timeout_ms (5000): until then the request itself is still under way"]
        );
        assert_eq!(
            said("connect_timeout_ms = 5000"),
            [
                "connect_timeout_ms (5000) must be less than timeout_ms (5000)",
                "connect_timeout_ms (5000) must be less than check_timeout_ms (3000)"
            ]
        );
        assert_eq!(
            said("manual_after_ms = 30000"),
            ["manual_after_ms (30000) must be more than linger_ms (30000): nothing is proven before that"]
        );
        assert_eq!(
            said("absent_looks = 0\nmax_hold_s = 0\nrate_per_s = 0.0"),
            [
                "absent_looks must be from 1 to 100",
                "max_hold_s must be at least 1 and at most 31536000, a year",
                "rate_per_s must be greater than 0 and at most 100000"
            ]
        );
        assert_eq!(
            said("evidence_ttl_s = 60\nreuse_for_s = 61"),
            ["reuse_for_s (61) must be at most evidence_ttl_s (60): evidence that has expired answers nothing"]
        );
        assert_eq!(
            said("evidence_ttl_s = 3"),
            ["evidence_ttl_s (3) must be longer than check_timeout_ms (3000): it is counted from before the question"]
        );
        assert_eq!(said("evidence_ttl_s = 4"), Vec::<String>::new());
        assert_eq!(said("evidence_ttl_s = 0"), ["evidence_ttl_s must be from 1 to 31536000, a year"]);
        assert_eq!(said("first_check_ms = 0"), ["first_check_ms must be at least 1"]);
    }

    #[test]
    fn credentials_are_complete_and_meant() {
        assert_eq!(said("auth = { kind = \"basic\", username = \"u\" }"), ["auth.kind 'basic' needs auth.password"]);
        assert_eq!(said("auth = { token = \"t\" }"), ["auth.token is given, but auth.kind is 'none'"]);
        let mut config = config("auth = { kind = \"bearer\", token = \"s3cr3t\" }");
        assert_eq!(config.validate(), []);
        assert!(config.auth_in_the_clear());
        config.base_url = "http://127.0.0.1:1".to_owned();
        assert!(!config.auth_in_the_clear());
        assert!(!format!("{config:?}").contains("s3cr3t"));
    }
}
