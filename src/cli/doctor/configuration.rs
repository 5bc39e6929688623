//! Settings that can be used, and that somebody will regret.

use std::path::Path;

use super::finding::{Findings, Level};
use crate::config::{Config, EngineAuth};

/// A retry that a human asks for in Cockpit is seen by the next poll only.
const PROMPT_POLL_MS: u64 = 10_000;

pub(super) fn check(config: &Config, file: Option<&Path>) -> Findings {
    let mut findings = Findings::of("configuration");
    let place = file.map_or_else(|| "the defaults and the environment".to_owned(), |file| file.display().to_string());
    findings.ok(place, "can be read, and its settings fit together");
    engine(config, &mut findings);
    sources(config, &mut findings);
    let connections = u64::from(config.database.max_connections);
    let permits = u64::try_from(config.engine.permits_starts + config.engine.permits_ends).unwrap_or(u64::MAX);
    if connections * 16 < permits {
        findings.add(
            Level::Warning,
            "database.max_connections",
            format!("{connections} connections for {permits} tasks in flight: claims will wait for each other"),
            "raise it, or lower engine.permits_starts and engine.permits_ends",
        );
    }
    findings
}

fn engine(config: &Config, findings: &mut Findings) {
    let engine = &config.engine;
    if engine.long_poll_ms > PROMPT_POLL_MS {
        findings.add(
            Level::Warning,
            "engine.long_poll_ms",
            format!("{} ms: a retry in Cockpit is noticed only when the parked poll ends, up to so much later", engine.long_poll_ms),
            format!("set it to {PROMPT_POLL_MS} or less"),
        );
    }
    if engine.lock_duration_ms < 10_000 {
        findings.add(
            Level::Warning,
            "engine.lock_duration_ms",
            format!("{} ms: a short pause of this host loses locks, and their tasks are delivered twice", engine.lock_duration_ms),
            "set it to 30000 or more; a crash is undone within seconds whatever it says",
        );
    }
    if engine.auth == EngineAuth::Basic && in_the_clear(&engine.url) {
        findings.add(
            Level::Warning,
            "engine.url",
            "the user's password travels unencrypted",
            "use https://, or make sure that the network in between encrypts",
        );
    }
    if config.retry().is_ok_and(|retry| retry.after_failure(None).0 == 0) {
        findings.add(
            Level::Warning,
            "engine.retry",
            format!("`{}`: the first failure, even of a moment, becomes an incident", engine.retry),
            "allow some retries, such as R3/PT1M",
        );
    }
}

fn sources(config: &Config, findings: &mut Findings) {
    if config.sources.is_empty() {
        findings.add(Level::Error, "sources", "no inventory is configured", "add a [sources.<name>] section; see docs/inventories.md");
    }
    if config.sources.len() > 1 && config.reservations.default_source.is_empty() {
        findings.add(
            Level::Note,
            "reservations.default_source",
            "there are several inventories and no default: every process must set `inventorySource`",
            "set it, if most orders use the same one",
        );
    }
    for (name, source) in &config.sources {
        let at = |key: &str| format!("sources.{name}.{key}");
        let hold_for = u64::try_from(config.reservations.hold_for_s).unwrap_or(0);
        if let Some(most) = source.max_hold_s.filter(|most| *most < hold_for) {
            findings.add(
                Level::Note,
                at("max_hold_s"),
                format!("{most} s is less than reservations.hold_for_s ({hold_for} s): holds are asked for no longer than {most} s"),
                "processes learn the real time from `reservedUntil`",
            );
        }
        if source.rate_per_s.is_some_and(|rate| rate < 1.0) {
            findings.add(
                Level::Warning,
                at("rate_per_s"),
                "less than one call a second: most calls will wait for their turn in vain",
                "ask for a higher rate, or lower engine.permits_starts and engine.permits_ends",
            );
        }
        if source.linger_ms < 2 * source.timeout_ms {
            findings.add(
                Level::Note,
                at("linger_ms"),
                format!(
                    "a hold that is not found {} ms after sending counts as absent; the call itself may take {} ms",
                    source.linger_ms, source.timeout_ms
                ),
                "make sure that no request acts at this inventory later than that, behind its queues and proxies too",
            );
        }
    }
}

fn in_the_clear(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    url.scheme() == "http" && !matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}
