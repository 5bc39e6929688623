//! All routes, the document that describes them, and what stands before every one of them.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi, ToSchema as _};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::http::access::{with_security, with_tenant};
use crate::http::gate::Gate;
use crate::http::limits::{Limits, in_time, measured, panicked, shed, unpacked};
use crate::http::problem::{PROBLEMS, Problem, ProblemBody, ProblemKind};
use crate::http::state::{ApiState, HttpSettings};
use crate::http::{
    availability_checks, commands, customers, key, order_reservations, reservation_commands, reservations, timeline, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "holdfast",
        description = "The inventory work of order processes: what can be had, what is held, and what became of it.\n\n\
            Every answer that is no success is a problem (RFC 9457); `docs/problems.md` lists them. Times are RFC 3339 in UTC, \
            quantities are decimal numbers as text. Members may be added to answers at any time.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "availability", description = "What can be had, as an inventory said it, and until when that counts"),
        (name = "reservations", description = "Holds of orders, and what happened to them"),
        (name = "commands", description = "What became of what was accepted with 202"),
        (name = "webhooks", description = "Word from inventories"),
        (name = "customers", description = "What customers have, by what the inventory told"),
    ),
    components(schemas(ProblemBody)),
)]
struct Document;

/// The routes of every resource.
fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(availability_checks::routes())
        .merge(order_reservations::routes())
        .merge(reservations::routes())
        .merge(timeline::routes())
        .merge(reservation_commands::routes())
        .merge(commands::routes())
        .merge(customers::routes())
        .merge(webhooks::routes())
}

/// The OpenAPI document, without what depends on how callers are told apart.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    with_problems(routes().split_for_parts().1)
}

/// The whole API.
pub(crate) fn router(state: ApiState, settings: &HttpSettings) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = with_problems(document);
    let document = match &*state.gate {
        Gate::Tokens(_) => with_security(document),
        Gate::Open { default_tenant, .. } => with_tenant(document, default_tenant.is_none()),
    };
    let limits = Limits::new(settings.max_in_flight, settings.request_timeout);
    router
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(async || Problem::new(ProblemKind::NotFound, "There is no such path; /docs shows those that there are."))
        .method_not_allowed_fallback(async || Problem::new(ProblemKind::MethodNotAllowed, "The path is there, but not for this method."))
        .with_state(state)
        .layer(DefaultBodyLimit::max(settings.max_body_bytes))
        .layer(from_fn(unpacked))
        .layer(from_fn_with_state(limits.clone(), in_time))
        .layer(from_fn_with_state(limits, shed))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(measured))
}

/// Writes down the problems that every route may answer with.
fn with_problems(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten() {
            let mut possible = BTreeMap::<u16, Vec<&str>>::new();
            for row in PROBLEMS.iter().filter(|row| is_possible(row.kind, operation)) {
                possible.entry(row.status).or_default().push(row.title);
            }
            for (status, titles) in possible {
                let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).build();
                let response = ResponseBuilder::new().description(titles.join("; ")).content("application/problem+json", content).build();
                operation.responses.responses.entry(status.to_string()).or_insert(RefOr::T(response));
            }
            let keyed = has(operation, key::HEADER.as_str());
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else { continue };
                response.headers.extend(headers_of(status, keyed).map(|(name, header)| (name.to_owned(), RefOr::T(header))));
            }
        }
    }
    document
}

/// The headers that answers of a status may have, whatever the route.
fn headers_of(status: &str, keyed: bool) -> impl Iterator<Item = (&'static str, Header)> {
    // Those that are kept under a key: what was done, and the refusals of the work itself.
    let kept = keyed && (status.starts_with('2') || matches!(status, "400" | "404" | "409"));
    let rows = [
        (kept, "Idempotency-Replayed", Type::String, "`true`: this was answered before, and nothing was done now"),
        (matches!(status, "409" | "503"), "Retry-After", Type::Integer, "In how many seconds it may be tried again"),
        (matches!(status, "401" | "403"), "WWW-Authenticate", Type::String, "What is missing"),
        (status == "412", "ETag", Type::String, "The version by now, for `If-Match`"),
    ];
    rows.into_iter().filter(|(has, ..)| *has).map(|(_, name, kind, description)| {
        let header = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(description)).build();
        (name, header)
    })
}

/// Whether any route, or any with a body, may answer so. What only some may is written where they are.
fn is_possible(kind: ProblemKind, operation: &Operation) -> bool {
    match kind {
        ProblemKind::Malformed
        | ProblemKind::Validation
        | ProblemKind::TenantMissing
        | ProblemKind::Unauthenticated
        | ProblemKind::Forbidden
        | ProblemKind::NotFound
        | ProblemKind::Overloaded
        | ProblemKind::TookTooLong
        | ProblemKind::DatabaseAway
        | ProblemKind::IssuerAway
        | ProblemKind::Internal => true,
        ProblemKind::TooLarge | ProblemKind::UnsupportedMedia => operation.request_body.is_some() || has(operation, key::HEADER.as_str()),
        ProblemKind::KeyMissing | ProblemKind::KeyReused | ProblemKind::RequestInProgress => has(operation, key::HEADER.as_str()),
        ProblemKind::VersionConflict => has(operation, "if-match"),
        ProblemKind::OrderRequestedOtherwise => operation.operation_id.as_deref() == Some("requestReservation"),
        ProblemKind::MethodNotAllowed => false,
    }
}

/// Whether an operation reads a header.
fn has(operation: &Operation, header: &str) -> bool {
    operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(header),
        RefOr::Ref(_) => false,
    })
}
