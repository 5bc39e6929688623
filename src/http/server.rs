//! The API's own listener: bound when the daemon is built, served until it stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::http::api;
use crate::http::gate::Gate;
use crate::http::listener::BoundedListener;
use crate::http::state::{ApiState, HttpSettings};
use crate::http::webhooks::WebhookSources;
use crate::operations::Operations;
use crate::shutdown::Shutdown;

/// How much longer than a request may take a connection may stay without a word.
const SILENCE: Duration = Duration::from_secs(30);

/// The listener, bound but not serving yet.
pub struct HttpServer {
    listener: BoundedListener,
    router: Router,
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
        let listener = BoundedListener::new(listener, settings.max_connections, settings.request_timeout + SILENCE);
        Ok(Self { listener, router: api::router(state, settings) })
    }

    /// The address that was bound.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.address()
    }

    /// Serves until the soft stop, then finishes what was begun; the hard stop cuts that short.
    pub async fn serve(self, shutdown: Shutdown) {
        let soft = shutdown.clone();
        let served = axum::serve(self.listener, self.router).with_graceful_shutdown(async move { soft.soft().await });
        tokio::select! {
            ended = served => {
                if let Err(error) = ended {
                    tracing::error!(error = %error, "the API is not served any more");
                }
            }
            () = shutdown.hard() => {}
        }
    }
}
