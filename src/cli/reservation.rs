//! `holdfast reservation list` and `show`: what is on record.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::output::{say, table};
use crate::cli::session::{self, open_store};
use crate::config::Config;
use crate::domain::{OrderId, Reservation as Row, ReservationId, six_answers};
use crate::store::{Store, Timeline, TimelinePart};

/// Options of `holdfast reservation`.
#[derive(Debug, Args)]
pub(crate) struct Reservation {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List reservations, oldest first
    List {
        /// Whose; every tenant's if left out
        #[arg(long)]
        tenant: Option<String>,
        /// Of one order
        #[arg(long)]
        order: Option<String>,
        /// The most rows
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Tell the whole story of one reservation: what is known of it, calls, answers, moves, events, decisions, waiting tasks
    Show {
        /// Its id
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Reservation {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let config = Config::load(file)?;
        let store = open_store(&config, 4).await?;
        let done = self.command.carry_out(&store).await;
        store.close().await;
        done
    }
}

impl Command {
    async fn carry_out(self, store: &Store) -> Result<ExitCode, CliError> {
        match self {
            Self::List { tenant, order, limit, json } => {
                let tenants = match tenant {
                    Some(text) => vec![session::tenant(&text)?],
                    None => store.list_tenants().await?,
                };
                let order = match order {
                    Some(text) => Some(OrderId::parse(&text).map_err(|must| CliError::Said(format!("--order {must}, it is `{text}`")))?),
                    None => None,
                };
                list(&store.list_reservations(&tenants, order, limit).await?, json);
                Ok(ExitCode::SUCCESS)
            }
            Self::Show { id, json } => {
                let id = ReservationId::parse(&id).map_err(|must| CliError::Said(format!("the id {must}, it is `{id}`")))?;
                for tenant in store.list_tenants().await? {
                    if let Some(timeline) = store.get_timeline(tenant, id, &TimelinePart::WHOLE).await? {
                        show(&timeline, json);
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                Err(CliError::Said(format!("there is no reservation {id}; `holdfast reservation list` lists those that there are")))
            }
        }
    }
}

fn list(rows: &[Row], json: bool) {
    if json {
        say(&serde_json::Value::Array(rows.iter().map(row_json).collect()).to_string());
        return;
    }
    let cells = rows.iter().map(|row| {
        vec![
            row.id.to_string(),
            row.status.to_string(),
            row.order.to_string(),
            row.step.to_string(),
            row.group.number().to_string(),
            row.source.to_string(),
            row.reference.as_ref().map_or_else(|| "-".to_owned(), |r| r.as_str().to_owned()),
            row.expires_at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        ]
    });
    table(&["reservation", "status", "order", "step", "group", "source", "reference", "until"], &cells.collect::<Vec<_>>());
}

/// Prints the story of a reservation.
pub(crate) fn show(timeline: &Timeline, json: bool) {
    let row = &timeline.reservation;
    if json {
        say(&story_json(timeline).to_string());
        return;
    }
    list(std::slice::from_ref(row), false);
    say("");
    for (_, question, known) in six_answers(row) {
        say(&format!("{question:39} {known}"));
    }
    say("");
    let entries = timeline.entries.iter().map(|e| {
        let at = e.place.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        vec![at, e.kind.to_string(), e.what.clone(), e.by.clone(), e.detail.clone().unwrap_or_default()]
    });
    table(&["at", "kind", "what", "by", "detail"], &entries.collect::<Vec<_>>());
    for task in &timeline.waiting {
        say(&format!("waiting: external task {} of {}, last held by {}", task.task_id, task.topic, task.worker_id));
    }
}

/// The story of a reservation as JSON.
pub(crate) fn story_json(timeline: &Timeline) -> serde_json::Value {
    let entries =
        timeline.entries.iter().map(|e| json!({"at": e.place.at, "kind": e.kind.as_str(), "what": e.what, "by": e.by, "detail": e.detail}));
    let waiting = timeline.waiting.iter().map(|task| json!({"taskId": task.task_id, "topic": task.topic, "workerId": task.worker_id}));
    let mut story = row_json(&timeline.reservation);
    if let Some(fields) = story.as_object_mut() {
        let known = six_answers(&timeline.reservation)
            .map(|(name, _, known)| (name.to_owned(), json!({"answer": known.word(), "why": known.why()})));
        fields.insert("known".to_owned(), serde_json::Value::Object(known.into_iter().collect()));
        fields.insert("timeline".to_owned(), entries.collect());
        fields.insert("waiting".to_owned(), waiting.collect());
    }
    story
}

fn row_json(row: &Row) -> serde_json::Value {
    json!({
        "reservationId": row.id.0, "tenantId": row.tenant.0, "orderId": row.order.0, "reservationStep": row.step.as_str(),
        "attemptGroup": row.group.number(), "sourceSystem": row.source.as_str(), "idempotencyKey": row.key.as_str(),
        "status": row.status.as_str(), "externalReservationRef": row.reference.as_ref().map(|r| r.as_str()),
        "reservedAt": row.reserved_at, "expiresAt": row.expires_at, "confirmedAt": row.confirmed_at, "releasedAt": row.released_at,
        "rejectionCode": row.rejection.as_ref().map(|r| r.code.as_str()), "releaseWanted": row.release_wanted,
        "manualSince": row.manual_since, "version": row.version,
    })
}
