//! Looks for one reservation's hold in an inventory's whole list of active holds.

use std::collections::HashSet;

use crate::domain::{Answer, Candidates, Evidence, Look, Match, Reservation, TenantId};
use crate::operations::{OperationError, Operations};
use crate::store::StoreError;
use crate::supplier::{Reply, Source};

/// What the list says, in the words of a look-up.
pub(crate) struct Sighting {
    /// The answer.
    pub(crate) reply: Reply<Look>,
    /// Looking again will not tell: a human must.
    pub(crate) needs_human: bool,
}

impl Operations {
    /// Reads the list to its end, then what other reservations know of the holds in it, and decides.
    ///
    /// # Errors
    /// [`OperationError::Store`]; the call then has no end on record, and the row is looked at again.
    pub(crate) async fn look_in_list(&self, row: &Reservation, source: &Source) -> Result<Sighting, OperationError> {
        let (holds, unreadable) = match self.list_to_the_end(source, row.tenant).await {
            Ok(list) => list,
            Err(broken) => return Ok(sighting(Answer::Unknown(broken.to_string()), false)),
        };
        let linger = source.policy.linger;
        let candidates = Candidates::among(row, &holds, linger);
        // Only now: whoever placed a hold that the list shows had its row by then.
        let tenants = match source.supplier.listing() {
            Some(listing) if listing.per_tenant => vec![row.tenant],
            _ => self.store.list_tenants().await?,
        };
        let taken = self.taken(&tenants, row, source, &candidates).await?;
        let rivals = self.store.list_rivals(row.tenant, &source.name, row.order, row.id).await?;
        Ok(match candidates.decide(&taken, &rivals, unreadable.len(), linger) {
            Match::One(hold) => sighting(Answer::Done(Look::Found(hold)), false),
            Match::Absent => sighting(Answer::Done(Look::Absent), false),
            Match::NotYet(why) => sighting(Answer::Unknown(why), false),
            Match::Unclear(why) => sighting(Answer::Unknown(why), true),
        })
    }

    /// The candidates that other reservations have, whatever their state.
    async fn taken(
        &self,
        tenants: &[TenantId],
        row: &Reservation,
        source: &Source,
        candidates: &Candidates<'_>,
    ) -> Result<HashSet<crate::domain::ExternalReference>, StoreError> {
        let references = candidates.references();
        if references.is_empty() {
            return Ok(HashSet::new());
        }
        let known = self.store.list_holdings_by_reference(tenants, &source.name, &references).await?;
        Ok(known.into_iter().filter(|ours| ours.row.id != row.id).filter_map(|ours| ours.row.reference).collect())
    }
}

fn sighting(answer: Answer<Look>, needs_human: bool) -> Sighting {
    Sighting { reply: Reply { answer, evidence: Evidence::default() }, needs_human }
}
