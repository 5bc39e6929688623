//! Tokens that must not open any door, tried at every door; and keys that change.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use holdfast::http::{Access, Scope};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::routes::{access, guarded};
use super::served::{Caller, Heard, operations};
use crate::support::daemon::Daemon;
use crate::support::issuer::{Issuer, KEY_A, KEY_B, Signer, claims, now};
use crate::support::wait::{SOON, until_true};

/// Every bad token, by what is wrong with it.
fn bad_tokens(issuer: &Issuer, tenant: &str) -> Vec<(&'static str, String)> {
    let scopes = Scope::ALL.map(Scope::as_str).join(" ");
    let good = claims(now(), tenant, &scopes);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        if value.is_null() {
            drop(claims.as_object_mut().unwrap().remove(name))
        } else {
            claims[name] = value
        }
        issuer.signer.sign(&claims)
    };
    let seconds = |delta: TimeDelta| json!((now() + delta).timestamp());
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = issuer.signer.sign(&good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let mut other = good.clone();
    other["tenant_id"] = json!(uuid::Uuid::new_v4());
    let mut hmac = Header::new(Algorithm::HS256);
    hmac.kid = Some("a".to_owned());
    let shared = |secret: &[u8]| encode(&hmac, &good, &EncodingKey::from_secret(secret)).unwrap();
    vec![
        ("nonsense", "nonsense".to_owned()),
        ("an empty token", String::new()),
        ("two parts", message.to_owned()),
        ("no signature", format!("{message}.")),
        ("alg none", format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT", "kid": "a"})), part(&good))),
        ("alg none with a signature", format!("{}.{}.{signature}", part(&json!({"alg": "NONE", "kid": "a"})), part(&good))),
        ("the public key as a shared secret", shared(issuer.signer.jwk().to_string().as_bytes())),
        ("the key's file as a shared secret", shared(KEY_A.as_bytes())),
        ("a stranger's signature", Signer::new(KEY_B, "a").sign(&good)),
        ("another tenant under a good signature", format!("{header}.{}.{signature}", part(&other))),
        ("a key that nobody has", Signer::new(KEY_B, "b").sign(&good)),
        ("no exp", with("exp", Value::Null)),
        ("expired", with("exp", seconds(TimeDelta::minutes(-2)))),
        ("exp as a text", with("exp", json!("4102444800"))),
        ("exp as an object", with("exp", json!({"$serde_json::private::Number": "4102444800"}))),
        ("nbf as a text", with("nbf", json!("0"))),
        ("not valid yet", with("nbf", seconds(TimeDelta::minutes(2)))),
        ("no iss", with("iss", Value::Null)),
        ("another issuer", with("iss", json!("https://issuer.example.evil"))),
        ("no aud", with("aud", Value::Null)),
        ("for somebody else", with("aud", json!("billing"))),
        ("no tenant", with("tenant_id", Value::Null)),
        ("a tenant that is none", with("tenant_id", json!("*"))),
        ("two tenants", with("tenant_id", json!([tenant, tenant]))),
        ("20 kB of token", with("padding", json!("x".repeat(20_000)))),
    ]
}

#[tokio::test]
async fn no_bad_token_opens_any_door() {
    let issuer = Issuer::open().await;
    let (shop, daemon) = guarded(&issuer).await;
    let caller = Caller::of(&daemon, None);
    let mut counted: BTreeMap<u16, usize> = BTreeMap::new();
    let bad = bad_tokens(&issuer, shop.tenant());
    for operation in operations() {
        let Access::Scope(_) = access(&operation) else { continue };
        for (what, token) in &bad {
            let heard = caller.with(token).send(&operation, &operation.nowhere()).await;
            assert_eq!((heard.status, heard.problem().as_str()), (401, "unauthenticated"), "{what} at {operation:?}");
            assert!(heard.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer realm=\"holdfast\""), "{what}");
            for secret in token.split('.').filter(|part| part.len() > 20) {
                assert!(!heard.text.contains(secret), "{what}: the answer repeats the token");
            }
            *counted.entry(heard.status).or_default() += 1;
        }
        for authorization in ["", "Bearer", "Bearer ", "bearer", "Basic ZGVtbzpkZW1v", "Bearer a b", "Token x", "Bearer \u{e9}"] {
            let request = caller.request(operation.method.clone(), &operation.nowhere());
            let heard = Heard::to(request.header("authorization", authorization.as_bytes())).await;
            assert_eq!(heard.status, 401, "{authorization:?} at {operation:?}");
            *counted.entry(heard.status).or_default() += 1;
        }
        let good = issuer.token(shop.tenant(), "");
        let twice = caller.with(&good).request(operation.method.clone(), &operation.nowhere());
        assert_eq!(Heard::to(twice.header("authorization", format!("Bearer {good}"))).await.status, 401, "two tokens at {operation:?}");
    }
    println!("bad tokens of {} kinds at every route, by status: {counted:?}; the issuer was asked {} times", bad.len(), issuer.asked());
    assert!(issuer.asked() <= 3);
    daemon.stop().await;
}

