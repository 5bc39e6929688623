//! Availability checks: asked for, looked up, asked again with what changed, and all of a quote's.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::domain::{EvidenceId, OrderId, QuoteId, SourceName, Subject};
use crate::http::evidence::{AvailabilityView, DiffBody, EvidenceBody};
use crate::http::extract::{Path, Query};
use crate::http::key::IdempotencyKeyHeader;
use crate::http::lines::{self, RequestLine};
use crate::http::once::Once;
use crate::http::principal::Principal;
use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::http::text;
use crate::operations::CheckAvailability;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create_check))
        .routes(routes!(get_check))
        .routes(routes!(recheck))
        .routes(routes!(get_quote_availability))
}

/// Which check.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckPath {
    /// The evidence's id.
    evidence_id: Uuid,
}

/// Which quote.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotePath {
    /// The quote's id.
    quote_id: Uuid,
}

/// Which revision of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RevisionQuery {
    /// The revision; the newest that was checked, if left out.
    #[param(minimum = 0)]
    revision: Option<i32>,
}

/// What is asked about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AvailabilityCheckRequest)]
pub(crate) struct CheckBody {
    /// What is asked about; every line under an id of its own.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<RequestLine>,
    /// The inventory; needed where several are configured and none is the default.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    source: Option<String>,
    /// The quote that the answer is for, if it is for one.
    quote_id: Option<Uuid>,
    /// The quote's revision.
    #[schema(minimum = 0, default = 1)]
    quote_revision: Option<i32>,
    /// The order that the answer is for, if it is for one. Not together with `quoteId`.
    order_id: Option<Uuid>,
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    customer_id: Option<String>,
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    location_id: Option<String>,
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$"
    )]
    channel: Option<String>,
    /// How old an answer may be, in seconds: 0 has the inventory asked now. Left out, it is what the inventory's settings allow.
    #[schema(minimum = 0, maximum = 86_400)]
    max_age_seconds: Option<i64>,
}

/// Has an inventory asked what can be had, or answers from what it said recently enough. An inventory that does not answer makes
/// evidence that says so: `UNKNOWN`, with a hint when to ask again.
#[utoipa::path(
    post, path = "/availability-checks", tag = "availability", operation_id = "createAvailabilityCheck",
    params(IdempotencyKeyHeader),
    request_body = CheckBody,
    responses((status = 201, description = "The evidence", body = EvidenceBody,
        headers(("Location" = String, description = "The evidence")))),
)]
pub(crate) async fn create_check(
    principal: Principal,
    State(state): State<ApiState>,
    request: Once<CheckBody>,
) -> Result<Response, Problem> {
    let tenant = principal.to(Scope::CheckAvailability)?;
    let (named, body) = request.split();
    body.check().map_err(Problem::invalid)?;
    let source = match &body.source {
        Some(name) => SourceName::parse(name).map_err(|must| Problem::invalid(vec![at("/source", must.to_string())]))?,
        None => state.default_source.clone().ok_or_else(|| {
            Problem::invalid(vec![at(
                "/source",
                "must name an inventory, because several are configured and none is the default".to_owned(),
            )])
        })?,
    };
    state.operations.known_source(&source)?;
    let working = state.clone();
    named
        .carry_out(&state, tenant, "POST /availability-checks", move |record| async move {
            let subject = match (body.quote_id, body.order_id) {
                (Some(quote), _) => Subject::Quote(QuoteId(quote), body.quote_revision.unwrap_or(1)),
                (None, Some(order)) => Subject::Order(OrderId(order)),
                (None, None) => Subject::Operational(record),
            };
            let check = CheckAvailability {
                tenant,
                source,
                subject,
                lines: body.lines.into_iter().map(Into::into).collect(),
                customer: body.customer_id,
                location: body.location_id,
                channel: body.channel,
                request: Some(record.to_string()),
                fresh_enough: body.max_age_seconds.map(TimeDelta::seconds),
            };
            let evidence = EvidenceBody::from(working.operations.check_availability(check).await?);
            Ok(created(evidence.id(), axum::Json(evidence)))
        })
        .await
}

/// Evidence as it was kept, and how it reads now.
#[utoipa::path(
    get, path = "/availability-checks/{evidenceId}", tag = "availability", operation_id = "getAvailabilityCheck",
    params(CheckPath),
    responses((status = 200, description = "The evidence", body = EvidenceBody)),
)]
pub(crate) async fn get_check(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<CheckPath>,
) -> Result<axum::Json<EvidenceBody>, Problem> {
    let tenant = principal.to(Scope::ReadAvailability)?;
    let found = state.operations.evidence(tenant, EvidenceId(path.evidence_id)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("availability check"))?.into()))
}

