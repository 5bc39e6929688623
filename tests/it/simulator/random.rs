//! Random requests, many at once: whatever happens, nothing is held twice and the sums agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast::simulator::{Amount, CreateMode, Effect, HoldState, Simulator, SimulatorConfig};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::bench::{Bench, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_reservations_at_once_never_hold_more_than_there_is() {
    let bench = Arc::new(Bench::new(SimulatorConfig::default()).await);
    bench.simulator.set_stock("acme", "router", 100);
    let all = (0..200).map(|number| {
        let bench = Arc::clone(&bench);
        // Every key is sent twice: a hundred keys, a hundred and fifty wanted.
        tokio::spawn(async move { bench.reserve(&format!("k{}", number / 2), if number / 2 % 2 == 0 { "1" } else { "2" }).await.0 })
    });
    let statuses: Vec<u16> = futures::future::join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201 | 409)), "{statuses:?}");
    assert_sums_agree(&bench.simulator, "acme", 100);
    let placed = statuses.iter().filter(|status| **status == 201).count();
    assert_eq!(bench.simulator.holds("acme").len(), placed);
    assert!((50..100).contains(&placed) && statuses.contains(&409));
    assert!(!bench.simulator.stock("acme")[0].available.get().is_sign_negative());
}

/// One step of a random run.
#[derive(Debug, Clone)]
enum Step {
    Reserve { key: u8, tenths: u32, partial: bool },
    Change { hold: usize, what: &'static str },
    Mishap { hold: usize, what: &'static str },
    Advance { seconds: i64 },
    Stock { on_hand: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop::sample::select(vec!["release", "confirm", "extend"]);
    let mishap = prop::sample::select(vec!["expire", "forget", "drift", "consume", "release"]);
    prop_oneof![
        5 => (0..8_u8, 1..60_u32, any::<bool>()).prop_map(|(key, tenths, partial)| Step::Reserve { key, tenths, partial }),
        4 => (0..8_usize, change).prop_map(|(hold, what)| Step::Change { hold, what }),
        2 => (0..8_usize, mishap).prop_map(|(hold, what)| Step::Mishap { hold, what }),
        1 => (0..2000_i64).prop_map(|seconds| Step::Advance { seconds }),
        1 => (0..20_u32).prop_map(|on_hand| Step::Stock { on_hand }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_steps_the_ledger_explains_every_hold_and_the_stock(steps in prop::collection::vec(step(), 1..60), twice in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&steps, twice));
    }
}

async fn run(steps: &[Step], twice: bool) {
    let create = if twice { CreateMode::Duplicating } else { CreateMode::Idempotent };
    let bench = Bench::new(SimulatorConfig { create, ..Default::default() }).await;
    let mut on_hand = 10;
    bench.simulator.set_stock("acme", "router", on_hand);
    for step in steps {
        perform(&bench, step, &mut on_hand).await;
        assert_sums_agree(&bench.simulator, "acme", on_hand);
    }
    let mut active: BTreeMap<String, u32> = BTreeMap::new();
    for hold in bench.simulator.holds("acme").into_iter().filter(|hold| hold.state.is_active()) {
        *active.entry(hold.request_key).or_default() += 1;
    }
    assert!(twice || active.values().all(|holds| *holds == 1), "{active:?}");
}

async fn perform(bench: &Bench, step: &Step, on_hand: &mut u32) {
    let holds = bench.simulator.holds("acme");
    let chosen = |hold: &usize| holds.get(*hold % holds.len().max(1)).map(|hold| hold.reference.clone());
    match step {
        Step::Reserve { key, tenths, partial } => {
            let mut body = order(&format!("k{key}"), &(Decimal::from(*tenths) / Decimal::TEN).to_string());
            body["allowPartial"] = json!(partial);
            bench.post("/reservations", &body).await;
        }
        Step::Change { hold, what } => {
            let Some(reference) = chosen(hold) else { return };
            let body = json!({"requestKey": "k", "expiresAt": "2100-01-01T00:00:00Z"});
            bench.post(&format!("/reservations/{reference}/{what}"), &body).await;
        }
        Step::Mishap { hold, what } => {
            let Some(reference) = chosen(hold) else { return };
            bench.admin(reqwest::Method::POST, &format!("/holds/{reference}/{what}"), &json!({})).await;
        }
        Step::Advance { seconds } => bench.simulator.advance_clock_ms(seconds * 1000),
        Step::Stock { on_hand: new } => {
            *on_hand = *new;
            bench.simulator.set_stock("acme", "router", *new);
        }
    }
}

/// Stock, holds and ledger tell the same story, each computed on its own.
fn assert_sums_agree(simulator: &Simulator, tenant: &str, on_hand: u32) {
    let holds = simulator.holds(tenant);
    let active = holds.iter().filter(|hold| hold.state.is_active());
    let in_holds: Decimal = active.flat_map(|hold| &hold.lines).map(|line| line.reserved.get()).sum();

    let mut by_ledger: BTreeMap<String, (HoldState, Decimal)> = BTreeMap::new();
    for (position, entry) in simulator.ledger().iter().enumerate() {
        assert_eq!(entry.seq, position as u64 + 1);
        let Some(reference) = entry.reference.clone() else { continue };
        let quantity: Decimal = entry.lines.iter().map(|line| line.reserved.get()).sum();
        let state = match entry.effect {
            Effect::HoldPlaced => HoldState::Held,
            Effect::HoldConfirmed => HoldState::Confirmed,
            Effect::HoldReleased => HoldState::Released,
            Effect::HoldExpired => HoldState::Expired,
            Effect::Forgotten => {
                by_ledger.remove(&reference);
                continue;
            }
            Effect::Drifted => {
                by_ledger.get_mut(&reference).unwrap().1 = quantity;
                continue;
            }
            Effect::HoldExtended | Effect::Refused | Effect::None => continue,
        };
        let known = by_ledger.entry(reference).or_insert((state, quantity));
        known.0 = state;
    }
    let told: BTreeMap<_, _> = holds.iter().map(|hold| (hold.reference.clone(), hold.state)).collect();
    let written: BTreeMap<_, _> = by_ledger.iter().map(|(reference, (state, _))| (reference.clone(), *state)).collect();
    assert_eq!(told, written);
    let in_ledger: Decimal = by_ledger.values().filter(|(state, _)| state.is_active()).map(|(_, quantity)| quantity).sum();
    let level = &simulator.stock(tenant)[0];
    assert_eq!((level.held.get(), level.held.get()), (in_holds, in_ledger));
    assert_eq!(level.available, Amount::new(Decimal::from(on_hand) - in_holds));
}
