//! One call: credentials put on, sent once, read with a bound, counted, classified.

use std::time::Duration;

use chrono::{DateTime, Utc};
use metrics::histogram;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{Method, StatusCode, Url, multipart};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::act::Act;
use super::classify::classify;
use super::client::EngineClient;
use super::error::EngineError;
use super::text;
use crate::metrics::ENGINE_CALL_SECONDS;

/// The largest part of an unsuccessful answer that is read.
const MOST_ERROR_BYTES: usize = 64 * 1024;

/// A call that is being put together.
pub(super) struct Call<'a> {
    client: &'a EngineClient,
    act: Act,
    method: Method,
    url: Url,
    timeout: Duration,
    body: Result<Body<'a>, serde_json::Error>,
    most_bytes: usize,
}

enum Body<'a> {
    None,
    Json(Vec<u8>),
    /// Made anew for each sending, because a form is used up by it.
    Form(Box<dyn Fn() -> multipart::Form + Send + Sync + 'a>),
}

impl EngineClient {
    pub(super) fn get(&self, act: Act, path: &[&str]) -> Call<'_> {
        self.call(act, Method::GET, path)
    }

    pub(super) fn post(&self, act: Act, path: &[&str]) -> Call<'_> {
        self.call(act, Method::POST, path)
    }

    pub(super) fn put(&self, act: Act, path: &[&str]) -> Call<'_> {
        self.call(act, Method::PUT, path)
    }

    pub(super) fn delete(&self, act: Act, path: &[&str]) -> Call<'_> {
        self.call(act, Method::DELETE, path)
    }

    fn call(&self, act: Act, method: Method, path: &[&str]) -> Call<'_> {
        let settings = &self.inner.settings;
        let mut url = settings.base_url.clone();
        // Always possible: the constructor refuses an address that is no base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Call {
            client: self,
            act,
            method,
            url,
            timeout: settings.call_timeout,
            body: Ok(Body::None),
            most_bytes: settings.most_response_bytes,
        }
    }
}

impl<'a> Call<'a> {
    /// Adds one query parameter.
    pub(super) fn query(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.url.query_pairs_mut().append_pair(name, value.as_ref());
        self
    }

    /// Adds one query parameter if there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a query parameter `name=true` if `wanted`.
    pub(super) fn flag(self, name: &str, wanted: bool) -> Self {
        if wanted { self.query(name, "true") } else { self }
    }

    pub(super) fn json<T: Serialize>(mut self, body: &T) -> Self {
        self.body = serde_json::to_vec(body).map(Body::Json);
        self
    }

    pub(super) fn form(mut self, form: impl Fn() -> multipart::Form + Send + Sync + 'a) -> Self {
        self.body = Ok(Body::Form(Box::new(form)));
        self
    }

    pub(super) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sends; the body of a success does not matter.
    pub(super) async fn done(self) -> Result<(), EngineError> {
        self.send().await.map(drop)
    }

    /// Sends and reads JSON.
    pub(super) async fn read<T: DeserializeOwned>(self) -> Result<T, EngineError> {
        let doing = self.act.doing;
        let (status, body) = self.send().await?;
        serde_json::from_slice(&body).map_err(|error| EngineError::Unreadable {
            doing,
            status: status.as_u16(),
            excerpt: text::excerpt(&body, 200),
            source: Some(error),
        })
    }

    /// Sends and reads plain text.
    pub(super) async fn text(self) -> Result<String, EngineError> {
        let (_, body) = self.send().await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Sends, and reads nothing but when the engine's server says that it answered.
    pub(super) async fn date(self) -> Result<Option<DateTime<Utc>>, EngineError> {
        let (doing, inner) = (self.act.doing, &self.client.inner);
        let credentials = inner.auth.header(&inner.http).await.map_err(|error| EngineError::from_token(doing, error))?;
        let mut request = inner.http.request(self.method, self.url).timeout(self.timeout);
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, credentials);
        }
        let answer = request.send().await.map_err(|error| EngineError::from_network(doing, error))?;
        let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).map(|date| date.to_utc()))
    }

    async fn send(self) -> Result<(StatusCode, Vec<u8>), EngineError> {
        let started_at = self.client.inner.clock.instant();
        let (act, clock) = (self.act, &self.client.inner.clock.clone());
        let answer = self.send_with_credentials().await;
        // A long poll has a histogram of its own: here it would say nothing about the engine.
        if act != Act::FETCH {
            let outcome = answer.as_ref().map_or_else(EngineError::label, |_| "ok");
            let seconds = clock.instant().saturating_duration_since(started_at).as_secs_f64();
            histogram!(ENGINE_CALL_SECONDS, "call" => act.name, "outcome" => outcome).record(seconds);
        }
        answer
    }

    async fn send_with_credentials(self) -> Result<(StatusCode, Vec<u8>), EngineError> {
        let doing = self.act.doing;
        let body = self.body.as_ref().map_err(|error| EngineError::Unwritable { doing, source: error.to_string().into() })?;
        let inner = &self.client.inner;
        let credentials = inner.auth.header(&inner.http).await;
        let credentials = credentials.map_err(|error| EngineError::from_token(doing, error))?;
        let (mut status, mut bytes) = self.send_once(body, credentials.as_ref()).await?;
        if status == StatusCode::UNAUTHORIZED {
            // A 401 means that nothing was done, so this one repetition is safe whatever the call.
            let renewed = inner.auth.header_after_401(&inner.http, credentials.as_ref()).await;
            if let Some(renewed) = renewed.map_err(|error| EngineError::from_token(doing, error))? {
                (status, bytes) = self.send_once(body, Some(&renewed)).await?;
            }
        }
        if status.is_success() { Ok((status, bytes)) } else { Err(classify(self.act, status.as_u16(), &bytes)) }
    }

    async fn send_once(&self, body: &Body<'_>, credentials: Option<&HeaderValue>) -> Result<(StatusCode, Vec<u8>), EngineError> {
        let http = &self.client.inner.http;
        let mut request = http.request(self.method.clone(), self.url.clone()).timeout(self.timeout);
        request = request.header(ACCEPT, "application/json, text/plain;q=0.5");
        if let Some(credentials) = credentials {
            request = request.header(AUTHORIZATION, credentials);
        }
        request = match body {
            Body::None => request,
            Body::Json(json) => request.header(CONTENT_TYPE, "application/json").body(json.clone()),
            Body::Form(form) => request.multipart(form()),
        };
        let lost = |error| EngineError::from_network(self.act.doing, error);
        let mut answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let most = if status.is_success() { self.most_bytes } else { MOST_ERROR_BYTES };
        let mut bytes = Vec::with_capacity(answer.content_length().map_or(0, |length| most.min(length as usize)));
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= most => bytes.extend_from_slice(&chunk),
                // The rest of a long error page is not worth waiting for.
                Ok(Some(_)) if !status.is_success() => break,
                Ok(Some(_)) => return Err(self.too_large(status, &bytes)),
                Ok(None) => break,
                // A refusal is complete without its words; of any other answer the words decide.
                Err(_) if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => break,
                Err(error) => return Err(lost(error)),
            }
        }
        Ok((status, bytes))
    }

    fn too_large(&self, status: StatusCode, bytes: &[u8]) -> EngineError {
        let excerpt = format!("more than {} bytes, beginning {}", self.most_bytes, text::excerpt(bytes, 100));
        EngineError::Unreadable { doing: self.act.doing, status: status.as_u16(), excerpt, source: None }
    }
}
