//! Answers that are no success, as RFC 9457 has them: one table from what went wrong to status, type and title.
//!
//! `docs/problems.md` is the same table for people; a test compares.

use std::error::Error;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::chain::chain;
use crate::operations::{CheckError, OperationError};

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// It cannot be read.
    Malformed,
    /// It can be read, but a value in it cannot be used.
    Validation,
    /// It is not said whose data it is about.
    TenantMissing,
    /// It is not said, or not proven, who makes it.
    Unauthenticated,
    /// Whoever makes it may not.
    Forbidden,
    /// There is no such thing, or not for this tenant.
    NotFound,
    /// There is such a thing, but this cannot be done with it.
    MethodNotAllowed,
    /// A request that must be named is not.
    KeyMissing,
    /// The name belongs to another request.
    KeyReused,
    /// The request is being worked on.
    RequestInProgress,
    /// An order step was asked for with other contents.
    OrderRequestedOtherwise,
    /// It has changed since the caller saw it.
    VersionConflict,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMedia,
    /// Too much is asked at once.
    Overloaded,
    /// It took too long.
    TookTooLong,
    /// The database cannot be reached.
    DatabaseAway,
    /// The issuer of tokens cannot be reached, and its keys are not here.
    IssuerAway,
    /// A mistake of ours.
    Internal,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct ProblemRow {
    /// What went wrong.
    pub kind: ProblemKind,
    /// The status.
    pub status: u16,
    /// The end of the type.
    pub name: &'static str,
    /// The title, the same for every occurrence.
    pub title: &'static str,
    /// What a caller can do about it.
    pub remedy: &'static str,
}

/// What stands before a problem's name in its type.
const TYPE: &str = "urn:holdfast:problem:";

/// The table.
pub const PROBLEMS: &[ProblemRow] = &[
    row(ProblemKind::Malformed, 400, "malformed", "The request cannot be read", "Correct the request; `detail` says where it breaks off."),
    row(ProblemKind::Validation, 400, "validation", "A value cannot be used", "Correct what `detail` or `errors` name."),
    row(
        ProblemKind::TenantMissing,
        400,
        "tenant-missing",
        "It is not said which tenant is meant",
        "Send the header `Holdfast-Tenant`. Only where the API runs without authentication.",
    ),
    row(ProblemKind::Unauthenticated, 401, "unauthenticated", "Who are you?", "Send a valid bearer token."),
    row(ProblemKind::Forbidden, 403, "forbidden", "You may not do this", "Ask for a token with the scope that `detail` names."),
    row(
        ProblemKind::NotFound,
        404,
        "not-found",
        "There is no such thing",
        "Check the id. What belongs to another tenant is answered the same way.",
    ),
    row(
        ProblemKind::MethodNotAllowed,
        405,
        "method-not-allowed",
        "This cannot be done here",
        "Use a method that the header `Allow` names.",
    ),
    row(
        ProblemKind::KeyMissing,
        400,
        "idempotency-key-missing",
        "The request must be named",
        "Send the header `Idempotency-Key`; the same one when the same request is sent again.",
    ),
    row(
        ProblemKind::RequestInProgress,
        409,
        "request-in-progress",
        "The request is being worked on",
        "Send it again in a moment, with the same `Idempotency-Key`.",
    ),
    row(
        ProblemKind::OrderRequestedOtherwise,
        409,
        "order-requested-otherwise",
        "The order step was asked for with other contents",
        "Look at the command that `command` names; for a deliberate new attempt raise `attemptGroup`.",
    ),
    row(
        ProblemKind::VersionConflict,
        412,
        "version-conflict",
        "It has changed since you saw it",
        "Look again, decide again, and send the new `ETag` in `If-Match`.",
    ),
    row(
        ProblemKind::KeyReused,
        422,
        "idempotency-key-reused",
        "The name belongs to another request",
        "Give a new request a new `Idempotency-Key`.",
    ),
    row(ProblemKind::TooLarge, 413, "too-large", "The body is too large", "Send less, or raise `http.max_body_bytes`."),
    row(ProblemKind::UnsupportedMedia, 415, "unsupported-media-type", "The body is not JSON", "Send `Content-Type: application/json`."),
    row(ProblemKind::Overloaded, 503, "overloaded", "Too much is asked at once", "Try again after `Retry-After`; nothing was done."),
    row(
        ProblemKind::TookTooLong,
        503,
        "took-too-long",
        "The answer took too long",
        "Try again after `Retry-After`, with the same `Idempotency-Key` where the request has one.",
    ),
    row(ProblemKind::DatabaseAway, 503, "database-away", "The database cannot be reached", "Try again after `Retry-After`."),
    row(
        ProblemKind::IssuerAway,
        503,
        "issuer-away",
        "Tokens cannot be verified at the moment",
        "Try again after `Retry-After`. For the operator: see `http.auth.jwks_url`.",
    ),
    row(ProblemKind::Internal, 500, "internal", "A mistake of ours", "Report it with `instance`: the log of the daemon has the same."),
];

