//! A caller of the API, and what it hears.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value as JsonValue, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::daemon::{Daemon, HttpAddress, Process};
use crate::support::http::http;
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::Shop;
use crate::support::wait::until;

/// A caller for one tenant.
#[derive(Clone)]
pub(super) struct Caller {
    client: Client,
    address: HttpAddress,
    tenant: Option<String>,
}

/// What the API answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Caller {
    /// A caller of this daemon for the shop's tenant.
    pub(super) fn of(daemon: &Daemon, shop: &Shop) -> Self {
        Self { client: http(), address: daemon.http_address(), tenant: Some(shop.tenant().to_owned()) }
    }

    /// A caller of a daemon in a process of its own.
    pub(super) fn of_process(process: &Process, shop: &Shop) -> Self {
        Self { client: http(), address: process.http_address(), tenant: Some(shop.tenant().to_owned()) }
    }

    /// The same caller for another tenant, or for none.
    pub(super) fn as_tenant(&self, tenant: Option<&str>) -> Self {
        Self { tenant: tenant.map(ToOwned::to_owned), ..self.clone() }
    }

    /// A request that is being put together.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.url(path));
        match &self.tenant {
            Some(tenant) => request.header("Holdfast-Tenant", tenant),
            None => request,
        }
    }

    /// Where something is served.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address.lock().unwrap().unwrap())
    }

    /// Gets.
    pub(super) async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// Posts JSON under an idempotency key.
    pub(super) async fn post(&self, path: &str, key: &str, body: &JsonValue) -> Answer {
        Answer::to(self.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
    }

    /// Sends the same in full on a connection of its own, from which it has not read anything yet.
    pub(super) async fn post_unread(&self, path: &str, key: &str, body: &JsonValue) -> TcpStream {
        let (address, tenant, body) = (self.address.lock().unwrap().unwrap(), self.tenant.as_deref().unwrap(), body.to_string());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nholdfast-tenant: {tenant}\r\nidempotency-key: {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream
    }

    /// Posts under a key of its own; it is accepted, and carried out with this outcome.
    pub(super) async fn command(&self, path: &str, body: &JsonValue) -> JsonValue {
        let answer = self.post(path, &Uuid::new_v4().to_string(), body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        self.finished(answer.headers["location"].to_str().unwrap()).await
    }

    /// Waits until a command has come to its end.
    pub(super) async fn finished(&self, location: &str) -> JsonValue {
        until(&format!("{location} has come to its end"), BY_ITSELF, async || {
            Some(self.get(location).await.ok()).filter(|command| command["state"] != "PENDING")
        })
        .await
    }

    /// Asks for two routers for an order; waits until its process is there.
    pub(super) async fn order<'a>(&self, shop: &'a Shop) -> Order<'a> {
        let id = Uuid::new_v4();
        let command = self.command(&format!("/orders/{id}/reservations"), &two_routers()).await;
        assert_eq!(command["outcome"], "STARTED", "{command}");
        Order::found(shop, id).await
    }
}

/// Hangs up, and waits until the daemon has noticed; says what it had answered by then.
pub(super) async fn hang_up(mut stream: TcpStream) -> String {
    stream.shutdown().await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    heard
}

/// A request for two routers.
pub(super) fn two_routers() -> JsonValue {
    json!({ "lines": [{ "orderLineId": Uuid::new_v4(), "productOfferingId": "router", "quantity": 2 }] })
}

impl Answer {
    /// Sends a request and reads the whole answer.
    pub(super) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    /// The body, which must be JSON.
    pub(super) fn json(&self) -> JsonValue {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a success.
    pub(super) fn ok(&self) -> JsonValue {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// The problem's name; the answer must be a problem in full, with this status.
    pub(super) fn problem(&self, status: u16) -> String {
        let body = self.json();
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(body["status"], status, "{self:?}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{self:?}");
        body["type"].as_str().unwrap().strip_prefix("urn:holdfast:problem:").unwrap().to_owned()
    }
}
