//! Who may come in, and as whom.

use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::SharedClock;

use crate::domain::TenantId;
use crate::http::auth::{AuthConfig, AuthSetupError, Disbelief, Verifier};
use crate::http::principal::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::scope::{Granted, Scope};
use crate::metrics;

/// The longest name of a caller that is kept, in characters.
const MOST_SUBJECT: usize = 200;
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
    /// By bearer tokens.
    Tokens(TokenGate),
}

/// Believes the tokens of one issuer.
#[derive(Debug, Clone)]
pub struct TokenGate {
    verifier: Verifier,
    tenants: Vec<TenantId>,
}

/// What callers are told to bring.
const CHALLENGE: &str = "Bearer realm=\"holdfast\"";

impl Gate {
    /// A gate that believes the issuer of these settings, for these tenants; empty for all. Nobody is asked for keys yet.
    ///
    /// # Errors
    /// [`AuthSetupError`], naming the setting and what it must be.
    pub fn tokens(config: &AuthConfig, tenants: &[TenantId], clock: SharedClock) -> Result<Self, AuthSetupError> {
        Ok(Self::Tokens(TokenGate { verifier: Verifier::new(config, clock)?, tenants: tenants.to_vec() }))
    }

    /// Finds out who makes a request.
    ///
    /// # Errors
    /// The problem that the caller is told.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        match self {
            Self::Open { default_tenant, tenants } => {
                let tenant = named_tenant(headers)?.or(*default_tenant).ok_or_else(|| {
                    let detail = "Name the tenant in the header `Holdfast-Tenant`, or set `reservations.default_tenant`.";
                    Problem::new(ProblemKind::TenantMissing, detail)
                })?;
                served(tenants, tenant)?;
                Ok(Principal::new(tenant, "anonymous".to_owned(), Granted::All))
            }
            Self::Tokens(gate) => gate.admit(headers).await,
        }
    }
}

impl TokenGate {
    async fn admit(&self, headers: &HeaderMap) -> Result<Principal, Problem> {
        let token = bearer(headers)?;
        let verified = self.verifier.verify(token).await.map_err(disbelieved)?;
        served(&self.tenants, verified.tenant)?;
        let subject = verified.subject.unwrap_or_else(|| "unnamed".to_owned());
        let subject = subject.chars().filter(|c| !c.is_control()).take(MOST_SUBJECT).collect();
        Ok(Principal::new(verified.tenant, subject, Granted::Listed(verified.scopes.into_iter().collect())))
    }
}

/// The one token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = |detail| {
        metrics::http_refused("missing");
        Problem::new(ProblemKind::Unauthenticated, detail).header(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE))
    };
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Err(missing("Send a token: `Authorization: Bearer ...`.")) };
    if values.next().is_some() {
        return Err(missing("Send one `Authorization` header."));
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing("Send a token: `Authorization: Bearer ...`."));
    }
    Ok(token)
}

/// What the sender of a token that is not believed hears: why, and nothing of the token.
fn disbelieved(why: Disbelief) -> Problem {
    metrics::http_refused(why.label());
    tracing::debug!(reason = why.label(), "a token was not believed");
    if why == Disbelief::IssuerAway {
        return Problem::new(ProblemKind::IssuerAway, "Tokens cannot be verified: the issuer's keys cannot be fetched.");
    }
    let challenge = format!("{CHALLENGE}, error=\"invalid_token\", error_description=\"{}\"", why.to_string().replace('`', ""));
    let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static(CHALLENGE));
    Problem::new(ProblemKind::Unauthenticated, sentence(&why.to_string())).header(WWW_AUTHENTICATE, challenge)
}

/// What somebody hears whose token lacks a scope.
pub(crate) fn insufficient(scope: Scope) -> Problem {
    metrics::http_refused("scope");
    let challenge = format!("{CHALLENGE}, error=\"insufficient_scope\", scope=\"{scope}\"");
    let challenge = HeaderValue::from_str(&challenge).unwrap_or(HeaderValue::from_static(CHALLENGE));
    Problem::new(ProblemKind::Forbidden, format!("This needs the scope `{scope}`, which the caller does not have."))
        .header(WWW_AUTHENTICATE, challenge)
}

/// A tenant whose work is done elsewhere finds nothing here, like one that does not exist.
fn served(tenants: &[TenantId], tenant: TenantId) -> Result<(), Problem> {
    if tenants.is_empty() || tenants.contains(&tenant) {
        Ok(())
    } else {
        Err(Problem::new(ProblemKind::NotFound, "There is nothing here for this tenant."))
    }
}

/// An error's text with a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| format!("{}{}.", first.to_uppercase(), letters.as_str())).unwrap_or_default()
}

fn named_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Problem> {
    let Some(value) = headers.get(TENANT) else { return Ok(None) };
    let tenant = value.to_str().ok().and_then(|text| TenantId::parse(text).ok());
    match tenant {
        Some(tenant) => Ok(Some(tenant)),
        None => Err(Problem::new(ProblemKind::Malformed, "The header `Holdfast-Tenant` must be a UUID.")),
    }
}
