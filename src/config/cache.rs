//! The settings of the cache.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::cache::{CacheOptions, CachePlan, RedisOptions};
use crate::config::{ConfigError, require};

/// Where copies of recent answers are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// Which kind.
    pub mode: CacheMode,
    /// For `redis`.
    pub url: SecretString,
    /// For `redis`: how long one command may take.
    pub timeout_ms: u64,
    /// For `redis`: after so many commands in a row that failed, it is left alone.
    pub failures_to_pause: u32,
    /// For how long.
    pub pause_ms: u64,
    /// How long cached evidence is shown again without a look at its row.
    pub evidence_for_ms: u32,
    /// For `memory`: the most evidence that is kept.
    pub most_entries: usize,
}

/// Which kind of cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// Redis, shared by all replicas.
    Redis,
    /// This process's memory.
    Memory,
    /// None.
    Off,
}

impl CacheConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.mode == CacheMode::Redis {
            require(!self.url.expose_secret().is_empty(), "cache.url", "must be set for mode = \"redis\" (HOLDFAST__CACHE__URL)")?;
            let must = "must be such as redis://host:6379/0 or, with TLS, rediss://user:password@host:6380/0";
            require(self.redis().check().is_ok(), "cache.url", must)?;
        }
        require((1..=2_000).contains(&self.timeout_ms), "cache.timeout_ms", "must be 1 to 2000: every check may wait so long")?;
        require(self.failures_to_pause >= 1, "cache.failures_to_pause", "must be at least 1")?;
        require((10..=600_000).contains(&self.pause_ms), "cache.pause_ms", "must be 10 to 600000")?;
        require(self.evidence_for_ms <= 60_000, "cache.evidence_for_ms", "must be at most 60000: a newer answer may be missed for so long")
    }

    /// Which cache there is to be.
    #[must_use]
    pub fn plan(&self) -> CachePlan {
        let options = CacheOptions { evidence_for: TimeDelta::milliseconds(self.evidence_for_ms.into()), most_entries: self.most_entries };
        match self.mode {
            CacheMode::Off => CachePlan::Off,
            CacheMode::Memory => CachePlan::Memory(options),
            CacheMode::Redis => CachePlan::Redis(options, self.redis()),
        }
    }

    fn redis(&self) -> RedisOptions {
        RedisOptions {
            url: self.url.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
            failures_to_pause: self.failures_to_pause,
            pause: Duration::from_millis(self.pause_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> CacheConfig {
        let usual = "mode = 'redis'\nurl = 'redis://:s3cr3t@127.0.0.1:1'\ntimeout_ms = 50\nfailures_to_pause = 3\npause_ms = 1000\n\
                     evidence_for_ms = 1000\nmost_entries = 10\n";
        let mut table: toml::Table = toml::from_str(usual).unwrap();
        table.extend(toml::from_str::<toml::Table>(lines).unwrap());
        table.try_into().unwrap()
    }

    #[test]
    fn a_bad_setting_is_named_and_a_password_is_not_shown() {
        let said = |lines: &str| config(lines).validate().unwrap_err().to_string();
        assert!(said("url = ''").contains("`cache.url` must be set for mode"));
        assert!(said("timeout_ms = 0").contains("`cache.timeout_ms`"));
        assert!(config("url = ''\nmode = 'memory'").validate().is_ok());
        let error = said("url = 'ftp://:s3cr3t@host'");
        assert!(error.contains("`cache.url` must be such as redis://") && !error.contains("s3cr3t"), "{error}");
        assert!(config("").validate().is_ok());
        assert!(!format!("{:?} {:?}", config(""), config("").plan()).contains("s3cr3t"));
    }
}
