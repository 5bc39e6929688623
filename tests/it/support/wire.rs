//! A wire to a server that can fall silent, so that what goes over it then goes nowhere and nobody is told, or be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::shop::Shop;

/// A wire; it hangs until it is dropped.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _hangs: DropGuard,
}

struct Shared {
    server: SocketAddr,
    /// Connections that were made before this number of silences are dead.
    silences: watch::Sender<usize>,
    /// Connections that were made before this number of cuts are gone.
    cuts: watch::Sender<usize>,
    /// Connections that carried something into the silence.
    lost: AtomicUsize,
}

impl Wire {
    /// Hangs a wire to this server.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { server, silences: watch::Sender::new(0), cuts: watch::Sender::new(0), lost: AtomicUsize::new(0) });
        let cut = CancellationToken::new();
        let (carrier, hangs) = (Arc::clone(&shared), cut.clone());
        tokio::spawn(hangs.run_until_cancelled_owned(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(Arc::clone(&carrier), near));
            }
        }));
        Self { address, shared, _hangs: cut.drop_guard() }
    }

    /// Hangs one to the shop's database; the database's URL over it.
    pub(crate) async fn to_the_database_of(shop: &Shop) -> (Self, String) {
        let url = shop.database.daemon_url();
        let (before, rest) = url.split_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let wire = Self::to(server.parse().unwrap()).await;
        let over = format!("{before}@{}/{name}", wire.address);
        (wire, over)
    }

    /// Cuts the connections that there are: who connected is told by a reset, and the server only when it next speaks. New ones work.
    pub(crate) fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on nothing comes through on the connections that there are. New ones work.
    pub(crate) fn fall_silent(&self) {
        self.shared.silences.send_modify(|silences| *silences += 1);
    }

    /// How many connections had something said on them that nobody heard: the proof that the silence mattered.
    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Acquire)
    }
}

async fn carry(shared: Arc<Shared>, mut near: TcpStream) {
    let (mut silences, mut cuts) = (shared.silences.subscribe(), shared.cuts.subscribe());
    let Ok(mut far) = TcpStream::connect(shared.server).await else { return };
    silences.mark_unchanged();
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => return,
        _ = silences.changed() => {}
        _ = cuts.changed() => {
            let _ = near.set_zero_linger();
            return;
        }
    }
    // Both ends stay open. The near one is still read, as a network that swallows packets would leave it: writable.
    let mut unheard = [0; 4096];
    let mut spoken = false;
    while let Ok(1..) = near.read(&mut unheard).await {
        if !std::mem::replace(&mut spoken, true) {
            shared.lost.fetch_add(1, Ordering::AcqRel);
        }
    }
    let _ = far.shutdown().await;
}
