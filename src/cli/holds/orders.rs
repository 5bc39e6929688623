//! What the engine knows of the orders behind holds and reservations.

use std::collections::{HashMap, HashSet};

use crate::domain::{Books, IdempotencyKey, OrderId, OrderState, Orders, ReservationStatus as Status};
use crate::engine::{EngineClient, EngineError, EngineTenant, ProcessInstanceId, ProcessInstanceRecord};

/// Asks about every order on which a judgement may hang.
pub(super) async fn ask(engine: &EngineClient, books: &Books) -> Result<Orders, EngineError> {
    let judged = |status| matches!(status, Status::Reserved | Status::Confirmed | Status::Requested);
    let asked = books.rows.iter().filter(|ours| judged(ours.row.status)).filter_map(|ours| ours.row.process_instance.as_deref());
    let instances: Vec<ProcessInstanceId> = asked.collect::<HashSet<_>>().into_iter().map(ProcessInstanceId::new).collect();
    let records = engine.instance_records(&instances).await?;
    // The order is the outermost process; what asked for the hold may have been called by it.
    let is_called = |record: &ProcessInstanceRecord| record.root_process_instance_id.clone().filter(|root| *root != record.id);
    let roots: Vec<ProcessInstanceId> = records.values().filter_map(is_called).collect::<HashSet<_>>().into_iter().collect();
    let roots = engine.instance_records(&roots).await?;
    let root_of = |instance: &ProcessInstanceId| {
        let record = records.get(instance);
        record.and_then(is_called).map_or(record, |root| roots.get(&root))
    };
    let deleted = instances.iter().filter_map(root_of).filter(|root| root.is_terminated());
    let anew = living(engine, deleted.filter_map(|root| root.business_key.clone()).collect()).await?;
    let mut orders = Orders::default();
    for instance in &instances {
        let found = match root_of(instance) {
            None => OrderState::NotKnown,
            // The order was started anew: it has the hold that the deleted process asked for.
            Some(root) if root.is_terminated() && anew.contains(&which(root)) => OrderState::Lives,
            Some(root) => state(root),
        };
        orders.by_instance.insert(instance.as_str().to_owned(), found);
    }
    orders.by_order = of_strangers(engine, books).await?;
    Ok(orders)
}

/// What makes two instances the same order: tenant, process and business key.
type Which = (Option<EngineTenant>, String, Option<String>);

fn which(record: &ProcessInstanceRecord) -> Which {
    (record.tenant_id.clone(), record.process_definition_key.clone(), record.business_key.clone())
}

/// The orders with these business keys that are under way.
async fn living(engine: &EngineClient, business_keys: HashSet<String>) -> Result<HashSet<Which>, EngineError> {
    let business_keys: Vec<String> = business_keys.into_iter().collect();
    let records = engine.instance_records_of(&business_keys).await?;
    Ok(records.iter().filter(|record| record.is_under_way()).map(which).collect())
}

/// The orders of holds that have a key of ours and no reservation.
async fn of_strangers(engine: &EngineClient, books: &Books) -> Result<HashMap<OrderId, OrderState>, EngineError> {
    let known: HashSet<&str> = books.rows.iter().map(|ours| ours.row.key.as_str()).collect();
    let keys = books.holds.iter().filter_map(|hold| hold.key.as_deref()).filter(|key| !known.contains(key));
    let strangers: HashSet<OrderId> = keys.filter_map(IdempotencyKey::parts).map(|(order, ..)| order).collect();
    let business_keys: Vec<String> = strangers.iter().map(ToString::to_string).collect();
    let mut states: HashMap<OrderId, OrderState> = strangers.into_iter().map(|order| (order, OrderState::NotKnown)).collect();
    for record in engine.instance_records_of(&business_keys).await? {
        let Some(order) = record.business_key.as_deref().and_then(|key| OrderId::parse(key).ok()) else { continue };
        let Some(known) = states.get_mut(&order) else { continue };
        // One that lives outweighs all that are over.
        *known = match (*known, state(&record)) {
            (OrderState::Lives, _) | (_, OrderState::Lives) => OrderState::Lives,
            (OrderState::Completed, _) => OrderState::Completed,
            (_, found) => found,
        };
    }
    Ok(states)
}

fn state(record: &ProcessInstanceRecord) -> OrderState {
    match record.state.as_str() {
        "COMPLETED" => OrderState::Completed,
        "EXTERNALLY_TERMINATED" | "INTERNALLY_TERMINATED" => OrderState::Terminated,
        // Active, suspended, or a word of a later engine's: not over.
        _ => OrderState::Lives,
    }
}
