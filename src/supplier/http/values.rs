//! What the placeholders of a profile stand for.

use chrono::SecondsFormat;
use rust_decimal::Decimal;

use crate::domain::OrderLine;
use crate::supplier::{CheckAsk, HoldAsk, ListAsk};

/// A placeholder's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Tenant,
    Order,
    Key,
    KeyUuid,
    Reference,
    HoldSeconds,
    Until,
    UntilEpochSeconds,
    AcceptPartial,
    Customer,
    Location,
    Channel,
    Correlation,
    Cursor,
    Offset,
    PageSize,
    LineId,
    Product,
    Quantity,
}

/// Where a template stands, which decides what it can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// In the availability check.
    Check,
    /// In an operation on a hold.
    Hold,
    /// In the list of active holds.
    List,
    /// Inside `for_each_line` of the check.
    CheckLine,
    /// Inside `for_each_line` of an operation on a hold.
    HoldLine,
}

const CHECK: &[Scope] = &[Scope::Check, Scope::CheckLine];
const HOLD: &[Scope] = &[Scope::Hold, Scope::HoldLine];
const BOTH: &[Scope] = &[Scope::Check, Scope::CheckLine, Scope::Hold, Scope::HoldLine];
const ALL: &[Scope] = &[Scope::Check, Scope::CheckLine, Scope::Hold, Scope::HoldLine, Scope::List];
const LIST: &[Scope] = &[Scope::List];
const LINE: &[Scope] = &[Scope::CheckLine, Scope::HoldLine];

/// Every placeholder: its name, its spelling and where it may stand.
const NAMES: &[(Name, &str, &[Scope])] = &[
    (Name::Tenant, "tenant", ALL),
    (Name::Order, "order", HOLD),
    (Name::Key, "key", HOLD),
    (Name::KeyUuid, "key_uuid", HOLD),
    (Name::Reference, "reference", HOLD),
    (Name::HoldSeconds, "hold_seconds", HOLD),
    (Name::Until, "until", HOLD),
    (Name::UntilEpochSeconds, "until_epoch_seconds", HOLD),
    (Name::AcceptPartial, "accept_partial", HOLD),
    (Name::Customer, "customer", BOTH),
    (Name::Location, "location", BOTH),
    (Name::Channel, "channel", CHECK),
    (Name::Correlation, "correlation", CHECK),
    (Name::Cursor, "cursor", LIST),
    (Name::Offset, "offset", LIST),
    (Name::PageSize, "page_size", LIST),
    (Name::LineId, "line_id", LINE),
    (Name::Product, "product", LINE),
    (Name::Quantity, "quantity", LINE),
];

impl Name {
    /// Finds a spelling where it may stand.
    pub(super) fn find(text: &str, scope: Scope) -> Option<Self> {
        NAMES.iter().find(|(_, spelling, scopes)| *spelling == text && scopes.contains(&scope)).map(|(name, _, _)| *name)
    }

    /// Every spelling that may stand there, for the message that says so.
    pub(super) fn spellings(scope: Scope) -> Vec<&'static str> {
        NAMES.iter().filter(|(_, _, scopes)| scopes.contains(&scope)).map(|(_, spelling, _)| *spelling).collect()
    }

    /// The spelling.
    pub(super) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(name, _, _)| *name == self).map_or("", |(_, spelling, _)| spelling)
    }
}

impl Scope {
    /// The scope inside `for_each_line`; none if it is one already.
    pub(super) fn line(self) -> Option<Self> {
        match self {
            Self::Check => Some(Self::CheckLine),
            Self::Hold => Some(Self::HoldLine),
            Self::CheckLine | Self::HoldLine | Self::List => None,
        }
    }
}

/// One value in its natural type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    Text(String),
    Integer(i64),
    Number(Decimal),
    Truth(bool),
}

