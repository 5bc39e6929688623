//! What every handler can reach.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::SourceName;
use crate::http::gate::Gate;
use crate::http::webhooks::WebhookSources;
use crate::operations::Operations;

/// How the API is served.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Address and port.
    pub listen: SocketAddr,
    /// Requests that are worked on at once; more are turned away.
    pub max_in_flight: usize,
    /// Connections to the database that requests share among them, apart from those of the workers.
    pub database_connections: u32,
    /// Callers that may be connected at once; others wait.
    pub max_connections: usize,
    /// How long a request may take from its first byte to its answer.
    pub request_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub max_body_bytes: usize,
    /// The inventory of requests that name none.
    pub default_source: Option<SourceName>,
}

/// What every handler can reach. Cloned for each request.
#[derive(Clone)]
pub(crate) struct ApiState {
    pub(crate) operations: Operations,
    pub(crate) gate: Arc<Gate>,
    pub(crate) webhooks: WebhookSources,
    /// The inventory of requests that name none.
    pub(crate) default_source: Option<SourceName>,
}
