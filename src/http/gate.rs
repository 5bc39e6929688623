//! Who may come in, and as whom.

use axum::http::{HeaderMap, HeaderName};

use crate::domain::TenantId;
use crate::http::principal::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::scope::Granted;

/// Names the tenant where nobody is asked for a token.
const TENANT: HeaderName = HeaderName::from_static("holdfast-tenant");

/// How callers are told apart.
#[derive(Debug, Clone)]
pub enum Gate {
    /// Not at all: whoever reaches the listener, which is bound to this machine alone, may do everything.
    Open {
        /// The tenant of requests that name none in the header `Holdfast-Tenant`.
        default_tenant: Option<TenantId>,
        /// The tenants that are served; empty for all.
        tenants: Vec<TenantId>,
    },
}

impl Gate {
    /// Finds out who makes a request.
    ///
    /// # Errors
    /// The problem that the caller is told.
    #[expect(clippy::unused_async, reason = "other gates fetch keys")]
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        match self {
            Self::Open { default_tenant, tenants } => {
                let tenant = named_tenant(headers)?.or(*default_tenant).ok_or_else(|| {
                    let detail = "Name the tenant in the header `Holdfast-Tenant`, or set `reservations.default_tenant`.";
                    Problem::new(ProblemKind::TenantMissing, detail)
                })?;
                if !tenants.is_empty() && !tenants.contains(&tenant) {
                    return Err(Problem::new(ProblemKind::NotFound, "There is nothing here for this tenant."));
                }
                Ok(Principal::new(tenant, "anonymous".to_owned(), Granted::All))
            }
        }
    }
}

fn named_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Problem> {
    let Some(value) = headers.get(TENANT) else { return Ok(None) };
    let tenant = value.to_str().ok().and_then(|text| TenantId::parse(text).ok());
    match tenant {
        Some(tenant) => Ok(Some(tenant)),
        None => Err(Problem::new(ProblemKind::Malformed, "The header `Holdfast-Tenant` must be a UUID.")),
    }
}
