//! Finding out: by reference, by key, and what a look-up may and may not conclude.

use holdfast::domain::{Answer, Capabilities, HoldState, Look};
use holdfast::simulator::{Effect, Fault, SimulatorConfig};
use holdfast::supplier::HoldAsk;

use super::bench::{Bench, IMPATIENT, PATIENT, found, reserved, unknown};
use super::for_every_adapter;
use crate::support::wait::until;

for_every_adapter! {
    it_says_what_it_can_do,
    a_hold_is_found_by_its_reference_and_by_its_key,
    an_ended_hold_is_found_with_its_end,
    nothing_under_a_key_is_absent,
    a_hold_that_shows_only_later_is_absent_until_then,
    a_lost_answer_is_found_out_by_looking,
    a_lost_answer_is_found_out_by_sending_the_same_key_again,
    an_inventory_that_acts_late_shows_nothing_at_first,
    an_inventory_that_cannot_be_asked_is_unknown_and_never_absent,
    a_forgotten_hold_is_absent,
    a_hold_that_shrank_is_described_as_it_is_now,
}

async fn it_says_what_it_can_do(bench: Bench) {
    let all = Capabilities {
        idempotent_create: true,
        lookup: true,
        lookup_by_key: true,
        release: true,
        idempotent_release: true,
        confirm: true,
        extend: true,
        list: true,
    };
    assert_eq!(bench.supplier().capabilities(), all);
}

async fn a_hold_is_found_by_its_reference_and_by_its_key(bench: Bench) {
    let (by_reference, hold) = bench.held().await;
    let by_key = HoldAsk { reference: None, ..by_reference.clone() };
    let by_key_without_lines = HoldAsk { lines: Vec::new(), ..by_key.clone() };
    for ask in [by_reference, by_key, by_key_without_lines] {
        assert_eq!(found(bench.supplier().lookup(&ask).await), hold);
    }
}

async fn an_ended_hold_is_found_with_its_end(bench: Bench) {
    let (released, _) = bench.held().await;
    found(bench.supplier().release(&released).await);
    let (confirmed, _) = bench.held().await;
    found(bench.supplier().confirm(&confirmed).await);
    let (expired, _) = bench.held().await;
    bench.simulator.advance_clock_ms(3_601_000);
    for (ask, state) in [(released, HoldState::Released), (confirmed, HoldState::Confirmed), (expired, HoldState::Expired)] {
        assert_eq!(found(bench.supplier().lookup(&ask).await).state, state);
    }
}

async fn nothing_under_a_key_is_absent(bench: Bench) {
    let ask = bench.order("1", "");
    assert_eq!(bench.supplier().lookup(&ask).await.answer, Answer::Done(Look::Absent));
}

async fn a_hold_that_shows_only_later_is_absent_until_then(bench: Bench) {
    let bench = bench.with(SimulatorConfig { lookup_lag_ms: 60_000, ..SimulatorConfig::default() }).await;
    let (ask, hold) = bench.held().await;
    assert_eq!(bench.supplier().lookup(&ask).await.answer, Answer::Done(Look::Absent));
    bench.simulator.advance_clock_ms(60_000);
    assert_eq!(found(bench.supplier().lookup(&ask).await), hold);
}

async fn a_lost_answer_is_found_out_by_looking(bench: Bench) {
    let ask = HoldAsk { timeout: IMPATIENT, ..bench.order("1", "2") };
    let fault = bench.once(Fault::SwallowAnswer);
    unknown(&bench.supplier().reserve(&ask).await);
    bench.assert_fired(fault);
    let hold = found(bench.supplier().lookup(&ask).await);
    assert_eq!((hold.state, reserved(&ask, &hold).len()), (HoldState::Held, 2));
}

async fn a_lost_answer_is_found_out_by_sending_the_same_key_again(bench: Bench) {
    let ask = bench.order("1", "");
    let fault = bench.once(Fault::ResetAfter);
    unknown(&bench.supplier().reserve(&ask).await);
    bench.assert_fired(fault);
    found(bench.supplier().reserve(&ask).await);
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced]);
}

async fn an_inventory_that_acts_late_shows_nothing_at_first(bench: Bench) {
    let ask = HoldAsk { timeout: IMPATIENT, ..bench.order("1", "") };
    let fault = bench.once(Fault::ActLate { delay_ms: 1500 });
    unknown(&bench.supplier().reserve(&ask).await);
    bench.assert_fired(fault);
    assert_eq!(bench.supplier().lookup(&ask).await.answer, Answer::Done(Look::Absent), "this is why one absence proves nothing");
    let hold = until("the inventory has acted", PATIENT, async || match bench.supplier().lookup(&ask).await.answer {
        Answer::Done(Look::Found(hold)) => Some(hold),
        _ => None,
    })
    .await;
    assert_eq!(hold.state, HoldState::Held);
}

async fn an_inventory_that_cannot_be_asked_is_unknown_and_never_absent(bench: Bench) {
    let bench = bench.with(SimulatorConfig { lookup: holdfast::simulator::LookupMode::None, ..SimulatorConfig::default() }).await;
    let (ask, _) = bench.held().await;
    unknown(&bench.supplier().lookup(&ask).await);
    unknown(&bench.supplier().lookup(&HoldAsk { reference: None, ..ask }).await);
}

async fn a_forgotten_hold_is_absent(bench: Bench) {
    let fault = bench.once(Fault::Forget);
    let (ask, _) = bench.held().await;
    bench.assert_fired(fault);
    assert_eq!(bench.supplier().lookup(&ask).await.answer, Answer::Done(Look::Absent));
}

async fn a_hold_that_shrank_is_described_as_it_is_now(bench: Bench) {
    let fault = bench.once(Fault::DriftQuantity);
    let (ask, _) = bench.held().await;
    bench.assert_fired(fault);
    let hold = found(bench.supplier().lookup(&ask).await);
    assert_eq!(reserved(&ask, &hold), [rust_decimal::Decimal::new(5, 1)]);
}
