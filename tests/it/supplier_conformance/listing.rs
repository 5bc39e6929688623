//! Listing what is active: whole or not at all, and with whatever tells whose a hold is.

use std::collections::{BTreeSet, HashSet};

use holdfast::domain::{Answer, ListedHold, Operation};
use holdfast::simulator::{Fault, SimulatorConfig};
use holdfast::supplier::{ListAsk, ListMark, ListedPage};

use super::bench::{Bench, IMPATIENT, found};
use super::for_every_adapter;

for_every_adapter! {
    active_holds_are_listed_page_by_page_with_what_tells_whose_they_are,
    what_is_released_or_expired_is_not_listed,
    a_list_that_cannot_be_had_or_read_is_unknown,
}

async fn page(bench: &Bench, after: Option<ListMark>) -> Answer<ListedPage> {
    let timeout = if after.is_some() { super::bench::PATIENT } else { IMPATIENT * 10 };
    bench.supplier().list_active(&ListAsk { tenant: bench.tenant, after, timeout }).await.answer
}

async fn all(bench: &Bench) -> (Vec<ListedHold>, usize) {
    let (mut holds, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let Answer::Done(page) = page(bench, after).await else { panic!("no list") };
        assert_eq!(page.unreadable, Vec::<String>::new());
        holds.extend(page.holds);
        pages += 1;
        after = page.next;
        if after.is_none() {
            return (holds, pages);
        }
    }
}

async fn active_holds_are_listed_page_by_page_with_what_tells_whose_they_are(bench: Bench) {
    assert!(bench.supplier().capabilities().list);
    bench.simulator.set_stock(&bench.tenant.to_string(), "router", 1000);
    let mut keys = BTreeSet::new();
    for _ in 0..103 {
        let (ask, _) = bench.held().await;
        keys.insert(ask.key.as_str().to_owned());
    }
    let (holds, pages) = all(&bench).await;
    assert_eq!(pages, 2);
    assert_eq!(holds.iter().filter_map(|hold| hold.key.clone()).collect::<BTreeSet<_>>(), keys);
    let hold = &holds[0];
    assert!(hold.expires_at.is_some() && hold.created_at.is_some() && hold.lines.len() == 1, "{hold:?}");
    assert!(hold.key.as_ref().unwrap().starts_with(hold.order.as_ref().unwrap()), "{hold:?}");
}

async fn what_is_released_or_expired_is_not_listed(bench: Bench) {
    let (released, _) = bench.held().await;
    found(bench.call(Operation::Release, &released).await);
    let (confirmed, _) = bench.held().await;
    found(bench.call(Operation::Confirm, &confirmed).await);
    bench.held().await;
    bench.simulator.advance_clock_ms(3_601_000);
    let (held, _) = bench.held().await;
    let listed: HashSet<_> = all(&bench).await.0.into_iter().map(|hold| hold.reference).collect();
    assert_eq!(listed, [confirmed, held].into_iter().filter_map(|ask| ask.reference).collect());
}

async fn a_list_that_cannot_be_had_or_read_is_unknown(bench: Bench) {
    bench.held().await;
    for fault in [Fault::SwallowAnswer, Fault::GarbageBody, Fault::CutBody, Fault::ErrorAfter { status: 500 }] {
        let fault = bench.once(fault);
        assert!(matches!(page(&bench, None).await, Answer::Unknown(_)));
        bench.assert_fired(fault);
    }
    let mute = bench.with(SimulatorConfig { list: false, ..SimulatorConfig::default() }).await;
    assert!(matches!(page(&mute, None).await, Answer::Unknown(why) if why.contains("501")));
}
