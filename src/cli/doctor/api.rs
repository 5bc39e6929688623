//! The API: who is asked, whether the token issuer's keys can be had, and whether word from inventories has somewhere to go.

use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::config::Config;
use crate::http::{AuthMode, fetch_keys};

pub(super) async fn check(config: &Config) -> Findings {
    let mut findings = Findings::of("api");
    let (http, auth) = (&config.http, &config.http.auth);
    if http.listen.is_empty() {
        for (name, _) in config.sources.iter().filter(|(_, source)| source.webhook.is_some()) {
            findings.add(
                Level::Warning,
                format!("sources.{name}.webhook"),
                "this inventory may send word, but there is no API to take it",
                "set http.listen",
            );
        }
        return findings;
    }
    match auth.mode {
        AuthMode::None => findings.add(
            Level::Note,
            "http.auth.mode",
            format!("whoever reaches {} on this machine may do everything, for any tenant", http.listen),
            "set it to \"jwt\" before anybody else can reach it",
        ),
        AuthMode::Jwt => match fetch_keys(auth).await {
            Ok(keys) => findings.ok(&auth.jwks_url, format!("the issuer answers; its keys that can verify tokens: {keys}")),
            Err(error) => findings.add(
                Level::Error,
                &auth.jwks_url,
                format!("nobody will get in: {}", chain(&error)),
                "see http.auth.jwks_url and http.auth.ca_file, and whether this host reaches the issuer",
            ),
        },
    }
    findings
}
