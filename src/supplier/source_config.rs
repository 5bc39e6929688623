//! The configuration of one inventory. The rules that its settings keep are in `source_rules.rs`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{AutoExtend, Policy};

use super::http::{Connection, Credentials};
use super::webhook_config::WebhookConfig;

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
    /// How long what it says about availability may be used.
    #[serde(default = "evidence_ttl")]
    pub evidence_ttl_s: u32,
    /// How old such evidence may be and yet answer a check without a call; without it, as old as it may be used.
    #[serde(default)]
    pub reuse_for_s: Option<u32>,
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
    /// Holds of living orders are extended before they run out; without it, never.
    #[serde(default)]
    pub auto_extend: Option<AutoExtendConfig>,
    /// The longest hold that the inventory gives.
    #[serde(default)]
    pub max_hold_s: Option<u64>,
    /// How many calls per second it takes; without it there is no limit.
    #[serde(default)]
    pub rate_per_s: Option<f64>,
    /// How many calls per second each tenant may make of them; without it there is no limit.
    #[serde(default)]
    pub tenant_rate_per_s: Option<f64>,
    /// When it is left alone for a while.
    #[serde(default)]
    pub breaker: BreakerConfig,
    /// How its notices are verified; without it, it may send none.
    #[serde(default)]
    pub webhook: Option<WebhookConfig>,
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

fn plain() -> String {
    "plain".to_owned()
}

fn ms<const N: u64>() -> u64 {
    N
}

fn evidence_ttl() -> u32 {
    300
}

fn absent_looks() -> i32 {
    3
}

fn yes() -> bool {
    true
}

/// How far holds are extended without anybody asking. Every number must be at least 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoExtendConfig {
    /// How long before its end a hold is extended.
    pub before_s: u32,
    /// By how much, counted from then.
    pub by_s: u32,
    /// How often at the most.
    pub most: u16,
    /// How old a hold may become by it, counted from when it was placed.
    pub max_age_s: u32,
}

impl AutoExtendConfig {
    fn policy(&self) -> AutoExtend {
        let seconds = |s: u32| TimeDelta::seconds(i64::from(s));
        AutoExtend { before: seconds(self.before_s), by: seconds(self.by_s), most: i32::from(self.most), max_age: seconds(self.max_age_s) }
    }
}

impl SourceConfig {
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
            auto_extend: self.auto_extend.as_ref().map(AutoExtendConfig::policy),
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

impl Auth {
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

    #[test]
    fn an_address_is_all_that_must_be_said() {
        let config = config("");
        assert_eq!(config.validate(), []);
        assert_eq!((config.adapter, config.profile.as_str(), config.timeout_ms), (Adapter::Http, "plain", 5000));
        assert_eq!(config.policy().linger, TimeDelta::seconds(30));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = toml::from_str::<SourceConfig>("base_url = \"http://x\"\ntimeout = 3").unwrap_err().to_string();
        assert!(error.contains("unknown field `timeout`"), "{error}");
    }
}
