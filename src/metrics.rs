//! Every metric: its name, its labels, its buckets, in one list.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

/// One metric as operators see it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// The name, in the form `holdfast_<noun>_<unit|total>`.
    pub name: &'static str,
    /// What is counted.
    pub kind: Kind,
    /// The labels that every sample carries.
    pub labels: &'static [&'static str],
    /// One sentence for the person who reads the metrics page.
    pub help: &'static str,
}

/// What sort of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, sorted into these buckets.
    Seconds(&'static [f64]),
}

/// Buckets for a call to a service in the same data centre.
pub const CALL_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Buckets for a call that may be parked on purpose.
pub const LONG_POLL_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0];

/// Calls to the engine's REST API, by call and by how they ended.
pub const ENGINE_CALL_SECONDS: &str = "holdfast_engine_call_seconds";
/// Polls for tasks, by loop and outcome.
pub const ENGINE_POLL_SECONDS: &str = "holdfast_engine_poll_seconds";
/// Tasks that a poll brought.
pub const ENGINE_TASKS_FETCHED: &str = "holdfast_engine_tasks_fetched_total";
/// Tasks that were delivered although this process was still working on them.
pub const ENGINE_TASKS_DUPLICATE: &str = "holdfast_engine_tasks_duplicate_total";
/// Tasks that this process works on right now.
pub const ENGINE_TASKS_IN_FLIGHT: &str = "holdfast_engine_tasks_in_flight";
/// Tasks that were unlocked because nobody had begun them.
pub const ENGINE_TASKS_HANDED_BACK: &str = "holdfast_engine_tasks_handed_back_total";
/// Attempts to keep a lock while work runs.
pub const ENGINE_LOCK_EXTENSIONS: &str = "holdfast_engine_lock_extensions_total";
/// Work cancelled while it ran, by reason.
pub const ENGINE_LEASES_CANCELLED: &str = "holdfast_engine_leases_cancelled_total";
/// Token requests to the identity provider.
pub const ENGINE_TOKEN_REQUESTS: &str = "holdfast_engine_token_requests_total";

/// Tasks by what the engine heard of them.
pub const TASKS_TOLD: &str = "holdfast_tasks_told_total";
/// Calls to inventories, by source, operation and class of answer.
pub const SUPPLIER_CALL_SECONDS: &str = "holdfast_supplier_call_seconds";
/// Availability checks, by where their answer came from.
pub const AVAILABILITY_CHECKS: &str = "holdfast_availability_checks_total";
/// Commands to the cache, by how they ended.
pub const CACHE_CALLS: &str = "holdfast_cache_calls_total";
/// Settlements that had to wait for the database.
pub const SETTLE_RETRIES: &str = "holdfast_settle_retries_total";
/// Reservations that the reconciler looked at, by what it found.
pub const RECONCILED: &str = "holdfast_reconciled_total";
/// Tasks unlocked for sessions that died.
pub const RESCUED_TASKS: &str = "holdfast_rescued_tasks_total";
/// Reservations by state, and the age of the oldest in it.
pub const RESERVATIONS: &str = "holdfast_reservations";
/// How long the oldest reservation of an open state has been in it.
pub const OLDEST_OPEN: &str = "holdfast_oldest_open_reservation_age";
/// Questions that wait for a human.
pub const FALLOUT_CASES: &str = "holdfast_fallout_cases";
/// Facts that wait to be published.
pub const OUTBOX_ROWS: &str = "holdfast_outbox_rows";
/// Requests to the API, by route, method and status.
pub const HTTP_REQUEST_SECONDS: &str = "holdfast_http_request_seconds";
/// Requests that were turned away because too many were being worked on.
pub const HTTP_SHED: &str = "holdfast_http_shed_total";
/// Fetches of the token issuer's keys.
pub const HTTP_KEY_FETCHES: &str = "holdfast_http_key_fetches_total";
/// Requests that were refused because of who sent them, by reason.
pub const HTTP_REFUSED: &str = "holdfast_http_refused_total";
/// Notices of inventories, by what became of them.
pub const NOTICES: &str = "holdfast_notices_total";
/// Tries to carry out commands, by kind and outcome.
pub const COMMANDS_TRIED: &str = "holdfast_commands_tried_total";
/// Age of the oldest fact that waits.
pub const OUTBOX_OLDEST: &str = "holdfast_outbox_oldest_age";
/// Facts that wait for a human.
pub const EVENTS_SET_ASIDE: &str = "holdfast_events_set_aside";
/// Facts that the broker has taken, by type.
pub const EVENTS_SENT: &str = "holdfast_events_sent_total";
/// Facts that the broker has refused.
pub const EVENTS_REFUSED: &str = "holdfast_events_refused_total";
/// Facts that were dropped because nobody publishes them.
pub const EVENTS_DROPPED: &str = "holdfast_events_dropped_total";
/// From becoming true to the broker's word.
pub const EVENT_LAG_SECONDS: &str = "holdfast_event_lag_seconds";
/// Facts that are with the broker.
pub const RELAY_IN_FLIGHT: &str = "holdfast_relay_in_flight";
/// Shards of the outbox that this process owns.
pub const RELAY_SHARDS: &str = "holdfast_relay_shards";

