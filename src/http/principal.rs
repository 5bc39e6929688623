//! Who makes a request, for which tenant, and what they may do.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;

use crate::domain::TenantId;
use crate::http::access::{Access, access_of};
use crate::http::gate::insufficient;
use crate::http::problem::Problem;
use crate::http::scope::{Granted, Scope};
use crate::http::state::ApiState;

/// The maker of a request, as the gate has found them to be. The first parameter of every handler: nothing of a request is
/// looked at before it is known whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    tenant: TenantId,
    subject: String,
    granted: Granted,
}

impl Principal {
    /// Puts together what a gate found out.
    pub(crate) fn new(tenant: TenantId, subject: String, granted: Granted) -> Self {
        Self { tenant, subject, granted }
    }

    /// The tenant, for somebody who may do this.
    ///
    /// # Errors
    /// [`crate::http::ProblemKind::Forbidden`], naming the scope that is missing.
    pub(crate) fn to(&self, scope: Scope) -> Result<TenantId, Problem> {
        if self.granted.covers(scope) { Ok(self.tenant) } else { Err(insufficient(scope)) }
    }

    /// Who they are, for timelines: at most 200 characters.
    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }
}

impl FromRequestParts<ApiState> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let principal = state.gate.admit(&parts.headers).await?;
        // By the table first, so that who may not use a route hears so before a word of the request is read.
        let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        if let Some(Access::Scope(scope)) = access_of(&parts.method, path) {
            principal.to(scope)?;
        }
        Ok(principal)
    }
}
