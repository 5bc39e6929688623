//! `holdfast fallout`: the questions that no machine can answer, the evidence for each, and the human's decision.

use std::path::Path;
use std::process::ExitCode;

use chrono::SecondsFormat;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use crate::app::topics;
use crate::chain::chain;
use crate::cli::error::CliError;
use crate::cli::output::{complain, say, table};
use crate::cli::reservation;
use crate::cli::session::Session;
use crate::config::Config;
use crate::domain::{Decision, ExternalReference};
use crate::operations::{Conclusion, Decided, FalloutCase, Find, OperationError, TimelinePart, Word};

/// Options of `holdfast fallout`.
#[derive(Debug, Args)]
pub(crate) struct Fallout {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what waits for a human, oldest first
    List {
        /// Whose; those of the configuration if left out, else every tenant's
        #[arg(long)]
        tenant: Option<String>,
        /// Also what was given up, and what is answered
        #[arg(long)]
        all: bool,
        /// The most rows
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show one case: what was sent and answered, and what may be decided
    Show {
        /// Its id, or its reservation's
        id: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say what you found out; refused with the reason where the reservation does not allow it any more
    Decide(Decide),
}

/// Options of `holdfast fallout decide`.
#[derive(Debug, Args)]
struct Decide {
    /// The case's id, or its reservation's
    id: String,
    /// What you found
    #[arg(value_enum)]
    decision: Found,
    /// With `held`: what the inventory calls the hold; needed unless it is on record
    #[arg(long)]
    reference: Option<String>,
    /// How you know; kept with the reservation
    #[arg(long)]
    comment: Option<String>,
    /// Who decides, for the record
    #[arg(long, env = "USER")]
    by: String,
    /// Decide only if the reservation still has this version, as `fallout show` told it
    #[arg(long)]
    version: Option<i64>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Found {
    /// The stock is held
    Held,
    /// The stock is not held
    NotHeld,
    /// You cannot tell: ask the inventory again, now
    AskAgain,
    /// The order does not wait any longer; a hold that shows up later is let go
    GiveUp,
}

/// What came of a decision, for both ways of printing it.
struct Report {
    outcome: &'static str,
    status: String,
    words: String,
    engine: Vec<String>,
}

impl Fallout {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let config = Config::load(file)?;
        match self.command {
            Command::List { tenant, all, limit, json } => {
                let session = Session::reading(config).await?;
                let tenants = session.tenants(tenant.as_deref())?;
                let cases = session.operations.list_cases(&tenants, all, limit).await.map_err(failed);
                session.close().await?;
                list(&cases?, json);
                Ok(ExitCode::SUCCESS)
            }
            Command::Show { id, json } => {
                let session = Session::reading(config).await?;
                let shown = show(&session, &id, json).await;
                session.close().await?;
                shown.map(|()| ExitCode::SUCCESS)
            }
            Command::Decide(options) => {
                let decision = options.decision()?;
                let session = Session::acting(config).await?;
                let decided = decide(&session, &options, decision).await;
                session.close().await?;
                decided
            }
        }
    }
}

impl Decide {
    fn decision(&self) -> Result<Decision, CliError> {
        let reference = match &self.reference {
            Some(text) => {
                Some(ExternalReference::parse(text).map_err(|must| CliError::Said(format!("--reference {must}, it is `{text}`")))?)
            }
            None => None,
        };
        match (self.decision, reference) {
            (Found::Held, reference) => Ok(Decision::Held(reference)),
            (_, Some(_)) => Err(CliError::Said("--reference only makes sense with `held`".to_owned())),
            (Found::NotHeld, None) => Ok(Decision::NotHeld),
            (Found::AskAgain, None) => Ok(Decision::AskAgain),
            (Found::GiveUp, None) => Ok(Decision::GiveUp),
        }
    }
}

fn list(cases: &[FalloutCase], json: bool) {
    if json {
        say(&JsonValue::Array(cases.iter().map(case_json).collect()).to_string());
        return;
    }
    let cells = cases.iter().map(|case| {
        vec![
            case.id.to_string(),
            case.opened_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            state(case).to_owned(),
            case.question.to_lowercase(),
            case.reservation.to_string(),
            case.status.clone(),
            case.source.clone(),
            case.order.to_string(),
        ]
    });
    table(&["case", "since", "state", "what became of", "reservation", "status", "source", "order"], &cells.collect::<Vec<_>>());
}

fn state(case: &FalloutCase) -> &'static str {
    match (case.closed_at, case.given_up_at) {
        (Some(_), _) => "answered",
        (None, Some(_)) => "given up",
        (None, None) => "waits",
    }
}

async fn show(session: &Session, id: &str, json: bool) -> Result<(), CliError> {
    let case = find(session, id).await?;
    let timeline = session.operations.timeline(case.tenant, case.reservation, &TimelinePart::WHOLE).await.map_err(failed)?;
    let Some(timeline) = timeline else { return Err(gone(id)) };
    if json {
        let mut object = case_json(&case);
        if let Some(fields) = object.as_object_mut() {
            fields.insert("reservation".to_owned(), reservation::story_json(&timeline));
        }
        say(&object.to_string());
        return Ok(());
    }
    list(std::slice::from_ref(&case), false);
    say(&format!("\nthe key at `{}`: {}", case.source, case.key));
    say(&format!("why it is not known: {}", case.why.as_deref().unwrap_or("this inventory offers no way to find out")));
    for record in &timeline.reservation.lines {
        say(&format!("line {}: {} x {}", record.line.order_line, record.line.quantity, record.line.product_offering));
    }
    say("");
    reservation::show(&timeline, false);
    if case.closed_at.is_none() {
        let reference = if timeline.reservation.reference.is_none() { " --reference REFERENCE" } else { "" };
        say(&format!(
            "\nLook at the inventory, then say what you found:\n  holdfast fallout decide {id} held{reference} --version {version}\n  holdfast fallout decide {id} \
             not-held --version {version}\n  holdfast fallout decide {id} ask-again\n  holdfast fallout decide {id} give-up",
            id = case.id,
            version = case.version,
        ));
    }
    Ok(())
}

async fn decide(session: &Session, options: &Decide, decision: Decision) -> Result<ExitCode, CliError> {
    let case = find(session, &options.id).await?;
    let word = Word {
        tenant: case.tenant,
        find: Find::Id(case.reservation),
        decision: decision.clone(),
        seen: options.version,
        comment: options.comment.clone(),
        by: options.by.clone(),
        via: "cli",
        posted_as: Uuid::now_v7().to_string(),
        now: session.clock.now(),
    };
    let conclusion = match session.operations.decide(&word).await.map_err(failed_after_word)? {
        Decided::NotFound => return Err(gone(&options.id)),
        Decided::Refused(row, why) => {
            let refused = format!("the decision {} is refused: {why}. Nothing was done", decision.as_str());
            if options.json {
                say(&json!({"outcome": "refused", "status": row.status.as_str(), "why": why.to_string()}).to_string());
            }
            return Err(CliError::Said(refused));
        }
        Decided::Done(conclusion) => conclusion,
    };
    let mut report = words(&decision, &conclusion);
    tell(session, &case, &decision, options, &mut report).await?;
    if options.json {
        let object = json!({
            "caseId": case.id.0, "reservationId": case.reservation.0, "decision": decision.as_str(), "outcome": report.outcome,
            "status": report.status, "words": report.words, "engine": report.engine,
        });
        say(&object.to_string());
    } else {
        say(&report.words);
        report.engine.iter().for_each(|line| say(line));
    }
    Ok(if matches!(report.outcome, "settled" | "open") { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn words(decision: &Decision, conclusion: &Conclusion) -> Report {
    let (outcome, row, words) = match conclusion {
        Conclusion::Settled(row) if row.is_open() => {
            ("open", row, format!("given up: the reservation stays {}, and a hold that shows up later is let go", row.status))
        }
        Conclusion::Settled(row) => ("settled", row, format!("decided: the reservation is {}", row.status)),
        Conclusion::Refused(row, rejection) => ("settled", row, format!("decided: the inventory refused with {}", rejection.code)),
        Conclusion::Unknown(row, why) => ("open", row, format!("asked again, and still not known: {why}")),
        Conclusion::NotSent(row, why) => ("not_sent", row, format!("nothing could be sent: {why}. The daemon tries again")),
        Conclusion::NotPossible(row, why) => ("not_possible", row, format!("{} is not possible: {why}", decision.as_str())),
        Conclusion::Busy(row) => ("busy", row, "somebody works on the reservation at this moment: say it again in a while".to_owned()),
        Conclusion::OtherRequest(row) => ("not_possible", row, "the key belongs to another request".to_owned()),
        Conclusion::NotFound | Conclusion::EarlierAttemptLives => {
            let words = conclusion.label().replace('_', " ");
            return Report { outcome: "not_possible", status: String::new(), words, engine: Vec::new() };
        }
    };
    Report { outcome, status: row.status.as_str().to_owned(), words, engine: Vec::new() }
}

/// Tells the process at once, whoever is awake: its waiting task, or its question to a human. What the engine does not hear now, the
/// daemon tells it later.
async fn tell(session: &Session, case: &FalloutCase, decision: &Decision, options: &Decide, report: &mut Report) -> Result<(), CliError> {
    let topics = topics(&session.config, &session.operations, &session.engine, &session.clock, &session.worker_id)?;
    if report.outcome == "settled" {
        let before = session.operations.list_waiting(case.tenant, case.reservation).await.map_err(failed_after_word)?.len();
        topics.tell_waiting(case.tenant, case.reservation, None).await.map_err(failed_after_word)?;
        let left = session.operations.list_waiting(case.tenant, case.reservation).await.map_err(failed_after_word)?.len();
        if before > left {
            report.engine.push(format!("{} waiting task(s) of the process were told", before - left));
        }
        if left > 0 {
            report.engine.push(format!("{left} waiting task(s) could not be told yet: the daemon does that"));
        }
        for answered in
            session.operations.list_answered_cases(&[case.tenant], chrono::TimeDelta::zero(), i64::MAX).await.map_err(failed_after_word)?
        {
            if answered.id == case.id {
                topics.withdraw(&answered).await.map_err(failed_after_word)?;
                report.engine.push("the question in the process is withdrawn".to_owned());
            }
        }
    }
    if *decision == Decision::GiveUp && report.outcome == "open" {
        let answered = match &case.asked_in {
            Some(instance) => topics.give_up_in(instance, &options.by, options.comment.as_deref()).await,
            None => Ok(false),
        };
        report.engine.push(match answered {
            Ok(true) => "the question in the process is answered: the order goes on without the hold".to_owned(),
            Ok(false) => concat!(
                "no question is open in the process: a task that waits in an incident goes on waiting; ",
                "cancel the order, or let its timer move it on"
            )
            .to_owned(),
            Err(error) => format!("the question in the process could not be answered: {}. Answer it in Tasklist", chain(&error)),
        });
    }
    Ok(())
}

async fn find(session: &Session, id: &str) -> Result<FalloutCase, CliError> {
    let must = || CliError::Said(format!("the id must be a UUID such as 2f2b9fc2-6e9c-46b3-a246-4be4f49833a1, it is `{id}`"));
    let uuid = Uuid::try_parse(id).map_err(|_| must())?;
    session.operations.get_case(&[], uuid).await.map_err(failed)?.ok_or_else(|| gone(id))
}

fn gone(id: &str) -> CliError {
    CliError::Said(format!("there is no case {id}; `holdfast fallout list --all` lists those that there are"))
}

fn failed(error: OperationError) -> CliError {
    CliError::Said(format!("cannot {}", chain(&error)))
}

/// For what fails once a decision was said, or while it is.
fn failed_after_word(error: OperationError) -> CliError {
    complain("what was said may be on record already: saying it again is safe");
    failed(error)
}

fn case_json(case: &FalloutCase) -> JsonValue {
    json!({
        "caseId": case.id.0, "tenantId": case.tenant.0, "reservationId": case.reservation.0, "orderId": case.order, "state": state(case),
        "question": case.question, "why": case.why, "openedAt": case.opened_at, "askedIn": case.asked_in, "givenUpAt": case.given_up_at,
        "closedAt": case.closed_at, "outcome": case.outcome, "closedBy": case.closed_by, "status": case.status,
        "sourceSystem": case.source, "idempotencyKey": case.key, "version": case.version,
    })
}
