//! An issuer of tokens: publishes its keys, signs what a test wants signed, and counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use holdfast::clock::{Clock as _, SystemClock};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// Keys that were made for tests and sign nothing else.
pub(crate) const KEY_A: &str = include_str!("../../keys/ec-a.pem");
pub(crate) const KEY_B: &str = include_str!("../../keys/ec-b.pem");

/// What tokens of the test's issuer say about who issued them and whom they are for.
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "holdfast";

/// One key.
pub(crate) struct Signer {
    key: EncodingKey,
    id: String,
}

impl Signer {
    pub(crate) fn new(pem: &str, id: &str) -> Self {
        Self { key: EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(), id: id.to_owned() }
    }

    /// The public half, as an issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        encode(&header, claims, &self.key).unwrap()
    }
}

/// A running issuer with one key.
pub(crate) struct Issuer {
    pub(crate) signer: Signer,
    pub(crate) url: String,
    published: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) async fn open() -> Self {
        let (published, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let handler = {
            let (published, asked) = (Arc::clone(&published), Arc::clone(&asked));
            move || async move {
                asked.fetch_add(1, Ordering::SeqCst);
                published.lock().unwrap().clone()
            }
        };
        tokio::spawn(axum::serve(listener, Router::new().route("/keys", get(handler))).into_future());
        let issuer = Self { signer: Signer::new(KEY_A, "a"), url, published, asked };
        issuer.publish(&[&issuer.signer]);
        issuer
    }

    /// From now on it has these keys.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        *self.published.lock().unwrap() = json!({ "keys": keys }).to_string();
    }

    /// How often it was asked for its keys.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A good token of this tenant, with these scopes.
    pub(crate) fn token(&self, tenant: &str, scopes: &str) -> String {
        self.signer.sign(&claims(now(), tenant, scopes))
    }

    /// The settings of a daemon that believes this issuer.
    pub(crate) fn settings(&self) -> Vec<(&'static str, toml::Value)> {
        vec![
            ("http.auth.mode", "jwt".into()),
            ("http.auth.issuer", ISSUER.into()),
            ("http.auth.audience", AUDIENCE.into()),
            ("http.auth.jwks_url", self.url.as_str().into()),
            ("http.auth.algorithms", "ES256".into()),
        ]
    }
}

/// Now, by the clock that the daemons under test go by.
pub(crate) fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// The claims of a good token.
pub(crate) fn claims(now: DateTime<Utc>, tenant: &str, scopes: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "order-service", "tenant_id": tenant, "scope": scopes,
        "iat": now.timestamp(), "nbf": now.timestamp(), "exp": (now + TimeDelta::minutes(5)).timestamp(),
    })
}
