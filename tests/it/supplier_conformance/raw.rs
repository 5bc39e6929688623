//! A server of a few lines that answers whatever a test writes, and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one request.
#[derive(Clone)]
pub(crate) enum Then {
    /// Write these bytes and wait for the next request.
    Stay(Vec<u8>),
    /// Write these bytes and close.
    Close(Vec<u8>),
    /// Write these bytes over and over until the other side has had enough.
    Forever(Vec<u8>),
    /// Write these bytes and then nothing, without closing.
    Hang(Vec<u8>),
}

/// A running server.
pub(crate) struct Raw {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Raw {
    /// Answers every request in the same way.
    pub(crate) async fn always(then: Then) -> Self {
        Self::script(move |_| then.clone()).await
    }

    /// Answers the n-th request, from 0, as the script says.
    pub(crate) async fn script(script: impl Fn(usize) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (script, shared) = (Arc::new(script), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&shared)));
            }
        });
        Self { url, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Every request, as it came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn serve<F: Fn(usize) -> Then + Send + Sync>(mut stream: TcpStream, script: Arc<F>, seen: Arc<Mutex<Seen>>) {
    while let Some(request) = read(&mut stream).await {
        let n = {
            let mut seen = seen.lock().unwrap();
            seen.requests.push(request);
            seen.requests.len() - 1
        };
        match script(n) {
            Then::Stay(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Then::Close(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Then::Forever(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Then::Hang(bytes) => {
                let _ = stream.write_all(&bytes).await;
                // Until the other side gives up.
                let _ = stream.read(&mut [0; 1]).await;
                return;
            }
        }
    }
}

/// One request, head and body.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// An answer with the right length.
pub(crate) fn answer(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
