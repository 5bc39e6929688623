//! Delivering notices, one after the other, with a few attempts each.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::notice::Notice;
use super::post::{is_postable, post};
use super::signature::{key_of, sign};
use crate::simulator::shared::Shared;

/// Waits before the second and third attempt.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Who is told, and by which secret it knows who tells.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTarget {
    /// An `http://` address.
    pub url: String,
    /// The shared secret, `whsec_` and base64.
    pub secret: String,
}

/// Where notices go, and how many arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WebhookStatus {
    /// Where they go; absent if nowhere.
    pub url: Option<String>,
    /// Answered with a 2xx; a repeat counts again.
    pub delivered: u64,
    /// Given up after the last attempt.
    pub failed: u64,
    /// Not delivered yet.
    pub pending: u64,
}

/// The queue of notices and the one whom they are for.
#[derive(Debug)]
pub(crate) struct Webhook {
    state: Mutex<State>,
    queue: UnboundedSender<Notice>,
}

#[derive(Debug, Default)]
struct State {
    key: Vec<u8>,
    status: WebhookStatus,
}

impl std::fmt::Debug for WebhookTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WebhookTarget").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A queue for nobody yet, and its other end for the task that delivers.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Notice>) {
        let (queue, notices) = unbounded_channel();
        (Self { state: Mutex::default(), queue }, notices)
    }

    /// Sends notices here from now on, or to nobody. What is wrong with the target, if anything, comes back.
    pub(crate) fn aim(&self, target: Option<WebhookTarget>) -> Result<(), &'static str> {
        let (url, key) = match target {
            None => (None, Vec::new()),
            Some(target) if !is_postable(&target.url) => return Err("url must start with http:// and contain no blanks"),
            Some(target) => (Some(target.url), key_of(&target.secret).ok_or("secret must be whsec_ and base64")?),
        };
        self.with(|state| {
            state.key = key;
            state.status.url = url;
        });
        Ok(())
    }

    /// Whether anybody wants to be told.
    pub(crate) fn is_aimed(&self) -> bool {
        self.with(|state| state.status.url.is_some())
    }

    /// Queues a notice this many times.
    pub(crate) fn enqueue(&self, notice: &Notice, copies: u8) {
        for _ in 0..copies {
            self.with(|state| state.status.pending += 1);
            // The receiver ends only with the whole simulator.
            let _ = self.queue.send(notice.clone());
        }
    }

    /// How it goes.
    pub(crate) fn status(&self) -> WebhookStatus {
        self.with(|state| state.status.clone())
    }

    /// Tries to deliver one notice, now.
    pub(crate) async fn deliver(&self, notice: &Notice, shared: &Shared) {
        let mut arrived = self.attempt(notice, shared).await;
        for pause in PAUSES {
            if !arrived {
                tokio::time::sleep(pause).await;
                arrived = self.attempt(notice, shared).await;
            }
        }
        self.with(|state| if arrived { state.status.delivered += 1 } else { state.status.failed += 1 });
    }

    async fn attempt(&self, notice: &Notice, shared: &Shared) -> bool {
        let (url, key) = self.with(|state| (state.status.url.clone(), state.key.clone()));
        let Some(url) = url else { return false };
        let timestamp = shared.clock.machine_now().timestamp();
        let signature = sign(&key, &notice.id, timestamp, &notice.body);
        let timestamp = timestamp.to_string();
        let headers = [
            ("webhook-id", notice.id.as_str()),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
            ("x-tenant-id", &notice.tenant),
        ];
        match post(&url, &headers, &notice.body).await {
            Ok(status) => (200..300).contains(&status),
            Err(error) => {
                tracing::debug!(webhook.id = notice.id, error = %error, "cannot deliver a notice");
                false
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Delivers what is queued until the simulator stops.
pub(crate) async fn deliver_all(shared: std::sync::Arc<Shared>, mut notices: UnboundedReceiver<Notice>) {
    loop {
        tokio::select! {
            notice = notices.recv() => {
                let Some(notice) = notice else { return };
                shared.webhook.deliver(&notice, &shared).await;
                shared.webhook.with(|state| state.status.pending -= 1);
            }
            () = shared.stop.cancelled() => return,
        }
    }
}