/// Product events of inventories by what became of them.
pub const INVENTORY_EVENTS: &str = "holdfast_inventory_events_total";
/// What was odd about product events that could be used.
pub const INVENTORY_EVENT_ODDITIES: &str = "holdfast_inventory_event_oddities_total";
/// Messages that could not be used, by reason.
pub const DEAD_LETTERS: &str = "holdfast_dead_letters_total";
/// Messages that wait in a partition.
pub const INVENTORY_EVENT_LAG: &str = "holdfast_inventory_event_lag";
/// Evidence that was told to have expired.
pub const EVIDENCE_EXPIRED: &str = "holdfast_evidence_expired_total";
/// Rows that were forgotten.
pub const FORGOTTEN_ROWS: &str = "holdfast_forgotten_rows_total";

/// The list.
pub const ALL: &[Metric] = &[
    Metric {
        name: ENGINE_CALL_SECONDS,
        kind: Kind::Seconds(CALL_SECONDS),
        labels: &["call", "outcome"],
        help: "Calls to the engine, by call and by how they ended; long polls are counted apart",
    },
    Metric {
        name: ENGINE_POLL_SECONDS,
        kind: Kind::Seconds(LONG_POLL_SECONDS),
        labels: &["loop", "outcome"],
        help: "Polls for external tasks, by loop and outcome (tasks, empty, error)",
    },
    Metric {
        name: ENGINE_TASKS_FETCHED,
        kind: Kind::Counter,
        labels: &["loop", "topic"],
        help: "External tasks that were fetched and locked",
    },
    Metric {
        name: ENGINE_TASKS_DUPLICATE,
        kind: Kind::Counter,
        labels: &["loop"],
        help: "External tasks delivered again while they were being worked on",
    },
    Metric { name: ENGINE_TASKS_IN_FLIGHT, kind: Kind::Gauge, labels: &["loop"], help: "External tasks being worked on" },
    Metric {
        name: ENGINE_TASKS_HANDED_BACK,
        kind: Kind::Counter,
        labels: &["loop", "reason"],
        help: "External tasks unlocked because their work had not begun",
    },
    Metric {
        name: ENGINE_LOCK_EXTENSIONS,
        kind: Kind::Counter,
        labels: &["loop", "outcome"],
        help: "Attempts to keep the lock of a task while its work runs (extended, relocked, gone, lost, error)",
    },
    Metric {
        name: ENGINE_LEASES_CANCELLED,
        kind: Kind::Counter,
        labels: &["loop", "reason"],
        help: "Work cancelled while it ran (gone, lock_lost, stopping)",
    },
    Metric {
        name: ENGINE_TOKEN_REQUESTS,
        kind: Kind::Counter,
        labels: &["outcome"],
        help: "Access tokens asked of the identity provider for the engine",
    },
    Metric {
        name: TASKS_TOLD,
        kind: Kind::Counter,
        labels: &["topic", "outcome"],
        help: "External tasks by what came of telling the engine (heard, gone, lock_lost, unheard, handed_back)",
    },
    Metric {
        name: SUPPLIER_CALL_SECONDS,
        kind: Kind::Seconds(CALL_SECONDS),
        labels: &["source", "operation", "answer"],
        help: "Calls to inventories, by source, operation and class of answer (DONE, REFUSED, NOT_SENT, UNKNOWN)",
    },
    Metric {
        name: AVAILABILITY_CHECKS,
        kind: Kind::Counter,
        labels: &["source", "from", "status"],
        help: "Answered availability checks, by where the answer came from (FRESH, SHARED, REUSED) and what it was",
    },
    Metric {
        name: CACHE_CALLS,
        kind: Kind::Counter,
        labels: &["operation", "outcome"],
        help: "Commands to the cache (done, hit, miss, distrusted, refused, away, skipped); none of the bad ones changes a decision",
    },
    Metric { name: SETTLE_RETRIES, kind: Kind::Counter, labels: &[], help: "Answers that had to wait for the database" },
    Metric {
        name: RECONCILED,
        kind: Kind::Counter,
        labels: &["outcome"],
        help: "Reservations that the reconciler looked at (settled, open, not_sent, busy, nothing, extended, error)",
    },
    Metric { name: RESCUED_TASKS, kind: Kind::Counter, labels: &[], help: "External tasks unlocked for sessions that died" },
    Metric { name: RESERVATIONS, kind: Kind::Gauge, labels: &["status"], help: "Reservations that are not at an end, by state" },
    Metric {
        name: OLDEST_OPEN,
        kind: Kind::Gauge,
        labels: &["status"],
        help: "Seconds for which the oldest reservation of a state that is not an end has been in it",
    },
    Metric { name: FALLOUT_CASES, kind: Kind::Gauge, labels: &[], help: "Questions that wait for a human" },
    Metric { name: OUTBOX_ROWS, kind: Kind::Gauge, labels: &[], help: "Facts that wait to be published" },
    Metric {
        name: HTTP_REQUEST_SECONDS,
        kind: Kind::Seconds(CALL_SECONDS),
        labels: &["route", "method", "status"],
        help: "Requests to the API, by route, method and status",
    },
    Metric {
        name: HTTP_SHED,
        kind: Kind::Counter,
        labels: &[],
        help: "Requests turned away because as many as `http.max_in_flight` were being worked on",
    },
    Metric { name: HTTP_KEY_FETCHES, kind: Kind::Counter, labels: &["outcome"], help: "Fetches of the token issuer's keys (ok, error)" },
    Metric {
        name: HTTP_REFUSED,
        kind: Kind::Counter,
        labels: &["reason"],
        help: "Requests refused because of who sent them, by what is wrong with the token or its scopes",
    },
    Metric {
        name: NOTICES,
        kind: Kind::Counter,
        labels: &["source", "outcome"],
        help: "Notices of inventories (accepted, duplicate, unmatched, empty, refused, error)",
    },
    Metric {
        name: COMMANDS_TRIED,
        kind: Kind::Counter,
        labels: &["kind", "outcome"],
        help: "Tries to carry out what was accepted with 202 (done, refused, later)",
    },
    Metric { name: OUTBOX_OLDEST, kind: Kind::Gauge, labels: &[], help: "Age in seconds of the oldest fact that waits to be published" },
    Metric {
        name: EVENTS_SET_ASIDE,
        kind: Kind::Gauge,
        labels: &[],
        help: "Facts that the broker will never take and that wait for a human",
    },
    Metric { name: EVENTS_SENT, kind: Kind::Counter, labels: &["type"], help: "Facts that the broker has taken" },
    Metric {
        name: EVENTS_REFUSED,
        kind: Kind::Counter,
        labels: &["outcome"],
        help: "Facts that the broker has not taken (later: tried again; set_aside: a human must decide)",
    },
    Metric {
        name: EVENTS_DROPPED,
        kind: Kind::Counter,
        labels: &[],
        help: "Facts that were dropped unsent, oldest first, because `events.mode` is off",
    },
    Metric {
        name: EVENT_LAG_SECONDS,
        kind: Kind::Seconds(LONG_POLL_SECONDS),
        labels: &[],
        help: "From the moment at which a fact became true to the broker's word that it has it",
    },
    Metric { name: RELAY_IN_FLIGHT, kind: Kind::Gauge, labels: &[], help: "Facts that are with the broker, without its word yet" },
    Metric { name: RELAY_SHARDS, kind: Kind::Gauge, labels: &[], help: "Shards of the outbox, of 16, whose facts this process sends" },
    Metric {
        name: INVENTORY_EVENTS,
        kind: Kind::Counter,
        labels: &["source", "outcome"],
        help: "Product events of inventories by what became of them (created, updated, said_again, late, incomplete, duplicate, passed_over, dead)",
    },
    Metric {
        name: INVENTORY_EVENT_ODDITIES,
        kind: Kind::Counter,
        labels: &["source", "kind"],
        help: "What was odd about product events that could be used (unknown_member, unknown_status, other_form, unreadable_value, replaced_character)",
    },
    Metric {
        name: DEAD_LETTERS,
        kind: Kind::Counter,
        labels: &["topic", "reason"],
        help: "Messages that could not be used, by reason; `holdfast events dead-letters` shows them",
    },
    Metric {
        name: INVENTORY_EVENT_LAG,
        kind: Kind::Gauge,
        labels: &["topic", "partition"],
        help: "Messages of a partition of inventory events that were not taken in yet",
    },
    Metric { name: EVIDENCE_EXPIRED, kind: Kind::Counter, labels: &[], help: "Availability evidence that was told to have expired" },
    Metric {
        name: FORGOTTEN_ROWS,
        kind: Kind::Counter,
        labels: &["what"],
        help: "Rows forgotten because they were old enough (inbox, dead_letter, supplier_call_evidence, availability_evidence, webhook_notice, idempotency_record)",
    },
];

