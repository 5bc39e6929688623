//! Changing a hold: release, confirm, extend. Each may be repeated without harm.

use super::answer::{Answer, Refusal};
use super::reserve::later;
use super::tenant::Tenant;
use crate::simulator::clock::Instant;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::entry::Effect;
use crate::simulator::hold::HoldState;

impl Tenant {
    /// Gives the stock back.
    pub(super) fn release(&mut self, reference: &str, config: &SimulatorConfig) -> Result<Answer, Refusal> {
        let hold = self.holds.get(reference).ok_or_else(Refusal::not_found)?;
        match hold.state {
            HoldState::Released => return Ok(Answer::hold(200, hold, Effect::None)),
            HoldState::Expired => return Err(expired()),
            HoldState::Confirmed if hold.consumed || !config.confirmed_releasable => return Err(confirmed()),
            HoldState::Held | HoldState::Confirmed => {}
        }
        let hold = self.end(reference, HoldState::Released).ok_or_else(Refusal::not_found)?;
        Ok(Answer::hold(200, hold, Effect::HoldReleased))
    }

    /// Takes the stock for good.
    pub(super) fn confirm(&mut self, reference: &str) -> Result<Answer, Refusal> {
        let hold = self.holds.get_mut(reference).ok_or_else(Refusal::not_found)?;
        match hold.state {
            HoldState::Confirmed => return Ok(Answer::hold(200, hold, Effect::None)),
            HoldState::Expired => return Err(expired()),
            HoldState::Released => return Err(not_held()),
            HoldState::Held => hold.state = HoldState::Confirmed,
        }
        Ok(Answer::hold(200, hold, Effect::HoldConfirmed))
    }

    /// Moves the end of a hold; never to an earlier time, so that a late repeat cannot shorten it.
    pub(super) fn extend(
        &mut self,
        reference: &str,
        expires_at: Instant,
        now: Instant,
        config: &SimulatorConfig,
    ) -> Result<Answer, Refusal> {
        let hold = self.holds.get_mut(reference).ok_or_else(Refusal::not_found)?;
        match hold.state {
            HoldState::Expired => return Err(expired()),
            HoldState::Released => return Err(not_held()),
            HoldState::Confirmed => return Err(confirmed()),
            HoldState::Held => {}
        }
        if let Some(longest) = config.max_hold_seconds
            && expires_at > later(now, longest.saturating_mul(1000))
        {
            return Err(Refusal::new(422, "HOLD_TOO_LONG", format!("a hold lasts {longest} seconds at most")));
        }
        if expires_at <= hold.expires_at {
            return Ok(Answer::hold(200, hold, Effect::None));
        }
        hold.expires_at = expires_at;
        Ok(Answer::hold(200, hold, Effect::HoldExtended))
    }
}

fn expired() -> Refusal {
    Refusal::new(410, "EXPIRED", "the reservation has expired")
}

fn confirmed() -> Refusal {
    Refusal::new(409, "ALREADY_CONFIRMED", "the reservation is confirmed for good")
}

fn not_held() -> Refusal {
    Refusal::new(409, "NOT_HELD", "the reservation is not held any more")
}
