//! The reservations of an order: listed, and asked for, which starts the order's process.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::domain::{AttemptGroup, CommandId, OrderId, ReservationId, ReservationStep, SourceName};
use crate::http::commands::{CommandView, accepted};
use crate::http::extract::{Path, Query};
use crate::http::key::IdempotencyKeyHeader;
use crate::http::lines::{self, RequestLine};
use crate::http::once::Once;
use crate::http::page;
use crate::http::principal::Principal;
use crate::http::problem::{FieldError, Problem, ProblemKind};
use crate::http::reservations::ReservationView;
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::http::text;
use crate::operations::{About, NewCommand, Put};

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_reservations, request_reservation))
}

/// Which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderPath {
    /// The order's id, which is the business key of its process.
    order_id: Uuid,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
    /// Those after this one: `next` of the page before.
    after: Option<Uuid>,
}

/// The reservations of an order, oldest first. Empty if there are none, or if nobody knows the order.
#[utoipa::path(
    get, path = "/orders/{orderId}/reservations", tag = "reservations", operation_id = "listOrderReservations",
    params(OrderPath, PageQuery),
    responses((status = 200, description = "One page", body = ReservationPage)),
)]
pub(crate) async fn list_reservations(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<OrderPath>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<ReservationPage>, Problem> {
    let tenant = principal.to(Scope::ReadReservations)?;
    let limit = page::limit(query.limit)?;
    // One more than asked for tells whether there is another page.
    let after = query.after.map(ReservationId);
    let mut found = state.operations.order_reservations(tenant, OrderId(path.order_id), after, limit + 1).await?;
    let more = found.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        found.pop();
    }
    let next = found.last().filter(|_| more).map(|row| row.id.0);
    Ok(axum::Json(ReservationPage { items: found.into_iter().map(ReservationView::from).collect(), next }))
}

/// One page of reservations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationPage {
    items: Vec<ReservationView>,
    /// There are more: ask again with `after` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// What an order wants held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReservationRequest)]
pub(crate) struct RequestBody {
    /// What is wanted; every line under an id of its own.
    #[schema(min_items = 1, max_items = 200)]
    lines: Vec<RequestLine>,
    /// The inventory; needed where several are configured and none is the default.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "main")]
    source: Option<String>,
    /// Which of the order's holds this is.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", default = "reserve")]
    reservation_step: Option<String>,
    /// Counts deliberate new attempts. Raise it only when the hold of the one before is refused, released or expired.
    #[schema(minimum = 1, maximum = 1_000_000, default = 1)]
    attempt_group: Option<i64>,
    /// How long to hold, in seconds.
    #[schema(minimum = 1, maximum = 315_360_000, example = 86_400)]
    hold_for_seconds: Option<i64>,
    /// The evidence that the order was accepted on, such as its quote's: where less can be had by now, the order is not reserved.
    evidence_id: Option<Uuid>,
    /// How old evidence may be, in seconds, and yet let the order go on without a call. Left out, the inventory is asked.
    #[schema(minimum = 1, maximum = 86_400)]
    evidence_max_age_seconds: Option<i64>,
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
}

/// Has an order reserved: its process is started, which reserves, waits for the fulfilment, and confirms. An order step is started
/// once for each attempt group: asked for again, under whatever key, the answer is the command that started it.
#[utoipa::path(
    post, path = "/orders/{orderId}/reservations", tag = "reservations", operation_id = "requestReservation",
    params(OrderPath, IdempotencyKeyHeader),
    request_body = RequestBody,
    responses((status = 202, description = "It will be reserved", body = CommandView,
        headers(("Location" = String, description = "The command")))),
)]
pub(crate) async fn request_reservation(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<OrderPath>,
    request: Once<RequestBody>,
) -> Result<Response, Problem> {
    let tenant = principal.to(Scope::WriteReservations)?;
    let (named, body) = request.split();
    let wanted = body.check().map_err(Problem::invalid)?;
    if let Some(source) = &wanted.source {
        state.operations.known_source(source)?;
    }
    let (working, subject, request_hash) = (state.clone(), principal.subject().to_owned(), named.fingerprint());
    named
        .carry_out(&state, tenant, "POST /orders/{orderId}/reservations", move |record| async move {
            let command = NewCommand {
                id: CommandId(record),
                tenant,
                about: About::Start(wanted.step, wanted.group),
                order: OrderId(path.order_id),
                request_hash,
                payload: wanted.variables,
                if_version: None,
                requested_by: subject,
            };
            match working.operations.put_command(&command).await? {
                Put::Stands(command) | Put::StartedBy { command, same: true } => Ok(accepted(*command)),
                Put::StartedBy { command, same: false } => {
                    let detail = "This order step was asked for with other contents; a new attempt needs a higher `attemptGroup`.";
                    Err(Problem::new(ProblemKind::OrderRequestedOtherwise, detail)
                        .with("command", json!(format!("/commands/{}", command.id))))
                }
            }
        })
        .await
}