/// Counts a task by what came of telling the engine.
pub fn task_told(topic: &'static str, outcome: &'static str) {
    counter!(TASKS_TOLD, "topic" => topic, "outcome" => outcome).increment(1);
}

/// Times a call to an inventory.
pub fn supplier_call(source: &str, operation: &'static str, answer: &'static str, took: std::time::Duration) {
    histogram!(SUPPLIER_CALL_SECONDS, "source" => source.to_owned(), "operation" => operation, "answer" => answer)
        .record(took.as_secs_f64());
}

/// Counts an answered availability check.
pub fn availability_check(source: &str, from: &'static str, status: &'static str) {
    counter!(AVAILABILITY_CHECKS, "source" => source.to_owned(), "from" => from, "status" => status).increment(1);
}

/// Counts a command to the cache.
pub fn cache_call(operation: &'static str, outcome: &'static str) {
    counter!(CACHE_CALLS, "operation" => operation, "outcome" => outcome).increment(1);
}

/// Counts a settlement that waits for the database.
pub fn settle_retried() {
    counter!(SETTLE_RETRIES).increment(1);
}

/// Times a request to the API.
pub fn http_request(route: &str, method: &'static str, status: u16, took: std::time::Duration) {
    histogram!(HTTP_REQUEST_SECONDS, "route" => route.to_owned(), "method" => method, "status" => status.to_string())
        .record(took.as_secs_f64());
}

