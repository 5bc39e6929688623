//! The book of armed faults: which requests each strikes, and how often it has.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::kind::Fault;
use super::request::{Facts, FaultRequest, FaultStatus};

/// A fault that strikes the request at hand.
#[derive(Debug, Clone)]
pub(crate) struct Fired {
    pub(crate) id: u64,
    pub(crate) fault: Fault,
}

/// All faults, armed or spent.
#[derive(Debug)]
pub(crate) struct FaultBook {
    armed: AtomicUsize,
    pages: Mutex<Pages>,
}

#[derive(Debug)]
struct Pages {
    faults: Vec<FaultStatus>,
    last_id: u64,
    dice: u64,
}

impl FaultBook {
    /// No faults yet; the seed decides how chances fall.
    pub(crate) fn new(seed: u64) -> Self {
        Self { armed: AtomicUsize::new(0), pages: Mutex::new(Pages { faults: Vec::new(), last_id: 0, dice: seed }) }
    }

    /// Whether a request could be struck at all.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire) > 0
    }

    /// Arms a fault and names it.
    pub(crate) fn arm(&self, request: FaultRequest) -> u64 {
        self.with(|pages| {
            pages.last_id += 1;
            pages.faults.push(FaultStatus { id: pages.last_id, request, seen: 0, fired: 0, done: 0 });
            pages.last_id
        })
    }

    /// Removes one fault, or all of them; answers how many there were.
    pub(crate) fn disarm(&self, id: Option<u64>) -> usize {
        self.with(|pages| {
            let before = pages.faults.len();
            pages.faults.retain(|fault| id.is_some_and(|id| id != fault.id));
            before - pages.faults.len()
        })
    }

    /// The fault that strikes this request: the first armed one that matches and whose turn it is.
    pub(crate) fn pick(&self, facts: &Facts<'_>) -> Option<Fired> {
        self.with(|pages| {
            let Pages { faults, dice, .. } = pages;
            let mut matching = faults.iter_mut().filter(|fault| !fault.is_spent() && fault.request.strikes(facts));
            let struck = matching.find_map(|fault| {
                fault.seen += 1;
                let turn = fault.seen > fault.request.skip;
                let hit = turn && fault.request.chance.is_none_or(|chance| roll(dice) < chance);
                hit.then_some(fault)
            })?;
            struck.fired += 1;
            Some(Fired { id: struck.id, fault: struck.request.fault.clone() })
        })
    }

    /// Notes that the inventory is through with a struck request.
    pub(crate) fn finish(&self, id: u64) {
        self.with(|pages| {
            if let Some(fault) = pages.faults.iter_mut().find(|fault| fault.id == id) {
                fault.done += 1;
            }
        });
    }

    /// Every fault with its counts.
    pub(crate) fn list(&self) -> Vec<FaultStatus> {
        self.with(|pages| pages.faults.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Pages) -> T) -> T {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut pages);
        let armed = pages.faults.iter().filter(|fault| !fault.is_spent()).count();
        self.armed.store(armed, Ordering::Release);
        result
    }
}

/// A number from 0 up to 1 (splitmix64), the same sequence for the same seed.
fn roll(dice: &mut u64) -> f64 {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
