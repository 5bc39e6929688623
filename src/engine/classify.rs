//! From an answer that is not a success to an [`EngineError`]: by status, and by the body's type, message and code.

use serde::Deserialize;

use super::act::{Act, Subject};
use super::error::{EngineError, TransientCause};
use super::id::WorkerId;
use super::text;

/// The longest message of the engine that an error carries.
const MESSAGE_BYTES: usize = 2_000;
/// The longest excerpt of a body that is not the engine's.
const EXCERPT_BYTES: usize = 200;

/// The engine's error body. `code` is absent in the answers of engines before 7.16.
#[derive(Debug, Deserialize)]
struct ErrorDto {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
    code: Option<i64>,
}

/// What an unsuccessful answer means for this call.
pub(super) fn classify(act: Act, status: u16, body: &[u8]) -> EngineError {
    // Only a body with a type is the engine's: Spring's own 404 has a status and a path instead, and a
    // proxy sends HTML. Neither may be taken for a word about the task.
    let dto = serde_json::from_slice::<ErrorDto>(body).ok();
    let Some((dto, kind)) = dto.and_then(|dto| dto.kind.clone().map(|kind| (dto, kind))) else {
        return not_the_engine(act, status, body);
    };
    let answer = Answer {
        act,
        status,
        kind,
        message: text::cut_to_bytes(dto.message.as_deref().unwrap_or("no message"), MESSAGE_BYTES).into_owned(),
        code: dto.code.unwrap_or(0),
    };
    match status {
        400 => bad_request(answer),
        401 | 403 => refused(act, status, answer.message),
        404 => not_found(answer),
        429 => EngineError::transient(act.doing, TransientCause::Overloaded),
        500 => server_error(answer),
        503 => EngineError::transient(act.doing, TransientCause::Interrupted),
        502 | 504 => EngineError::transient(act.doing, TransientCause::Unavailable(status)),
        _ => answer.permanent(),
    }
}

struct Answer {
    act: Act,
    status: u16,
    kind: String,
    message: String,
    code: i64,
}

impl Answer {
    fn permanent(self) -> EngineError {
        EngineError::Permanent { doing: self.act.doing, status: self.status, kind: self.kind, code: self.code, message: self.message }
    }

    fn transient(&self, cause: TransientCause) -> EngineError {
        EngineError::transient(self.act.doing, cause)
    }
}

fn not_the_engine(act: Act, status: u16, body: &[u8]) -> EngineError {
    let excerpt = text::excerpt(body, EXCERPT_BYTES);
    match status {
        401 | 403 => refused(act, status, excerpt),
        408 | 429 => EngineError::transient(act.doing, TransientCause::Overloaded),
        500..=599 => EngineError::transient(act.doing, TransientCause::Unavailable(status)),
        _ => EngineError::Unreadable { doing: act.doing, status, excerpt, source: None },
    }
}

fn refused(act: Act, status: u16, message: String) -> EngineError {
    EngineError::Refused { doing: act.doing, status, message, source: None }
}

/// One status for four different things; the engine tells them apart in its message only.
fn bad_request(answer: Answer) -> EngineError {
    let message = answer.message.as_str();
    if answer.act.subject == Subject::Task {
        if let Some(by) = holder(message) {
            return EngineError::LockLost { by };
        }
        if message.contains("Cannot extend a lock that expired") {
            return EngineError::LockExpired;
        }
        if message.contains("ENGINE-03043") || message.contains(" is suspended") {
            return EngineError::Suspended;
        }
    }
    if answer.act == Act::CORRELATE && message.contains("Cannot correlate") {
        return EngineError::NotCorrelated { message: answer.message };
    }
    answer.permanent()
}

/// Reads `It is locked by worker 'A'`. Outer `None`: the message says no such thing. Inner: nobody holds it.
fn holder(message: &str) -> Option<Option<WorkerId>> {
    let (_, rest) = message.split_once("locked by worker '")?;
    // A worker id may itself contain a quote, so the name ends at the last one.
    let (name, _) = rest.rsplit_once('\'')?;
    Some((name != "null").then(|| WorkerId::from(name)))
}

fn not_found(answer: Answer) -> EngineError {
    // The engine says this of paths that it does not have, in the same JSON: the address is wrong, and
    // nothing is known about what the call addressed.
    if answer.kind == "NotFoundException" {
        let excerpt = format!("{} (does the address end in /engine-rest?)", answer.message);
        return EngineError::Unreadable { doing: answer.act.doing, status: answer.status, excerpt, source: None };
    }
    match answer.act.subject {
        Subject::Task => EngineError::TaskGone,
        Subject::Other => EngineError::NotFound { doing: answer.act.doing, message: answer.message },
    }
}

fn server_error(answer: Answer) -> EngineError {
    match answer.code {
        1 => return answer.transient(TransientCause::Conflict),
        10_000 => return answer.transient(TransientCause::Deadlock),
        10_001 => return answer.transient(TransientCause::ForeignKey),
        10_002 => return answer.permanent(),
        _ => {}
    }
    match answer.kind.as_str() {
        "OptimisticLockingException" => return answer.transient(TransientCause::Conflict),
        "NullPointerException" if answer.act == Act::FETCH => return answer.transient(TransientCause::FetchRace),
        "NullValueException" | "NotValidException" | "NotAllowedException" => return answer.permanent(),
        _ => {}
    }
    if answer.message.contains("handle too many requests") {
        return answer.transient(TransientCause::Overloaded);
    }
    if answer.message.contains("due to shutdown of application server") {
        return answer.transient(TransientCause::Interrupted);
    }
    if is_trouble_inside(&answer.kind) {
        let what = format!("{}: {}", answer.kind, text::cut_to_bytes(&answer.message, EXCERPT_BYTES));
        return answer.transient(TransientCause::EngineInternal(what));
    }
    if answer.act.runs_process {
        return EngineError::Downstream { doing: answer.act.doing, kind: answer.kind, code: answer.code, message: answer.message };
    }
    answer.permanent()
}

/// The exception classes by which the engine reports that its own database or transactions are in trouble.
fn is_trouble_inside(kind: &str) -> bool {
    const TROUBLE: &[&str] = &[
        "ProcessEnginePersistenceException",
        "PersistenceException",
        "CannotCreateTransactionException",
        "TransactionSystemException",
        "TransactionException",
        "JpaSystemException",
        "CannotGetJdbcConnectionException",
        "DataAccessResourceFailureException",
    ];
    TROUBLE.contains(&kind) || kind.starts_with("SQL") || kind.starts_with("PSQL")
}
