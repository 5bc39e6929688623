//! A message as an inventory could send it, and as nobody should.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use super::SECRET;
use crate::support::http::http;
use crate::support::issuer::now;

/// One message, signed as it stands when it is made.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What the daemon answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) body: String,
}

impl Message {
    /// Word of the hold of this key.
    pub(super) fn of(id: &str, key: &str) -> Self {
        Self::signed(id, now().timestamp(), &body(key), SECRET)
    }

    pub(super) fn signed(id: &str, timestamp: i64, body: &[u8], secret: &str) -> Self {
        let headers = vec![
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", timestamp.to_string()),
            ("webhook-signature", sign(id, timestamp, body, secret)),
        ];
        Self { headers, body: body.to_vec() }
    }

    /// The same with another header.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(given, _)| *given != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same without a header.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(given, _)| *given != name);
        self
    }

    /// The same with a header twice.
    pub(super) fn twice(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(given, _)| *given == name).unwrap().1
    }

    pub(super) async fn post(&self, url: &str) -> Heard {
        self.try_post(url).await.unwrap()
    }

    /// The same, where the daemon may die over it.
    pub(super) async fn try_post(&self, url: &str) -> Result<Heard, reqwest::Error> {
        let mut request = http().post(url).header("content-type", "application/json").body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let content_type = answer.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        Ok(Heard { status, content_type, body: answer.text().await? })
    }
}

/// What the inventory says of a hold.
pub(super) fn body(key: &str) -> Vec<u8> {
    let mut text = String::new();
    write!(text, "{}", json!({"type": "reservation.released", "data": {"requestKey": key, "state": "released"}})).unwrap();
    text.into_bytes()
}

pub(super) fn sign(id: &str, timestamp: i64, body: &[u8], secret: &str) -> String {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(signed).finalize().into_bytes();
    format!("v1,{}", STANDARD.encode(mac))
}

impl Heard {
    /// The problem's name; it must be a whole problem.
    pub(super) fn problem(&self) -> String {
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["status"], self.status.as_u16(), "{self:?}");
        body["type"].as_str().unwrap().trim_start_matches("urn:holdfast:problem:").to_owned()
    }
}
