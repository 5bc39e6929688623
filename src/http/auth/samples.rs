//! An issuer for the tests in this room: its keys, its tokens, and a server that counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::settings::{AuthConfig, AuthMode};
use crate::words::Words;

/// Keys that were made for tests and sign nothing else.
pub(crate) const RSA: (&str, Algorithm) = (include_str!("../../../tests/keys/rsa.pem"), Algorithm::RS256);
pub(crate) const EC_A: (&str, Algorithm) = (include_str!("../../../tests/keys/ec-a.pem"), Algorithm::ES256);
pub(crate) const EC_B: (&str, Algorithm) = (include_str!("../../../tests/keys/ec-b.pem"), Algorithm::ES256);
pub(crate) const ED: (&str, Algorithm) = (include_str!("../../../tests/keys/ed.pem"), Algorithm::EdDSA);

pub(crate) const TENANT: &str = "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1";

/// The section for an issuer at this address.
pub(crate) fn config(jwks_url: &str) -> AuthConfig {
    let words = |words: &[&str]| Words(words.iter().map(|word| (*word).to_owned()).collect());
    AuthConfig {
        mode: AuthMode::Jwt,
        issuer: "https://issuer.example".to_owned(),
        audience: words(&["holdfast"]),
        jwks_url: jwks_url.to_owned(),
        ca_file: None,
        algorithms: words(&["RS256", "ES256", "EdDSA"]),
        tenant_claim: "tenant_id".to_owned(),
        scope_claim: "scope".to_owned(),
        leeway_s: 30,
        keys_good_for_s: 600,
        keys_pause_ms: 10_000,
        keys_timeout_ms: 2_000,
    }
}

/// The claims of a good token.
pub(crate) fn claims(now: DateTime<Utc>) -> Value {
    json!({
        "iss": "https://issuer.example", "aud": ["other", "holdfast"], "sub": "quote-service",
        "iat": now.timestamp(), "nbf": now.timestamp(), "exp": (now + TimeDelta::minutes(5)).timestamp(),
        "tenant_id": TENANT, "scope": "availability:read reservations:read",
    })
}

/// One key of the issuer.
pub(crate) struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    id: String,
}

impl Signer {
    pub(crate) fn new((pem, algorithm): (&str, Algorithm), id: &str) -> Self {
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            _ => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Self { key: key.unwrap(), algorithm, id: id.to_owned() }
    }

    /// The public half, as the issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.key, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_with(|_| {}, claims)
    }

    /// The same with another header.
    pub(crate) fn sign_with(&self, change: impl FnOnce(&mut Header), claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.clone());
        change(&mut header);
        encode(&header, claims, &self.key).unwrap()
    }
}

/// A server that publishes keys.
pub(crate) struct Publisher {
    pub(crate) url: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicUsize>,
    /// Each answer takes one permit; there are plenty, as long as nobody holds them back.
    gate: Arc<Semaphore>,
}

impl Publisher {
    pub(crate) async fn of(signers: &[&Signer]) -> Self {
        let (answer, asked) = (Arc::new(Mutex::new((StatusCode::OK, String::new()))), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(1_000));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let handler = {
            let (answer, asked, gate) = (Arc::clone(&answer), Arc::clone(&asked), Arc::clone(&gate));
            move || async move {
                asked.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.unwrap().forget();
                answer.lock().unwrap().clone()
            }
        };
        tokio::spawn(axum::serve(listener, Router::new().route("/keys", get(handler))).into_future());
        let publisher = Self { url, answer, asked, gate };
        publisher.publish(signers);
        publisher
    }

    /// From now on it has these keys.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        let set = json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()});
        self.answers(StatusCode::OK, &set.to_string());
    }

    /// From now on it answers this.
    pub(crate) fn answers(&self, status: StatusCode, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Its answers wait from now on, until they are let go.
    pub(crate) fn hold_back(&self) {
        self.gate.forget_permits(self.gate.available_permits());
    }

    pub(crate) fn let_go(&self) {
        self.gate.add_permits(1_000);
    }
}