impl Scalar {
    /// The value as text.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

/// The question or command whose values fill the templates.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask<'a> {
    Check(&'a CheckAsk),
    Hold(&'a HoldAsk),
    /// With the size of a page.
    List(&'a ListAsk, u32),
}

impl<'a> Ask<'a> {
    /// The lines that `for_each_line` goes over.
    pub(super) fn lines(self) -> &'a [OrderLine] {
        match self {
            Self::Check(ask) => &ask.lines,
            Self::Hold(ask) => &ask.lines,
            Self::List(..) => &[],
        }
    }

    /// What a placeholder stands for; nothing where this ask has no such value.
    pub(super) fn value(self, name: Name, line: Option<&OrderLine>) -> Option<Scalar> {
        let text = |text: &str| Some(Scalar::Text(text.to_owned()));
        match (name, self) {
            (Name::Tenant, Self::Check(ask)) => text(&ask.tenant.to_string()),
            (Name::Tenant, Self::Hold(ask)) => text(&ask.tenant.to_string()),
            (Name::Tenant, Self::List(ask, _)) => text(&ask.tenant.to_string()),
            (Name::Cursor, Self::List(ask, _)) => ask.after.as_ref().and_then(|after| after.token.clone()).map(Scalar::Text),
            (Name::Offset, Self::List(ask, _)) => {
                ask.after.as_ref().map_or(Some(0), |after| i64::try_from(after.seen).ok()).map(Scalar::Integer)
            }
            (Name::PageSize, Self::List(_, size)) => Some(Scalar::Integer(i64::from(size))),
            (Name::Customer, Self::Check(ask)) => ask.customer.clone().map(Scalar::Text),
            (Name::Customer, Self::Hold(ask)) => ask.customer.clone().map(Scalar::Text),
            (Name::Location, _) => line.and_then(|line| line.location.clone()).or_else(|| self.location()).map(Scalar::Text),
            (Name::Channel, Self::Check(ask)) => ask.channel.clone().map(Scalar::Text),
            (Name::Correlation, Self::Check(ask)) => text(&ask.correlation),
            (Name::Order, Self::Hold(ask)) => text(&ask.order.to_string()),
            (Name::Key, Self::Hold(ask)) => text(ask.key.as_str()),
            (Name::KeyUuid, Self::Hold(ask)) => text(&ask.key.as_uuid(ask.tenant, &ask.source).to_string()),
            (Name::Reference, Self::Hold(ask)) => ask.reference.as_ref().and_then(|reference| text(reference.as_str())),
            (Name::HoldSeconds, Self::Hold(ask)) => Some(Scalar::Integer(ask.hold_seconds)),
            (Name::Until, Self::Hold(ask)) => ask.until.and_then(|at| text(&at.to_rfc3339_opts(SecondsFormat::AutoSi, true))),
            (Name::UntilEpochSeconds, Self::Hold(ask)) => ask.until.map(|at| Scalar::Integer(at.timestamp())),
            (Name::AcceptPartial, Self::Hold(ask)) => Some(Scalar::Truth(ask.accept_partial)),
            (Name::LineId, _) => line.and_then(|line| text(&line.order_line.to_string())),
            (Name::Product, _) => line.and_then(|line| text(&line.product_offering)),
            (Name::Quantity, _) => line.map(|line| Scalar::Number(line.quantity.decimal())),
            (
                Name::Order
                | Name::Key
                | Name::KeyUuid
                | Name::Reference
                | Name::HoldSeconds
                | Name::Until
                | Name::UntilEpochSeconds
                | Name::AcceptPartial,
                Self::Check(_) | Self::List(..),
            )
            | (Name::Channel | Name::Correlation, Self::Hold(_) | Self::List(..))
            | (Name::Customer, Self::List(..))
            | (Name::Cursor | Name::Offset | Name::PageSize, Self::Check(_) | Self::Hold(_)) => None,
        }
    }

    fn location(self) -> Option<String> {
        match self {
            Self::Check(ask) => ask.location.clone(),
            Self::Hold(ask) => ask.location.clone(),
            Self::List(..) => None,
        }
    }
}
