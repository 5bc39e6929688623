//! The engine: whether it is there, what our user may do, how much it remembers, and which tasks nobody works on.

use chrono::TimeDelta;

use super::clocks::{Reading, compare};
use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::clock::SharedClock;
use crate::engine::{Allowed, EngineClient, EngineError, HistoryEvidence, Permission, TopicFilter};
use crate::topics::{ALL_TOPICS, Topic};

/// The oldest engine of Camunda's whose behaviour the daemon was built on.
const OLDEST_MINOR: u32 = 20;

/// What our user must be allowed, and what for.
const NEEDED: &[(Permission, Level, &str)] = &[
    (permission("READ", "PROCESS_INSTANCE", 8), Level::Error, "without it a fetch finds no tasks and looks like an idle worker"),
    (permission("UPDATE", "PROCESS_INSTANCE", 8), Level::Error, "without it tasks are neither fetched nor completed"),
    (permission("READ_HISTORY", "PROCESS_DEFINITION", 6), Level::Warning, "without it nobody can tell whether the order of a hold is gone"),
    (permission("READ", "PROCESS_DEFINITION", 6), Level::Warning, "without it the deployed models cannot be checked"),
    (permission("READ", "DEPLOYMENT", 9), Level::Note, "without it the deployed forms cannot be checked"),
    (permission("CREATE", "DEPLOYMENT", 9), Level::Note, "without it `holdfast deploy` is refused"),
    (permission("READ", "TASK", 7), Level::Note, "without it `holdfast fallout decide` does not find the question in the process"),
    (permission("UPDATE", "TASK", 7), Level::Note, "without it `holdfast fallout decide` cannot answer the question in the process"),
    (permission("CREATE", "PROCESS_INSTANCE", 8), Level::Note, "without it no order can be started over HTTP"),
    (permission("CREATE_INSTANCE", "PROCESS_DEFINITION", 6), Level::Note, "without it no order can be started over HTTP"),
];

const fn permission(act: &'static str, to: &'static str, resource_type: u8) -> Permission {
    Permission { act, to, resource_type }
}

/// Looks the engine over; false if it cannot be asked, so that nothing more need be.
pub(super) async fn check(engine: &EngineClient, url: &str, clock: &SharedClock, skew: TimeDelta) -> (Findings, bool) {
    let mut findings = Findings::of("engine");
    match engine.version().await {
        Ok(version) => version_finding(&mut findings, url, &version),
        Err(error) => {
            findings.add(Level::Error, url, chain(&error), what_to_do(&error));
            return (findings, false);
        }
    }
    rights(engine, url, &mut findings).await;
    history(engine, url, &mut findings).await;
    topics(engine, url, &mut findings).await;
    let asked_at = clock.now();
    match engine.server_date().await {
        Ok(Some(theirs)) => compare(&mut findings, url, Reading::of_date(asked_at, clock.now(), theirs), skew),
        Ok(None) => findings.add(Level::Note, url, "its answers carry no date, so that its clock cannot be compared", ""),
        Err(error) => findings.add(Level::Note, url, format!("its clock could not be read: {}", chain(&error)), ""),
    }
    (findings, true)
}

fn version_finding(findings: &mut Findings, url: &str, version: &str) {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(7), Some(minor)) if minor < OLDEST_MINOR => findings.add(
            Level::Warning,
            url,
            format!("Camunda {version}: older than 7.{OLDEST_MINOR}, which nobody has tried holdfast with"),
            "run the tests against it, or update the engine",
        ),
        (Some(7), Some(_)) => findings.ok(url, format!("Camunda {version} answers")),
        (Some(8..), _) => findings.add(
            Level::Error,
            url,
            format!("version {version}: Camunda 8 has no external tasks of this kind"),
            "point engine.url at a Camunda 7 or Operaton REST API",
        ),
        (Some(_), Some(_)) => findings.ok(url, format!("version {version} answers (Operaton)")),
        _ => findings.add(Level::Note, url, format!("version `{version}` is not one that is known"), ""),
    }
}

async fn rights(engine: &EngineClient, url: &str, findings: &mut Findings) {
    for (permission, level, why) in NEEDED {
        let what = format!("{} on {}", permission.act, permission.to);
        match engine.is_allowed(*permission).await {
            Ok(Allowed::Yes) => {}
            Ok(Allowed::No) => findings.add(
                *level,
                url,
                format!("our user lacks the permission {what} for all of them; {why}"),
                "grant it in Cockpit's Admin, or READ_INSTANCE and UPDATE_INSTANCE on the process definitions that holdfast serves",
            ),
            Ok(Allowed::Open) => {
                findings.add(
                    Level::Note,
                    url,
                    "its REST API asks nobody who they are: whoever reaches it may do everything",
                    "let only those reach it who may, or switch on authentication and set engine.auth",
                );
                return;
            }
            Err(error) => {
                findings.add(*level, url, format!("could not find out about the permission {what}: {}", chain(&error)), what_to_do(&error));
                return;
            }
        }
    }
    if findings.is_clean() {
        findings.ok(url, "our user has every permission that is needed");
    }
}

async fn history(engine: &EngineClient, url: &str, findings: &mut Findings) {
    match engine.history_evidence().await {
        Ok(HistoryEvidence::Full) => findings.ok(url, "external tasks are logged: its history level is full"),
        Ok(HistoryEvidence::BelowFull) => findings.add(
            Level::Warning,
            url,
            "it has an external task that is not in its log: its history level is below full",
            "set the history level to full, or nobody can tell whether a vanished task was completed or cancelled",
        ),
        Ok(HistoryEvidence::NothingToTell) => findings.add(
            Level::Note,
            url,
            "it has not had an external task yet, so that its history level does not show; the API cannot be asked for it",
            "make sure that it is full, or look again after the first order",
        ),
        Err(error) => findings.add(Level::Warning, url, format!("its history cannot be read: {}", chain(&error)), what_to_do(&error)),
    }
}

async fn topics(engine: &EngineClient, url: &str, findings: &mut Findings) {
    match engine.topic_names(TopicFilter::default()).await {
        Ok(names) => {
            for name in names.iter().filter(|name| name.starts_with("inventory.") && Topic::parse(name).is_none()) {
                findings.add(
                    Level::Error,
                    url,
                    format!("external tasks wait for the topic {name}, which no worker of this version serves"),
                    format!("use one of {} in the model, and move or end those instances", served()),
                );
            }
        }
        Err(error) => findings.add(Level::Error, url, format!("its tasks cannot be listed: {}", chain(&error)), what_to_do(&error)),
    }
}

fn served() -> String {
    ALL_TOPICS.map(Topic::name).join(", ")
}

/// What to do about a call that the engine did not carry out.
pub(super) fn what_to_do(error: &EngineError) -> &'static str {
    match error {
        EngineError::Refused { status: 401, .. } => {
            "check engine.auth and its credentials (HOLDFAST__ENGINE__PASSWORD, HOLDFAST__ENGINE__CLIENT_SECRET)"
        }
        EngineError::Refused { .. } => "give our user the permission that is named",
        EngineError::Unreadable { .. } | EngineError::NotFound { .. } => {
            "engine.url must be the root of the REST API, such as http://host:8080/engine-rest; a proxy or log-in page may be in the way"
        }
        EngineError::Transient { .. } => "check engine.url, and that the engine runs and can be reached from this host",
        _ => "",
    }
}
