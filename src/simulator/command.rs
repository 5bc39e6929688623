//! Requests to the inventory, once they have been read and found to make sense.

use std::collections::HashSet;

use serde::Deserialize;

use super::clock::Instant;
use super::entry::{Asked, AskedLine, Operation};
use super::hold::HoldState;

/// One request of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) tenant: String,
    pub(crate) received_at: Instant,
    pub(crate) command: Command,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    Check(CheckRequest),
    Reserve(ReserveRequest),
    LookupByKey(String),
    LookupByReference(String),
    Release(ChangeRequest),
    Confirm(ChangeRequest),
    Extend(ChangeRequest, Instant),
    List(ListRequest),
}

/// Is there enough of each?
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckRequest {
    #[serde(default)]
    pub(crate) reference: Option<String>,
    pub(crate) lines: Vec<AskedLine>,
}

/// Set these aside.
#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReserveRequest {
    pub(crate) request_key: String,
    pub(crate) order_id: String,
    pub(crate) hold_seconds: u64,
    #[serde(default)]
    pub(crate) allow_partial: bool,
    pub(crate) lines: Vec<AskedLine>,
}

/// Do something to the hold of this reference.
#[derive(Debug, Clone)]
pub(crate) struct ChangeRequest {
    pub(crate) reference: String,
    pub(crate) request_key: Option<String>,
}

/// One page of holds.
#[derive(Debug, Clone)]
pub(crate) struct ListRequest {
    pub(crate) states: Vec<HoldState>,
    pub(crate) after: Option<String>,
    pub(crate) limit: usize,
}

impl Command {
    /// What the ledger and the faults call it.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Check(_) => Operation::Check,
            Self::Reserve(_) => Operation::Reserve,
            Self::LookupByKey(_) | Self::LookupByReference(_) => Operation::Lookup,
            Self::Release(_) => Operation::Release,
            Self::Confirm(_) => Operation::Confirm,
            Self::Extend(..) => Operation::Extend,
            Self::List(_) => Operation::List,
        }
    }

    /// The request key that was sent with it.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Reserve(request) => Some(&request.request_key),
            Self::LookupByKey(key) => Some(key),
            Self::Release(change) | Self::Confirm(change) | Self::Extend(change, _) => change.request_key.as_deref(),
            Self::Check(_) | Self::LookupByReference(_) | Self::List(_) => None,
        }
    }

    /// The order that it names.
    pub(crate) fn order_id(&self) -> Option<&str> {
        match self {
            Self::Reserve(request) => Some(&request.order_id),
            _ => None,
        }
    }

    /// The hold that it names.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::LookupByReference(reference) => Some(reference),
            Self::Release(change) | Self::Confirm(change) | Self::Extend(change, _) => Some(&change.reference),
            Self::Check(_) | Self::Reserve(_) | Self::LookupByKey(_) | Self::List(_) => None,
        }
    }

    /// The lines that it names.
    pub(crate) fn lines(&self) -> &[AskedLine] {
        match self {
            Self::Check(request) => &request.lines,
            Self::Reserve(request) => &request.lines,
            _ => &[],
        }
    }

    /// What the ledger keeps of it beside key, order and reference.
    pub(crate) fn asked(&self) -> Asked {
        let mut asked = Asked { lines: self.lines().to_vec(), ..Asked::default() };
        match self {
            Self::Reserve(request) => {
                asked.hold_seconds = Some(request.hold_seconds);
                asked.allow_partial = Some(request.allow_partial);
            }
            Self::Extend(_, expires_at) => asked.expires_at = Some(*expires_at),
            _ => {}
        }
        asked
    }

    /// What is wrong with it, if anything.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::Check(request) => bad_lines(&request.lines),
            Self::Reserve(request) if !(1..=200).contains(&request.request_key.len()) => {
                Some("requestKey must have 1 to 200 characters".into())
            }
            Self::Reserve(request) if request.order_id.is_empty() => Some("orderId must not be empty".into()),
            Self::Reserve(request) if !(1..=MAX_HOLD_SECONDS).contains(&request.hold_seconds) => {
                Some(format!("holdSeconds must lie between 1 and {MAX_HOLD_SECONDS}"))
            }
            Self::Reserve(request) => bad_lines(&request.lines),
            Self::List(request) if !(1..=1000).contains(&request.limit) => Some("limit must lie between 1 and 1000".into()),
            _ => None,
        }
    }
}

/// A hundred years: what lies beyond is a mistake.
const MAX_HOLD_SECONDS: u64 = 100 * 366 * 24 * 3600;

fn bad_lines(lines: &[AskedLine]) -> Option<String> {
    if !(1..=200).contains(&lines.len()) {
        return Some("there must be 1 to 200 lines".into());
    }
    let mut seen = HashSet::new();
    for line in lines {
        if line.line_id.is_empty() || !seen.insert(line.line_id.as_str()) {
            return Some(format!("lineId {:?} is empty or not the only one", line.line_id));
        }
        if line.sku.is_empty() {
            return Some(format!("line {:?} has no sku", line.line_id));
        }
        if !line.quantity.is_orderable() {
            return Some(format!("line {:?}: quantity must be above 0, with at most 6 decimals and 12 whole digits", line.line_id));
        }
    }
    None
}
