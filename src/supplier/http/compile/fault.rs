//! What can be wrong with a profile, each fault a sentence that begins with its place.

use crate::supplier::http::body::BodyError;
use crate::supplier::http::template::TemplateError;

/// What is wrong at one place of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("must start with '/' and must not have '#', a space or a '.' or '..' of its own between slashes")]
    BadPath,
    #[error("is no JSON pointer: one is empty or starts with '/'")]
    BadPointer,
    #[error("is no header name")]
    BadHeader,
    #[error("is set by the daemon; credentials belong into the source's auth, not into a profile")]
    OwnHeader,
    #[error("must list at least one status from 200 to 299, and no other")]
    BadSuccess,
    #[error("must be a status from 200 to 599")]
    BadStatus,
    #[error("lists the same status and code twice")]
    RuleTwice,
    #[error("is a success already, so that a rule without a code contradicts it")]
    RuleContradicts,
    #[error("refuses by status alone; a refusal needs a code")]
    RefusedWithoutCode,
    #[error("has a code, but error.code does not say where an answer has its code")]
    NoCodePointer,
    #[error("has a state, which only goes with means = \"refused\"")]
    StateWithoutRefusal,
    #[error("cannot be the meaning of an answer to this operation")]
    ImpossibleMeaning,
    #[error("must be given, because {0}")]
    Needed(&'static str),
    #[error("must not be given, because {0}")]
    Contradicts(&'static str),
    #[error("sends nothing by which the inventory could tell the hold: {0}")]
    NeverSent(&'static str),
}

/// A fault with its place, such as `reserve.body.lines`.
pub(crate) type Placed = (String, Fault);
