//! Commands: what became of what was accepted with 202.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::domain::{CommandId, CommandKind, CommandState};
use crate::http::extract::Path;
use crate::http::principal::Principal;
use crate::http::problem::Problem;
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::operations::CommandRecord;

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_command))
}

/// Which command.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandPath {
    /// The command's id.
    command_id: Uuid,
}

/// How far a command is. `PENDING` ones are tried until they are done or refused, whatever restarts meanwhile.
#[utoipa::path(
    get, path = "/commands/{commandId}", tag = "commands", operation_id = "getCommand",
    params(CommandPath),
    responses((status = 200, description = "The command", body = CommandView)),
)]
pub(crate) async fn get_command(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<CommandPath>,
) -> Result<axum::Json<CommandView>, Problem> {
    let tenant = principal.to(Scope::ReadReservations)?;
    let found = state.operations.command(tenant, CommandId(path.command_id)).await?;
    Ok(axum::Json(found.ok_or_else(|| Problem::not_found("command"))?.into()))
}

/// 202: it will be carried out. `Location` names the command.
pub(crate) fn accepted(command: CommandRecord) -> Response {
    let location = HeaderValue::from_str(&format!("/commands/{}", command.id)).unwrap_or_else(|_| HeaderValue::from_static("/"));
    (StatusCode::ACCEPTED, [(LOCATION, location)], axum::Json(CommandView::from(command))).into_response()
}

/// What a command is to do.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum KindView {
    StartOrder,
    Release,
    Confirm,
    Extend,
}

/// How far it is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StateView {
    Pending,
    Done,
    Refused,
}

/// A command.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Command)]
pub(crate) struct CommandView {
    command_id: Uuid,
    kind: KindView,
    state: StateView,
    order_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<Uuid>,
    /// What became of it: `STARTED`, `WAS_RUNNING`, `PROCESS_TOLD`, the reservation's state, or why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "STARTED")]
    outcome: Option<String>,
    /// More about the outcome, or about what stands in the way while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The order's process that was started or told.
    #[serde(skip_serializing_if = "Option::is_none")]
    process_instance_id: Option<String>,
    /// How often it was tried.
    attempts: i32,
    requested_by: String,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<DateTime<Utc>>,
    /// Where its reservations are shown.
    #[schema(example = "/orders/2f2b9fc2-6e9c-46b3-a246-4be4f49833a1/reservations")]
    reservations: String,
}

impl From<CommandRecord> for CommandView {
    fn from(command: CommandRecord) -> Self {
        Self {
            command_id: command.id.0,
            kind: match command.kind {
                CommandKind::StartOrder => KindView::StartOrder,
                CommandKind::Release => KindView::Release,
                CommandKind::Confirm => KindView::Confirm,
                CommandKind::Extend => KindView::Extend,
            },
            state: match command.state {
                CommandState::Pending => StateView::Pending,
                CommandState::Done => StateView::Done,
                CommandState::Refused => StateView::Refused,
            },
            order_id: command.order.0,
            reservation_id: command.reservation.map(|id| id.0),
            outcome: command.outcome,
            detail: command.detail,
            process_instance_id: command.process_instance,
            attempts: command.attempts,
            requested_by: command.requested_by,
            created_at: command.created_at,
            finished_at: command.finished_at,
            reservations: format!("/orders/{}/reservations", command.order),
        }
    }
}
