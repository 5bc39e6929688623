//! Serving one request: as it should be, or with the fault that strikes it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use super::body::{half, misshape, trickle};
use super::book::Fired;
use super::kind::Fault;
use crate::simulator::command::Call;
use crate::simulator::entry::{Answered, Origin};
use crate::simulator::inventory::{Answer, Drift, Mishap, Refusal};
use crate::simulator::net::Connection;
use crate::simulator::shared::Shared;

/// Acts upon a request and answers it, unless a fault has other plans.
pub(crate) async fn serve(shared: Arc<Shared>, call: Call, connection: Connection) -> Response<Body> {
    if let Some(complaint) = call.command.complaint() {
        return respond(shared.refuse(&call, &Refusal::invalid(complaint), None));
    }
    match shared.strike(&call) {
        None => respond(shared.act(&call, Answered::Yes, None)),
        Some(Fired { id, fault: Fault::ActLate { delay_ms } }) => {
            tokio::spawn(act_late(Arc::clone(&shared), call, id, delay_ms));
            hang(&shared, &connection).await
        }
        Some(fired) => {
            let way = strike(&shared, &call, &fired.fault);
            shared.faults.finish(fired.id);
            way.out(&shared, &connection).await
        }
    }
}

/// How an answer leaves, once the inventory has acted or not.
enum Way {
    Plain(Answer),
    Delayed(Answer, Duration),
    AfterNotice(Answer),
    Whole(Response<Body>),
    Reset,
    Never,
}

/// Does to the inventory what the fault says; nothing is sent yet.
fn strike(shared: &Shared, call: &Call, fault: &Fault) -> Way {
    let name = Some(fault.name());
    let acted = |answered| shared.act(call, answered, name);
    match fault {
        // Acting late is a task of its own; here it would act at once and stay silent.
        Fault::SwallowAnswer | Fault::ActLate { .. } => {
            acted(Answered::No);
            Way::Never
        }
        Fault::ResetBefore => {
            shared.ignore(call, Answered::No, name);
            Way::Reset
        }
        Fault::ResetAfter => {
            acted(Answered::No);
            Way::Reset
        }
        Fault::Slow { delay_ms } => Way::Delayed(acted(Answered::Late), Duration::from_millis(*delay_ms)),
        Fault::Trickle { delay_ms } => {
            let answer = acted(Answered::Late);
            let length = answer.body.len();
            let body = trickle(answer.body, Duration::from_millis(*delay_ms));
            Way::Whole(with_length(answer.status, body, length))
        }
        Fault::CutBody => {
            let answer = acted(Answered::No);
            Way::Whole(with_length(answer.status, half(&answer.body), answer.body.len()))
        }
        Fault::ErrorAfter { status } => {
            acted(Answered::No);
            Way::Whole(error(*status, None))
        }
        Fault::ErrorBefore { status, retry_after } => {
            shared.ignore(call, Answered::Yes, name);
            Way::Whole(error(*status, *retry_after))
        }
        Fault::Unavailable { retry_after } => {
            shared.ignore(call, Answered::Yes, name);
            Way::Whole(error(503, Some(*retry_after)))
        }
        Fault::GarbageBody => {
            let answer = acted(Answered::No);
            Way::Whole(json_response(answer.status, Body::from(&b"{\"reference\": \xff\xfeHOLD, <<"[..])))
        }
        Fault::Html502 { acted: true } => {
            acted(Answered::No);
            Way::Whole(page())
        }
        Fault::Html502 { acted: false } => {
            shared.ignore(call, Answered::Yes, name);
            Way::Whole(page())
        }
        Fault::WrongShape { shape } => {
            let mut answer = acted(Answered::No);
            answer.body = misshape(answer.body, *shape);
            Way::Plain(answer)
        }
        Fault::Refuse { code, status } => {
            let refusal = Refusal::new(*status, code.clone(), "refused on request");
            Way::Plain(shared.refuse(call, &refusal, name))
        }
        Fault::Forget => {
            let answer = acted(Answered::Yes);
            afterwards(shared, &answer, &Mishap::Forget);
            Way::Plain(answer)
        }
        Fault::DriftQuantity => {
            let answer = acted(Answered::Yes);
            afterwards(shared, &answer, &Mishap::Drift(Drift::default()));
            Way::Plain(answer)
        }
        Fault::DuplicateEffect => {
            let answer = acted(Answered::Yes);
            shared.act_again(call, name);
            Way::Plain(answer)
        }
        Fault::DuplicateCallback => Way::Plain(shared.act_with_notices(call, Answered::Yes, name, 2)),
        Fault::CallbackBeforeAnswer => Way::AfterNotice(shared.act_with_notices(call, Answered::Late, name, 0)),
    }
}

/// Lets something happen to the hold of an answer; if it has none, there is nothing to happen to.
fn afterwards(shared: &Shared, answer: &Answer, mishap: &Mishap) {
    if let Some(reference) = &answer.reference {
        // A hold that vanished in between needs no mishap.
        let _ = shared.befall(reference, mishap, Origin::Fault);
    }
}

impl Way {
    async fn out(self, shared: &Shared, connection: &Connection) -> Response<Body> {
        match self {
            Self::Plain(answer) => respond(answer),
            Self::Delayed(answer, delay) => {
                tokio::time::sleep(delay).await;
                respond(answer)
            }
            Self::AfterNotice(answer) => {
                if let Some(notice) = &answer.notice {
                    shared.webhook.deliver(notice, shared).await;
                }
                respond(answer)
            }
            Self::Whole(response) => response,
            Self::Reset => reset(connection),
            Self::Never => hang(shared, connection).await,
        }
    }
}

async fn act_late(shared: Arc<Shared>, call: Call, fault: u64, delay_ms: u64) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(delay_ms)) => {
            shared.act(&call, Answered::No, Some("act_late"));
            shared.faults.finish(fault);
        }
        () = shared.stop.cancelled() => {}
    }
}

/// Says nothing until the client goes away; dropped with the connection then.
async fn hang(shared: &Shared, connection: &Connection) -> Response<Body> {
    tokio::time::sleep(Duration::from_millis(shared.config.swallow_limit_ms)).await;
    reset(connection)
}

fn reset(connection: &Connection) -> Response<Body> {
    connection.reset();
    Response::default()
}

/// The answer as HTTP.
pub(crate) fn respond(answer: Answer) -> Response<Body> {
    json_response(answer.status, Body::from(answer.body))
}

fn json_response(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn with_length(status: u16, body: Body, length: usize) -> Response<Body> {
    let mut response = json_response(status, body);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn error(status: u16, retry_after: Option<u64>) -> Response<Body> {
    let mut response = json_response(status, Body::from("{\"code\":\"INTERNAL\",\"message\":\"something went wrong\"}"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn page() -> Response<Body> {
    let mut response = Response::new(Body::from("<html><body><h1>502 Bad Gateway</h1></body></html>"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}