/// Counts a try to carry out a command.
pub fn command_tried(kind: &'static str, outcome: &'static str) {
    counter!(COMMANDS_TRIED, "kind" => kind, "outcome" => outcome).increment(1);
}

/// Counts a request that was turned away.
pub fn http_shed() {
    counter!(HTTP_SHED).increment(1);
}

/// Counts a request that was refused because of who sent it.
pub fn http_refused(reason: &'static str) {
    counter!(HTTP_REFUSED, "reason" => reason).increment(1);
}

/// Counts a fetch of the token issuer's keys.
pub fn http_key_fetch(outcome: &'static str) {
    counter!(HTTP_KEY_FETCHES, "outcome" => outcome).increment(1);
}

/// Counts a notice by what became of it.
pub fn notice(source: String, outcome: &'static str) {
    counter!(NOTICES, "source" => source, "outcome" => outcome).increment(1);
}

/// Tells the installed recorder what each metric means.
pub fn describe() {
    for metric in ALL {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Seconds(_) => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_metric_is_named_once_and_in_the_house_form() {
        let mut seen = HashSet::new();
        for metric in ALL {
            assert!(seen.insert(metric.name), "{} is listed twice", metric.name);
            assert!(metric.name.starts_with("holdfast_"), "{}", metric.name);
            let suffix = match metric.kind {
                Kind::Counter => "_total",
                Kind::Seconds(_) => "_seconds",
                Kind::Gauge => "",
            };
            assert!(metric.name.ends_with(suffix), "{}", metric.name);
        }
    }

    #[test]
    fn buckets_rise() {
        for metric in ALL {
            if let Kind::Seconds(buckets) = metric.kind {
                assert!(buckets.is_sorted(), "{}", metric.name);
            }
        }
    }
}