#[tokio::test]
async fn a_token_without_a_beginning_counts_from_when_it_was_made() {
    let issuer = Issuer::open().await;
    let (shop, daemon) = guarded(&issuer).await;
    let mut claims = claims(now(), shop.tenant(), "reservations:read");
    claims.as_object_mut().unwrap().remove("nbf");
    let caller = Caller::of(&daemon, Some(issuer.signer.sign(&claims)));
    let heard = Heard::to(caller.request(reqwest::Method::GET, &format!("/reservations/{}", uuid::Uuid::new_v4()))).await;
    assert_eq!((heard.status, heard.problem().as_str()), (404, "not-found"));
    daemon.stop().await;
}

#[tokio::test]
async fn a_flood_of_unknown_keys_is_refused_without_a_flood_at_the_issuer() {
    let issuer = Issuer::open().await;
    let (shop, daemon) = guarded(&issuer).await;
    let caller = Caller::of(&daemon, None);
    let good = issuer.token(shop.tenant(), "reservations:read");
    let path = format!("/reservations/{}", uuid::Uuid::new_v4());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let flood = (0..500).map(|n| {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "ES256", "kid": format!("unknown-{n}")}).to_string());
        let request = caller.with(&format!("{header}.{payload}.{signature}")).request(reqwest::Method::GET, &path);
        async { Heard::to(request).await.status }
    });
    let statuses: Vec<u16> = futures::StreamExt::collect(futures::StreamExt::buffer_unordered(futures::stream::iter(flood), 50)).await;
    let refused = statuses.iter().filter(|status| **status == 401).count();
    println!("500 tokens with unknown keys: {refused} refused, the issuer was asked {} times", issuer.asked());
    assert_eq!(refused, 500);
    // The pause is ten seconds: as many questions as pauses have passed, and the first.
    assert!(issuer.asked() <= 3, "{}", issuer.asked());
    assert_eq!(Heard::to(caller.with(&good).request(reqwest::Method::GET, &path)).await.status, 404, "the good one still counts");
    daemon.stop().await;
}

#[tokio::test]
async fn keys_change_while_the_daemon_runs() {
    let issuer = Issuer::open().await;
    let shop = crate::support::shop::Shop::open().await;
    let mut settings = issuer.settings();
    settings.extend([
        ("http.listen", "127.0.0.1:0".into()),
        ("http.auth.keys_pause_ms", 100.into()),
        ("http.auth.keys_good_for_s", 2.into()),
    ]);
    let daemon = Daemon::start_with(&shop, &settings).await;
    let caller = Caller::of(&daemon, None);
    let path = format!("/reservations/{}", uuid::Uuid::new_v4());
    let status = async |token: &str| Heard::to(caller.with(token).request(reqwest::Method::GET, &path)).await.status;
    let old = issuer.token(shop.tenant(), "reservations:read");
    let next = Signer::new(KEY_B, "b");
    let new = next.sign(&claims(now(), shop.tenant(), "reservations:read"));
    assert_eq!((status(&old).await, status(&new).await), (404, 401));

    issuer.publish(&[&issuer.signer, &next]);
    until_true("the new key is seen", SOON, async || status(&new).await == 404).await;
    assert_eq!(status(&old).await, 404, "both count while they change");
    issuer.publish(&[&next]);
    until_true("the old key is gone", SOON, async || status(&old).await == 401).await;
    assert_eq!(status(&new).await, 404);
    daemon.stop().await;
}
