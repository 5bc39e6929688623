//! Every configured inventory by its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::{IdError, Policy, SourceName};
use crate::supplier::{Adapter, SourceConfig, SourceFault, Supplier};

use super::breaker::Breaker;
use super::guarded::Guarded;
use super::http::{ClientError, HttpInventory, ProfileError, load};
use super::turns::{SharedTurns, Turns};

/// One inventory, ready to be asked, with all that is configured about asking it.
pub struct Source {
    /// Its name.
    pub name: SourceName,
    /// The inventory, behind its circuit breaker and rate limit.
    pub supplier: Arc<dyn Supplier>,
    /// How patiently its outcomes are found out.
    pub policy: Policy,
    /// How long a call on a hold may take.
    pub timeout: Duration,
    /// How long an availability check may take.
    pub check_timeout: Duration,
    /// How long what it says about availability may be used.
    pub evidence_ttl: TimeDelta,
    /// How old such evidence may be and yet answer a check without a call.
    pub reuse_for: TimeDelta,
    /// The longest hold that it gives.
    pub max_hold: Option<TimeDelta>,
}

/// All inventories.
#[derive(Default)]
pub struct Suppliers(BTreeMap<SourceName, Source>);

/// Why a source cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Its name is none.
    #[error("source '{name}' is not named as a source can be")]
    Name {
        /// The name.
        name: String,
        /// What a name is.
        #[source]
        source: IdError,
    },
    /// Its settings break rules.
    #[error("source '{name}': {}", sentences(faults))]
    Settings {
        /// The name.
        name: String,
        /// All the broken rules.
        faults: Vec<SourceFault>,
    },
    /// Its profile is not usable.
    #[error("source '{name}' has no usable profile")]
    Profile {
        /// The name.
        name: String,
        /// Why not.
        #[source]
        source: ProfileError,
    },
    /// Its client cannot be built.
    #[error("source '{name}' cannot be connected to")]
    Client {
        /// The name.
        name: String,
        /// Why not.
        #[source]
        source: ClientError,
    },
}

impl Suppliers {
    /// Builds every configured source; connects to none.
    ///
    /// # Errors
    /// [`SourceError`] for the first source that cannot be built, with all that is wrong with its settings.
    pub fn build(configs: &BTreeMap<String, SourceConfig>) -> Result<Self, SourceError> {
        Self::build_sharing(configs, None)
    }

    /// The same, with rate limits that are counted together with other replicas.
    ///
    /// # Errors
    /// [`SourceError`], as for [`Self::build`].
    pub fn build_sharing(configs: &BTreeMap<String, SourceConfig>, shared: Option<&Arc<dyn SharedTurns>>) -> Result<Self, SourceError> {
        configs.iter().map(|(name, config)| source(name, config, shared)).collect()
    }

    /// The source of a name.
    #[must_use]
    pub fn get(&self, name: &SourceName) -> Option<&Source> {
        self.0.get(name)
    }

    /// Every configured name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(SourceName::as_str)
    }

    /// Every source, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.values()
    }
}

impl FromIterator<Source> for Suppliers {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Self {
        Self(sources.into_iter().map(|source| (source.name.clone(), source)).collect())
    }
}

fn source(name: &str, config: &SourceConfig, shared: Option<&Arc<dyn SharedTurns>>) -> Result<Source, SourceError> {
    let owned = || name.to_owned();
    let source_name = SourceName::parse(name).map_err(|source| SourceError::Name { name: owned(), source })?;
    let faults = config.validate();
    if !faults.is_empty() {
        return Err(SourceError::Settings { name: owned(), faults });
    }
    if config.auth_in_the_clear() {
        tracing::warn!(supplier.name = name, "the credentials for this inventory travel unencrypted: its base_url is http://");
    }
    let breaker = Breaker::new(config.breaker.failures, Duration::from_millis(config.breaker.pause_ms));
    // The tenant's own limit first: whoever is over it takes no turn from the others.
    let limits = [(config.tenant_rate_per_s, true), (config.rate_per_s, false)];
    let limits = limits.into_iter().filter_map(|(rate, each)| Turns::new(rate?, each, shared.cloned())).collect();
    let supplier: Arc<dyn Supplier> = match config.adapter {
        Adapter::Http => {
            let profile = load(&config.profile).map_err(|source| SourceError::Profile { name: owned(), source })?;
            let inventory = HttpInventory::new(profile, &config.connection());
            let inventory = inventory.map_err(|source| SourceError::Client { name: owned(), source })?;
            Arc::new(Guarded::new(inventory, source_name.clone(), breaker, limits))
        }
    };
    Ok(Source {
        name: source_name,
        supplier,
        policy: config.policy(),
        timeout: Duration::from_millis(config.timeout_ms),
        check_timeout: Duration::from_millis(config.check_timeout_ms),
        evidence_ttl: TimeDelta::seconds(i64::from(config.evidence_ttl_s)),
        reuse_for: TimeDelta::seconds(i64::from(config.reuse_for_s.unwrap_or(config.evidence_ttl_s))),
        max_hold: config.max_hold_s.and_then(|seconds| i64::try_from(seconds).ok()).and_then(TimeDelta::try_seconds),
    })
}

fn sentences(faults: &[SourceFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(name: &str, lines: &str) -> Result<Suppliers, SourceError> {
        Suppliers::build(&BTreeMap::from([(name.to_owned(), toml::from_str(lines).unwrap())]))
    }

    #[test]
    fn a_source_is_found_by_its_name_and_no_other() {
        let suppliers = build("main", "base_url = \"http://127.0.0.1:1/v1/\"").unwrap();
        let name = |text: &str| SourceName::parse(text).unwrap();
        assert_eq!(suppliers.get(&name("main")).map(|source| source.timeout), Some(Duration::from_secs(5)));
        assert!(suppliers.get(&name("mian")).is_none());
        assert_eq!(suppliers.names().collect::<Vec<_>>(), ["main"]);
    }

    #[test]
    fn what_cannot_be_built_says_which_source_and_why() {
        let said = |name: &str, lines: &str| {
            let error = build(name, lines).err().unwrap();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error}: {cause}")
        };
        assert!(said("a b", "base_url = \"http://x\"").starts_with("source 'a b' is not named as a source can be: must be 1 to 64"));
        assert!(said("a", "base_url = \"http://x\"\nabsent_looks = 0").starts_with("source 'a': absent_looks must be"));
        assert!(said("a", "base_url = \"http://x\"\nprofile = \"no\"").contains("profile 'no' does not exist"));
        for url in ["ftp://x", "x", "http://u:p@x", "http://x?q", "http://x#f"] {
            assert!(said("a", &format!("base_url = \"{url}\"")).contains("base_url must be"), "{url}");
        }
        assert!(said("a", "base_url = \"https://x\"\nca_file = \"/nowhere.pem\"").contains("/nowhere.pem cannot be read"));
    }
}
