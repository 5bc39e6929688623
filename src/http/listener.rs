//! The listener: so many callers at once and no more, and none that says nothing for long.
//!
//! Connections are files of the process, and the workers need some, too: callers who only hold theirs open may not use them up. One who
//! says a little now and then is ended by the server, which gives the head of a request a deadline (`server.rs`).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// A listener with a bound on its connections.
pub(crate) struct BoundedListener {
    inner: TcpListener,
    places: Arc<Semaphore>,
    silence: Duration,
}

impl BoundedListener {
    /// So many connections at once; one that brings nothing for so long is ended.
    pub(crate) fn new(inner: TcpListener, most: usize, silence: Duration) -> Self {
        Self { inner, places: Arc::new(Semaphore::new(most)), silence }
    }

    /// The address that was bound.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.inner.local_addr().ok()
    }

    /// The next caller, once there is a place.
    pub(crate) async fn accept(&mut self) -> BoundedStream {
        // The others wait in the system's queue, where they cost the process nothing. The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        // axum's way of accepting passes over callers who are gone, and waits where the process has no file left.
        let (stream, _) = Listener::accept(&mut self.inner).await;
        BoundedStream { stream, silence: self.silence, ends: Box::pin(sleep(self.silence)), _place: place }
    }
}

/// A connection that keeps its place until it ends.
pub(crate) struct BoundedStream {
    stream: TcpStream,
    silence: Duration,
    ends: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl BoundedStream {
    /// Lets something that came about through, and starts the silence anew; ends what stays silent for too long.
    fn unless_silent<T>(&mut self, context: &mut Context<'_>, came: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if came.is_ready() {
            let next = Instant::now() + self.silence;
            self.ends.as_mut().reset(next);
            return came;
        }
        ready!(self.ends.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller neither sent nor took anything for too long")))
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.unless_silent(context, read)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_silent(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_silent(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn listening(most: usize, silence: Duration) -> (BoundedListener, SocketAddr) {
        let listener = BoundedListener::new(TcpListener::bind("127.0.0.1:0").await.unwrap(), most, silence);
        let address = listener.address().unwrap();
        (listener, address)
    }

    #[tokio::test]
    async fn a_caller_beyond_the_bound_waits_until_another_has_gone() {
        let (mut listener, address) = listening(1, Duration::from_secs(60)).await;
        let _callers = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let first = listener.accept().await;
        let mut second = Box::pin(listener.accept());
        assert!(futures::poll!(&mut second).is_pending(), "there is one place");
        drop(first);
        tokio::time::timeout(Duration::from_secs(10), second).await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_who_says_nothing_is_ended_and_one_who_does_is_heard() {
        let (mut listener, address) = listening(4, Duration::from_millis(50)).await;
        let mut caller = TcpStream::connect(address).await.unwrap();
        let mut stream = listener.accept().await;
        caller.write_all(b"x").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'x');
        assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
