//! What a notice says.

use serde::Serialize;

use crate::simulator::clock::Instant;
use crate::simulator::entry::Effect;
use crate::simulator::hold::{Hold, HoldState};

/// One notice, the same in every attempt to deliver it.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    /// The receiver knows a repeat by it.
    pub(super) id: String,
    pub(super) tenant: String,
    pub(super) body: Vec<u8>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Instant,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    reference: &'a str,
    request_key: &'a str,
    order_id: &'a str,
    state: HoldState,
    expires_at: Instant,
}

impl Notice {
    /// The notice of an effect, if it is one that clients are told of.
    pub(crate) fn of(id: String, tenant: &str, hold: &Hold, effect: Effect, now: Instant) -> Option<Self> {
        let kind = match effect {
            Effect::HoldPlaced => "reservation.held",
            Effect::HoldConfirmed => "reservation.confirmed",
            Effect::HoldReleased => "reservation.released",
            Effect::HoldExtended => "reservation.extended",
            Effect::HoldExpired => "reservation.expired",
            Effect::Forgotten | Effect::Drifted | Effect::Refused | Effect::None => return None,
        };
        let data = Data {
            reference: &hold.reference,
            request_key: &hold.request_key,
            order_id: &hold.order_id,
            state: hold.state,
            expires_at: hold.expires_at,
        };
        let body = crate::simulator::inventory::json(&Body { kind, timestamp: now, data });
        Some(Self { id, tenant: tenant.to_owned(), body })
    }
}
