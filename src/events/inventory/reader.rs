//! Reading a message: an event of a tenant that is served, nothing for us, or unusable with a reason that says what to mend.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::domain::{Count, CustomerProductId, ProductEvent, ProductStatus, SourceEventId, SourceName, Stamp, TenantId};
use crate::events::inventory::envelope::{Envelope, NoEnvelope, envelope};
use crate::events::inventory::scalar::{Oddities, clean, text, whole};
use crate::events::inventory::settings::{FeedConfig, OrderBy};
use crate::events::inventory::{Oddity, product};
use crate::store::{Content, InventoryEvent, Message, NOBODY, Unusable};

/// An event from further ahead than this has a broken clock; believed, it would outrank every later one.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// The longest correlation id that is told on, in characters.
const LONGEST_CORRELATION: usize = 255;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the message is.
    pub content: Content,
    /// Who sent it, by the feed's name for it; nothing for a topic that is not configured.
    pub source: Option<SourceName>,
    /// What was odd about it.
    pub odd: Vec<Oddity>,
}

/// Reads messages of the configured topics.
#[derive(Debug, Clone)]
pub struct Reader {
    feeds: BTreeMap<String, Feed>,
    /// Empty for all.
    served: Vec<TenantId>,
}

#[derive(Debug, Clone)]
struct Feed {
    source: SourceName,
    order_by: OrderBy,
    customer_role: String,
    tenant: Option<TenantId>,
}

/// What is wrong with an event whose tenant may be known already.
struct Wrong(&'static str, String);

/// What an event tells of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// How it is.
    State,
    /// That its inventory no longer has it.
    Deleted,
}

impl Reader {
    /// For these topics and tenants. A feed whose source or tenant cannot be read is left out; the configuration has refused it
    /// before.
    #[must_use]
    pub fn new(feeds: &[FeedConfig], served: Vec<TenantId>) -> Self {
        let read = |config: &FeedConfig| {
            let tenant = if config.tenant.is_empty() { None } else { Some(TenantId::parse(&config.tenant).ok()?) };
            let source = SourceName::parse(&config.source).ok()?;
            let (order_by, customer_role) = (config.order_by, config.customer_role.clone());
            Some((config.topic.clone(), Feed { source, order_by, customer_role, tenant }))
        };
        Self { feeds: feeds.iter().filter_map(read).collect(), served }
    }

    /// Reads a message.
    #[must_use]
    pub fn read(&self, message: &Message, now: DateTime<Utc>) -> Reading {
        let mut odd = Vec::new();
        let Some(feed) = self.feeds.get(&message.partition.topic) else {
            let reason = format!("no feed is configured for the topic `{}`", message.partition.topic);
            let content = Content::Unusable(Unusable { tenant: NOBODY, event_id: None, code: "no_feed", reason });
            return Reading { content, source: None, odd };
        };
        let content = match envelope(message, &mut odd) {
            Err(NoEnvelope::NoBody) => Content::PassedOver,
            Err(NoEnvelope::Unreadable(reason)) => {
                Content::Unusable(Unusable { tenant: NOBODY, event_id: None, code: "unreadable", reason })
            }
            Ok(envelope) => self.content(feed, envelope, now, &mut odd),
        };
        Reading { content, source: Some(feed.source.clone()), odd }
    }

    fn content(&self, feed: &Feed, envelope: Envelope, now: DateTime<Utc>, odd: &mut Oddities) -> Content {
        let event_id = envelope.id.clone();
        let unusable = |tenant, Wrong(code, reason)| Content::Unusable(Unusable { tenant, event_id: event_id.clone(), code, reason });
        let kind = match envelope.event_type.as_deref().map(kind_of) {
            Some(Ok(Some(kind))) => kind,
            // About another resource: topics are shared.
            Some(Ok(None)) => return Content::PassedOver,
            Some(Err(wrong)) => return unusable(self.tenant(feed, &envelope.tenants).unwrap_or(NOBODY), wrong),
            None => {
                let wrong = Wrong("event_type", "the event has no type (`eventType`, or `type` of a CloudEvent)".to_owned());
                return unusable(self.tenant(feed, &envelope.tenants).unwrap_or(NOBODY), wrong);
            }
        };
        let tenant = match self.tenant(feed, &envelope.tenants) {
            Ok(tenant) => tenant,
            Err(wrong) => return unusable(NOBODY, wrong),
        };
        match event(feed, tenant, kind, envelope, now, odd) {
            Ok(event) => Content::Event(Box::new(event)),
            Err(wrong) => unusable(tenant, wrong),
        }
    }

    /// Whose the event is. Everything that names a tenant must name the same one, and it must be served.
    fn tenant(&self, feed: &Feed, named: &[String]) -> Result<TenantId, Wrong> {
        let mut found = feed.tenant;
        for text in named {
            let tenant = TenantId::parse(text).map_err(|must| Wrong("tenant_unreadable", format!("the tenant {must}, it is `{text}`")))?;
            if let Some(other) = found.replace(tenant)
                && other != tenant
            {
                return Err(Wrong("tenant_conflict", format!("the event names two tenants, {other} and {tenant}")));
            }
        }
        let tenant = found.ok_or_else(|| {
            let must = "the event names no tenant: it must carry one as `tenantId`, as the header `tenantId` or as the CloudEvents attribute \
                        `tenantid`, or its feed must be configured with one";
            Wrong("tenant_missing", must.to_owned())
        })?;
        if tenant == NOBODY || !(self.served.is_empty() || self.served.contains(&tenant)) {
            return Err(Wrong("tenant_not_served", format!("tenant {tenant} is not served here (engine.tenants)")));
        }
        Ok(tenant)
    }
}

