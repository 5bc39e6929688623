//! Who calls: the tenant, the connection and the moment of arrival of a client's request.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::Response;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::simulator::clock::Instant;
use crate::simulator::command::{Call, Command};
use crate::simulator::faults::{respond, serve};
use crate::simulator::inventory::{Answer, Refusal};
use crate::simulator::net::Connection;
use crate::simulator::shared::Shared;

/// A client in the middle of a request.
pub(super) struct Caller {
    shared: Arc<Shared>,
    connection: Connection,
    tenant: String,
    received_at: Instant,
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response<Body>> {
        let tenant = parts.headers.get("x-tenant-id").and_then(|value| value.to_str().ok()).filter(|tenant| !tenant.is_empty());
        let tenant = tenant.ok_or_else(|| refused(&Refusal::new(400, "TENANT_REQUIRED", "the header X-Tenant-Id is missing")))?;
        let connection = parts.extensions.get::<ConnectInfo<Connection>>();
        let ConnectInfo(connection) = connection.ok_or_else(|| refused(&Refusal::new(500, "INTERNAL", "no connection")))?;
        Ok(Self {
            shared: Arc::clone(shared),
            connection: connection.clone(),
            tenant: tenant.to_owned(),
            received_at: shared.clock.machine_now(),
        })
    }
}

impl Caller {
    /// Serves what is wanted.
    pub(super) async fn want(self, command: Command) -> Response<Body> {
        let call = Call { tenant: self.tenant, received_at: self.received_at, command };
        serve(self.shared, call, self.connection).await
    }

    /// Reads the body and serves what it wants.
    pub(super) async fn want_body<T: DeserializeOwned>(self, body: &Bytes, command: impl FnOnce(T) -> Command) -> Response<Body> {
        match serde_json::from_slice(body) {
            Ok(body) => self.want(command(body)).await,
            Err(error) => unreadable(&error.to_string()),
        }
    }
}

/// The answer to a request that cannot even be read; it does not reach the ledger.
pub(super) fn unreadable(why: &str) -> Response<Body> {
    refused(&Refusal::invalid(format!("cannot read the request: {why}")))
}

fn refused(refusal: &Refusal) -> Response<Body> {
    respond(Answer::refused(refusal))
}
