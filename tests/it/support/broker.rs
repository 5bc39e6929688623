//! A broker of a test's own, which it may kill, behind a link that loses the broker's word on request.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::engine::variable_or;
use super::port::free_port;
use super::wait::until_true;

/// How long a Java process may take to come up on a machine that has other things to do.
const COMING_UP: Duration = Duration::from_secs(120);
/// The kind of request that carries messages.
const PRODUCE: i16 = 0;

/// A broker in a process of its own; killed when it is dropped.
pub(crate) struct Broker {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
    pub(crate) link: Link,
}

impl Broker {
    /// Starts one that tells its clients the link's address.
    pub(crate) async fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kafka-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        let (port, controller) = (free_port(), free_port());
        let link = Link::before(SocketAddr::from(([127, 0, 0, 1], port))).await;
        let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack");
        let properties = fs::read_to_string(stack.join("kafka/server.properties")).unwrap();
        let properties = properties
            .replace(
                "advertised.listeners=PLAINTEXT://127.0.0.1:@PORT@",
                &format!("advertised.listeners=PLAINTEXT://127.0.0.1:{}", link.port),
            )
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER_PORT@", &controller.to_string())
            .replace("@DATA@", &folder.join("data").display().to_string())
            + "\nauto.create.topics.enable=false\n";
        fs::write(folder.join("server.properties"), properties).unwrap();
        let mut broker = Self { folder, port, child: None, link };
        let cluster = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Uuid::new_v4().as_bytes()).replace('-', "A");
        let config = broker.folder.join("server.properties");
        let formatted = broker
            .java("format.log")
            .args(["kafka.tools.StorageTool", "format", "--standalone", "-t", &cluster, "-c"])
            .arg(config)
            .status()
            .unwrap();
        assert!(formatted.success(), "{}", fs::read_to_string(broker.folder.join("format.log")).unwrap_or_default());
        broker.up().await;
        broker
    }

    /// Starts its process, on the data that it had before.
    pub(crate) async fn up(&mut self) {
        let config = self.folder.join("server.properties");
        self.child = Some(self.java("broker.log").arg("kafka.Kafka").arg(config).spawn().unwrap());
        let port = self.port;
        until_true("the broker takes connections", COMING_UP, async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Where clients connect: the link.
    pub(crate) fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.link.port)
    }

    fn java(&self, log: &str) -> Command {
        let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack");
        let folder = variable_or("HOLDFAST_STACK_DIR", &format!("{}/.stack", env!("CARGO_MANIFEST_DIR")));
        let log = File::create(self.folder.join(log)).unwrap();
        let mut command = Command::new(java());
        command
            .args(["-Xms128m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
            .arg(format!("{}:{folder}/jars/kafka/*", stack.join("kafka").display()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("The broker's files are in {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// The Java that the stack uses. Asked for once: the answer takes a JVM's start, during which the caller's thread stands still.
pub(crate) fn java() -> PathBuf {
    static JAVA: LazyLock<PathBuf> = LazyLock::new(|| {
        let script = format!(". {}/stack/lib.sh && java_home", env!("CARGO_MANIFEST_DIR"));
        let said = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(said.status.success(), "there is no Java: run `make setup`");
        Path::new(String::from_utf8(said.stdout).unwrap().trim()).join("bin/java")
    });
    JAVA.clone()
}

/// A way to a broker on which its word on messages can get lost: the broker has them, and nobody hears of it.
pub(crate) struct Link {
    port: u16,
    shared: Arc<Shared>,
    _stands: DropGuard,
}

struct Shared {
    origin: SocketAddr,
    /// How many answers are to be lost from now on; the connection breaks with each of them.
    to_lose: AtomicUsize,
    lost: AtomicUsize,
}

impl Link {
    async fn before(origin: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { origin, to_lose: AtomicUsize::new(0), lost: AtomicUsize::new(0) });
        let stands = CancellationToken::new();
        tokio::spawn({
            let (shared, fallen) = (Arc::clone(&shared), stands.clone());
            async move {
                loop {
                    tokio::select! {
                        () = fallen.cancelled() => return,
                        accepted = listener.accept() => if let Ok((client, _)) = accepted {
                            tokio::spawn(carry(client, Arc::clone(&shared), fallen.child_token()));
                        },
                    }
                }
            }
        });
        Self { port, shared, _stands: stands.drop_guard() }
    }

    /// Loses the broker's next answers to messages.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.shared.to_lose.store(count, Ordering::Release);
    }

    /// How many were lost: the proof that it did something.
    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Acquire)
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>, over: CancellationToken) {
    let Ok(broker) = TcpStream::connect(shared.origin).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_broker, mut to_broker) = broker.into_split();
    let open: Mutex<HashSet<[u8; 4]>> = Mutex::default();
    let there = async {
        loop {
            let frame = frame(&mut from_client).await?;
            if frame.len() >= 12 && i16::from_be_bytes([frame[4], frame[5]]) == PRODUCE {
                open.lock().unwrap().insert([frame[8], frame[9], frame[10], frame[11]]);
            }
            to_broker.write_all(&frame).await?;
        }
    };
    let back = async {
        loop {
            let frame = frame(&mut from_broker).await?;
            let produced = frame.len() >= 8 && open.lock().unwrap().remove(&frame[4..8]);
            if produced && shared.to_lose.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
                shared.lost.fetch_add(1, Ordering::AcqRel);
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            to_client.write_all(&frame).await?;
        }
    };
    tokio::select! {
        ended = there => { let _: Result<(), io::Error> = ended; }
        ended = back => { let _: Result<(), io::Error> = ended; }
        () = over.cancelled() => {}
    }
}

/// One message of the protocol: its length, and so many bytes.
async fn frame(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let mut frame = length.to_vec();
    frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut frame[4..]).await?;
    Ok(frame)
}