/// What an event of this type tells; nothing if it is about another resource. `ProductCreateEvent`, `productCreated` and
/// `com.example.product.created.v1` are the same type.
fn kind_of(event_type: &str) -> Result<Option<Kind>, Wrong> {
    let without_version =
        event_type.rsplit_once(".v").filter(|(_, version)| version.parse::<u32>().is_ok()).map_or(event_type, |(name, _)| name);
    let segments: Vec<&str> = without_version.split(['.', '/', ':']).collect();
    let name = match segments.as_slice() {
        [.., resource, happened] if resource.eq_ignore_ascii_case("product") => format!("product{happened}"),
        [.., last] => (*last).to_owned(),
        [] => String::new(),
    };
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    match name.strip_suffix("event").unwrap_or(&name) {
        "productcreate"
        | "productcreated"
        | "productattributevaluechange"
        | "productattributevaluechanged"
        | "productstatechange"
        | "productstatechanged"
        | "productchanged"
        | "productupdated" => Ok(Some(Kind::State)),
        "productdelete" | "productdeleted" => Ok(Some(Kind::Deleted)),
        "productbatch" => Err(Wrong("event_type", format!("`{event_type}` carries several products; have them sent one by one"))),
        _ => Ok(None),
    }
}

fn event(
    feed: &Feed,
    tenant: TenantId,
    kind: Kind,
    envelope: Envelope,
    now: DateTime<Utc>,
    odd: &mut Oddities,
) -> Result<InventoryEvent, Wrong> {
    let id = envelope.id.ok_or_else(|| Wrong("event_id", "the event has no id (`eventId`, or `id` of a CloudEvent)".to_owned()))?;
    let id = SourceEventId::parse(&id).map_err(|must| Wrong("event_id", format!("the event's id {must}")))?;
    let at = envelope.at.ok_or_else(|| {
        Wrong("event_time", "the event has no time that can be read (`eventTime`, `occurredAt`, or `time` of a CloudEvent)".to_owned())
    })?;
    if at > now + AHEAD {
        return Err(Wrong("event_time", format!("the event is from {at}, which is more than a day ahead of this host's clock")));
    }
    let members: Map<String, Value> = envelope.product.ok_or_else(|| {
        Wrong("product", "the event carries no product (`event.product`, `product`, or a CloudEvent's `data`)".to_owned())
    })?;
    let Value::Object(members) = clean(Value::Object(members), odd) else {
        return Err(Wrong("product", "the product is not an object".to_owned()));
    };
    let product = members.get("id").and_then(|id| text(id, odd)).unwrap_or_default();
    let product = CustomerProductId::parse(&product).map_err(|must| Wrong("product", format!("the product's id {must}")))?;
    let mut said = product::said(&members, &feed.customer_role, odd);
    if kind == Kind::Deleted {
        said.status = ProductStatus::read(ProductStatus::DELETED);
    }
    let count = count(feed.order_by, members.get("version"), envelope.sequence.as_ref())?;
    if feed.order_by == OrderBy::Sequence {
        said.source_version = envelope.sequence.as_ref().and_then(|sequence| text(sequence, &mut Vec::new()));
    }
    let correlation = envelope.correlation.and_then(|text| correlation(text, odd));
    let change = ProductEvent { stamp: Stamp { count, at, event: id }, said, members: members.into_iter().collect() };
    Ok(InventoryEvent { tenant, source: feed.source.clone(), product, correlation, change })
}

/// What the feed's events are ordered by. An event without it is not given another counter instead, which would say nothing about
/// where it stands among the others.
fn count(order_by: OrderBy, version: Option<&Value>, sequence: Option<&Value>) -> Result<Option<Count>, Wrong> {
    let must = |what, place| {
        let reason = format!("the events of this feed are ordered by {what}, and this one has none that is a whole number ({place})");
        Wrong(what, reason)
    };
    match order_by {
        OrderBy::EventTime => Ok(None),
        OrderBy::Version => {
            let version = version.and_then(whole).ok_or_else(|| must("version", "`version` of the product"))?;
            Ok(Some(Count::Version(version)))
        }
        OrderBy::Sequence => {
            let sequence = sequence.and_then(whole).ok_or_else(|| must("sequence", "`sequence` of the event"))?;
            Ok(Some(Count::Sequence(sequence)))
        }
    }
}

/// What others know the matter by. It is told on with each fact, and one that no database keeps or that makes facts too large would
/// cost the event, of which it is the least.
fn correlation(text: String, odd: &mut Oddities) -> Option<String> {
    if text.chars().count() <= LONGEST_CORRELATION && !text.chars().any(char::is_control) {
        return Some(text);
    }
    odd.push(Oddity::UnreadableValue);
    None
}

#[cfg(test)]
mod tests;
