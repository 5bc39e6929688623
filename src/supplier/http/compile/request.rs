//! Readies what an operation sends.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::HeaderName;

use crate::supplier::http::body::Body;
use crate::supplier::http::form::MethodForm;
use crate::supplier::http::profile::RequestTemplate;
use crate::supplier::http::template::Text;
use crate::supplier::http::values::Scope;

use super::fault::{Fault, Placed};

/// Headers that are the daemon's or the client's business.
const OWN_HEADERS: &[&str] = &["authorization", "proxy-authorization", "host", "content-length", "transfer-encoding", "connection"];

/// Readies a request; `headers` are those of the profile and those of the operation.
pub(super) fn request(
    place: &str,
    scope: Scope,
    method: MethodForm,
    path: &str,
    (shared, own): (&BTreeMap<String, String>, &BTreeMap<String, String>),
    body: Option<&toml::Value>,
) -> Result<RequestTemplate, Placed> {
    let method = match method {
        MethodForm::Get => Method::GET,
        MethodForm::Post => Method::POST,
        MethodForm::Put => Method::PUT,
        MethodForm::Patch => Method::PATCH,
        MethodForm::Delete => Method::DELETE,
    };
    if method == Method::GET && body.is_some() {
        return Err((format!("{place}.body"), Fault::Contradicts("a GET has none")));
    }
    let at_path = |fault: Fault| (format!("{place}.path"), fault);
    let text = Text::parse(path, scope).map_err(|error| at_path(error.into()))?;
    let route = path.split('?').next().unwrap_or_default();
    let dots = route.split('/').any(|segment| matches!(segment, "." | ".."));
    if !text.start().starts_with('/') || dots || path.contains(['#', ' ', '\\']) {
        return Err(at_path(Fault::BadPath));
    }
    let mut headers = Vec::new();
    // An operation's own header takes the place of the shared one.
    let merged = shared.iter().filter(|(name, _)| !own.keys().any(|key| key.eq_ignore_ascii_case(name))).map(|pair| ("", pair));
    for (prefix, (name, value)) in merged.chain(own.iter().map(|pair| (place, pair))) {
        let at =
            |fault: Fault| ([prefix, "headers", name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."), fault);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| at(Fault::BadHeader))?;
        if OWN_HEADERS.contains(&header.as_str()) {
            return Err(at(Fault::OwnHeader));
        }
        headers.push((header, Text::parse(value, scope).map_err(|error| at(error.into()))?));
    }
    let body = body.map(|body| Body::parse(body, scope)).transpose().map_err(|(inside, error)| {
        let place = if inside.is_empty() { format!("{place}.body") } else { format!("{place}.body.{inside}") };
        (place, error.into())
    })?;
    Ok(RequestTemplate { method, path: text, headers, body })
}
