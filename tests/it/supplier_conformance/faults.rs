//! Every way in which the inventory can misbehave, and the one class that each answer belongs to.
//!
//! Each case proves by the inventory's own books that its fault struck and what the inventory really did.

use holdfast::domain::{AnswerClass, Operation};
use holdfast::simulator::{Effect, Fault, WrongShape};
use holdfast::supplier::HoldAsk;

use super::bench::{Bench, IMPATIENT, found, not_sent, reserved, unknown};
use super::for_every_adapter;

for_every_adapter! {
    whatever_befalls_the_answer_of_an_effect_it_is_unknown,
    whatever_befalls_the_answer_of_a_look_up_it_is_unknown_and_never_absent,
    whatever_befalls_the_answer_of_a_check_it_is_unknown_and_never_unavailable,
    an_answer_of_another_shape_is_unknown,
    an_answer_that_only_says_more_is_understood,
    an_answer_that_is_only_slow_is_an_answer,
    a_refusal_is_believed_only_if_its_code_is_listed_for_its_status,
    an_inventory_that_is_down_was_sent_nothing,
    an_inventory_that_went_down_after_an_answer_was_sent_nothing,
    an_inventory_that_acts_twice_is_found_with_one_of_its_holds,
    a_call_whose_claim_has_ended_is_not_sent,
}

/// Faults that leave nothing of the answer to be believed, and whether the inventory acts under them.
fn spoiled() -> Vec<(Fault, bool)> {
    vec![
        (Fault::SwallowAnswer, true),
        (Fault::ResetBefore, false),
        (Fault::ResetAfter, true),
        (Fault::Slow { delay_ms: 60_000 }, true),
        (Fault::Trickle { delay_ms: 60_000 }, true),
        (Fault::CutBody, true),
        (Fault::ErrorAfter { status: 500 }, true),
        (Fault::ErrorAfter { status: 503 }, true),
        (Fault::ErrorAfter { status: 404 }, true),
        (Fault::ErrorAfter { status: 409 }, true),
        (Fault::ErrorBefore { status: 500, retry_after: None }, false),
        (Fault::ErrorBefore { status: 408, retry_after: None }, false),
        (Fault::ErrorBefore { status: 429, retry_after: Some(1) }, false),
        (Fault::Unavailable { retry_after: 1 }, false),
        (Fault::GarbageBody, true),
        (Fault::Html502 { acted: true }, true),
        (Fault::Html502 { acted: false }, false),
    ]
}

async fn whatever_befalls_the_answer_of_an_effect_it_is_unknown(bench: Bench) {
    bench.simulator.set_stock(&bench.tenant.to_string(), "router", 1000);
    for (fault, acts) in spoiled() {
        for operation in [Operation::Reserve, Operation::Release, Operation::Confirm, Operation::Extend] {
            let (ask, effect) = match operation {
                Operation::Reserve => (bench.order("1", ""), Effect::HoldPlaced),
                Operation::Release => (bench.held().await.0, Effect::HoldReleased),
                Operation::Confirm => (bench.held().await.0, Effect::HoldConfirmed),
                _ => (bench.held().await.0, Effect::HoldExtended),
            };
            let armed = bench.once(fault.clone());
            let reply = bench.call(operation, &HoldAsk { timeout: IMPATIENT, ..ask.clone() }).await;
            assert_eq!(reply.answer.class(), AnswerClass::Unknown, "{operation:?} under {fault:?}: {reply:?}");
            bench.assert_fired(armed);
            assert_eq!(bench.effects(&ask).last() == Some(&effect), acts, "{operation:?} under {fault:?}: {:?}", bench.effects(&ask));
        }
    }
}

async fn whatever_befalls_the_answer_of_a_look_up_it_is_unknown_and_never_absent(bench: Bench) {
    let (ask, _) = bench.held().await;
    for (fault, _) in spoiled() {
        let armed = bench.once(fault.clone());
        let reply = bench.supplier().lookup(&HoldAsk { timeout: IMPATIENT, ..ask.clone() }).await;
        assert_eq!(reply.answer.class(), AnswerClass::Unknown, "{fault:?}: {reply:?}");
        bench.assert_fired(armed);
    }
}

async fn whatever_befalls_the_answer_of_a_check_it_is_unknown_and_never_unavailable(bench: Bench) {
    let ask = HoldAsk { timeout: IMPATIENT, ..bench.order("1", "") };
    for (fault, _) in spoiled() {
        let armed = bench.once(fault.clone());
        let reply = bench.supplier().check(&bench.check(&ask)).await;
        assert_eq!(reply.answer.class(), AnswerClass::Unknown, "{fault:?}: {reply:?}");
        bench.assert_fired(armed);
    }
}

