//! Bodies, headers and paths that nobody should send: each is answered with a problem, none with an error of ours.

use std::collections::BTreeMap;

use holdfast::http::{Access, Scope};
use reqwest::Method;
use uuid::Uuid;

use super::routes::{access, guarded};
use super::served::{Caller, Heard, operations};
use crate::support::issuer::Issuer;

/// A few bytes that would be ten gigabytes.
const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xed, 0xc1, 1, 1, 0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 8, 0x0a];

/// What is wrong with a body, the body, its content type and its encoding.
type Body = (&'static str, Vec<u8>, Option<&'static str>, Option<&'static str>);

/// Bodies by what is wrong with them.
fn bodies() -> Vec<Body> {
    let json = Some("application/json");
    vec![
        ("too large", vec![b' '; 300_000], json, None),
        ("nested 100,000 deep", "[".repeat(100_000).into_bytes(), json, None),
        ("objects nested 20,000 deep", "{\"a\":".repeat(20_000).into_bytes(), json, None),
        ("no UTF-8", b"{\"orderLines\":\"\xff\xfe\xfd\"}".to_vec(), json, None),
        ("UTF-16", "{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), json, None),
        ("cut off", b"{\"lines\":[{".to_vec(), json, None),
        ("nothing", Vec::new(), json, None),
        ("null", b"null".to_vec(), json, None),
        ("a number", b"1e999999999".to_vec(), json, None),
        ("a text", b"\"{}\"".to_vec(), json, None),
        ("a list", b"[]".to_vec(), json, None),
        ("a NUL in a text", b"{\"a\":\"\\u0000\"}".to_vec(), json, None),
        (
            "a NUL in a product",
            br#"{"lines":[{"orderLineId":"00000000-0000-0000-0000-000000000001","productOfferingId":"a\u0000","quantity":1}]}"#.to_vec(),
            json,
            None,
        ),
        ("a NUL in a reason", br#"{"reason":"a\u0000"}"#.to_vec(), json, None),
        ("a NUL in a time", br#"{"until":"2100-01-01T00:00:00Z\u0000"}"#.to_vec(), json, None),
        ("half a surrogate", b"{\"a\":\"\\ud800\"}".to_vec(), json, None),
        ("a key twice", b"{\"a\":1,\"a\":2}".to_vec(), json, None),
        ("compressed", GZIP.to_vec(), json, Some("gzip")),
        ("compressed twice", GZIP.to_vec(), json, Some("gzip, br")),
        ("a form", b"a=1".to_vec(), Some("application/x-www-form-urlencoded"), None),
        ("XML", b"<a/>".to_vec(), Some("application/xml"), None),
        ("no type", b"{}".to_vec(), None, None),
        ("a type that is none", b"{}".to_vec(), Some("json"), None),
    ]
}

/// What stands where an id should.
fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ["..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff%fe", "'%20or%201=1--", "%F0%9F%93%A6", "null", "-1", "*", "{}", "%"]
            .map(str::to_owned)
            .to_vec();
    names.push("x".repeat(4_000));
    names.push(Uuid::nil().to_string().to_uppercase());
    names.push(format!("{{{}}}", Uuid::nil()));
    names
}

#[tokio::test]
async fn whatever_is_sent_to_any_route_is_answered_with_a_problem_and_never_with_an_error_of_ours() {
    let issuer = Issuer::open().await;
    let (shop, daemon) = guarded(&issuer).await;
    let caller = Caller::of(&daemon, Some(issuer.token(shop.tenant(), &Scope::ALL.map(Scope::as_str).join(" "))));
    let mut counted: BTreeMap<u16, usize> = BTreeMap::new();
    let mut tried = 0;
    let mut check = |what: &str, heard: &Heard| {
        tried += 1;
        *counted.entry(heard.status).or_default() += 1;
        assert!(heard.status < 500, "{what}: {heard:?}");
        if heard.status >= 400 {
            heard.problem();
        }
        assert!(!heard.text.contains("root:") && heard.text.len() < 8_000, "{what}: {heard:?}");
    };
    for operation in operations() {
        let Access::Scope(_) = access(&operation) else { continue };
        let path = operation.nowhere();
        let request = || caller.request(operation.method.clone(), &path);
        if operation.has_body {
            for (what, body, content_type, encoding) in bodies() {
                let mut request = request().header("idempotency-key", Uuid::new_v4().to_string());
                if let Some(content_type) = content_type {
                    request = request.header("content-type", content_type);
                }
                if let Some(encoding) = encoding {
                    request = request.header("content-encoding", encoding);
                }
                let heard = Heard::to(request.body(body)).await;
                let what = format!("{what} at {} {path}", operation.method);
                assert!(heard.status >= 400, "{what}: {heard:?}");
                match (content_type, encoding) {
                    _ if what.starts_with("too large") => assert_eq!(heard.status, 413, "{what}: {heard:?}"),
                    (Some("application/json"), None) => {}
                    _ => assert_eq!(heard.status, 415, "{what}: {heard:?}"),
                }
                check(&what, &heard);
            }
        }
        for key in ["x".repeat(5_000), String::new(), "\"".to_owned(), "a b".to_owned(), "\u{e4}".to_owned()] {
            let heard = Heard::to(request().header("idempotency-key", key.as_bytes()).header("if-match", key.as_bytes())).await;
            check(&format!("the key {key:.20?} at {path}"), &heard);
        }
        for name in names() {
            let path = operation.at(|_| name.clone());
            check(&format!("{} {path:.80}", operation.method), &Heard::to(caller.request(operation.method.clone(), &path)).await);
        }
        for query in [
            "?limit=-1",
            "?limit=99999999999999999999",
            "?cursor=%00",
            "?after=%00",
            "?revision=%00",
            "?limit=1&limit=2",
            "?%ff=%fe",
            "?a[]=1",
        ] {
            check(&format!("{path}{query}"), &Heard::to(caller.request(operation.method.clone(), &format!("{path}{query}"))).await);
        }
    }
    for path in [
        "/",
        "//",
        "/reservations/",
        "/reservations/../openapi.json",
        "/%2e%2e/",
        "/.env",
        "/actuator",
        "/reservations/a/b/c/d/e/f",
        "/docs/../../etc/passwd",
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
            let heard = Heard::to(caller.request(method.clone(), path)).await;
            if heard.status >= 400 {
                check(&format!("{method} {path}"), &heard);
            }
        }
    }
    println!("{tried} hostile requests, by status: {counted:?}");
    assert!(tried > 100);
    daemon.stop().await;
}