const fn row(kind: ProblemKind, status: u16, name: &'static str, title: &'static str, remedy: &'static str) -> ProblemRow {
    ProblemRow { kind, status, name, title, remedy }
}

impl ProblemKind {
    fn row(self) -> &'static ProblemRow {
        // Every kind has its row: a test walks through all of them.
        PROBLEMS.iter().find(|row| row.kind == self).unwrap_or(&PROBLEMS[PROBLEMS.len() - 1])
    }
}

/// One value that cannot be used.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where it stands in the body, as a JSON pointer.
    #[schema(example = "/lines/0/quantity")]
    pub(crate) pointer: String,
    /// What it must be.
    pub(crate) detail: String,
}

/// A problem on its way to the caller.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    more: Vec<(&'static str, Value)>,
}

/// A problem as callers read it (RFC 9457, `application/problem+json`).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Which kind of problem; `docs/problems.md` lists them all.
    #[serde(rename = "type")]
    #[schema(example = "urn:holdfast:problem:not-found")]
    type_uri: String,
    /// The same words for every problem of this type.
    title: &'static str,
    /// The HTTP status once more.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What it is this time.
    detail: String,
    /// This very occurrence, where the daemon's log says more about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Each value that cannot be used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
}

impl Problem {
    /// A problem; `detail` is a sentence for the caller.
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), headers: Vec::new(), more: Vec::new() }
    }

    /// Values that cannot be used.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail)).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(ProblemKind::Validation, detail) }
    }

    /// There is no such thing. The same words whether there is none or it is another tenant's.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(ProblemKind::NotFound, format!("There is no such {what}."))
    }

    /// A mistake of ours, or of the database's: the log has the causes, the caller a number to name it by.
    pub(crate) fn internal(error: &dyn Error) -> Self {
        let instance = format!("urn:uuid:{}", uuid::Uuid::new_v4());
        tracing::error!(instance, error = %chain(error), "a request failed by a mistake of ours");
        Self::new(ProblemKind::Internal, "The daemon's log says more.").with("instance", Value::String(instance))
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What went wrong.
    pub(crate) fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The same with another member.
    pub(crate) fn with(mut self, member: &'static str, value: Value) -> Self {
        self.more.push((member, value));
        self
    }
}

impl From<OperationError> for Problem {
    fn from(error: OperationError) -> Self {
        Self::from(&error)
    }
}

impl From<&OperationError> for Problem {
    fn from(error: &OperationError) -> Self {
        if error.is_away() {
            tracing::warn!(error = %chain(error), "a request could not be answered");
            return Self::new(ProblemKind::DatabaseAway, "The database cannot be reached right now.");
        }
        match error {
            OperationError::UnknownSource { .. } => Self::new(ProblemKind::Validation, format!("Cannot {error}.")),
            OperationError::Store(_) | OperationError::Interrupted(_) => Self::internal(error),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        match &error {
            CheckError::Lines(must) => Self::new(ProblemKind::Validation, format!("The lines of the check {must}.")),
            CheckError::Operation(error) => Self::from(error.as_ref()),
            CheckError::BrokenOff => Self::new(ProblemKind::TookTooLong, "The inventory's answer was broken off; ask again."),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let row = self.kind.row();
        let body = ProblemBody {
            type_uri: format!("{TYPE}{}", row.name),
            title: row.title,
            status: row.status,
            detail: self.detail,
            instance: None,
            errors: self.errors,
        };
        let mut body = serde_json::to_value(body).unwrap_or_default();
        if let Value::Object(members) = &mut body {
            members.extend(self.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE || self.kind == ProblemKind::RequestInProgress {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write as _;

    use super::*;

    const PAGE: &str = include_str!("../../docs/problems.md");

    #[test]
    fn the_page_of_problems_is_the_table() {
        let mut wanted = String::new();
        for row in PROBLEMS {
            let _ = writeln!(wanted, "| `{}` | {} | {} | {} |", row.name, row.status, row.title, row.remedy);
        }
        assert!(PAGE.contains(&wanted), "docs/problems.md must hold these rows:\n{wanted}");
    }

    #[test]
    fn every_kind_stands_in_the_table_once_under_a_name_of_its_own() {
        let kinds: HashSet<_> = PROBLEMS.iter().map(|row| row.kind).collect();
        let names: HashSet<_> = PROBLEMS.iter().map(|row| row.name).collect();
        assert_eq!((kinds.len(), names.len()), (PROBLEMS.len(), PROBLEMS.len()));
        for row in PROBLEMS {
            assert_eq!(row.kind.row().name, row.name);
            assert!((400..600).contains(&row.status), "{}", row.name);
        }
    }

    #[test]
    fn a_problem_says_nothing_of_its_causes() {
        let cause = std::io::Error::other("password=hunter2");
        let problem = Problem::internal(&cause);
        assert_eq!(problem.kind, ProblemKind::Internal);
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}
