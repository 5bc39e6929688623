//! Stand-ins for what lies between us and the engine: scripted answers, an identity provider, a connection
//! that can be cut.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::port::free_port;

/// Serves a router on a port of its own until the test ends.
pub(crate) async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// A server that answers every connection with the same bytes as they stand, then closes it.
#[derive(Debug)]
pub(crate) struct Blunt {
    pub(crate) url: Url,
    /// How many requests it has seen.
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Blunt {
    pub(crate) async fn answering(bytes: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let blunt = Self { url: url_of(listener.local_addr().unwrap()), requests: Arc::default() };
        let requests = Arc::clone(&blunt.requests);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 16 * 1024];
                let _ = connection.read(&mut request).await;
                requests.fetch_add(1, Ordering::Relaxed);
                let _ = connection.write_all(bytes).await;
                let _ = connection.shutdown().await;
            }
        });
        blunt
    }
}

/// An address where nobody listens.
pub(crate) fn nobody() -> Url {
    url_of(SocketAddr::from(([127, 0, 0, 1], free_port())))
}

/// A wire to a server that a test can cut: what is on it breaks, what comes later goes through.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) url: Url,
    cut: Arc<Mutex<CancellationToken>>,
}

impl Wire {
    pub(crate) async fn to(server: &Url) -> Self {
        let server = server.socket_addrs(|| None).unwrap()[0];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = url_of(listener.local_addr().unwrap());
        url.set_path("/engine-rest");
        let wire = Self { url, cut: Arc::default() };
        let cut = Arc::clone(&wire.cut);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let cut = cut.lock().unwrap().clone();
                tokio::spawn(carry(near, server, cut));
            }
        });
        wire
    }

    /// Breaks every connection that is open now.
    pub(crate) fn cut(&self) {
        std::mem::take(&mut *self.cut.lock().unwrap()).cancel();
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, cut: CancellationToken) -> io::Result<()> {
    let mut far = TcpStream::connect(server).await?;
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        () = cut.cancelled() => {}
    }
    Ok(())
}

fn url_of(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}/")).unwrap()
}
