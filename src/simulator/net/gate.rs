//! The switch of a listener: shut means that connections are refused and those that were open are reset.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Opens and shuts one listener.
#[derive(Debug)]
pub(crate) struct Gate {
    wanted: watch::Sender<bool>,
    is_open: watch::Sender<bool>,
    /// Lives as long as the connections that were accepted since the gate last opened.
    open_spell: Mutex<CancellationToken>,
    stop: CancellationToken,
    turns: AtomicU64,
}

impl Gate {
    /// An open gate; stopping resets what it let in.
    pub(crate) fn new(stop: &CancellationToken) -> Self {
        Self {
            wanted: watch::Sender::new(true),
            is_open: watch::Sender::new(true),
            open_spell: Mutex::new(stop.child_token()),
            stop: stop.clone(),
            turns: AtomicU64::new(0),
        }
    }

    /// Shuts it, and returns once new connections are refused. The number names this turn.
    pub(crate) async fn shut(&self) -> u64 {
        let turn = self.turns.fetch_add(1, Ordering::SeqCst) + 1;
        self.wanted.send_replace(false);
        self.spell().cancel();
        self.reached(false).await;
        turn
    }

    /// Opens it, and returns once connections are accepted again.
    pub(crate) async fn open(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
        self.renew_spell();
        self.wanted.send_replace(true);
        self.reached(true).await;
    }

    /// Opens it unless somebody has turned it since.
    pub(crate) async fn open_after(&self, turn: u64) {
        if self.turns.load(Ordering::SeqCst) == turn {
            self.open().await;
        }
    }

    /// Whether connections are accepted.
    pub(crate) fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Ends when the connections of now must end.
    pub(super) fn spell(&self) -> CancellationToken {
        self.open_spell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until this state is wanted.
    pub(super) async fn until_wanted(&self, open: bool) {
        // The sender lives in this very struct, so waiting cannot fail.
        let _ = self.wanted.subscribe().wait_for(|wanted| *wanted == open).await.is_ok();
    }

    /// Says what the listener has come to.
    pub(super) fn report(&self, open: bool) {
        self.is_open.send_replace(open);
    }

    async fn reached(&self, open: bool) {
        let mut is_open = self.is_open.subscribe();
        tokio::select! {
            _ = is_open.wait_for(|is_open| *is_open == open) => {}
            () = self.stop.cancelled() => {}
        }
    }

    fn renew_spell(&self) {
        let mut spell = self.open_spell.lock().unwrap_or_else(PoisonError::into_inner);
        if spell.is_cancelled() {
            *spell = self.stop.child_token();
        }
    }
}
