//! What becomes of a hold when the inventory behaves: created, refused, released, confirmed, extended, expired.

use chrono::TimeDelta;
use holdfast::domain::{Answer, AvailabilityStatus, HoldState, Look, Operation};
use holdfast::simulator::{Effect, SimulatorConfig};
use holdfast::supplier::HoldAsk;
use rust_decimal::Decimal;

use super::bench::{Bench, found, no_such_reference, now, reserved, unknown};
use super::for_every_adapter;

for_every_adapter! {
    a_hold_is_placed_and_described,
    the_same_key_again_is_answered_with_the_same_hold,
    the_same_key_for_something_else_is_unknown_and_no_refusal,
    what_is_out_of_stock_is_refused_with_the_lines_that_are_short,
    a_refused_key_stays_refused,
    an_unknown_product_is_refused,
    less_than_was_asked_for_is_said_line_by_line,
    releasing_twice_is_released_once,
    releasing_what_expired_says_expired,
    releasing_what_the_inventory_never_heard_of_is_absent,
    releasing_what_is_consumed_is_refused_as_confirmed,
    confirming_twice_is_confirmed_once,
    confirming_what_is_gone_is_refused_with_how_it_went,
    a_hold_is_extended_to_the_very_instant,
    an_extension_that_cannot_be_is_refused_and_the_hold_left_as_it_was,
    extending_what_is_gone_is_refused_with_how_it_went,
    availability_is_told_line_by_line,
    an_unknown_product_has_no_availability,
    tenants_do_not_see_each_other,
}

async fn a_hold_is_placed_and_described(bench: Bench) {
    let ask = bench.order("1.5", "2");
    let reply = bench.supplier().reserve(&ask).await;
    assert!(reply.evidence.excerpt.as_deref().is_some_and(|text| text.contains(ask.key.as_str())));
    assert_eq!(reply.evidence.http_status, Some(201));
    let hold = found(reply);
    assert_eq!(hold.state, HoldState::Held);
    assert_eq!(reserved(&ask, &hold), [Decimal::new(15, 1), Decimal::TWO]);
    let left = hold.expires_at.unwrap() - now();
    assert!(left > TimeDelta::minutes(59) && left <= TimeDelta::hours(1), "{left}");
    let there = bench.simulator.holds(&bench.tenant.to_string());
    assert_eq!(there.iter().map(|hold| hold.reference.as_str()).collect::<Vec<_>>(), [hold.reference.unwrap().as_str()]);
}

async fn the_same_key_again_is_answered_with_the_same_hold(bench: Bench) {
    let ask = bench.order("1", "");
    let first = found(bench.supplier().reserve(&ask).await);
    assert_eq!(found(bench.supplier().reserve(&ask).await), first);
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced]);
    // What has become of the hold since is what the repeated answer tells.
    let known = HoldAsk { reference: first.reference.clone(), ..ask.clone() };
    found(bench.supplier().release(&known).await);
    assert_eq!(found(bench.supplier().reserve(&ask).await).state, HoldState::Released);
}

async fn the_same_key_for_something_else_is_unknown_and_no_refusal(bench: Bench) {
    let ask = bench.order("1", "");
    found(bench.supplier().reserve(&ask).await);
    let other = HoldAsk { lines: bench.order("2", "").lines, ..ask };
    assert!(unknown(&bench.supplier().reserve(&other).await).contains("KEY_REUSED"));
}

async fn what_is_out_of_stock_is_refused_with_the_lines_that_are_short(bench: Bench) {
    let ask = bench.order("11", "1");
    let Answer::Refused(refusal) = bench.supplier().reserve(&ask).await.answer else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.state), ("OUT_OF_STOCK", None));
    let short: Vec<_> = refusal.lines.iter().map(|line| (line.order_line, line.available)).collect();
    assert_eq!(short, [(ask.lines[0].order_line, Some(Decimal::TEN))]);
    assert!(bench.simulator.holds(&bench.tenant.to_string()).is_empty());
}

async fn a_refused_key_stays_refused(bench: Bench) {
    let ask = bench.order("11", "");
    for _ in 0..2 {
        assert!(matches!(bench.supplier().reserve(&ask).await.answer, Answer::Refused(_)));
        bench.simulator.set_stock(&bench.tenant.to_string(), "router", 50);
    }
}

async fn an_unknown_product_is_refused(bench: Bench) {
    let mut ask = bench.order("1", "");
    ask.lines[0].product_offering = "no such thing".to_owned();
    let Answer::Refused(refusal) = bench.supplier().reserve(&ask).await.answer else { panic!("not refused") };
    assert_eq!(refusal.code, "UNKNOWN_PRODUCT");
}

async fn less_than_was_asked_for_is_said_line_by_line(bench: Bench) {
    let ask = HoldAsk { accept_partial: true, ..bench.order("12.25", "3") };
    let hold = found(bench.supplier().reserve(&ask).await);
    assert_eq!(reserved(&ask, &hold), [Decimal::TEN, Decimal::from(3)]);
}

async fn releasing_twice_is_released_once(bench: Bench) {
    let (ask, _) = bench.held().await;
    for _ in 0..2 {
        assert_eq!(found(bench.supplier().release(&ask).await).state, HoldState::Released);
    }
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced, Effect::HoldReleased]);
}

async fn releasing_what_expired_says_expired(bench: Bench) {
    let (ask, _) = bench.held().await;
    bench.simulator.advance_clock_ms(3_601_000);
    assert_eq!(found(bench.supplier().release(&ask).await).state, HoldState::Expired);
}

