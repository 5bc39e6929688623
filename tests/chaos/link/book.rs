//! Which message on a link is to be struck, how, and the proof that it was.

use std::sync::Mutex;

use tokio::sync::watch;

use crate::case::Fault;

/// The faults of one case that happen on links. Each strikes once.
#[derive(Debug, Default)]
pub(crate) struct Book {
    armed: Mutex<Vec<Armed>>,
    go: watch::Sender<bool>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    struck: Option<usize>,
}

impl Book {
    /// Strikes the next message of this place.
    pub(crate) fn arm(&self, fault: &Fault) {
        self.armed.lock().unwrap().push(Armed { fault: fault.clone(), struck: None });
    }

    /// How the message at hand, of this daemon, is to be struck.
    pub(crate) fn pick(&self, place: &str, replica: usize) -> Option<String> {
        let mut armed = self.armed.lock().unwrap();
        let found = armed.iter_mut().find(|armed| armed.struck.is_none() && armed.fault.place == place)?;
        found.struck = Some(replica);
        Some(found.fault.act.clone())
    }

    /// Whose message was struck, if one was.
    pub(crate) fn struck(&self, fault: &Fault) -> Option<usize> {
        self.armed.lock().unwrap().iter().find(|armed| armed.fault == *fault)?.struck
    }

    /// Lets go of messages that are held back.
    pub(crate) fn go_on(&self) {
        self.go.send_replace(true);
    }

    /// Returns once messages are let go.
    pub(crate) async fn held_back(&self) {
        let _ = self.go.subscribe().wait_for(|go| *go).await;
    }
}
