//! What a verified token says: times, tenant, scopes.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::TenantId;

/// The claims of a token.
pub(super) type Claims = Map<String, Value>;

/// Where a claim stands: by its name, or by a JSON pointer into nested claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClaimPath {
    Name(String),
    Pointer(String),
}

impl ClaimPath {
    /// Reads a name, which may hold slashes and colons inside as namespaced claims do, or a pointer, which begins with a slash.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let clean = !text.trim().is_empty() && text.trim() == text && text != "/";
        clean.then(|| if text.starts_with('/') { Self::Pointer(text.to_owned()) } else { Self::Name(text.to_owned()) })
    }

    fn of<'a>(&self, claims: &'a Claims) -> Option<&'a Value> {
        match self {
            Self::Name(name) => claims.get(name),
            Self::Pointer(pointer) => {
                let (first, rest) =
                    pointer[1..].split_once('/').map_or((&pointer[1..], ""), |(first, _)| (first, &pointer[1 + first.len()..]));
                claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
            }
        }
    }
}

/// Seconds since 1970, as RFC 7519 has instants; fractions are allowed there.
///
/// The token library reads these claims as machine numbers only, and with exact decimals switched on (prices and quantities need
/// them) it would find none: so they are read and judged here, by the daemon's own clock.
pub(super) fn instant(claims: &Claims, name: &str) -> Option<f64> {
    claims.get(name)?.as_number()?.as_f64().filter(|seconds| seconds.is_finite())
}

/// The wall clock in the same unit.
pub(super) fn seconds(now: DateTime<Utc>) -> f64 {
    now.timestamp_millis() as f64 / 1_000.0
}

/// The one tenant that the token speaks for.
pub(super) fn tenant(claims: &Claims, path: &ClaimPath) -> Option<TenantId> {
    TenantId::parse(path.of(claims)?.as_str()?).ok()
}

/// What the token may do: one text with blanks between, or a list.
pub(super) fn scopes(claims: &Claims, path: &ClaimPath) -> Vec<String> {
    match path.of(claims) {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims() -> Claims {
        let claims = json!({
            "exp": 1_700_000_000, "nbf": 1_700_000_000.25, "iat": "1700000000",
            "https://holdfast.example/tenant": "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1",
            "org": {"tenant": "2f2b9fc2-6e9c-46b3-a246-4be4f49833a2", "roles": ["a", 1, "b"]},
            "scope": " reservations:read  reservations:write ",
        });
        serde_json::from_str(&claims.to_string()).unwrap()
    }

    #[test]
    fn instants_are_numbers_whole_or_not() {
        assert_eq!((instant(&claims(), "exp"), instant(&claims(), "nbf")), (Some(1_700_000_000.0), Some(1_700_000_000.25)));
        assert_eq!((instant(&claims(), "iat"), instant(&claims(), "none")), (None, None));
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_inside_others() {
        let tenant = |path: &str| tenant(&claims(), &ClaimPath::parse(path).unwrap()).map(|tenant| tenant.to_string());
        assert_eq!(tenant("https://holdfast.example/tenant").unwrap(), "2f2b9fc2-6e9c-46b3-a246-4be4f49833a1");
        assert_eq!(tenant("/org/tenant").unwrap(), "2f2b9fc2-6e9c-46b3-a246-4be4f49833a2");
        assert_eq!((tenant("/org"), tenant("/org/x"), tenant("scope")), (None, None, None));
    }

    #[test]
    fn scopes_are_words_or_a_list() {
        let scopes = |path: &str| scopes(&claims(), &ClaimPath::parse(path).unwrap());
        assert_eq!(scopes("scope"), ["reservations:read", "reservations:write"]);
        assert_eq!(scopes("/org/roles"), ["a", "b"]);
        assert_eq!((scopes("exp"), scopes("nothing")), (vec![], vec![]));
    }

    #[test]
    fn an_empty_path_is_none() {
        assert_eq!((ClaimPath::parse(""), ClaimPath::parse("/"), ClaimPath::parse(" a")), (None, None, None));
    }
}
