//! The oracle's side of the admin interface: the ledger, the holds, and what befalls them.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::admin::{problem, read};
use crate::simulator::entry::{Effect, LedgerEntry, Operation, Origin};
use crate::simulator::faults::respond;
use crate::simulator::hold::Hold;
use crate::simulator::inventory::{Answer, Mishap};
use crate::simulator::shared::Shared;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LedgerQuery {
    tenant: Option<String>,
    order_id: Option<String>,
    key: Option<String>,
    reference: Option<String>,
    operation: Option<Operation>,
    effect: Option<Effect>,
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HoldsQuery {
    tenant: Option<String>,
    order_id: Option<String>,
    key: Option<String>,
    active: Option<bool>,
}

#[derive(Serialize)]
struct OwnedHold<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    hold: &'a Hold,
    consumed: bool,
}

impl LedgerQuery {
    fn wants(&self, entry: &LedgerEntry) -> bool {
        let same = |wanted: &Option<String>, fact: &Option<String>| wanted.is_none() || wanted == fact;
        self.tenant.as_ref().is_none_or(|tenant| *tenant == entry.tenant)
            && same(&self.order_id, &entry.order_id)
            && same(&self.key, &entry.key)
            && same(&self.reference, &entry.reference)
            && self.operation.is_none_or(|operation| operation == entry.operation)
            && self.effect.is_none_or(|effect| effect == entry.effect)
    }
}

pub(super) async fn ledger(State(shared): State<Arc<Shared>>, Query(query): Query<LedgerQuery>) -> Response<Body> {
    let inventory = shared.inventory_now();
    let ledger = inventory.ledger();
    let limit = query.limit.unwrap_or(usize::MAX);
    let wanted = ledger.after(query.after).iter().filter(|entry| query.wants(entry)).take(limit);
    let entries: Vec<&LedgerEntry> = wanted.map(AsRef::as_ref).collect();
    Json(json!({ "entries": entries, "lastSeq": ledger.last_seq() })).into_response()
}

pub(super) async fn holds(State(shared): State<Arc<Shared>>, Query(query): Query<HoldsQuery>) -> Response<Body> {
    let inventory = shared.inventory_now();
    let same = |wanted: &Option<String>, fact: &str| wanted.as_deref().is_none_or(|wanted| wanted == fact);
    let wanted = inventory.holds(query.tenant.as_deref()).filter(|(_, hold)| {
        same(&query.order_id, &hold.order_id)
            && same(&query.key, &hold.request_key)
            && query.active.is_none_or(|active| active == hold.state.is_active())
    });
    let holds: Vec<_> = wanted.map(|(tenant, hold)| OwnedHold { tenant, hold, consumed: hold.consumed }).collect();
    Json(json!({ "holds": holds })).into_response()
}

pub(super) async fn befall(
    State(shared): State<Arc<Shared>>,
    Path((reference, mishap)): Path<(String, String)>,
    body: Bytes,
) -> Response<Body> {
    let mishap = match mishap.as_str() {
        "expire" => Mishap::Expire,
        "forget" => Mishap::Forget,
        "consume" => Mishap::Consume,
        "release" => Mishap::Release,
        "drift" => match read(&body) {
            Ok(drift) => Mishap::Drift(drift),
            Err(problem) => return *problem,
        },
        _ => return problem(StatusCode::NOT_FOUND, "a hold can expire, forget, drift, consume or release"),
    };
    match shared.befall(&reference, &mishap, Origin::Admin) {
        Ok(hold) => Json(hold).into_response(),
        Err(refusal) => respond(Answer::refused(&refusal)),
    }
}
