//! The routes of the document, and a caller that can send anything to them.

use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::daemon::{Daemon, HttpAddress};
use crate::support::issuer::now;

/// One operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: String,
    pub(crate) has_body: bool,
}

/// Every operation that the document describes.
pub(crate) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(holdfast::http::document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse() else { continue };
            found.push(Operation { method, path: path.clone(), has_body: operation.get("requestBody").is_some() });
        }
    }
    assert!(found.len() >= 3, "{found:?}");
    found
}

impl Operation {
    /// The path with each parameter replaced.
    pub(crate) fn at(&self, fill: impl Fn(&str) -> String) -> String {
        let parts = self.path.split('/').map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => fill(name),
            None => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// A body that is as it must be, so that the answer is about what the path names.
    fn body(&self) -> Value {
        let line = json!({ "orderLineId": Uuid::new_v4(), "productOfferingId": "router", "quantity": 1 });
        match self.path.rsplit('/').next().unwrap() {
            "availability-checks" | "reservations" => json!({ "lines": [line] }),
            "extend" => json!({ "until": now() + TimeDelta::hours(1) }),
            _ => json!({}),
        }
    }

    /// The path to something that nobody has.
    pub(crate) fn nowhere(&self) -> String {
        self.at(|name| if name == "source" { "main".to_owned() } else { Uuid::new_v4().to_string() })
    }
}

/// A caller of a daemon's API, with or without a token.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    address: HttpAddress,
    pub(crate) token: Option<String>,
}

/// What it hears.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) fn of(daemon: &Daemon, token: Option<String>) -> Self {
        let client = Client::builder().no_proxy().tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, address: daemon.http_address(), token }
    }

    pub(crate) fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// A request that is being put together.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = self.address.lock().unwrap().unwrap();
        let request = self.client.request(method, format!("http://{address}{path}"));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends an operation; one that does something gets a key and its body.
    pub(crate) async fn send(&self, operation: &Operation, path: &str) -> Heard {
        let request = self.request(operation.method.clone(), path);
        let request = if operation.method == Method::POST {
            request.header("idempotency-key", Uuid::new_v4().to_string()).json(&operation.body())
        } else {
            request
        };
        Heard::to(request).await
    }
}

impl Heard {
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        Self { status: answer.status().as_u16(), headers: answer.headers().clone(), text: answer.text().await.unwrap() }
    }

    /// The problem's name; it must be a whole problem.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let body: Value = serde_json::from_str(&self.text).unwrap();
        assert_eq!(body["status"], self.status, "{self:?}");
        assert!(body["title"].is_string() && body["detail"].is_string(), "{self:?}");
        body["type"].as_str().unwrap().trim_start_matches("urn:holdfast:problem:").to_owned()
    }
}