async fn an_answer_of_another_shape_is_unknown(bench: Bench) {
    for (shape, says) in [
        (WrongShape::UnknownState, "is not mapped"),
        (WrongShape::MissingState, "is missing"),
        (WrongShape::MissingReference, "is missing"),
        (WrongShape::NullExpiry, "is missing"),
        (WrongShape::OtherKey, "which is not the one asked about"),
        (WrongShape::Deep, "no JSON that can be read"),
        (WrongShape::Huge, "more than 1048576 bytes"),
    ] {
        for operation in [Operation::Reserve, Operation::Lookup] {
            let ask = if operation == Operation::Reserve { bench.order("1", "") } else { bench.held().await.0 };
            let armed = bench.once(Fault::WrongShape { shape });
            let reply = bench.call(operation, &ask).await;
            assert!(unknown(&reply).contains(says), "{operation:?} as {shape:?}: {reply:?}");
            assert!(reply.evidence.http_status.is_some_and(|status| status < 300));
            bench.assert_fired(armed);
            bench.simulator.set_stock(&bench.tenant.to_string(), "router", 100);
        }
    }
}

async fn an_answer_that_only_says_more_is_understood(bench: Bench) {
    for shape in [WrongShape::UnknownField, WrongShape::NumberQuantity] {
        let ask = bench.order("0.1", "0.000001");
        let armed = bench.once(Fault::WrongShape { shape });
        let hold = found(bench.supplier().reserve(&ask).await);
        bench.assert_fired(armed);
        let asked: Vec<_> = ask.lines.iter().map(|line| line.quantity.decimal()).collect();
        assert_eq!(reserved(&ask, &hold), asked, "{shape:?}");
    }
}

async fn an_answer_that_is_only_slow_is_an_answer(bench: Bench) {
    for fault in [Fault::Slow { delay_ms: 300 }, Fault::Trickle { delay_ms: 1 }] {
        let armed = bench.once(fault);
        found(bench.supplier().reserve(&bench.order("1", "")).await);
        bench.assert_fired(armed);
    }
}

async fn a_refusal_is_believed_only_if_its_code_is_listed_for_its_status(bench: Bench) {
    for (code, status, class) in [
        ("OUT_OF_STOCK", 409, AnswerClass::Refused),
        ("OUT_OF_STOCK", 400, AnswerClass::Unknown),
        ("OUT_OF_STOCK", 500, AnswerClass::Unknown),
        ("NO_IDEA", 409, AnswerClass::Unknown),
        ("EXPIRED", 410, AnswerClass::Unknown),
        ("NOT_FOUND", 404, AnswerClass::Unknown),
    ] {
        let armed = bench.once(Fault::Refuse { code: code.to_owned(), status });
        let reply = bench.supplier().reserve(&bench.order("1", "")).await;
        assert_eq!(reply.answer.class(), class, "{status} {code}: {reply:?}");
        bench.assert_fired(armed);
    }
}

async fn an_inventory_that_is_down_was_sent_nothing(bench: Bench) {
    bench.simulator.down(None).await;
    let ask = bench.order("1", "");
    for operation in [Operation::Reserve, Operation::Lookup] {
        not_sent(&bench.call(operation, &ask).await);
    }
    not_sent(&bench.supplier().check(&bench.check(&ask)).await);
    bench.simulator.up().await;
    assert_eq!(bench.requests(), 0);
    found(bench.supplier().reserve(&ask).await);
}

async fn an_inventory_that_went_down_after_an_answer_was_sent_nothing(bench: Bench) {
    let (ask, _) = bench.held().await;
    bench.simulator.down(None).await;
    let before = bench.requests();
    // The connection of the first call may be found closed only when it is used: then nobody can tell, and nobody pretends to.
    let class = bench.supplier().release(&ask).await.answer.class();
    assert!(matches!(class, AnswerClass::NotSent | AnswerClass::Unknown), "{class:?}");
    not_sent(&bench.supplier().release(&ask).await);
    assert_eq!(bench.requests(), before);
}

async fn an_inventory_that_acts_twice_is_found_with_one_of_its_holds(bench: Bench) {
    let ask = bench.order("1", "");
    let armed = bench.once(Fault::DuplicateEffect);
    let hold = found(bench.supplier().reserve(&ask).await);
    bench.assert_fired(armed);
    assert_eq!(bench.effects(&ask), [Effect::HoldPlaced, Effect::HoldPlaced]);
    assert_eq!(found(bench.supplier().lookup(&HoldAsk { reference: hold.reference.clone(), ..ask }).await), hold);
}

async fn a_call_whose_claim_has_ended_is_not_sent(bench: Bench) {
    let (held, _) = bench.held().await;
    let before = bench.requests();
    for operation in [Operation::Reserve, Operation::Lookup, Operation::Release, Operation::Confirm, Operation::Extend] {
        let ask = HoldAsk { send_before: std::time::Instant::now(), ..held.clone() };
        not_sent(&bench.call(operation, &ask).await);
    }
    assert_eq!(bench.requests(), before);
}
