//! How the brokers are reached: addresses, TLS, SASL, and whatever else librdkafka can be told.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Properties that the promises of this room rest on, or that have a setting of their own.
const OURS: [&str; 13] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "security.protocol",
    "sasl.password",
    "enable.idempotence",
    "acks",
    "request.required.acks",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "partitioner",
    "transactional.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
];

/// How the brokers are reached.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port`, with commas between several.
    pub brokers: String,
    /// Whether the connection is encrypted, and whether we say who we are.
    pub security: Security,
    /// Certificates that the brokers' must be signed by; empty for those of the system.
    pub ca_file: String,
    /// Our certificate, where the brokers want one.
    pub certificate_file: String,
    /// Its key.
    pub key_file: String,
    /// The key's password.
    pub key_password: SecretString,
    /// How a password is proven.
    pub sasl_mechanism: SaslMechanism,
    /// Who we are.
    pub sasl_username: String,
    /// The password.
    pub sasl_password: SecretString,
    /// Further properties of librdkafka.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// Whether the connection is encrypted, and whether we say who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Neither: for a broker on the same machine.
    Plaintext,
    /// Encrypted.
    Tls,
    /// A name and a password, in the clear unless the mechanism hides it.
    Sasl,
    /// A name and a password, encrypted.
    SaslTls,
}

/// How a password is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum SaslMechanism {
    /// By sending it.
    #[serde(rename = "PLAIN")]
    Plain,
    /// By a challenge.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// By a challenge.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// Only the names of further properties are shown: some of them are passwords and keys.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("security", &self.security)
            .field("ca_file", &self.ca_file)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .field("sasl_mechanism", &self.sasl_mechanism)
            .field("sasl_username", &self.sasl_username)
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}

/// Refuses what Kafka does not take as the name of a topic; says what it must be.
pub(crate) fn check_topic(topic: &str) -> Result<(), &'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = (1..=249).contains(&topic.len()) && topic.chars().all(allowed) && topic != "." && topic != "..";
    if good { Ok(()) } else { Err("must be the name of a topic: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and '-'") }
}

impl KafkaConfig {
    /// Checks what can be checked without a broker; names the key and what it must be.
    ///
    /// # Errors
    /// The key inside of this section, and a sentence that begins with "must".
    pub fn check(&self) -> Result<(), (String, String)> {
        let bad = |key: &str, must: &str| Err((key.to_owned(), must.to_owned()));
        if self.brokers.trim().is_empty() {
            return bad("brokers", "must be set for events.mode = \"kafka\": host:port, with commas between several");
        }
        if self.has_sasl() && self.sasl_username.is_empty() {
            return bad("sasl_username", "must be set for security = \"sasl\" and \"sasl_tls\"");
        }
        if self.has_sasl() && self.sasl_password.expose_secret().is_empty() {
            return bad("sasl_password", "must be set for security = \"sasl\" and \"sasl_tls\" (by environment)");
        }
        let has_credentials = !self.sasl_username.is_empty() || !self.sasl_password.expose_secret().is_empty();
        if !self.has_sasl() && has_credentials {
            return bad("security", "must be \"sasl\" or \"sasl_tls\" where a name or a password is configured");
        }
        let certificates = [&self.ca_file, &self.certificate_file, &self.key_file, self.key_password.expose_secret()];
        if !self.has_tls() && certificates.iter().any(|setting| !setting.is_empty()) {
            return bad("security", "must be \"tls\" or \"sasl_tls\" where certificates or the password of a key are configured");
        }
        if self.certificate_file.is_empty() != self.key_file.is_empty() {
            return bad("key_file", "must be set together with certificate_file");
        }
        match self.properties.keys().find(|name| OURS.contains(&name.as_str())) {
            Some(name) => {
                bad("properties", &format!("must not hold `{name}`: it has a setting of its own, or the order of facts rests on it"))
            }
            None => Ok(()),
        }
    }

