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
    }
    if is_suspended(message) {
        return EngineError::Suspended;
    }
    if answer.act == Act::CORRELATE && message.contains("Cannot correlate") {
        return EngineError::NotCorrelated { message: answer.message };
    }
    answer.permanent()
}

/// Reads `It is locked by worker 'A'`. Outer `None`: the message says no such thing. Inner: nobody holds it.
fn holder(message: &str) -> Option<Option<WorkerId>> {
    // `lock` says "cannot be locked by worker 'us'" first.
    let (_, rest) = message.split_once("It is locked by worker '")?;
    // A worker id may itself contain a quote, so the name ends at the last one.
    let (name, _) = rest.rsplit_once('\'')?;
    Some((name != "null").then(|| WorkerId::from(name)))
}

/// The engine's code for "suspended"; a start and a form report it with a 500 instead of a 400.
fn is_suspended(message: &str) -> bool {
    message.contains("ENGINE-03043")
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
    if is_suspended(&answer.message) {
        return EngineError::Suspended;
    }
    // Two of the engine's calls have a 500 for what the others call a 404.
    if answer.act == Act::ERROR_DETAILS && answer.message.contains("No external task found") {
        return EngineError::TaskGone;
    }
    if answer.act == Act::COMPLETE_USER_TASK && answer.message.contains("Cannot find task with id") {
        return not_found(answer);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn engine(act: Act, status: u16, kind: &str, message: &str, code: i64) -> EngineError {
        classify(act, status, json!({"type": kind, "message": message, "code": code}).to_string().as_bytes())
    }

    fn cause(error: EngineError) -> TransientCause {
        match error {
            EngineError::Transient { cause, .. } => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_holder_is_read_from_every_wording_of_the_engine() {
        for message in [
            "External Task t cannot be completed by worker 'a'. It is locked by worker 'b'.",
            "Bpmn error of External Task t cannot be reported by worker 'a'. It is locked by worker 'b'.",
            "Failure of External Task t cannot be reported by worker 'a'. It is locked by worker 'b'.",
            "The lock of the External Task t cannot be extended by worker 'a'. It is locked by worker 'b'.",
            "External Task t cannot be locked by worker 'a'. It is locked by worker 'b'.",
        ] {
            let error = engine(Act::COMPLETE, 400, "RestException", message, 0);
            assert!(matches!(&error, EngineError::LockLost { by: Some(by) } if by.as_str() == "b"), "{message}: {error:?}");
        }
        let odd = "External Task t cannot be completed by worker 'a'. It is locked by worker 'it's b'.";
        let error = engine(Act::COMPLETE, 400, "RestException", odd, 0);
        assert!(matches!(&error, EngineError::LockLost { by: Some(by) } if by.as_str() == "it's b"), "{error:?}");
    }

    #[test]
    fn one_status_is_read_as_four_things() {
        let bad = |message| engine(Act::COMPLETE, 400, "RestException", message, 0);
        let unlocked = bad("External Task t cannot be completed by worker 'a'. It is locked by worker 'null'.");
        assert!(matches!(unlocked, EngineError::LockLost { by: None }));
        assert!(matches!(bad("Cannot extend a lock that expired"), EngineError::LockExpired));
        assert!(matches!(bad("ENGINE-03043 ExternalTask with id 't' is suspended."), EngineError::Suspended));
        assert!(matches!(bad("Unsupported value type 'Foo'"), EngineError::Permanent { status: 400, .. }));
    }

    #[test]
    fn a_task_is_gone_only_in_the_engines_own_words() {
        let gone = engine(Act::COMPLETE, 404, "RestException", "External task with id t does not exist", 0);
        assert!(matches!(gone, EngineError::TaskGone));
        let wrong_path = engine(Act::COMPLETE, 404, "NotFoundException", "HTTP 404 Not Found", 0);
        assert!(matches!(wrong_path, EngineError::Unreadable { status: 404, .. }));
        let spring = br#"{"timestamp":"2025-10-06T16:34:42.000+00:00","status":404,"error":"Not Found","path":"/external-task"}"#;
        for body in [&spring[..], b"<html>nginx</html>", b""] {
            let error = classify(Act::COMPLETE, 404, body);
            assert!(matches!(error, EngineError::Unreadable { status: 404, .. }), "{error:?}");
        }
        let other = engine(Act::DEFINITION_XML, 404, "RestException", "No matching process definition", 0);
        assert!(matches!(other, EngineError::NotFound { .. }));
    }

    #[test]
    fn a_500_is_sorted_by_code_before_anything_else() {
        let error = |code| engine(Act::COMPLETE, 500, "ProcessEngineException", "ENGINE-1 x", code);
        assert_eq!(cause(error(1)), TransientCause::Conflict);
        assert_eq!(cause(error(10_000)), TransientCause::Deadlock);
        assert_eq!(cause(error(10_001)), TransientCause::ForeignKey);
        assert!(matches!(error(10_002), EngineError::Permanent { code: 10_002, .. }));
    }

    #[test]
    fn a_500_with_code_0_is_sorted_by_its_type_and_words() {
        let error = |kind, message| engine(Act::FETCH, 500, kind, message, 0);
        assert_eq!(cause(error("OptimisticLockingException", "ENGINE-03005")), TransientCause::Conflict);
        assert_eq!(cause(error("NullPointerException", "no message")), TransientCause::FetchRace);
        let full = "At the moment the server has to handle too many requests at the same time. Please try again later.";
        assert_eq!(cause(error("InvalidRequestException", full)), TransientCause::Overloaded);
        let stopping = "Request rejected due to shutdown of application server.";
        assert_eq!(cause(error("RestException", stopping)), TransientCause::Interrupted);
        let database = error("CannotCreateTransactionException", "Could not open JDBC Connection for transaction");
        assert!(matches!(cause(database), TransientCause::EngineInternal(_)));
        assert!(matches!(error("NullValueException", "workerId is null"), EngineError::Permanent { .. }));
        assert!(matches!(error("ProcessEngineException", "maxResults is negative"), EngineError::Permanent { .. }));
    }

    #[test]
    fn a_500_of_the_models_own_is_downstream_only_where_the_process_runs() {
        let script = |act| engine(act, 500, "ScriptEvaluationException", "Unable to evaluate script", 22_222);
        for act in [Act::COMPLETE, Act::BPMN_ERROR, Act::FAILURE, Act::START, Act::CORRELATE] {
            assert!(matches!(script(act), EngineError::Downstream { code: 22_222, .. }), "{act:?}");
        }
        assert!(matches!(script(Act::EXTEND_LOCK), EngineError::Permanent { .. }));
        // In the model's code this is a bug of the model, not a race of two fetches.
        let model = engine(Act::COMPLETE, 500, "NullPointerException", "no message", 0);
        assert!(matches!(model, EngineError::Downstream { .. }));
    }

    #[test]
    fn what_a_proxy_says_is_never_taken_for_the_engines_word() {
        let html = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
        for status in [500, 502, 503, 504] {
            assert_eq!(cause(classify(Act::COMPLETE, status, html)), TransientCause::Unavailable(status));
        }
        assert_eq!(cause(classify(Act::COMPLETE, 429, b"slow down")), TransientCause::Overloaded);
        assert!(matches!(classify(Act::COMPLETE, 302, b""), EngineError::Unreadable { status: 302, .. }));
        assert!(matches!(classify(Act::COMPLETE, 401, b""), EngineError::Refused { status: 401, .. }));
    }

    #[test]
    fn suspension_is_read_whatever_the_status() {
        let message = "Cannot instantiate process definition d: ENGINE-03043 Process Definition with id 'd' is suspended.";
        for status in [400, 500] {
            assert!(matches!(engine(Act::START, status, "RestException", message, 0), EngineError::Suspended));
        }
    }

    #[test]
    fn a_500_that_other_calls_would_call_a_404_is_read_as_one() {
        let details = engine(Act::ERROR_DETAILS, 500, "NullValueException", "No external task found with id t: externalTask is null", 0);
        assert!(matches!(details, EngineError::TaskGone));
        let form =
            engine(Act::COMPLETE_USER_TASK, 500, "RestException", "Cannot submit task form t: Cannot find task with id t: task is null", 0);
        assert!(matches!(form, EngineError::NotFound { .. }));
    }

    #[test]
    fn a_missing_permission_is_a_refusal_with_the_engines_words() {
        let message = "The user with id 'demo' does not have 'UPDATE' permission on resource of type 'ProcessInstance'";
        let error = engine(Act::COMPLETE, 403, "AuthorizationException", message, 0);
        assert!(matches!(&error, EngineError::Refused { status: 403, message: said, .. } if said == message), "{error:?}");
    }

    #[test]
    fn a_message_without_an_addressee_is_told_apart() {
        let message = "Cannot correlate message 'Settled': No process definition or execution matches the parameters";
        let error = engine(Act::CORRELATE, 400, "RestException", message, 0);
        assert!(matches!(error, EngineError::NotCorrelated { .. }), "{error:?}");
    }

    #[test]
    fn a_long_answer_is_cut_before_it_can_be_logged() {
        let long = "x".repeat(100_000);
        let error = engine(Act::COMPLETE, 500, "ProcessEngineException", &long, 0);
        assert!(error.to_string().len() < 2_200);
        assert!(classify(Act::COMPLETE, 404, long.as_bytes()).to_string().len() < 400);
    }

    #[test]
    fn a_body_without_a_code_or_a_message_is_still_the_engines() {
        let error = classify(Act::COMPLETE, 404, br#"{"type":"RestException","message":null}"#);
        assert!(matches!(error, EngineError::TaskGone));
        let error = classify(Act::COMPLETE, 404, br#"{"type":"RestException","message":"x","code":null}"#);
        assert!(matches!(error, EngineError::TaskGone));
    }
}
