//! Reading requests: axum's extractors, whose refusals are problems like all others.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;

use crate::http::problem::{Problem, ProblemKind};

/// Parts of the path.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// The query string.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// A JSON body.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub(crate) T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(ProblemKind::Validation, format!("The path cannot be used: {}.", end(&rejection.body_text())))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(ProblemKind::Validation, format!("The query cannot be used: {}.", end(&rejection.body_text())))
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let said = end(&rejection.body_text());
        match (&rejection, rejection.status()) {
            (_, StatusCode::PAYLOAD_TOO_LARGE) => Self::new(ProblemKind::TooLarge, "The body is larger than what is read here."),
            (JsonRejection::MissingJsonContentType(_), _) => {
                Self::new(ProblemKind::UnsupportedMedia, "The body must be sent as `Content-Type: application/json`.")
            }
            (JsonRejection::JsonDataError(_), _) => Self::new(ProblemKind::Validation, format!("The body cannot be used: {said}.")),
            _ => Self::new(ProblemKind::Malformed, format!("The body cannot be read: {said}.")),
        }
    }
}

/// A sentence without its full stop, so that it can be given one.
fn end(text: &str) -> String {
    text.trim_end_matches('.').to_owned()
}
