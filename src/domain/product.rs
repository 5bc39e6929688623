//! A product that a customer has, as the events of its inventory tell of it: how an event changes what is known.
//!
//! Each member of a product is a register of its own: whoever spoke last of it, by the order of [`Stamp`], is believed. An event
//! that speaks of a single member cannot take the others back, and what is known in the end is the same whatever the order in
//! which the events arrived, and however often.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::{CustomerId, SourceEventId};

/// What a source counts up from event to event. One counter says nothing about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Count {
    /// Its changes of the product.
    Version(u64),
    /// Its events.
    Sequence(u64),
}

/// Where an event stands among the events of one product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The source's count; nothing where its events are ordered by their time alone.
    pub count: Option<Count>,
    /// When it happened, by the source's clock.
    pub at: DateTime<Utc>,
    /// The event.
    pub event: SourceEventId,
}

impl Stamp {
    /// It was said later than the other: the count decides, then the time, then the event's id, so that stamps that count alike are
    /// in one total order. Stamps that do not are of one product only where somebody has changed what its source is ordered by; the
    /// time decides between those, so that what was counted before does not stand in the way of what comes now.
    #[must_use]
    pub fn is_after(&self, other: &Self) -> bool {
        let by_count = match (self.count, other.count) {
            (Some(Count::Version(one)), Some(Count::Version(two))) | (Some(Count::Sequence(one)), Some(Count::Sequence(two))) => {
                one.cmp(&two)
            }
            (Some(Count::Version(_) | Count::Sequence(_)) | None, _) => Ordering::Equal,
        };
        by_count.then_with(|| self.at.cmp(&other.at)).then_with(|| self.event.cmp(&other.event)).is_gt()
    }
}

/// What was last said of one member, and by which event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register<T> {
    /// What was said.
    pub value: T,
    /// Who said it.
    pub stamp: Stamp,
}

/// A product's state in its life, in the spelling of TMF637; one that TMF637 does not know is kept as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProductStatus(String);

impl ProductStatus {
    /// The states of TMF637, and the one of a product that its inventory no longer has.
    pub const KNOWN: [&'static str; 9] =
        ["created", "pendingActive", "cancelled", "active", "pendingTerminate", "terminated", "suspended", "aborted", Self::DELETED];
    /// The inventory no longer has the product.
    pub const DELETED: &'static str = "deleted";
    /// The longest text that is taken for a state, in characters.
    const LONGEST: usize = 64;

    /// Reads a state. Case, separators and surrounding white space do not count (the standard's own list has one with a trailing
    /// blank). Nothing for a text that cannot be one: empty, too long, or with control characters.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::LONGEST || text.chars().any(char::is_control) {
            return None;
        }
        let bare = |text: &str| text.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>().to_lowercase();
        let known = Self::KNOWN.into_iter().find(|known| bare(known) == bare(text));
        Some(Self(known.unwrap_or(text).to_owned()))
    }

    /// The state as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It is one that TMF637 knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        Self::KNOWN.contains(&self.0.as_str())
    }
}

/// What an event says of the members that are read. Nothing where it does not speak of one; where a member may be empty, the inner
/// nothing says that it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductSaid {
    /// Whose the product is.
    pub customer: Option<CustomerId>,
    /// What was sold.
    pub offering: Option<String>,
    /// What it is made after.
    pub specification: Option<Option<String>>,
    /// Where it stands in its life.
    pub status: Option<ProductStatus>,
    /// Since when it works.
    pub activated_at: Option<Option<DateTime<Utc>>>,
    /// Until when it does.
    pub terminated_at: Option<Option<DateTime<Utc>>>,
    /// The source's version, as it spells it.
    pub source_version: Option<String>,
}

/// An event about a product. `Raw` is how members are kept that nobody reads here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductEvent<Raw> {
    /// Where it stands among the product's events.
    pub stamp: Stamp,
    /// What it says of the members that are read.
    pub said: ProductSaid,
    /// Every member of the product as it was sent, also those that are read and those that nobody knows.
    pub members: BTreeMap<String, Raw>,
}

