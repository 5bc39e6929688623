//! One POST over plain HTTP, and the status that came back.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Posts a body with some headers to an `http://` address.
pub(super) async fn post(url: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<u16> {
    let (authority, path) = split(url).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let exchange = async {
        let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
        let mut tcp = TcpStream::connect(address).await?;
        tcp.write_all(&[head.as_bytes(), body].concat()).await?;
        read_status(&mut tcp).await
    };
    tokio::time::timeout(TIMEOUT, exchange).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

/// Whether an address is one that can be posted to.
pub(super) fn is_postable(url: &str) -> bool {
    split(url).is_some()
}

fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let is_clean = !authority.is_empty() && !url.contains(char::is_whitespace);
    is_clean.then_some((authority, path))
}

async fn read_status(tcp: &mut TcpStream) -> io::Result<u16> {
    // "HTTP/1.1 204" is all that matters of the answer.
    let mut start = [0_u8; 12];
    tcp.read_exact(&mut start).await?;
    let status = std::str::from_utf8(&start[9..]).ok().and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}
