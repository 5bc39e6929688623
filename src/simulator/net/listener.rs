//! A listener behind a gate: while it is shut, its port is kept but refuses every connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::gate::Gate;
use super::stream::Stream;

const BACKLOG: u32 = 1024;

/// Accepts connections while its gate is open.
#[derive(Debug)]
pub(crate) struct GatedListener {
    address: SocketAddr,
    gate: Arc<Gate>,
    door: Door,
}

#[derive(Debug)]
enum Door {
    Open(TcpListener),
    /// A socket that is bound but does not listen refuses connections and lets nobody else have the port.
    Shut(Option<TcpSocket>),
}

impl GatedListener {
    /// Binds and listens.
    pub(crate) fn bind(address: SocketAddr, gate: Arc<Gate>) -> io::Result<Self> {
        let listener = bound(address)?.listen(BACKLOG)?;
        Ok(Self { address: listener.local_addr()?, gate, door: Door::Open(listener) })
    }

    /// Where it listens, with the port that it got.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn shut(&mut self) {
        // The listening socket must be closed before its port can be bound again.
        self.door = Door::Shut(None);
        self.door = Door::Shut(bound(self.address).ok());
        self.gate.report(false);
    }

    async fn open(&mut self) {
        let kept = match &mut self.door {
            Door::Open(_) => return,
            Door::Shut(kept) => kept.take(),
        };
        match kept.map_or_else(|| bound(self.address), Ok).and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => {
                self.door = Door::Open(listener);
                self.gate.report(true);
            }
            Err(error) => {
                tracing::error!(address = %self.address, error = %error, "cannot listen again, will retry");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Listener for GatedListener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        loop {
            let Door::Open(listener) = &self.door else {
                self.gate.until_wanted(true).await;
                self.open().await;
                continue;
            };
            tokio::select! {
                biased;
                () = self.gate.until_wanted(false) => self.shut(),
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => return (welcome(tcp, &self.gate), peer),
                    // Out of file handles, most likely: some will be closed soon.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn welcome(tcp: TcpStream, gate: &Gate) -> Stream {
    // Small answers must not wait for an acknowledgement; a socket that refuses the option works all the same.
    let _ = tcp.set_nodelay(true);
    Stream::new(tcp, gate.spell())
}
