//! One attempt over the wire: what came back, or whether anything can have left.

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Response, Url};
use tokio::time::timeout_at;

use super::fence::{FencedBody, Given};

/// The longest body that is read.
const LONGEST_BODY: usize = 1024 * 1024;

/// A request that is ready to go.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Vec<u8>>,
    /// No byte may leave after it.
    pub(super) send_before: Option<Instant>,
}

/// What became of the attempt.
#[derive(Debug)]
pub(super) enum Seen {
    /// A whole answer.
    Answer { status: u16, body: Vec<u8> },
    /// Nothing has left this host.
    NotSent(String),
    /// Something may have left, and no whole answer came back.
    Lost { status: Option<u16>, body: Vec<u8>, why: String },
}

/// Makes the one attempt, within the timeout.
pub(super) async fn exchange(client: &Client, outgoing: Outgoing, timeout: Duration) -> Seen {
    let deadline = tokio::time::Instant::now() + timeout;
    if outgoing.send_before.is_some_and(|at| Instant::now() >= at) {
        return Seen::NotSent("the claim may have ended before the request was sent".to_owned());
    }
    // A GET acts on nothing, and goes without the body that the fence would have to be.
    let looks = outgoing.method == Method::GET;
    let mut request = client.request(outgoing.method, outgoing.url);
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let mut given = None;
    request = match (outgoing.body, outgoing.send_before) {
        (body, Some(at)) if !looks => {
            let (fenced, witness) = FencedBody::new(body.unwrap_or_default(), at);
            given = Some(witness);
            request.body(Body::wrap(fenced))
        }
        (Some(body), _) => request.body(body),
        (None, _) => request,
    };
    match timeout_at(deadline, request.send()).await {
        Ok(Ok(response)) => read(response, deadline, timeout).await,
        Ok(Err(error)) => not_answered(&error, given.as_ref()),
        Err(_) => {
            let why = format!("no answer within {} ms", timeout.as_millis());
            match given {
                Some(given) if !given.may_have_left() => Seen::NotSent(format!("no connection, {why}")),
                Some(_) | None => Seen::Lost { status: None, body: Vec::new(), why },
            }
        }
    }
}

/// Nothing has left if there was no connection, or if the connection never asked for the body.
fn not_answered(error: &reqwest::Error, given: Option<&Given>) -> Seen {
    let why = reason(error);
    if error.is_connect() || given.is_some_and(|given| !given.may_have_left()) {
        Seen::NotSent(why)
    } else {
        Seen::Lost { status: None, body: Vec::new(), why }
    }
}

async fn read(mut response: Response, deadline: tokio::time::Instant, timeout: Duration) -> Seen {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    loop {
        let lost = match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(None)) => return Seen::Answer { status, body },
            Ok(Ok(Some(chunk))) => {
                body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_BODY - body.len())]);
                if body.len() < LONGEST_BODY {
                    continue;
                }
                format!("status {status} with a body of more than {LONGEST_BODY} bytes")
            }
            Ok(Err(error)) => format!("status {status}, but its body broke off: {}", reason(&error)),
            Err(_) => format!("status {status}, but its body was not complete within {} ms", timeout.as_millis()),
        };
        return Seen::Lost { status: Some(status), body, why: lost };
    }
}

/// The innermost causes in one line, without the address: it is the same on every call, and holds the key.
fn reason(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        cause = inner.source();
    }
    if causes.is_empty() { "the HTTP client gave up".to_owned() } else { causes.join(": ") }
}
