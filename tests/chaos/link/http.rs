//! A proxy that knows requests from answers, and does to them what the book says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::book::Book;
use super::door::{Door, Listener};
use super::message::{Message, read};

/// How long after a client's patience a late answer comes, or a late request acts.
pub(crate) const LATE: Duration = Duration::from_millis(2_900);

/// How slow a slow answer is: a client waits for it.
const SLOW: Duration = Duration::from_millis(500);

/// Gives requests their names, and hears of them before the server does.
#[async_trait]
pub(crate) trait Watcher: Send + Sync + 'static {
    /// The place of a request, such as `supplier.reserve`; nothing for one that is never struck.
    fn place(&self, request: &Message) -> Option<String>;

    /// The place of an answer that matters for what it says; nothing for one that was not to be struck by its request already.
    fn place_of_answer(&self, request: &Message, answer: &Message) -> Option<&'static str>;

    /// Hears of a request that is about to be forwarded.
    async fn arrives(&self, place: &str, request: &Message);

    /// What the server itself would answer in place of the true answer, for the act `conflict`.
    fn conflict(&self) -> &'static [u8];
}

/// Starts the proxy of one daemon to one server; it ends with the runtime.
pub(crate) fn start(server: SocketAddr, replica: usize, book: Arc<Book>, watcher: Arc<dyn Watcher>) -> Arc<Door> {
    let (door, listener) = Door::open();
    let door = Arc::new(door);
    tokio::spawn(serve(Arc::clone(&door), listener, Wire { server, replica, book, watcher }));
    door
}

#[derive(Clone)]
struct Wire {
    server: SocketAddr,
    replica: usize,
    book: Arc<Book>,
    watcher: Arc<dyn Watcher>,
}

async fn serve(door: Arc<Door>, mut listener: Listener, wire: Wire) {
    loop {
        let near = listener.next().await;
        let (wire, spell, door) = (wire.clone(), door.spell(), Arc::clone(&door));
        tokio::spawn(async move {
            let mut near = BufReader::new(near);
            tokio::select! {
                _ = wire.carry(&mut near) => {}
                () = spell.cancelled() => {
                    door.note_broken();
                    reset(&near);
                }
            }
        });
    }
}

fn reset(connection: &BufReader<TcpStream>) {
    let _ = connection.get_ref().set_zero_linger();
}

impl Wire {
    async fn carry(&self, near: &mut BufReader<TcpStream>) -> std::io::Result<()> {
        let mut far = None;
        while let Some(request) = read(near).await? {
            let place = self.watcher.place(&request);
            let act = place.as_deref().and_then(|place| self.book.pick(place, self.replica));
            if act.as_deref() == Some("reset_before") {
                reset(near);
                return Ok(());
            }
            if let Some(place) = &place {
                self.watcher.arrives(place, &request).await;
            }
            let far = match &mut far {
                Some(far) => far,
                None => far.insert(BufReader::new(TcpStream::connect(self.server).await?)),
            };
            let Some(act) = act else {
                far.get_mut().write_all(&request.raw).await?;
                let Some(answer) = answer(near, far).await? else { return Ok(()) };
                let place = self.watcher.place_of_answer(&request, &answer);
                let act = place.and_then(|place| self.book.pick(place, self.replica)).unwrap_or_default();
                if !self.strike_answer(&act, &request, answer, near, far).await? {
                    return Ok(());
                }
                continue;
            };
            match act.as_str() {
                "swallow_before" => return silence(near).await,
                "cut_request" => {
                    far.get_mut().write_all(&request.raw[..request.raw.len() - request.content.len().div_ceil(2).max(1)]).await?;
                    reset(far);
                    reset(near);
                    return Ok(());
                }
                "act_late" => {
                    tokio::time::sleep(LATE).await;
                    far.get_mut().write_all(&request.raw).await?;
                    let _ = read(far).await?;
                    return silence(near).await;
                }
                "conflict" => {
                    near.get_mut().write_all(self.watcher.conflict()).await?;
                    continue;
                }
                "kill_before" => return silence(near).await,
                "freeze_before" => self.book.held_back().await,
                _ => {}
            }
            far.get_mut().write_all(&request.raw).await?;
            // From here on the server has heard it, whatever becomes of the client.
            let Some(answer) = read(far).await? else { return Ok(()) };
            if !self.strike_answer(&act, &request, answer, near, far).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Says whether the connection goes on.
    async fn strike_answer(
        &self,
        act: &str,
        request: &Message,
        mut answer: Message,
        near: &mut BufReader<TcpStream>,
        far: &mut BufReader<TcpStream>,
    ) -> std::io::Result<bool> {
        match act {
            "swallow_after" | "kill_after" => {
                silence(near).await?;
                return Ok(false);
            }
            "reset_after" => {
                reset(near);
                return Ok(false);
            }
            "late" => tokio::time::sleep(LATE).await,
            "cut" => {
                near.get_mut().write_all(&answer.raw[..answer.raw.len() - answer.content.len().div_ceil(2).max(3)]).await?;
                return Ok(false);
            }
            "duplicate" => {
                far.get_mut().write_all(&request.raw).await?;
                let _ = read(far).await?;
            }
            "duplicate_second" => {
                far.get_mut().write_all(&request.raw).await?;
                let Some(second) = read(far).await? else { return Ok(false) };
                answer = second;
            }
            "garbage" => {
                answer.raw = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>it works</html".to_vec()
            }
            "error_500" => {
                answer.raw = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\noops".to_vec();
            }
            "slow" => tokio::time::sleep(SLOW).await,
            "freeze_after" => self.book.held_back().await,
            _ => {}
        }
        near.get_mut().write_all(&answer.raw).await?;
        Ok(true)
    }
}

/// The server's answer; nothing once the client has gone.
async fn answer(near: &mut BufReader<TcpStream>, far: &mut BufReader<TcpStream>) -> std::io::Result<Option<Message>> {
    let gone = async {
        loop {
            match near.fill_buf().await {
                Ok([]) | Err(_) => return,
                // The next request is there before its time; it waits.
                Ok(_) => std::future::pending::<()>().await,
            }
        }
    };
    tokio::select! {
        answer = read(far) => answer,
        () = gone => Ok(None),
    }
}

/// Says nothing until the client has gone.
async fn silence(near: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    loop {
        let count = near.fill_buf().await?.len();
        if count == 0 {
            return Ok(());
        }
        near.consume(count);
    }
}