/// What is known of a product: the fold of the events that were heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRecord<Raw> {
    /// See [`ProductSaid::customer`].
    pub customer: Option<Register<CustomerId>>,
    /// See [`ProductSaid::offering`].
    pub offering: Option<Register<String>>,
    /// See [`ProductSaid::specification`].
    pub specification: Option<Register<Option<String>>>,
    /// See [`ProductSaid::status`].
    pub status: Option<Register<ProductStatus>>,
    /// See [`ProductSaid::activated_at`].
    pub activated_at: Option<Register<Option<DateTime<Utc>>>>,
    /// See [`ProductSaid::terminated_at`].
    pub terminated_at: Option<Register<Option<DateTime<Utc>>>>,
    /// See [`ProductSaid::source_version`].
    pub source_version: Option<Register<String>>,
    /// The newest time of any event that was heard, by the source's clock.
    pub last_event_at: Option<DateTime<Utc>>,
    /// See [`ProductEvent::members`].
    pub members: BTreeMap<String, Register<Raw>>,
}

/// What an event changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProductChange {
    /// Nothing: newer events had spoken of everything that it speaks of, or it was heard already.
    Nothing,
    /// It said again what was known; it is known to be true for longer.
    SaidAgain,
    /// Something that is known is different now.
    Altered,
}

impl<Raw> Default for ProductRecord<Raw> {
    fn default() -> Self {
        Self {
            customer: None,
            offering: None,
            specification: None,
            status: None,
            activated_at: None,
            terminated_at: None,
            source_version: None,
            last_event_at: None,
            members: BTreeMap::new(),
        }
    }
}

impl<Raw: PartialEq> ProductRecord<Raw> {
    /// Hears an event; says what it changed.
    pub fn hear(&mut self, event: ProductEvent<Raw>) -> ProductChange {
        let ProductEvent { stamp, said, members } = event;
        let mut change = [
            hear(&mut self.customer, said.customer, &stamp),
            hear(&mut self.offering, said.offering, &stamp),
            hear(&mut self.specification, said.specification, &stamp),
            hear(&mut self.status, said.status, &stamp),
            hear(&mut self.activated_at, said.activated_at, &stamp),
            hear(&mut self.terminated_at, said.terminated_at, &stamp),
            // Another version of the same content is no other product.
            hear(&mut self.source_version, said.source_version, &stamp).min(ProductChange::SaidAgain),
        ]
        .into_iter()
        .max()
        .unwrap_or(ProductChange::Nothing);
        for (name, value) in members {
            let mut register = self.members.remove(&name);
            change = change.max(hear(&mut register, Some(value), &stamp));
            if let Some(register) = register {
                self.members.insert(name, register);
            }
        }
        if self.last_event_at.is_none_or(|last| last < stamp.at) {
            self.last_event_at = Some(stamp.at);
            change = change.max(ProductChange::SaidAgain);
        }
        change
    }

    /// Whose it is, what was sold and where it stands are known: the least that a customer's product is.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.customer.is_some() && self.offering.is_some() && self.status.is_some()
    }
}

/// One register hears what is said of it.
fn hear<T: PartialEq>(register: &mut Option<Register<T>>, said: Option<T>, stamp: &Stamp) -> ProductChange {
    let Some(value) = said else { return ProductChange::Nothing };
    match register {
        Some(known) if !stamp.is_after(&known.stamp) => ProductChange::Nothing,
        Some(known) => {
            let change = if known.value == value { ProductChange::SaidAgain } else { ProductChange::Altered };
            *known = Register { value, stamp: stamp.clone() };
            change
        }
        None => {
            *register = Some(Register { value, stamp: stamp.clone() });
            ProductChange::Altered
        }
    }
}

#[cfg(test)]
mod tests;
