//! The decisions that are compared: one story of checks, told with and without whatever is wrong with Redis.

use holdfast::domain::{EvidenceId, Fingerprint, OrderId, Subject, TenantId};
use holdfast::operations::{CheckAvailability, EvidenceView, Operations};
use uuid::Uuid;

use crate::support::counter::Counter;

/// What was decided at each step, and how often the inventory was asked until then.
pub(crate) type Decisions = Vec<(&'static str, String, usize)>;

/// The keys under which the cache has something of this story.
pub(crate) struct Keys {
    pub(crate) evidence: String,
    pub(crate) inflight: String,
}

/// Plays the story for a tenant of its own. `mischief` is done before each step.
pub(crate) async fn play(counter: &mut Counter, replica: &Operations, mut mischief: impl AsyncFnMut(&'static str, &Keys)) -> Decisions {
    counter.tenant = TenantId(Uuid::new_v4());
    let counter = &*counter;
    let quote = counter.quote();
    let order = CheckAvailability { subject: Subject::Order(OrderId(Uuid::new_v4())), ..quote.clone() };
    let print = Fingerprint::of(&quote.question());
    let keys = Keys {
        evidence: format!("cpq:{}:availability:evidence:{print}", counter.tenant),
        inflight: format!("cpq:{}:availability:inflight:{print}", counter.tenant),
    };
    let calls = counter.calls();
    let mut decisions: Decisions = Vec::new();
    let mut shown: Option<EvidenceId> = None;
    for step in
        ["first look", "second look", "stock is gone, third look", "recheck", "look after the recheck", "order", "look once expired"]
    {
        match step {
            "stock is gone, third look" => counter.stock("phone", 1),
            // Past the moment for which the cache may show something again.
            "look after the recheck" => counter.pass(2),
            "look once expired" => {
                counter.stock("phone", 1_000);
                counter.pass(400);
            }
            _ => {}
        }
        mischief(step, &keys).await;
        let told = match step {
            "recheck" => replica.recheck(counter.tenant, shown.unwrap(), None).await.unwrap().unwrap().fresh,
            "order" => replica.check_availability(order.clone()).await.unwrap(),
            _ => replica.check_availability(quote.clone()).await.unwrap(),
        };
        is_on_record(replica, counter.tenant, &told).await;
        shown = Some(told.evidence.id);
        decisions.push((step, format!("{} {}", told.status.as_str(), told.from.as_str()), counter.calls() - calls));
    }
    decisions
}

/// Whatever is told has a row that says the same and has not expired.
async fn is_on_record(replica: &Operations, tenant: TenantId, told: &EvidenceView) {
    let kept = replica.evidence(tenant, told.evidence.id).await.unwrap().expect("what is told is on record");
    assert_eq!((kept.status, kept.evidence.status, &kept.evidence.lines), (told.status, told.evidence.status, &told.evidence.lines));
}
