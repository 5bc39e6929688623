//! What a user asks for when arming a fault, and which requests that means.

use serde::{Deserialize, Serialize};

use super::kind::Fault;
use crate::simulator::entry::Operation;

/// A fault and the requests that it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRequest {
    /// Which operation.
    #[serde(default)]
    pub operation: FaultScope,
    /// Whose requests; everything named must be equal.
    #[serde(default, rename = "match")]
    pub matching: FaultMatch,
    /// How many such requests pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// How many are struck then; all of them if absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// With what probability each is struck; always if absent.
    #[serde(default)]
    pub chance: Option<f64>,
    /// What goes wrong.
    pub fault: Fault,
}

/// Which operation a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of the operations")]
pub enum FaultScope {
    Reserve,
    Lookup,
    Release,
    Confirm,
    Extend,
    List,
    Check,
    #[default]
    Any,
}

/// Whose requests a fault strikes; for a hold's reference, its order, key and products count as the request's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FaultMatch {
    /// The tenant.
    pub tenant: Option<String>,
    /// The order.
    pub order_id: Option<String>,
    /// The request key, as sent or of the hold.
    pub key: Option<String>,
    /// A product of any line.
    pub sku: Option<String>,
    /// The hold.
    pub reference: Option<String>,
}

/// A fault with its proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// Its name for deletion.
    pub id: u64,
    /// What was asked for.
    #[serde(flatten)]
    pub request: FaultRequest,
    /// Requests that matched, struck or not.
    pub seen: u64,
    /// Requests that were struck.
    pub fired: u64,
    /// Struck requests that are over for the inventory: it acted, or never will.
    pub done: u64,
}

/// A request as faults see it.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) operation: Operation,
    pub(crate) order_id: Option<&'a str>,
    pub(crate) keys: [Option<&'a str>; 2],
    pub(crate) skus: Vec<&'a str>,
    pub(crate) reference: Option<&'a str>,
}

impl FaultStatus {
    /// Whether it will strike no more.
    pub(super) fn is_spent(&self) -> bool {
        self.request.times.is_some_and(|times| self.fired >= times)
    }
}

impl FaultRequest {
    /// Whether it is meant for this request.
    pub(super) fn strikes(&self, facts: &Facts<'_>) -> bool {
        let wanted = &self.matching;
        let same = |wanted: &Option<String>, fact: Option<&str>| wanted.is_none() || wanted.as_deref() == fact;
        self.operation.covers(facts.operation)
            && same(&wanted.tenant, Some(facts.tenant))
            && same(&wanted.order_id, facts.order_id)
            && same(&wanted.reference, facts.reference)
            && wanted.key.as_deref().is_none_or(|key| facts.keys.contains(&Some(key)))
            && wanted.sku.as_deref().is_none_or(|sku| facts.skus.contains(&sku))
    }
}

impl FaultScope {
    fn covers(self, operation: Operation) -> bool {
        match self {
            Self::Any => true,
            Self::Reserve => operation == Operation::Reserve,
            Self::Lookup => operation == Operation::Lookup,
            Self::Release => operation == Operation::Release,
            Self::Confirm => operation == Operation::Confirm,
            Self::Extend => operation == Operation::Extend,
            Self::List => operation == Operation::List,
            Self::Check => operation == Operation::Check,
        }
    }
}
