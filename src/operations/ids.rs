//! The entrance at which new ids are made. They grow with time, so that rows made together lie together.

use uuid::Uuid;

use crate::domain::{CallId, EvidenceId, ReservationId, SessionId};

pub(crate) fn reservation() -> ReservationId {
    ReservationId(Uuid::now_v7())
}

pub(crate) fn call() -> CallId {
    CallId(Uuid::now_v7())
}

pub(crate) fn evidence() -> EvidenceId {
    EvidenceId(Uuid::now_v7())
}

pub(crate) fn request() -> Uuid {
    Uuid::now_v7()
}

/// The id of a boot: random, because worker ids are made of its beginning.
#[must_use]
pub fn session() -> SessionId {
    SessionId(Uuid::new_v4())
}