    /// What every client of these brokers is made with.
    pub(super) fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers).set("client.id", "holdfast");
        client.set(
            "security.protocol",
            match self.security {
                Security::Plaintext => "plaintext",
                Security::Tls => "ssl",
                Security::Sasl => "sasl_plaintext",
                Security::SaslTls => "sasl_ssl",
            },
        );
        if self.has_tls() {
            for (property, value) in [
                ("ssl.ca.location", &self.ca_file),
                ("ssl.certificate.location", &self.certificate_file),
                ("ssl.key.location", &self.key_file),
            ] {
                if !value.is_empty() {
                    client.set(property, value);
                }
            }
            if !self.key_password.expose_secret().is_empty() {
                client.set("ssl.key.password", self.key_password.expose_secret());
            }
        }
        if self.has_sasl() {
            let mechanism = match self.sasl_mechanism {
                SaslMechanism::Plain => "PLAIN",
                SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
                SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            client.set("sasl.mechanism", mechanism);
            client.set("sasl.username", &self.sasl_username).set("sasl.password", self.sasl_password.expose_secret());
        }
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client
    }

    fn has_tls(&self) -> bool {
        matches!(self.security, Security::Tls | Security::SaslTls)
    }

    fn has_sasl(&self) -> bool {
        matches!(self.security, Security::Sasl | Security::SaslTls)
    }
}

/// Writes down what a client says. It logs each attempt to reconnect as an error; what the operator must know is said by whoever uses
/// the client.
pub(super) fn log_client(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(?level, facility, message, "the Kafka client says");
}

/// For tests and tools: brokers that need no more than an address.
impl KafkaConfig {
    /// Brokers that are reached in the clear and ask nobody who they are.
    #[must_use]
    pub fn plain(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            security: Security::Plaintext,
            ca_file: String::new(),
            certificate_file: String::new(),
            key_file: String::new(),
            key_password: SecretString::default(),
            sasl_mechanism: SaslMechanism::ScramSha512,
            sasl_username: String::new(),
            sasl_password: SecretString::default(),
            properties: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_that_the_order_rests_on_is_refused_by_name() {
        let mut config = KafkaConfig::plain("localhost:9092");
        assert_eq!(config.check(), Ok(()));
        config.properties.insert("enable.idempotence".to_owned(), "false".to_owned());
        let (key, must) = config.check().unwrap_err();
        assert!(key == "properties" && must.contains("`enable.idempotence`"), "{key} {must}");
    }

    #[test]
    fn a_password_is_wanted_where_it_is_used_and_is_never_shown() {
        let mut config = KafkaConfig::plain("localhost:9092");
        config.security = Security::SaslTls;
        config.sasl_username = "holdfast".to_owned();
        assert_eq!(config.check().unwrap_err().0, "sasl_password");
        config.sasl_password = SecretString::from("s3cr3t");
        assert_eq!(config.check(), Ok(()));
        assert!(!format!("{config:?}").contains("s3cr3t"));
        let client = config.client();
        assert_eq!((client.get("security.protocol"), client.get("sasl.mechanism")), (Some("sasl_ssl"), Some("SCRAM-SHA-512")));
    }

    #[test]
    fn certificates_and_the_password_of_a_key_without_encryption_are_a_mistake() {
        let plain = KafkaConfig::plain("localhost:9092");
        for config in [
            KafkaConfig { ca_file: "ca.pem".to_owned(), ..plain.clone() },
            KafkaConfig { key_password: SecretString::from("s3cr3t"), ..plain },
        ] {
            assert_eq!(config.check().unwrap_err().0, "security");
        }
    }

    #[test]
    fn a_name_or_a_password_that_nobody_would_ask_for_is_a_mistake() {
        for security in [Security::Plaintext, Security::Tls] {
            let plain = KafkaConfig { security, ..KafkaConfig::plain("localhost:9092") };
            assert_eq!(plain.check(), Ok(()));
            for config in [
                KafkaConfig { sasl_username: "holdfast".to_owned(), ..plain.clone() },
                KafkaConfig { sasl_password: SecretString::from("s3cr3t"), ..plain },
            ] {
                assert_eq!(config.check().unwrap_err().0, "security");
            }
        }
    }

    #[test]
    fn a_property_is_shown_by_its_name_alone() {
        let mut config = KafkaConfig::plain("localhost:9092");
        config.properties.insert("ssl.keystore.password".to_owned(), "s3cr3t".to_owned());
        let shown = format!("{config:?}");
        assert!(shown.contains("ssl.keystore.password") && !shown.contains("s3cr3t"), "{shown}");
    }
}
