//! The searches: one for each kind of inventory, and one for each planted mistake, which must be found.

use std::collections::BTreeSet;

use holdfast::domain::Capabilities;
use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::mistakes::Mistake;
use crate::model::Search;
use crate::world::Left;

/// An inventory with everything but a way to find out about a hold.
const BLIND: Capabilities = Capabilities {
    idempotent_create: false,
    lookup: false,
    lookup_by_key: false,
    release: true,
    idempotent_release: true,
    confirm: true,
    extend: true,
    list: false,
};
const BY_KEY: Capabilities = Capabilities { lookup: true, lookup_by_key: true, ..BLIND };
const BY_REFERENCE: Capabilities = Capabilities { lookup: true, ..BLIND };
const IDEMPOTENT: Capabilities = Capabilities { idempotent_create: true, ..BLIND };
const BOTH: Capabilities = Capabilities { idempotent_create: true, ..BY_KEY };

#[expect(clippy::disallowed_methods, reason = "the depth of the search comes from make")]
fn faults() -> u8 {
    std::env::var("SEARCH_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn left() -> Left {
    Left { faults: faults(), refusals: 1, ends: 1, retries: 1, decisions: 1, ticks: 3 }
}

/// Visits every world, and fails with the way to one that breaks a promise.
fn holds_everywhere(name: &str, caps: Capabilities) {
    let search = Search::new(caps, left()).checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{name}: {} worlds, {} steps, {} deep", search.unique_state_count(), search.state_count(), search.max_depth());
    write_down(name, search.unique_state_count());
    search.assert_properties();
}

/// For the report of `make chaos`.
fn write_down(name: &str, worlds: usize) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("chaos/search");
    std::fs::create_dir_all(&folder).unwrap();
    let text = serde_json::json!({ "name": name, "worlds": worlds }).to_string();
    std::fs::write(folder.join(format!("{}.json", name.replace([' ', ','], "-"))), text).unwrap();
}

#[test]
fn an_inventory_that_knows_our_key_and_creates_once_keeps_every_promise() {
    holds_everywhere("idempotent create and look-up by key", BOTH);
}

#[test]
fn an_inventory_that_creates_once_keeps_every_promise() {
    holds_everywhere("idempotent create", IDEMPOTENT);
}

#[test]
fn an_inventory_that_is_looked_up_by_our_key_keeps_every_promise() {
    holds_everywhere("look-up by key", BY_KEY);
}

#[test]
fn an_inventory_that_is_looked_up_by_its_reference_keeps_every_promise() {
    holds_everywhere("look-up by reference", BY_REFERENCE);
}

#[test]
fn an_inventory_that_offers_neither_keeps_every_promise_with_a_human() {
    holds_everywhere("neither", BLIND);
}

#[test]
fn an_inventory_that_refuses_to_release_twice_keeps_every_promise() {
    holds_everywhere("look-up by key, releases once", Capabilities { idempotent_release: false, ..BY_KEY });
}

/// Plants a mistake and searches until it breaks a promise of this number, with so many faults at
/// the most; any, if no number is named.
fn is_found_out(mistake: Mistake, caps: Capabilities, faults: u8, promise: &'static str) {
    let search = Search::new(caps, Left { faults, ..left() }).with(mistake);
    let names = search.properties().into_iter().map(|property| property.name);
    let wanted: BTreeSet<&'static str> = names.filter(|name| name.starts_with(['S', 'L']) && name.starts_with(promise)).collect();
    let search = search.checker().threads(2).finish_when(HasDiscoveries::AnyOf(wanted.clone())).spawn_bfs().join();
    let found: Vec<_> = search.discoveries().into_keys().filter(|name| wanted.contains(name)).collect();
    println!("{mistake:?}: {} worlds until {found:?} was broken", search.unique_state_count());
    assert!(!found.is_empty(), "{mistake:?} went unnoticed");
}

#[test]
fn a_store_that_checks_no_epoch_is_found_out() {
    is_found_out(Mistake::ChecksNoEpoch, BY_KEY, 1, "");
}

#[test]
fn a_time_out_that_is_taken_for_a_refusal_is_found_out() {
    is_found_out(Mistake::TakesATimeOutForARefusal, BY_KEY, 1, "S6");
}

#[test]
fn a_request_that_overtakes_its_record_is_found_out() {
    is_found_out(Mistake::SendsBeforeItCommits, BY_KEY, 1, "S2");
}

#[test]
fn an_absence_that_is_believed_too_early_is_found_out() {
    is_found_out(Mistake::BelievesTheFirstAbsence, BY_KEY, 1, "S1");
}

#[test]
fn a_create_that_is_repeated_blindly_is_found_out() {
    is_found_out(Mistake::RepeatsABlindCreate, BLIND, 1, "S1");
}

#[test]
fn a_deleted_order_that_is_forgotten_is_found_out() {
    is_found_out(Mistake::ForgetsTheDeletedOrder, BY_KEY, 0, "S3");
}

#[test]
fn a_release_that_leaves_no_end_behind_is_found_out() {
    is_found_out(Mistake::LeavesNoEndBehind, BY_KEY, 0, "S3");
}
