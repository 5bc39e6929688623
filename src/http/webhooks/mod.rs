//! `POST /webhooks/{source}`: word from inventories, signed by the rules of Standard Webhooks.
//!
//! **Invariant:** nothing is written, and nothing of the body is read, before the signature is known to be the inventory's.
//! **Invariant:** what a notice says is not believed. It names a hold, and the inventory is asked about that.

mod signature;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::SecretSlice;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::domain::{ExternalReference, IdempotencyKey, SourceName};
use crate::fault_points::fault_point;
use crate::http::extract::Path;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::state::ApiState;
use crate::metrics;
use crate::operations::{Notice, NoticeOutcome};
use signature::{Envelope, Unverified, verify};

/// The largest notice; the rules that they follow say 20 kB.
const MOST_BYTES: usize = 64 * 1024;
/// How inventories are told what is missing.
const SCHEME: HeaderValue = HeaderValue::from_static("Webhook-Signature");

/// One inventory that may send word.
#[derive(Debug, Clone)]
pub struct WebhookSource {
    /// The secrets that count, the current one first.
    pub keys: Vec<SecretSlice<u8>>,
    /// Where a notice has the inventory's name of the hold, as a JSON pointer.
    pub reference: String,
    /// Where it has our key, as a JSON pointer.
    pub key: String,
}

/// All inventories that may send word.
#[derive(Debug, Clone, Default)]
pub struct WebhookSources(Arc<BTreeMap<SourceName, WebhookSource>>);

impl FromIterator<(SourceName, WebhookSource)> for WebhookSources {
    fn from_iter<I: IntoIterator<Item = (SourceName, WebhookSource)>>(sources: I) -> Self {
        Self(Arc::new(sources.into_iter().collect()))
    }
}

/// The route. It has a body limit of its own, in front of whatever the others have.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(accept_notice)).layer(DefaultBodyLimit::max(MOST_BYTES))
}

/// Which inventory.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SourcePath {
    /// The inventory's name in the configuration.
    source: String,
}

/// What an inventory sends, in its own words: where the name of the hold stands in it is configured for each.
#[derive(ToSchema)]
#[schema(as = Notice, value_type = Object)]
#[expect(dead_code, reason = "stands for any JSON object in the OpenAPI document")]
pub(crate) struct NoticeBody(Value);

/// Takes word of a hold from its inventory. What it says is not believed: the inventory is asked about the hold that it names.
///
/// The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` are those of Standard Webhooks.
#[utoipa::path(
    post, path = "/webhooks/{source}", tag = "webhooks", operation_id = "acceptNotice",
    params(
        SourcePath,
        ("webhook-id" = String, Header, description = "The message's id, the same in every attempt to deliver it"),
        ("webhook-timestamp" = String, Header, description = "When this attempt was made, in seconds since 1970"),
        ("webhook-signature" = String, Header, description = "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; several with blanks between"),
    ),
    request_body(content = NoticeBody, content_type = "application/json"),
    responses((status = 204, description = "Taken, or taken before, or nothing here goes by that name")),
)]
pub(crate) async fn accept_notice(
    State(state): State<ApiState>,
    Path(path): Path<SourcePath>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Problem> {
    let name = SourceName::parse(&path.source).ok();
    let known = name.and_then(|name| state.webhooks.0.get_key_value(&name));
    // A name that nobody configured is no label: whoever sends it could make as many as they like.
    let label = known.map_or("unknown", |(name, _)| name.as_str()).to_owned();
    let taken = take(&state, known, &headers, body).await;
    let outcome = match &taken {
        Ok(outcome) => *outcome,
        Err(problem) if problem.kind() == ProblemKind::DatabaseAway || problem.kind() == ProblemKind::Internal => "error",
        Err(_) => "refused",
    };
    metrics::notice(label, outcome);
    taken.map(|_| StatusCode::NO_CONTENT)
}

async fn take(
    state: &ApiState,
    known: Option<(&SourceName, &WebhookSource)>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<&'static str, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ProblemKind::TooLarge, format!("A notice has at most {MOST_BYTES} bytes.")),
        _ => Problem::new(ProblemKind::Malformed, "The body could not be read to its end."),
    })?;
    fault_point!("notice.read");
    let envelope = envelope(headers).ok_or_else(unverified)?;
    // Without a secret nothing is genuine, and an inventory that nobody configured is answered as one that signed wrongly.
    let keys = known.map_or(&[][..], |(_, source)| source.keys.as_slice());
    verify(keys, envelope, &body, state.operations.now().timestamp()).map_err(|why| match why {
        Unverified::Signature => unverified(),
        Unverified::Window => Problem::new(ProblemKind::Unauthenticated, "The notice is more than five minutes old, or ahead of its time.")
            .header(WWW_AUTHENTICATE, SCHEME),
    })?;
    let (name, source) = known.ok_or_else(unverified)?;
    fault_point!("notice.verified");
    let said: Value = serde_json::from_slice(&body)
        .map_err(|error| Problem::new(ProblemKind::Malformed, format!("The notice is signed, but it is no JSON: {error}.")))?;
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).filter(|text| text.len() <= 512);
    let notice = Notice {
        source: name.clone(),
        id: envelope.id.to_owned(),
        reference: text(&source.reference).and_then(|reference| ExternalReference::parse(reference).ok()),
        key: text(&source.key).and_then(IdempotencyKey::parts).map(|(order, step, group)| IdempotencyKey::derive(order, &step, group)),
    };
    if notice.reference.is_none() && notice.key.is_none() {
        // Inventories send word of other things, too: that is no reason to have it sent again.
        return Ok("empty");
    }
    let outcome = state.operations.accept_notice(&notice).await?;
    fault_point!("notice.accepted");
    tracing::debug!(supplier.name = %name, webhook.id = notice.id, ?outcome, "a notice was taken");
    Ok(match outcome {
        NoticeOutcome::Accepted => "accepted",
        NoticeOutcome::Duplicate => "duplicate",
        NoticeOutcome::Unmatched => "unmatched",
    })
}

/// The three headers, if each is there once and readable.
fn envelope(headers: &HeaderMap) -> Option<Envelope<'_>> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    };
    Some(Envelope { id: only("webhook-id")?, timestamp: only("webhook-timestamp")?, signature: only("webhook-signature")? })
}

/// The one answer to whoever has not shown to be the inventory.
fn unverified() -> Problem {
    let detail = "The notice is not signed by a secret of this inventory: see webhook-id, webhook-timestamp and webhook-signature of Standard Webhooks.";
    Problem::new(ProblemKind::Unauthenticated, detail).header(WWW_AUTHENTICATE, SCHEME)
}
