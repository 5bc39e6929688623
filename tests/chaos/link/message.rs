//! One HTTP/1.1 message as it is on the wire, read whole.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message {
    /// Everything, byte for byte.
    pub(crate) raw: Vec<u8>,
    /// Where the body begins in it.
    pub(crate) body_at: usize,
    /// The first line.
    pub(crate) first_line: String,
    /// The content, without the framing of chunks.
    pub(crate) content: Vec<u8>,
}

/// Reads one message; nothing if the connection ended before it began.
pub(crate) async fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Message>> {
    let mut message = Message::default();
    let (mut length, mut chunked) = (None, false);
    loop {
        let begun = message.raw.len();
        if from.read_until(b'\n', &mut message.raw).await? == 0 {
            return if message.raw.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let line = String::from_utf8_lossy(&message.raw[begun..]).trim_end().to_owned();
        if message.first_line.is_empty() {
            message.first_line = line;
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "transfer-encoding" => chunked = value.to_ascii_lowercase().contains("chunked"),
                _ => {}
            }
        }
    }
    message.body_at = message.raw.len();
    if chunked {
        read_chunks(from, &mut message).await?;
    } else if let Some(length) = length {
        message.raw.resize(message.body_at + length, 0);
        from.read_exact(&mut message.raw[message.body_at..]).await?;
        message.content = message.raw[message.body_at..].to_vec();
    }
    Ok(Some(message))
}

async fn read_chunks(from: &mut BufReader<TcpStream>, message: &mut Message) -> io::Result<()> {
    loop {
        let begun = message.raw.len();
        from.read_until(b'\n', &mut message.raw).await?;
        let size = String::from_utf8_lossy(&message.raw[begun..]).trim().to_owned();
        let size = usize::from_str_radix(size.split(';').next().unwrap_or(""), 16).map_err(io::Error::other)?;
        // The chunk and its line end; after the last one, the end of the message.
        let begun = message.raw.len();
        message.raw.resize(begun + size + 2, 0);
        from.read_exact(&mut message.raw[begun..]).await?;
        message.content.extend_from_slice(&message.raw[begun..begun + size]);
        if size == 0 {
            return Ok(());
        }
    }
}

impl Message {
    /// Method and path of a request, or version and status of an answer.
    pub(crate) fn words(&self) -> (&str, &str) {
        let mut words = self.first_line.split(' ');
        (words.next().unwrap_or(""), words.next().unwrap_or(""))
    }
}
