//! Waiting until something is so, with a bound and a sentence for when it never was.

use std::time::{Duration, Instant};

use holdfast::engine::{EngineError, TransientCause};

/// The bound for anything that the engine does by itself.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer; panics with `what` after `within`.
pub(crate) async fn until<T>(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(begun.elapsed() < within, "waited {within:?} in vain until {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// The same for a plain condition.
pub(crate) async fn until_true(what: &str, within: Duration, mut probe: impl AsyncFnMut() -> bool) {
    until(what, within, async || probe().await.then_some(())).await;
}

/// Does something at the engine, again where somebody else changed the same rows at the same moment: that says nothing about us.
pub(crate) async fn heard<T, F: Future<Output = Result<T, EngineError>>>(attempt: impl Fn() -> F) -> T {
    // Not by `until`: what borrows from an async closure cannot go to another thread, as some callers do.
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(EngineError::Transient { cause: TransientCause::Conflict | TransientCause::Deadlock, .. }) if begun.elapsed() < SOON => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            done => return done.unwrap(),
        }
    }
}
