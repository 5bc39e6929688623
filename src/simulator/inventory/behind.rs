//! Things that happen to a hold behind its owner's back.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::answer::Refusal;
use super::record::Cause;
use super::state::{Inventory, Moment};
use super::tenant::Tenant;
use crate::simulator::amount::Amount;
use crate::simulator::clock::Instant;
use crate::simulator::entry::{Effect, Operation, Origin};
use crate::simulator::hold::{Hold, HoldState};

/// What befalls a hold.
#[derive(Debug, Clone)]
pub(crate) enum Mishap {
    /// It ends as if its time were over, even when confirmed.
    Expire,
    /// It vanishes, and its key with it.
    Forget,
    /// It changes by itself.
    Drift(Drift),
    /// Its goods leave: confirmed for good.
    Consume,
    /// Someone else gives it back.
    Release,
}

/// How a hold changes by itself; half of its first line is lost if nothing is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Drift {
    /// The line; the first one if absent.
    line_id: Option<String>,
    /// What it has set aside from now on.
    reserved: Option<Amount>,
    /// When the hold ends from now on.
    expires_at: Option<Instant>,
}

impl Mishap {
    fn operation(&self) -> Operation {
        match self {
            Self::Expire => Operation::Expire,
            Self::Forget => Operation::Forget,
            Self::Drift(_) => Operation::Drift,
            Self::Consume => Operation::Consume,
            Self::Release => Operation::Release,
        }
    }
}

impl Inventory {
    /// Lets it happen, and answers the hold as it is afterwards (or was before it vanished).
    pub(crate) fn befall(&mut self, reference: &str, mishap: &Mishap, by: Origin, moment: Moment) -> Result<Hold, Refusal> {
        self.expire_due(moment);
        let (name, tenant) = self.owner_of(reference).ok_or_else(Refusal::not_found)?;
        let (effect, hold) = tenant.befall(reference, mishap)?;
        let name = name.to_owned();
        self.record_mishap(&name, &hold, Cause { operation: mishap.operation(), effect, by, moment });
        Ok(hold)
    }
}

impl Tenant {
    fn befall(&mut self, reference: &str, mishap: &Mishap) -> Result<(Effect, Hold), Refusal> {
        let hold = self.holds.get_mut(reference).ok_or_else(Refusal::not_found)?;
        let active = hold.state.is_active();
        let (effect, after) = match mishap {
            Mishap::Forget => (Effect::Forgotten, self.forget(reference)),
            Mishap::Drift(drift) => (Effect::Drifted, Some(self.drift(reference, drift)?)),
            _ if !active => return Err(Refusal::new(409, "NOT_HELD", "the hold has ended already")),
            Mishap::Expire => (Effect::HoldExpired, self.end(reference, HoldState::Expired).cloned()),
            Mishap::Release => (Effect::HoldReleased, self.end(reference, HoldState::Released).cloned()),
            Mishap::Consume => {
                hold.state = HoldState::Confirmed;
                hold.consumed = true;
                (Effect::HoldConfirmed, Some(hold.clone()))
            }
        };
        after.map(|hold| (effect, hold)).ok_or_else(Refusal::not_found)
    }

    fn drift(&mut self, reference: &str, drift: &Drift) -> Result<Hold, Refusal> {
        let hold = self.holds.get_mut(reference).ok_or_else(Refusal::not_found)?;
        if let Some(expires_at) = drift.expires_at {
            hold.expires_at = expires_at;
        }
        let named = |line_id: &String| hold.lines.iter().position(|line| line.line_id == *line_id);
        let index = match &drift.line_id {
            Some(line_id) => named(line_id).ok_or_else(|| Refusal::invalid(format!("the hold has no line {line_id:?}")))?,
            None => 0,
        };
        let reserved = hold.lines.get(index).map_or(Decimal::ZERO, |line| line.reserved.get());
        match drift.reserved {
            Some(reserved) => self.set_reserved(reference, index, reserved.get()),
            None if drift.expires_at.is_some() => {}
            None => self.set_reserved(reference, index, reserved / Decimal::TWO),
        }
        self.holds.get(reference).cloned().ok_or_else(Refusal::not_found)
    }
}