async fn releasing_what_the_inventory_never_heard_of_is_absent(bench: Bench) {
    for operation in [Operation::Release, Operation::Confirm, Operation::Extend] {
        let ask = HoldAsk { reference: no_such_reference(), until: Some(now()), ..bench.order("1", "") };
        assert_eq!(bench.call(operation, &ask).await.answer, Answer::Done(Look::Absent), "{operation:?}");
    }
}

async fn releasing_what_is_consumed_is_refused_as_confirmed(bench: Bench) {
    let bench = bench.with(SimulatorConfig { confirmed_releasable: false, ..SimulatorConfig::default() }).await;
    let (ask, _) = bench.held().await;
    found(bench.supplier().confirm(&ask).await);
    let Answer::Refused(refusal) = bench.supplier().release(&ask).await.answer else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.state), ("ALREADY_CONFIRMED", Some(HoldState::Confirmed)));
}

async fn confirming_twice_is_confirmed_once(bench: Bench) {
    let (ask, _) = bench.held().await;
    for _ in 0..2 {
        assert_eq!(found(bench.supplier().confirm(&ask).await).state, HoldState::Confirmed);
    }
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced, Effect::HoldConfirmed]);
}

async fn confirming_what_is_gone_is_refused_with_how_it_went(bench: Bench) {
    let (released, _) = bench.held().await;
    found(bench.supplier().release(&released).await);
    let (expired, _) = bench.held().await;
    bench.simulator.advance_clock_ms(3_601_000);
    for (ask, state) in [(released, HoldState::Released), (expired, HoldState::Expired)] {
        let Answer::Refused(refusal) = bench.supplier().confirm(&ask).await.answer else { panic!("not refused") };
        assert_eq!(refusal.state, Some(state));
    }
}

async fn a_hold_is_extended_to_the_very_instant(bench: Bench) {
    let (ask, _) = bench.held().await;
    let until = chrono::DateTime::from_timestamp(now().timestamp() + 7200, 0);
    let hold = found(bench.supplier().extend(&HoldAsk { until, ..ask }).await);
    assert_eq!((hold.state, hold.expires_at), (HoldState::Held, until));
}

async fn an_extension_that_cannot_be_is_refused_and_the_hold_left_as_it_was(bench: Bench) {
    let bench = bench.with(SimulatorConfig { max_hold_seconds: Some(3600), ..SimulatorConfig::default() }).await;
    let (ask, _) = bench.held().await;
    let Answer::Refused(refusal) = bench.supplier().extend(&ask).await.answer else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.state), ("HOLD_TOO_LONG", None));
    // A confirmed hold is no longer extended, and is by no means gone.
    found(bench.supplier().confirm(&ask).await);
    let Answer::Refused(refusal) = bench.supplier().extend(&ask).await.answer else { panic!("not refused") };
    assert_eq!((refusal.code.as_str(), refusal.state), ("ALREADY_CONFIRMED", None));
}

async fn extending_what_is_gone_is_refused_with_how_it_went(bench: Bench) {
    let (released, _) = bench.held().await;
    found(bench.supplier().release(&released).await);
    let (expired, _) = bench.held().await;
    bench.simulator.advance_clock_ms(3_601_000);
    for (ask, state) in [(released, HoldState::Released), (expired, HoldState::Expired)] {
        let Answer::Refused(refusal) = bench.supplier().extend(&ask).await.answer else { panic!("not refused") };
        assert_eq!(refusal.state, Some(state));
    }
}

async fn availability_is_told_line_by_line(bench: Bench) {
    let ask = bench.order("12", "3");
    let Answer::Done(told) = bench.supplier().check(&bench.check(&ask)).await.answer else { panic!("no answer") };
    assert!(told.reference.is_some());
    let lines: Vec<_> = told.lines.iter().map(|line| (line.order_line, line.available, line.status)).collect();
    assert_eq!(
        lines,
        [
            (ask.lines[0].order_line, Some(Decimal::TEN), AvailabilityStatus::PartiallyAvailable),
            (ask.lines[1].order_line, Some(Decimal::TEN), AvailabilityStatus::Available),
        ]
    );
    assert_eq!(bench.simulator.stock(&bench.tenant.to_string())[0].available.to_string(), "10", "a check acts on nothing");
}

async fn an_unknown_product_has_no_availability(bench: Bench) {
    let mut ask = bench.order("1", "");
    ask.lines[0].product_offering = "no such thing".to_owned();
    let answer = bench.supplier().check(&bench.check(&ask)).await.answer;
    let none = match &answer {
        Answer::Refused(refusal) => refusal.code == "UNKNOWN_PRODUCT",
        Answer::Done(told) => told.lines.iter().all(|line| line.status != AvailabilityStatus::Available),
        Answer::NotSent(_) | Answer::Unknown(_) => false,
    };
    assert!(none, "{answer:?}");
}

async fn tenants_do_not_see_each_other(bench: Bench) {
    let (ask, _) = bench.held().await;
    let stranger = HoldAsk { tenant: holdfast::domain::TenantId(uuid::Uuid::new_v4()), ..ask };
    for operation in [Operation::Lookup, Operation::Release, Operation::Confirm] {
        assert_eq!(bench.call(operation, &stranger).await.answer, Answer::Done(Look::Absent), "{operation:?}");
    }
}
