//! A proxy that understands as much of PostgreSQL's protocol as it takes to know which transaction is being committed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::book::Book;
use super::door::Door;

/// How late a late answer is: later than a lease.
const LATE: Duration = Duration::from_millis(4_500);

/// Starts the proxy of one daemon to its database; it ends with the runtime.
pub(crate) fn start(server: SocketAddr, replica: usize, book: Arc<Book>) -> Arc<Door> {
    let (door, mut listener) = Door::open();
    let door = Arc::new(door);
    let kept = Arc::clone(&door);
    tokio::spawn(async move {
        loop {
            let near = listener.next().await;
            let (spell, book, door) = (door.spell(), Arc::clone(&book), Arc::clone(&door));
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(server).await else { return };
                let _ = far.set_nodelay(true);
                let mut session = Session { near, far, replica, book, statements: Statements::default(), committing: None };
                tokio::select! {
                    _ = session.carry() => {}
                    () = spell.cancelled() => door.note_broken(),
                }
                // Whatever ended it, no side is told politely.
                let _ = session.near.set_zero_linger();
                let _ = session.far.set_zero_linger();
            });
        }
    });
    kept
}

struct Session {
    near: TcpStream,
    far: TcpStream,
    replica: usize,
    book: Arc<Book>,
    statements: Statements,
    /// How the answer to the COMMIT that is on its way is to be struck.
    committing: Option<String>,
}

/// The names that statements sign with, by prepared statement and for the transaction at hand.
#[derive(Default)]
struct Statements {
    prepared: HashMap<Vec<u8>, String>,
    of_transaction: Vec<String>,
}

impl Session {
    async fn carry(&mut self) -> std::io::Result<()> {
        let (mut asked, mut told) = (Vec::new(), Vec::new());
        let mut started = false;
        loop {
            tokio::select! {
                count = self.near.read_buf(&mut asked) => {
                    if count? == 0 {
                        return Ok(());
                    }
                    while let Some(frame) = take_frame(&mut asked, &mut started) {
                        self.ask(&frame).await?;
                    }
                }
                count = self.far.read_buf(&mut told) => {
                    if count? == 0 {
                        return Ok(());
                    }
                    match self.committing.take() {
                        None => self.near.write_all(&told).await?,
                        // An answer ends with ReadyForQuery: its letter, its length, one byte of state.
                        Some(act) if told.len() < 6 || told[told.len() - 6] != b'Z' => {
                            self.committing = Some(act);
                            continue;
                        }
                        Some(act) => self.answer(&act, &told).await?,
                    }
                    told.clear();
                }
            }
        }
    }

    /// One message of the client.
    async fn ask(&mut self, frame: &[u8]) -> std::io::Result<()> {
        if self.statements.hear(frame) {
            let place = self.statements.place();
            self.statements.of_transaction.clear();
            if let Some(act) = place.and_then(|place| self.book.pick(place, self.replica)) {
                match act.as_str() {
                    "reset_before" => return Err(std::io::ErrorKind::ConnectionReset.into()),
                    "swallow_before" | "kill_before" => return self.silence().await,
                    "freeze_before" => self.book.held_back().await,
                    _ => {}
                }
                self.committing = Some(act);
            }
        }
        self.far.write_all(frame).await
    }

    /// The answer to a COMMIT that went through.
    async fn answer(&mut self, act: &str, told: &[u8]) -> std::io::Result<()> {
        match act {
            "reset_after" => return Err(std::io::ErrorKind::ConnectionReset.into()),
            "swallow_after" | "kill_after" => return self.silence().await,
            "cut" => {
                self.near.write_all(&told[..told.len() / 2]).await?;
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            "garbage" => {
                self.near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await?;
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            "late" => tokio::time::sleep(LATE).await,
            "freeze_after" => self.book.held_back().await,
            _ => {}
        }
        self.near.write_all(told).await
    }

    /// Says nothing until the client has gone.
    async fn silence(&mut self) -> std::io::Result<()> {
        let mut ignored = Vec::new();
        while self.near.read_buf(&mut ignored).await? > 0 {
            ignored.clear();
        }
        Ok(())
    }
}

impl Statements {
    /// Takes note of a message; true for a COMMIT.
    fn hear(&mut self, frame: &[u8]) -> bool {
        let (kind, body) = (frame[0], &frame[5..]);
        let mut texts = body.split(|byte| *byte == 0);
        match kind {
            b'P' => {
                let (name, sql) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                self.prepared.insert(name.to_vec(), signature(sql));
            }
            b'B' => {
                if let Some(signed) = texts.nth(1).and_then(|name| self.prepared.get(name)) {
                    self.of_transaction.push(signed.clone());
                }
            }
            b'Q' => {
                let sql = texts.next().unwrap_or_default();
                if sql.eq_ignore_ascii_case(b"BEGIN") {
                    self.of_transaction.clear();
                }
                return sql.eq_ignore_ascii_case(b"COMMIT");
            }
            _ => {}
        }
        false
    }

    /// What the transaction at hand is for.
    fn place(&self) -> Option<&'static str> {
        let has = |name: &str| self.of_transaction.iter().any(|signed| signed == name);
        match () {
            () if has("claim_fresh") || (has("write_rows") && has("reservation_by_id_locked")) => Some("database.claim"),
            () if has("write_rows") => Some("database.settle"),
            () if has("want_release") => Some("database.want_release"),
            () if has("end_waiting") => Some("database.forget"),
            () => None,
        }
    }
}

/// The name in the first line of a statement.
fn signature(sql: &[u8]) -> String {
    let text = String::from_utf8_lossy(sql);
    text.lines().next().unwrap_or("").trim_start_matches("-- ").trim().to_owned()
}

/// The next whole message. The first one has no letter before its length.
fn take_frame(bytes: &mut Vec<u8>, started: &mut bool) -> Option<Vec<u8>> {
    let head = usize::from(*started);
    let length = bytes.get(head..head + 4)?;
    let length = head + u32::from_be_bytes(length.try_into().ok()?) as usize;
    if bytes.len() < length {
        return None;
    }
    let rest = bytes.split_off(length);
    let frame = std::mem::replace(bytes, rest);
    *started = true;
    Some(frame)
}
