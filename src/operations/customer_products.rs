//! What a customer has, by what the inventory told, and how old that knowledge is. A read model, never the authority.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{CustomerId, CustomerProductId, TenantId};
use crate::operations::{OperationError, Operations};
use crate::store::{Progress, ProjectedProduct};

/// The most products in one answer.
const MOST: i64 = 500;

/// Which topics the projection is fed from, so that it can be said how far they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Feeds {
    /// The consumer group that reads them.
    pub group: String,
    /// The topics; none where nothing is read.
    pub topics: Vec<String>,
}

/// A customer's product and its age.
#[derive(Debug, Clone)]
pub struct CustomerProduct {
    /// The product.
    pub product: ProjectedProduct,
    /// How long ago its inventory last spoke of it; nothing where that has never said when.
    pub age: Option<TimeDelta>,
}

/// How fresh the projection is as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// No topic is read: whatever is there may be of any age.
    NotFed,
    /// The topics are read, and at least one partition was never read to its end: something may be missing.
    CatchingUp,
    /// Every event that the inventory had published by then is in the answer.
    ReadUpTo {
        /// When it was asked where the slowest partition ends, the last time that it was found to be read that far.
        at: DateTime<Utc>,
        /// How long ago that was.
        behind: TimeDelta,
    },
}

/// What a customer has.
#[derive(Debug, Clone)]
pub struct CustomerProducts {
    /// How fresh it is.
    pub staleness: Staleness,
    /// The products, by their names.
    pub products: Vec<CustomerProduct>,
    /// There are more, after the last of these.
    pub more: bool,
}

impl Operations {
    /// What a customer has, from the product after `after` on. A customer that nobody has heard of has nothing.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    pub async fn customer_products(
        &self,
        tenant: TenantId,
        customer: &CustomerId,
        after: Option<&CustomerProductId>,
    ) -> Result<CustomerProducts, OperationError> {
        let now = self.clock.now();
        // How far the topics were read is asked first: the products may be fresher than that, and never staler.
        let staleness = self.staleness(now).await?;
        let mut rows = self.store.list_customer_products(tenant, customer, after, MOST + 1).await?;
        let more = i64::try_from(rows.len()).is_ok_and(|found| found > MOST);
        rows.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
        let products = rows
            .into_iter()
            .map(|product| {
                let age = product.last_source_event_at.map(|at| (now - at).max(TimeDelta::zero()));
                CustomerProduct { product, age }
            })
            .collect();
        Ok(CustomerProducts { staleness, products, more })
    }

    /// How fresh the projection is.
    ///
    /// # Errors
    /// [`OperationError::Store`].
    async fn staleness(&self, now: DateTime<Utc>) -> Result<Staleness, OperationError> {
        if self.feeds.topics.is_empty() {
            return Ok(Staleness::NotFed);
        }
        let progress = self.store.list_progress(&self.feeds.group).await?;
        Ok(judge(&self.feeds.topics, &progress, now))
    }
}

fn judge(topics: &[String], progress: &[Progress], now: DateTime<Utc>) -> Staleness {
    let of = |topic: &String| progress.iter().filter(|known| known.topic == *topic).collect::<Vec<_>>();
    let mut slowest: Option<DateTime<Utc>> = None;
    for partitions in topics.iter().map(of) {
        // A topic of which no partition is known was never read.
        let ends: Option<Vec<DateTime<Utc>>> = partitions.iter().map(|partition| partition.read_to_end_at).collect();
        let Some(end) = ends.and_then(|ends| ends.into_iter().min()) else { return Staleness::CatchingUp };
        slowest = Some(slowest.map_or(end, |slowest| slowest.min(end)));
    }
    slowest.map_or(Staleness::NotFed, |at| Staleness::ReadUpTo { at, behind: (now - at).max(TimeDelta::zero()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(topic: &str, number: i32, second: Option<i64>) -> Progress {
        let read_to_end_at = second.map(|second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second));
        Progress { topic: topic.to_owned(), partition: number, next_offset: 0, attempts: 0, read_to_end_at }
    }

    #[test]
    fn the_slowest_partition_says_how_fresh_the_whole_is() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(100);
        let topics = ["a".to_owned(), "b".to_owned()];
        assert_eq!(judge(&[], &[], now), Staleness::NotFed);
        assert_eq!(judge(&topics, &[partition("a", 0, Some(90))], now), Staleness::CatchingUp, "nobody has read b");
        let progress = [partition("a", 0, Some(90)), partition("a", 1, None), partition("b", 0, Some(95))];
        assert_eq!(judge(&topics, &progress, now), Staleness::CatchingUp);
        let progress = [partition("a", 0, Some(90)), partition("a", 1, Some(80)), partition("b", 0, Some(95)), partition("old", 0, None)];
        let at = DateTime::UNIX_EPOCH + TimeDelta::seconds(80);
        assert_eq!(judge(&topics, &progress, now), Staleness::ReadUpTo { at, behind: TimeDelta::seconds(20) });
    }
}
