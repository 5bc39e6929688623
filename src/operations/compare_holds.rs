//! Reads both sides of a comparison: an inventory's active holds to the end of its list, then our reservations. Nothing is changed.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::{Answer, Books, IdempotencyKey, ListedHold, Ours, SourceName, TenantId};
use crate::operations::{OperationError, Operations};
use crate::supplier::{ListAsk, ListedPage, Source};

/// How often a page is asked for before the list is given up.
const TRIES: u32 = 3;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// One list and what belongs to it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Whose list it was; nothing if it had everybody's holds.
    pub tenant: Option<TenantId>,
    /// Both sides.
    pub books: Books,
    /// Entries of the list that could not be read, and why.
    pub unreadable: Vec<String>,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The operation could not be carried out.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The inventory has no list.
    #[error(
        "the inventory `{0}` offers no list of its active holds: describe [list] in its profile if its API has one (docs/inventories.md)"
    )]
    NoList(SourceName),
    /// The list has everybody's holds, and only some tenants are to be compared.
    #[error("the list of `{0}` has the holds of all tenants: compare without --tenant, or everybody else's holds would look like ghosts")]
    OneListForAll(SourceName),
    /// A page could not be had. Half a list would make lost holds of all that is on the other half.
    #[error("the list of `{source_name}` could not be read to its end: page {page}: {why}")]
    Broken {
        /// The inventory.
        source_name: SourceName,
        /// Which page, from 1 on.
        page: usize,
        /// Why not.
        why: String,
    },
}

impl Operations {
    /// Reads both sides: of these tenants, or of all if there are none.
    ///
    /// # Errors
    /// [`CompareError`].
    pub async fn read_books(&self, name: &SourceName, tenants: &[TenantId], at_rest_for: TimeDelta) -> Result<Vec<Reading>, CompareError> {
        let source = self.source(name)?;
        let listing = source.supplier.listing().ok_or_else(|| CompareError::NoList(name.clone()))?;
        let all = self.store.list_tenants().await.map_err(OperationError::from)?;
        if !listing.per_tenant {
            if !tenants.is_empty() {
                return Err(CompareError::OneListForAll(name.clone()));
            }
            // The request names no tenant, so that any will do to ask for the list.
            let asked = all.first().copied().unwrap_or(TenantId(uuid::Uuid::nil()));
            return Ok(vec![self.books(source, asked, &all, None, at_rest_for).await?]);
        }
        let wanted = if tenants.is_empty() { all } else { tenants.to_vec() };
        let mut readings = Vec::new();
        for tenant in wanted {
            readings.push(self.books(source, tenant, &[tenant], Some(tenant), at_rest_for).await?);
        }
        Ok(readings)
    }

    async fn books(
        &self,
        source: &Source,
        asked: TenantId,
        ours: &[TenantId],
        tenant: Option<TenantId>,
        at_rest_for: TimeDelta,
    ) -> Result<Reading, CompareError> {
        let began_at = self.clock.now();
        let (holds, unreadable) = self.list_to_the_end(source, asked).await?;
        // Only now: a hold of ours that the list shows had its row before it was placed.
        let store = |error| CompareError::from(OperationError::from(error));
        let mut rows = self.store.list_live_holdings(ours, &source.name).await.map_err(store)?;
        let keys: Vec<String> =
            holds.iter().filter_map(|hold| hold.key.clone()).filter(|key| IdempotencyKey::parts(key).is_some()).collect();
        let mut elsewhere = HashMap::new();
        let mut ended = Vec::new();
        for found in self.store.list_holdings_by_key(ours, &keys).await.map_err(store)? {
            if found.row.source == source.name {
                ended.push(found);
            } else {
                elsewhere.insert(found.row.key.as_str().to_owned(), found.row.source.clone());
            }
        }
        // Keys in another spelling lead nowhere, and some inventories keep none: what the reservations know are references.
        let unkeyed = holds.iter().filter(|hold| hold.key.as_deref().is_none_or(|key| IdempotencyKey::parts(key).is_none()));
        let references: Vec<_> = unkeyed.map(|hold| hold.reference.clone()).collect();
        if !references.is_empty() {
            ended.extend(self.store.list_holdings_by_reference(ours, &source.name, &references).await.map_err(store)?);
        }
        let known: HashSet<_> = rows.iter().map(|ours| ours.row.id).collect();
        let mut added = HashSet::new();
        rows.extend(ended.into_iter().filter(|ours: &Ours| !known.contains(&ours.row.id) && added.insert(ours.row.id)));
        let books = Books {
            source: source.name.clone(),
            capabilities: source.supplier.capabilities(),
            releases_by_reference: source.supplier.releases_by_reference(),
            began_at,
            at_rest_for,
            holds,
            rows,
            elsewhere,
        };
        Ok(Reading { tenant, books, unreadable })
    }

    /// Every page, or an error: half a list is no list.
    pub(crate) async fn list_to_the_end(&self, source: &Source, tenant: TenantId) -> Result<(Vec<ListedHold>, Vec<String>), CompareError> {
        let (mut holds, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        let (mut marks, mut references) = (HashSet::new(), HashSet::new());
        for page in 1.. {
            let broken = |why: String| CompareError::Broken { source_name: source.name.clone(), page, why };
            let ask = ListAsk { tenant, after: after.take(), timeout: source.timeout };
            let ListedPage { holds: found, unreadable: strange, next } = list_page(source, &ask).await.map_err(broken)?;
            // A list that shifts while it is read may show an entry twice.
            holds.extend(found.into_iter().filter(|hold| references.insert(hold.reference.clone())));
            unreadable.extend(strange);
            let Some(next) = next else { break };
            if !marks.insert(next.token.clone().unwrap_or_else(|| next.seen.to_string())) {
                return Err(broken("it goes round in a circle".to_owned()));
            }
            after = Some(next);
        }
        Ok((holds, unreadable))
    }
}

async fn list_page(source: &Source, ask: &ListAsk) -> Result<ListedPage, String> {
    let mut tried = 1;
    loop {
        let why = match source.supplier.list_active(ask).await.answer {
            Answer::Done(page) => return Ok(page),
            Answer::Refused(refusal) => return Err(format!("the inventory refuses with {}", refusal.code)),
            Answer::NotSent(why) | Answer::Unknown(why) => why,
        };
        if tried >= TRIES {
            return Err(why);
        }
        tried += 1;
        tokio::time::sleep(PAUSE).await;
    }
}
