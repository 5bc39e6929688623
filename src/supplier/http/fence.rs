//! The request body of an effect: it looks at the clock when the connection stands and the first byte is about to leave.
//!
//! Between the decision to send and the sending lies the connecting: name resolution, a slow handshake, a full queue. Over
//! HTTP/1.1 the client asks for the body only when it has a connection to write to, and it writes head and body in one go. So a
//! body that refuses keeps every byte back, and a body that was never asked for proves that nothing has left.
//!
//! **Invariant:** the body is not empty; nobody asks for an empty one, and the head goes without it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::fault_points::fault_point;

/// A body that is given out before an instant or not at all.
#[derive(Debug)]
pub(super) struct FencedBody {
    content: Option<Bytes>,
    length: u64,
    send_before: Instant,
    given: Given,
}

/// Whether the body was given out; outlives it.
#[derive(Debug, Clone, Default)]
pub(super) struct Given(Arc<AtomicBool>);

/// The instant had passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the claim may have ended while the connection was being made")]
pub(super) struct TooLate;

impl Given {
    /// The request may have left this host.
    pub(super) fn may_have_left(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl FencedBody {
    /// A body of at least one byte, and the witness of its being given out.
    pub(super) fn new(content: Vec<u8>, send_before: Instant) -> (Self, Given) {
        let given = Given::default();
        let length = content.len() as u64;
        (Self { content: Some(content.into()), length, send_before, given: given.clone() }, given)
    }

    fn give(&mut self, now: Instant) -> Option<Result<Bytes, TooLate>> {
        let content = self.content.take()?;
        if now >= self.send_before {
            return Some(Err(TooLate));
        }
        self.given.0.store(true, Ordering::SeqCst);
        fault_point!("call.sending");
        Some(Ok(content))
    }
}

impl Body for FencedBody {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        Poll::Ready(self.give(Instant::now()).map(|given| given.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.content.is_some() { self.length } else { 0 })
    }
}
