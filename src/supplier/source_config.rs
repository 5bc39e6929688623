//! The configuration of one inventory, and the rules that its numbers keep with each other.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::Policy;

use super::http::{Connection, Credentials};

/// One inventory. The daemon's configuration has one such section per source name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Which adapter speaks to it.
    #[serde(default)]
    pub adapter: Adapter,
    /// The profile: the name of a shipped one, or the path of a file of your own, ending in `.toml`.
    #[serde(default = "plain")]
    pub profile: String,
    /// Where its API begins.
    pub base_url: String,
    /// Who we are there.
    #[serde(default)]
    pub auth: Auth,
    /// PEM certificates to trust beside the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long a call on a hold may take.
    #[serde(default = "ms::<5_000>")]
    pub timeout_ms: u64,
    /// How long an availability check may take.
    #[serde(default = "ms::<3_000>")]
    pub check_timeout_ms: u64,
    /// How long connecting may take, name resolution and TLS included.
    #[serde(default = "ms::<2_000>")]
    pub connect_timeout_ms: u64,
    /// How long an idle connection is kept. Keep it below the server's own keep-alive time: see docs/inventories.md.
    #[serde(default = "ms::<4_000>")]
    pub idle_connection_ms: u64,
    /// How long a request may still act after it was sent; absence proves nothing before.
    #[serde(default = "ms::<30_000>")]
    pub linger_ms: u64,
    /// How many look-ups in a row must show nothing.
    #[serde(default = "absent_looks")]
    pub absent_looks: i32,
    /// When an open outcome is first looked at.
    #[serde(default = "ms::<1_000>")]
    pub first_check_ms: u64,
    /// The longest pause between two looks.
    #[serde(default = "ms::<300_000>")]
    pub slowest_check_ms: u64,
    /// When a human is called in.
    #[serde(default = "ms::<900_000>")]
    pub manual_after_ms: u64,
    /// How long after its expiry a hold is looked at.
    #[serde(default = "ms::<5_000>")]
    pub expiry_grace_ms: u64,
    /// When a claimed row whose worker vanished is looked at.
    #[serde(default = "ms::<10_000>")]
    pub orphan_after_ms: u64,
    /// A hold of less than was asked for is kept.
    #[serde(default = "yes")]
    pub accept_partial: bool,
    /// The longest hold that the inventory gives.
    #[serde(default)]
    pub max_hold_s: Option<u64>,
    /// How many calls per second it takes; without it there is no limit.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// When it is left alone for a while.
    #[serde(default)]
    pub breaker: BreakerConfig,
}

/// The adapters that there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adapter {
    /// A JSON API over HTTP, described by a profile.
    #[default]
    Http,
}

/// Credentials for one inventory. Secrets come by environment, never by a file in the tree.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Which kind; each needs its own fields.
    pub kind: AuthKind,
    /// For `basic`.
    pub username: Option<String>,
    /// For `basic`.
    pub password: Option<SecretString>,
    /// For `bearer`.
    pub token: Option<SecretString>,
    /// For `header`: its name.
    pub header: Option<String>,
    /// For `header`: its value.
    pub value: Option<SecretString>,
}

/// The kinds of credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// None.
    #[default]
    None,
    /// HTTP Basic.
    Basic,
    /// A bearer token.
    Bearer,
    /// A header of its own, such as an API key.
    Header,
}

/// When an inventory is left alone for a while.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// After how many failures in a row; 0 for never.
    pub failures: u32,
    /// For how long, before one call tries again.
    pub pause_ms: u64,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, pause_ms: 10_000 }
    }
}

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
    /// A hold of no time.
    #[error("max_hold_s must be at least 1 and at most 31536000, a year")]
    MaxHold,
    /// No rate at all.
    #[error("rate_per_s must be greater than 0 and at most 100000")]
    Rate,
    /// The kind of credentials needs something that is not there.
    #[error("auth.kind '{kind}' needs auth.{needs}")]
    AuthLacks {
        /// The kind.
        kind: &'static str,
        /// What it needs.
        needs: &'static str,
    },
    /// A credential that the kind does not use: most likely the kind is missing.
    #[error("auth.{field} is given, but auth.kind is '{kind}'")]
    AuthIdle {
        /// What is given.
        field: &'static str,
        /// The kind.
        kind: &'static str,
    },
}

fn plain() -> String {
    "plain".to_owned()
}

fn ms<const N: u64>() -> u64 {
    N
}

fn absent_looks() -> i32 {
    3
}

fn yes() -> bool {
    true
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
        if self.max_hold_s.is_some_and(|longest| longest == 0 || longest > YEAR_MS / 1000) {
            faults.push(SourceFault::MaxHold);
        }
        if self.rate_per_s.is_some_and(|rate| !(rate > 0.0 && rate <= 100_000.0)) {
            faults.push(SourceFault::Rate);
        }
        faults.extend(self.auth.faults());
        faults
    }

    /// Credentials go over a line on which others may listen. Lawful behind a mesh that encrypts, so that it is a warning only.
    pub(super) fn auth_in_the_clear(&self) -> bool {
        let Ok(url) = reqwest::Url::parse(&self.base_url) else { return false };
        let private = url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        self.auth.kind != AuthKind::None && !private
    }

    /// How patiently this source's outcomes are found out.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            linger: delta(self.linger_ms),
            absent_looks: self.absent_looks,
            first_check: delta(self.first_check_ms),
            slowest_check: delta(self.slowest_check_ms),
            manual_after: delta(self.manual_after_ms),
            expiry_grace: delta(self.expiry_grace_ms),
            orphan_after: delta(self.orphan_after_ms),
            accept_partial: self.accept_partial,
        }
    }

    /// How the source is reached.
    pub(super) fn connection(&self) -> Connection {
        Connection {
            base_url: self.base_url.clone(),
            credentials: self.auth.credentials(),
            ca_file: self.ca_file.clone(),
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            idle_timeout: Duration::from_millis(self.idle_connection_ms),
        }
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

    fn credentials(&self) -> Credentials {
        match self {
            Self { kind: AuthKind::Basic, username: Some(username), password: Some(password), .. } => {
                Credentials::Basic { username: username.clone(), password: password.clone() }
            }
            Self { kind: AuthKind::Bearer, token: Some(token), .. } => Credentials::Bearer(token.clone()),
            Self { kind: AuthKind::Header, header: Some(name), value: Some(value), .. } => {
                Credentials::Header { name: name.clone(), value: value.clone() }
            }
            Self { .. } => Credentials::None,
        }
    }
}

fn delta(ms: u64) -> TimeDelta {
    i64::try_from(ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::MAX)
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
    fn an_address_is_all_that_must_be_said() {
        let config = config("");
        assert_eq!(config.validate(), []);
        assert_eq!((config.adapter, config.profile.as_str(), config.timeout_ms), (Adapter::Http, "plain", 5000));
        assert_eq!(config.policy().linger, TimeDelta::seconds(30));
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

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<SourceConfig>("base_url = \"http://x\"\ntimeout = 3").is_err());
    }
}