/// A request that can be carried out.
struct Wanted {
    step: ReservationStep,
    group: AttemptGroup,
    source: Option<SourceName>,
    /// What the process begins with.
    variables: Value,
}

impl RequestBody {
    fn check(self) -> Result<Wanted, Vec<FieldError>> {
        let mut errors = lines::check(&self.lines);
        let mut at = |pointer: &str, detail: String| errors.push(FieldError { pointer: pointer.to_owned(), detail });
        let step = ReservationStep::parse(self.reservation_step.as_deref().unwrap_or("reserve"));
        if let Err(must) = &step {
            at("/reservationStep", must.to_string());
        }
        let group = AttemptGroup::new(self.attempt_group.unwrap_or(1)).filter(|group| group.number() <= 1_000_000);
        if group.is_none() {
            at("/attemptGroup", "must be 1 to 1000000".to_owned());
        }
        let source = self.source.as_deref().map(SourceName::parse).transpose();
        if let Err(must) = &source {
            at("/source", must.to_string());
        }
        if self.hold_for_seconds.is_some_and(|seconds| !(1..=3650 * 86_400).contains(&seconds)) {
            at("/holdForSeconds", "must be 1 second to ten years (315360000)".to_owned());
        }
        if self.evidence_max_age_seconds.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
            at("/evidenceMaxAgeSeconds", "must be 1 to 86400".to_owned());
        }
        let texts = [("/customerId", &self.customer_id), ("/locationId", &self.location_id), ("/channel", &self.channel)];
        errors.extend(texts.into_iter().filter_map(|(pointer, text)| text::check_opt(pointer, text.as_deref(), 200).err()));
        match (step, group, source) {
            (Ok(step), Some(group), Ok(source)) if errors.is_empty() => {
                let variables = self.variables();
                Ok(Wanted { step, group, source, variables })
            }
            _ => Err(errors),
        }
    }

    /// The process variables, by the names that the topics read.
    fn variables(self) -> Value {
        let mut variables = Map::new();
        variables.insert("orderLines".to_owned(), lines::variable(self.lines));
        let texts = [
            ("inventorySource", self.source),
            ("holdFor", self.hold_for_seconds.map(|seconds| format!("PT{seconds}S"))),
            ("evidenceId", self.evidence_id.map(|id| id.to_string())),
            ("freshEnough", self.evidence_max_age_seconds.map(|seconds| format!("PT{seconds}S"))),
            ("customerId", self.customer_id),
            ("locationId", self.location_id),
            ("channel", self.channel),
        ];
        variables.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))));
        Value::Object(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: Value) -> Result<Wanted, Vec<String>> {
        let body: RequestBody = serde_json::from_value(body).unwrap();
        body.check().map_err(|errors| errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn a_request_becomes_the_variables_that_topics_read() {
        let line = Uuid::from_u128(7);
        let wanted = check(json!({
            "lines": [{"orderLineId": line, "productOfferingId": "PHONE", "quantity": "2.50"}], "source": "main", "holdForSeconds": 60,
        }));
        let wanted = wanted.unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!((wanted.step.as_str(), wanted.group), ("reserve", AttemptGroup::FIRST));
        assert_eq!(
            wanted.variables,
            json!({
                "orderLines": [{"orderLineId": line, "productOfferingId": "PHONE", "quantity": "2.5"}],
                "inventorySource": "main", "holdFor": "PT60S",
            })
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let line = json!({"orderLineId": Uuid::from_u128(7), "productOfferingId": " ", "quantity": 1});
        let errors = check(json!({
            "lines": [line, line], "source": "a b", "reservationStep": "a:b", "attemptGroup": 0, "holdForSeconds": 0, "channel": "",
        }));
        let expected = [
            "/lines/0/productOfferingId",
            "/lines/1/orderLineId",
            "/lines/1/productOfferingId",
            "/reservationStep",
            "/attemptGroup",
            "/source",
            "/holdForSeconds",
            "/channel",
        ];
        assert_eq!(errors.err().unwrap(), expected);
        assert_eq!(check(json!({"lines": []})).err().unwrap(), ["/lines"]);
    }
}