/// Asks the same question again, whatever the age of the evidence, and says what changed.
#[utoipa::path(
    post, path = "/availability-checks/{evidenceId}/recheck", tag = "availability", operation_id = "recheckAvailability",
    params(CheckPath, IdempotencyKeyHeader),
    responses((status = 201, description = "The fresh evidence, and what it says differently", body = RecheckBody,
        headers(("Location" = String, description = "The fresh evidence")))),
)]
pub(crate) async fn recheck(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<CheckPath>,
    request: Once<Value>,
) -> Result<Response, Problem> {
    let tenant = principal.to(Scope::CheckAvailability)?;
    let (named, body) = request.split();
    if !matches!(&body, Value::Null) && body != json!({}) {
        return Err(Problem::new(ProblemKind::Validation, "A recheck has no body: it asks what was asked before."));
    }
    let working = state.clone();
    named
        .carry_out(&state, tenant, "POST /availability-checks/{evidenceId}/recheck", move |record| async move {
            let found = working.operations.recheck(tenant, EvidenceId(path.evidence_id), Some(record.to_string())).await?;
            let rechecked = found.ok_or_else(|| Problem::not_found("availability check"))?;
            let evidence = EvidenceBody::from(rechecked.fresh);
            Ok(created(evidence.id(), axum::Json(RecheckBody { diff: rechecked.diff.into(), evidence })))
        })
        .await
}

/// What is known of a quote: the newest evidence of each inventory that was asked for it, and the verdict over all. Nobody is asked.
#[utoipa::path(
    get, path = "/quotes/{quoteId}/availability", tag = "availability", operation_id = "getQuoteAvailability",
    params(QuotePath, RevisionQuery),
    responses((status = 200, description = "What is known; `NOT_CHECKED` if nothing", body = QuoteBody)),
)]
pub(crate) async fn get_quote_availability(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<QuotePath>,
    Query(query): Query<RevisionQuery>,
) -> Result<axum::Json<QuoteBody>, Problem> {
    let tenant = principal.to(Scope::ReadAvailability)?;
    if query.revision.is_some_and(|revision| revision < 0) {
        return Err(Problem::new(ProblemKind::Validation, "`revision` must be 0 or more."));
    }
    let found = state.operations.quote_evidence(tenant, QuoteId(path.quote_id), query.revision).await?;
    Ok(axum::Json(QuoteBody {
        quote_id: path.quote_id,
        status: found.status.into(),
        evidence: found.evidence.into_iter().map(EvidenceBody::from).collect(),
    }))
}

/// Fresh evidence, and what it says differently.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AvailabilityRecheck)]
pub(crate) struct RecheckBody {
    evidence: EvidenceBody,
    diff: DiffBody,
}

/// What is known of a quote.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuoteAvailability)]
pub(crate) struct QuoteBody {
    quote_id: Uuid,
    /// The verdict over all of it.
    status: AvailabilityView,
    /// The newest of each inventory.
    evidence: Vec<EvidenceBody>,
}

impl CheckBody {
    fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = lines::check(&self.lines);
        if self.quote_id.is_some() && self.order_id.is_some() {
            errors.push(at("/orderId", "must be left out where there is a `quoteId`".to_owned()));
        }
        if self.quote_revision.is_some_and(|revision| revision < 0) {
            errors.push(at("/quoteRevision", "must be 0 or more".to_owned()));
        }
        if self.max_age_seconds.is_some_and(|seconds| !(0..=86_400).contains(&seconds)) {
            errors.push(at("/maxAgeSeconds", "must be 0 to 86400".to_owned()));
        }
        let texts = [("/customerId", &self.customer_id), ("/locationId", &self.location_id), ("/channel", &self.channel)];
        errors.extend(texts.into_iter().filter_map(|(pointer, text)| text::check_opt(pointer, text.as_deref(), 200).err()));
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

fn at(pointer: &str, detail: String) -> FieldError {
    FieldError { pointer: pointer.to_owned(), detail }
}

fn created(id: Uuid, body: impl IntoResponse) -> Response {
    let location = HeaderValue::from_str(&format!("/availability-checks/{id}")).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::CREATED, [(LOCATION, location)], body).into_response()
}
