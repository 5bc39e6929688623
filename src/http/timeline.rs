//! The timeline of a reservation, page by page.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::domain::{EntryKind, ReservationId};
use crate::http::extract::{Path, Query};
use crate::http::page;
use crate::http::principal::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reservations::{ReservationPath, StatusView};
use crate::http::scope::Scope;
use crate::http::state::ApiState;
use crate::operations::{TimelineEntry, TimelinePart, TimelinePlace};

/// The routes.
pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(get_timeline))
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
    /// Those after this one: `next` of the page before.
    after: Option<String>,
}

/// What happened to a reservation, oldest first: its moves, every call to the inventory with its answer, facts that are not published
/// yet, tasks that wait, and what humans were asked and said.
#[utoipa::path(
    get, path = "/reservations/{reservationId}/timeline", tag = "reservations", operation_id = "getReservationTimeline",
    params(ReservationPath, TimelineQuery),
    responses((status = 200, description = "One page of the timeline", body = TimelineView)),
)]
pub(crate) async fn get_timeline(
    principal: Principal,
    State(state): State<ApiState>,
    Path(path): Path<ReservationPath>,
    Query(query): Query<TimelineQuery>,
) -> Result<axum::Json<TimelineView>, Problem> {
    let tenant = principal.to(Scope::ReadReservations)?;
    let limit = page::limit(query.limit)?;
    let after = query.after.map(|text| read_place(&text).ok_or_else(unknown_place)).transpose()?;
    let part = TimelinePart { after, limit: Some(limit) };
    let found = state.operations.timeline(tenant, ReservationId(path.reservation_id), &part).await?;
    let timeline = found.ok_or_else(|| Problem::not_found("reservation"))?;
    Ok(axum::Json(TimelineView {
        reservation_id: timeline.reservation.id.0,
        status: timeline.reservation.status.into(),
        next: timeline.entries.last().filter(|_| timeline.more).map(|entry| write_place(&entry.place)),
        entries: timeline.entries.into_iter().map(EntryView::from).collect(),
        waiting_tasks: timeline.waiting.into_iter().map(|task| task.task_id).collect(),
    }))
}

/// A place as callers pass it on: of letters that a query needs not escape, and of no meaning to them.
fn write_place(place: &TimelinePlace) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}.{}.{}", place.at.timestamp_micros(), place.class, place.position, place.origin))
}

fn read_place(text: &str) -> Option<TimelinePlace> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.splitn(4, '.');
    let at = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
    // What PostgreSQL can hold as a time: years of at most four digits are.
    let sane = (0..=9_999).contains(&chrono::Datelike::year(&at));
    let (class, position, origin) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.to_owned());
    (sane && !origin.chars().any(char::is_control)).then_some(TimelinePlace { at, class, position, origin })
}

fn unknown_place() -> Problem {
    Problem::new(ProblemKind::Validation, "`after` must be the `next` of another page.")
}

/// The story of one reservation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Timeline)]
pub(crate) struct TimelineView {
    reservation_id: Uuid,
    status: StatusView,
    entries: Vec<EntryView>,
    /// There are more: ask again with `after` set to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The engine's external tasks that wait for the outcome.
    waiting_tasks: Vec<String>,
}

/// What kind of thing happened: `task` is an external task that waits or waits no longer, `human` a question to one, `decision` what
/// they said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TimelineEntryKind)]
pub(crate) enum EntryKindView {
    Move,
    Call,
    Answer,
    Event,
    Task,
    Human,
    Decision,
}

impl From<EntryKind> for EntryKindView {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Move => Self::Move,
            EntryKind::Call => Self::Call,
            EntryKind::Answer => Self::Answer,
            EntryKind::Event => Self::Event,
            EntryKind::Task => Self::Task,
            EntryKind::Human => Self::Human,
            EntryKind::Decision => Self::Decision,
        }
    }
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(crate) struct EntryView {
    at: DateTime<Utc>,
    kind: EntryKindView,
    #[schema(example = "REQUESTED -> RESERVED")]
    what: String,
    /// Who or what did it.
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl From<TimelineEntry> for EntryView {
    fn from(entry: TimelineEntry) -> Self {
        Self { at: entry.place.at, kind: entry.kind.into(), what: entry.what, by: entry.by, detail: entry.detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_kinds_are_spelled_like_those_of_the_domain() {
        for kind in EntryKind::ALL {
            assert_eq!(serde_json::to_value(EntryKindView::from(kind)).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else_is_read() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let place = TimelinePlace { at, class: 4, position: 17, origin: "task a.b:1 ended".to_owned() };
        assert_eq!(read_place(&write_place(&place)), Some(place));
        for text in ["1.2.3", "1.2.3.a\0", "x.2.3.a", "1.x.3.a", "1.2.x.a", "9223372036854775807.1.1.a", "1.99999999999.3.a"] {
            assert_eq!(read_place(&URL_SAFE_NO_PAD.encode(text)), None, "{text:?}");
        }
        assert_eq!((read_place(""), read_place("*"), read_place("\0")), (None, None, None));
    }
}
