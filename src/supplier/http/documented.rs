//! Keeps docs/inventories.md and what is really read in step, key by key.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::form::{AnswerForm, CapabilitiesForm, CheckForm, ErrorForm, HoldForm, ListForm, OperationForm, ProfileForm};
use super::values::{Name, Scope};
use crate::supplier::SourceConfig;

const PAGE: &str = include_str!("../../../docs/inventories.md");

/// The keys that a struct reads, as serde itself lists them when it meets one that it does not know.
fn read<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = toml::from_str::<T>("no-such-key = 1").err().unwrap().to_string();
    let (_, expected) = error.split_once("expected").unwrap();
    expected.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// The first cells of the first table under a heading.
fn told(heading: &str) -> BTreeSet<String> {
    let (_, section) = PAGE.split_once(&format!("\n{heading}\n")).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.split('`').nth(1).unwrap().trim_matches(['{', '}']).to_owned()).collect()
}

#[test]
fn the_page_names_every_key_that_is_read_and_no_other() {
    assert_eq!(told("## A source"), read::<SourceConfig>());
    assert_eq!(told("### [capabilities]"), read::<CapabilitiesForm>());
    assert_eq!(told("### [reserve], [lookup_by_reference], [lookup_by_key], [release], [confirm], [extend]"), read::<OperationForm>());
    assert_eq!(told("### [list]"), read::<ListForm>());
    assert_eq!(told("### [hold]"), read::<HoldForm>());
    assert_eq!(told("### [error]"), read::<ErrorForm>());
    assert_eq!(told("### [check]"), read::<CheckForm>());
    assert_eq!(told("### answers"), read::<AnswerForm>());
    let sections = PAGE.lines().filter(|line| line.starts_with("### [")).flat_map(|line| line.split(['[', ']']).skip(1).step_by(2));
    assert_eq!(sections.map(ToOwned::to_owned).collect::<BTreeSet<_>>(), read::<ProfileForm>());
}

#[test]
fn the_page_names_every_placeholder_and_no_other() {
    let known = [Scope::CheckLine, Scope::HoldLine, Scope::List].into_iter().flat_map(Name::spellings).map(ToOwned::to_owned);
    assert_eq!(told("### Placeholders"), known.collect());
}
