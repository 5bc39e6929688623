//! A door that can be shut: while it is, connections are refused and those that were open are reset.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::port::free_port;

/// The address that a daemon is given in place of a server's.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    wanted: watch::Sender<bool>,
    /// Lives as long as the connections that came in since it last opened.
    spell: Mutex<CancellationToken>,
    /// Connections that were broken by shutting it.
    broken: AtomicUsize,
}

impl Door {
    /// An open door on a free port, and its listener.
    pub(crate) fn open() -> (Self, Listener) {
        let (listener, address) = listening();
        let wanted = watch::Sender::new(true);
        let seen = wanted.subscribe();
        (
            Self { address, wanted, spell: Mutex::default(), broken: AtomicUsize::new(0) },
            Listener { address, wanted: seen, listener: Some(listener) },
        )
    }

    /// Shuts it for a while.
    pub(crate) async fn shut_for(&self, time: Duration) {
        self.wanted.send_replace(false);
        self.spell().cancel();
        tokio::time::sleep(time).await;
        *self.spell.lock().unwrap() = CancellationToken::new();
        self.wanted.send_replace(true);
    }

    /// Notes that a connection was broken by shutting the door.
    pub(crate) fn note_broken(&self) {
        self.broken.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether shutting it broke anything that was open.
    pub(crate) fn has_broken_something(&self) -> bool {
        self.broken.load(Ordering::SeqCst) > 0
    }

    /// Ends when the connections of now must end.
    pub(crate) fn spell(&self) -> CancellationToken {
        self.spell.lock().unwrap().clone()
    }
}

/// What stands behind a door.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    wanted: watch::Receiver<bool>,
    listener: Option<TcpListener>,
}

impl Listener {
    /// The next connection that comes through.
    pub(crate) async fn next(&mut self) -> TcpStream {
        loop {
            let Some(listener) = &self.listener else {
                // Bound but not listening: nobody else gets the port, and nobody gets in.
                let kept = bound_again(self.address).await;
                let _ = self.wanted.wait_for(|open| *open).await;
                self.listener = Some(kept.listen(1024).unwrap());
                continue;
            };
            tokio::select! {
                biased;
                Ok(_) = self.wanted.wait_for(|open| !*open) => self.listener = None,
                Ok((stream, _)) = listener.accept() => {
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
            }
        }
    }
}

/// While a door is shut, nobody listens there: the port must be one that the system gives to nobody else.
fn listening() -> (TcpListener, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    (bound(address).unwrap().listen(1024).unwrap(), address)
}

/// A daemon that is just being started has a copy of every socket until it runs its own program, so that one may listen a little longer.
async fn bound_again(address: SocketAddr) -> TcpSocket {
    loop {
        match bound(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => tokio::time::sleep(Duration::from_millis(1)).await,
            socket => return socket.unwrap(),
        }
    }
}

fn bound(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
