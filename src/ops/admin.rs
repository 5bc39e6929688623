//! Health and metrics, on their own listener: `/live`, `/ready` (which names what is wrong) and `/metrics`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::net::TcpListener;

use crate::shutdown::Shutdown;

/// Asks every part how it is; each names what is wrong with it.
pub type Probes = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Probe>> + Send>> + Send + Sync>;

/// One part's state.
#[derive(Debug, Clone, Serialize)]
pub struct Probe {
    /// Which part.
    pub part: String,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, or how it is.
    pub says: String,
}

/// The listener, bound but not serving yet.
pub struct Admin {
    listener: TcpListener,
    probes: Probes,
    metrics: Option<PrometheusHandle>,
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address cannot be bound.
    #[error("listen on `{address}` for health and metrics (setting admin.listen)")]
    Bind {
        /// The address.
        address: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl Admin {
    /// Binds the address.
    ///
    /// # Errors
    /// [`AdminError::Bind`].
    pub async fn bind(address: &str, probes: Probes, metrics: Option<PrometheusHandle>) -> Result<Self, AdminError> {
        let listener = TcpListener::bind(address).await.map_err(|source| AdminError::Bind { address: address.to_owned(), source })?;
        Ok(Self { listener, probes, metrics })
    }

    /// Serves until the hard stop, so that probes see the soft one.
    pub async fn serve(self, shutdown: Shutdown) {
        let state = Served { probes: self.probes, metrics: self.metrics, shutdown: shutdown.clone() };
        let router = Router::new()
            .route("/live", get(|| async { "alive\n" }))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics_page))
            .with_state(state);
        if let Err(error) = axum::serve(self.listener, router).with_graceful_shutdown(async move { shutdown.hard().await }).await {
            tracing::error!(error = %error, "health and metrics are not served any more");
        }
    }
}

#[derive(Clone)]
struct Served {
    probes: Probes,
    metrics: Option<PrometheusHandle>,
    shutdown: Shutdown,
}

async fn ready(State(served): State<Served>) -> Response {
    let mut parts = (served.probes)().await;
    if served.shutdown.is_soft() {
        parts.push(Probe { part: "daemon".to_owned(), ok: false, says: "stopping".to_owned() });
    }
    let status = if parts.iter().all(|probe| probe.ok) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(parts)).into_response()
}

async fn metrics_page(State(served): State<Served>) -> Response {
    match served.metrics {
        Some(metrics) => metrics.render().into_response(),
        None => (StatusCode::NOT_FOUND, "metrics are not collected in this process\n").into_response(),
    }
}
