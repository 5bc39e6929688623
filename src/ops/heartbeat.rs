//! Renews the session's lease every second, and ends the boot if that fails for too long: it fences itself.

use std::time::{Duration, Instant};

use crate::chain::chain;
use crate::operations::Operations;
use crate::shutdown::Shutdown;

/// How often the lease is renewed; a third of its length, so that two renewals may fail.
const PERIOD: Duration = Duration::from_secs(1);

/// The session is over although nobody asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fenced;

/// Renews until the hard stop. Returns early if the lease was found run out: others may have taken over what this boot held, so
/// that it must begin anew under another name.
pub(crate) async fn heartbeat(operations: &Operations, shutdown: &Shutdown) -> Result<(), Fenced> {
    let mut next = tokio::time::interval(PERIOD);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.hard() => return Ok(()),
            _ = next.tick() => {}
        }
        match operations.renew_session().await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("this session's lease ran out before it was renewed: the work goes on under a new session");
                return Err(Fenced);
            }
            Err(error) => {
                let over = Instant::now() >= operations.lease_until();
                tracing::warn!(error = %chain(&error), over, "the lease was not renewed; past its end nothing is sent");
            }
        }
    }
}
