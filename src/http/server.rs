//! The API's own listener: bound when the daemon is built, served until it stops.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::http::api;
use crate::http::gate::Gate;
use crate::http::listener::{BoundedListener, BoundedStream};
use crate::http::state::{ApiState, HttpSettings};
use crate::http::webhooks::WebhookSources;
use crate::operations::Operations;
use crate::shutdown::Shutdown;

/// How much longer than a request may take a connection may stay without a word, and without a whole head of a request.
const SILENCE: Duration = Duration::from_secs(30);

/// The listener, bound but not serving yet.
pub struct HttpServer {
    listener: BoundedListener,
    router: Router,
    /// How long the head of a request may take from when the one before was answered; no byte of it puts that off.
    head: Duration,
}

/// Why there is no API.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be bound.
    #[error("listen on `{address}` for the API (setting http.listen)")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl HttpServer {
    /// Binds the address. The requests get connections to the database of their own, so that they never stand before the workers.
    ///
    /// # Errors
    /// [`HttpError::Bind`].
    pub async fn bind(settings: &HttpSettings, operations: &Operations, gate: Gate, webhooks: WebhookSources) -> Result<Self, HttpError> {
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| HttpError::Bind { address, source })?;
        if matches!(gate, Gate::Open { .. }) {
            tracing::warn!(address = %address, "the API asks nobody who they are; it is bound to this machine alone");
        }
        let state = ApiState {
            operations: operations.apart(settings.database_connections),
            gate: Arc::new(gate),
            webhooks,
            default_source: settings.default_source.clone(),
        };
        let patience = settings.request_timeout + SILENCE;
        let listener = BoundedListener::new(listener, settings.max_connections, patience);
        Ok(Self { listener, router: api::router(state, settings), head: patience })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.address()
    }

    /// Serves until the soft stop, then finishes what was begun; the hard stop cuts that short.
    pub async fn serve(mut self, shutdown: Shutdown) {
        // Told that it is HTTP/1: to find that out, the builder would wait for the first bytes without a deadline.
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.head);
        let connections = TaskTracker::new();
        loop {
            let stream = tokio::select! {
                stream = self.listener.accept() => stream,
                () = shutdown.soft() => break,
            };
            connections.spawn(converse(builder.clone(), stream, self.router.clone(), shutdown.clone()));
        }
        drop(self.listener);
        connections.close();
        tokio::select! {
            () = connections.wait() => {}
            () = shutdown.hard() => {}
        }
    }
}

/// Answers what one caller asks, until they go, the soft stop comes between two requests, or a head takes too long.
async fn converse(builder: Builder<TokioExecutor>, stream: BoundedStream, router: Router, shutdown: Shutdown) {
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.soft() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection of the API broke off");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// As many as there are places, each with a head that grows by a byte now and then and never ends.
    #[tokio::test]
    async fn callers_who_drip_a_head_byte_by_byte_keep_nobody_out_for_longer_than_a_head_may_take() {
        const PLACES: usize = 3;
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = BoundedListener::new(inner, PLACES, Duration::from_secs(60));
        let address = listener.address().unwrap();
        let router = Router::new().route("/", get(async || "heard"));
        let (head, shutdown) = (Duration::from_millis(400), Shutdown::new());
        let server = tokio::spawn(HttpServer { listener, router, head }.serve(shutdown.clone()));

        let drip = async || {
            let mut caller = TcpStream::connect(address).await.unwrap();
            caller.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
            let mut bytes = 0;
            while caller.write_all(b"x").await.is_ok() {
                bytes += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bytes
        };
        let ask = async || {
            let mut caller = TcpStream::connect(address).await.unwrap();
            caller.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
            let mut heard = String::new();
            caller.read_to_string(&mut heard).await.unwrap();
            heard
        };
        let both = async { tokio::join!(futures::future::join_all((0..PLACES).map(|_| drip())), ask()) };
        let (dripped, heard) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("the later caller is let in");
        assert!(heard.starts_with("HTTP/1.1 200 OK") && heard.ends_with("heard"), "{heard}");
        assert!(dripped.iter().all(|bytes| *bytes > 2), "they were at it all the time: {dripped:?}");
        shutdown.request_soft();
        server.await.unwrap();
    }
}
