//! One attempt over the wire: what came back, or whether anything can have left.

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Response, Url};
use tokio::time::timeout_at;

use super::fence::{FencedBody, Given};
use crate::chain::chain;

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
    let mut request = client.request(outgoing.method, outgoing.url);
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    let mut given = None;
    request = match (outgoing.body, outgoing.send_before) {
        // A request without a body cannot be fenced while it is sent; the check of the clock above is all there is.
        (Some(body), Some(at)) if !body.is_empty() => {
            let (fenced, witness) = FencedBody::new(body, at);
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

/// Why, without the outermost words: they hold the address, which is the same on every call, and the key in it.
fn reason(error: &reqwest::Error) -> String {
    error.source().map_or_else(|| "the HTTP client gave up".to_owned(), chain)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use reqwest::dns::{Name, Resolve, Resolving};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    /// Takes its time to find a host.
    struct Slow(Duration, SocketAddr);

    impl Resolve for Slow {
        fn resolve(&self, _: Name) -> Resolving {
            let Self(delay, address) = *self;
            Box::pin(async move {
                tokio::time::sleep(delay).await;
                Ok(Box::new(std::iter::once(address)) as Box<dyn Iterator<Item = SocketAddr> + Send>)
            })
        }
    }

    /// Sends a request to a host that takes so long to find, and answers what became of it and all bytes that arrived.
    async fn send(body: Option<&str>, resolving: Duration, send_before: Duration, timeout: Duration) -> (Seen, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        crate::cryptography::install();
        let client = Client::builder().no_proxy().tls_certs_only([]).dns_resolver(Arc::new(Slow(resolving, address))).build().unwrap();
        let outgoing = Outgoing {
            method: Method::POST,
            url: Url::parse("http://inventory.test/holds").unwrap(),
            headers: Vec::new(),
            body: body.map(|body| body.as_bytes().to_vec()),
            send_before: Some(Instant::now() + send_before),
        };
        let seen = exchange(&client, outgoing, timeout).await;
        drop(client);
        let mut arrived = Vec::new();
        // The client is gone, so that a connection ends; where there never was one, there is nothing to wait for.
        if let Ok(Ok((mut stream, _))) = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await {
            let _ = stream.read_to_end(&mut arrived).await;
        }
        (seen, arrived)
    }

    const LONG: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_millis(60);

    #[tokio::test]
    async fn a_claim_that_ends_while_connecting_keeps_every_byte_back() {
        let (seen, arrived) = send(Some("{}"), MOMENT * 2, MOMENT, LONG).await;
        assert!(matches!(&seen, Seen::NotSent(why) if why.contains("the claim may have ended while")), "{seen:?}");
        assert_eq!(arrived, b"");
    }

    #[tokio::test]
    async fn a_time_out_before_there_is_a_connection_is_known_to_have_sent_nothing() {
        let (seen, arrived) = send(Some("{}"), LONG, LONG, MOMENT).await;
        assert!(matches!(&seen, Seen::NotSent(why) if why.contains("no connection")), "{seen:?}");
        assert_eq!(arrived, b"");
    }

    #[tokio::test]
    async fn a_time_out_after_the_request_has_left_is_a_lost_outcome_with_a_body_and_without() {
        for body in [Some("{}"), Some(""), None] {
            let (seen, arrived) = send(body, Duration::ZERO, LONG, MOMENT).await;
            assert!(matches!(&seen, Seen::Lost { status: None, .. }), "{body:?}: {seen:?}");
            assert!(arrived.starts_with(b"POST /holds HTTP/1.1\r\n"), "{body:?}");
        }
    }
}
