//! Stand-ins for what lies between us and the engine: scripted answers, an identity provider, a connection
//! that can be cut.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Serves a router on a port of its own until the test ends.
pub(crate) async fn serve(router: Router) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Answers every request with these bytes as they stand, then closes the connection.
pub(crate) async fn answer_with(bytes: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await?;
            let mut request = [0; 16 * 1024];
            let _ = connection.read(&mut request).await?;
            connection.write_all(bytes).await?;
            connection.shutdown().await?;
        }
        #[expect(unreachable_code, reason = "names the error type of the question marks above")]
        io::Result::Ok(())
    });
    url
}

/// An address where nobody listens.
pub(crate) fn nobody() -> Url {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    url_of(listener.local_addr().unwrap())
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
