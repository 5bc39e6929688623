//! A TCP connection that can be reset by the request that came through it, or by shutting the gate.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::listener::GatedListener;

/// A request's handle on the connection that it came through.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    must_reset: Arc<AtomicBool>,
}

impl Connection {
    /// Sends a reset instead of whatever would be written next.
    pub(crate) fn reset(&self) {
        self.must_reset.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, GatedListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, GatedListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// The connection itself.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    connection: Connection,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Stream {
    /// A connection that lives no longer than the token.
    pub(super) fn new(tcp: TcpStream, spell: CancellationToken) -> Self {
        let connection = Connection { must_reset: Arc::new(AtomicBool::new(false)) };
        Self { tcp, connection, end: Box::pin(spell.cancelled_owned()) }
    }

    fn is_reset(&self) -> bool {
        self.connection.must_reset.load(Ordering::Acquire)
    }

    /// Makes the coming close a reset, and reports it upwards so that the close does come.
    fn broken(&self) -> io::Error {
        // Without the option the close is a polite one, which is the best left to do.
        let _ = self.tcp.set_zero_linger();
        io::Error::from(io::ErrorKind::ConnectionReset)
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.end.as_mut().poll(context).is_ready() {
            self.connection.reset();
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_reset() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.is_reset() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.tcp).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset() {
            return Poll::Ready(Err(self.broken()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
