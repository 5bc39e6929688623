//! A gate in front of a server: requests go through, but for those that are held back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What a request must look like to be held back: its path, and its body as text.
type Picks = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// Where a request is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The server never hears of it.
    BeforeTheServer,
    /// The server has answered, and the answer goes nowhere.
    BeforeTheClient,
    /// The server has answered, and the answer waits until it is let go.
    UntilLetGo,
    /// It is not stopped, only counted once the server has answered.
    Nowhere,
}

/// A gate; it stands until it is dropped.
pub(crate) struct Gate {
    url: String,
    shared: Arc<Shared>,
    _stands: DropGuard,
}

struct Shared {
    origin: String,
    http: reqwest::Client,
    rule: Mutex<Option<(Stop, Picks)>>,
    picked: AtomicUsize,
    arrived: Mutex<Vec<String>>,
    let_go: CancellationToken,
}

impl Gate {
    /// Stands before this base address, and has the same path.
    pub(crate) async fn before(base: &str) -> Self {
        let base = reqwest::Url::parse(base).unwrap();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let url = format!("http://{}{}", listener.local_addr().unwrap(), base.path().trim_end_matches('/'));
        let shared = Arc::new(Shared {
            origin: base.origin().ascii_serialization(),
            http: reqwest::Client::builder().no_proxy().tls_certs_only([]).pool_max_idle_per_host(0).build().unwrap(),
            rule: Mutex::default(),
            picked: AtomicUsize::new(0),
            arrived: Mutex::default(),
            let_go: CancellationToken::new(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let stands = CancellationToken::new();
        let fallen = stands.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served,
                () = fallen.cancelled() => Ok(()),
            }
        });
        Self { url, shared, _stands: stands.drop_guard() }
    }

    /// The address to use in place of the server's.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Stops there what is picked from now on.
    pub(crate) fn pick(&self, stop: Stop, picks: impl Fn(&str, &str) -> bool + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Some((stop, Arc::new(picks)));
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }

    /// Lets go of the answers that wait.
    pub(crate) fn let_go(&self) {
        self.shared.let_go.cancel();
    }

    /// How many requests to a path that ends like this have arrived.
    pub(crate) fn arrived(&self, path_end: &str) -> usize {
        self.shared.arrived.lock().unwrap().iter().filter(|path| path.ends_with(path_end)).count()
    }

    /// How many requests were picked: the proof that the gate did something.
    pub(crate) fn picked(&self) -> usize {
        self.shared.picked.load(Ordering::Acquire)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    shared.arrived.lock().unwrap().push(head.uri.path().to_owned());
    let rule = shared.rule.lock().unwrap().clone();
    let stop = rule.filter(|(_, picks)| picks(head.uri.path(), &String::from_utf8_lossy(&body))).map(|(stop, _)| stop);
    if stop == Some(Stop::BeforeTheServer) {
        shared.picked.fetch_add(1, Ordering::AcqRel);
        // Ends when the client goes away.
        return std::future::pending().await;
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let call = shared.http.request(head.method, format!("{}{path}", shared.origin)).headers(end_to_end(&head.headers)).body(body);
    let Ok(answer) = call.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    if stop.is_some() {
        shared.picked.fetch_add(1, Ordering::AcqRel);
    }
    match stop {
        Some(Stop::BeforeTheClient) => return std::future::pending().await,
        Some(Stop::UntilLetGo) => shared.let_go.cancelled().await,
        Some(Stop::BeforeTheServer | Stop::Nowhere) | None => {}
    }
    (status, headers, Body::from(body)).into_response()
}

/// The headers without those that belong to one connection.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const OF_ONE_CONNECTION: [&str; 5] = ["host", "connection", "keep-alive", "content-length", "transfer-encoding"];
    let kept = |name: &HeaderName| !OF_ONE_CONNECTION.contains(&name.as_str());
    headers.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}
