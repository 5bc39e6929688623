//! Tokens of every kind, good and bad, against an issuer that counts how often it is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header as JwtHeader, encode};
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::http::auth::samples::{EC_A, EC_B, ED, Publisher, RSA, Signer, TENANT, claims, config};

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

struct Bench {
    issuer: Publisher,
    clock: ManualClock,
    verifier: Verifier,
    signer: Signer,
}

async fn bench() -> Bench {
    let signer = Signer::new(EC_A, "a");
    let issuer = Publisher::of(&[&signer, &Signer::new(RSA, "r"), &Signer::new(ED, "d")]).await;
    let clock = ManualClock::at(start());
    let verifier = Verifier::new(&config(&issuer.url), std::sync::Arc::new(clock.clone())).unwrap();
    Bench { issuer, clock, verifier, signer }
}

impl Bench {
    async fn says(&self, token: &str) -> Result<Verified, Disbelief> {
        self.verifier.verify(token).await
    }

    /// What becomes of a token whose claims differ in one.
    async fn with(&self, name: &str, value: Value) -> Result<Verified, Disbelief> {
        let mut claims = claims(start());
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        self.says(&self.signer.sign(&claims)).await
    }
}

#[tokio::test]
async fn a_good_token_says_tenant_subject_and_scopes_whatever_its_algorithm() {
    let bench = bench().await;
    for (key, id) in [(EC_A, "a"), (RSA, "r"), (ED, "d")] {
        let verified = bench.says(&Signer::new(key, id).sign(&claims(start()))).await.unwrap();
        assert_eq!((verified.tenant.to_string().as_str(), verified.subject.as_deref()), (TENANT, Some("quote-service")));
        assert_eq!(verified.scopes, ["availability:read", "reservations:read"]);
    }
    assert_eq!(bench.issuer.asked(), 1);
}

#[tokio::test]
async fn every_claim_is_weighed_and_required_but_for_the_beginning() {
    let bench = bench().await;
    let at = |seconds: i64| json!(start().timestamp() + seconds);
    let text = json!((start().timestamp() + 600).to_string());
    for (name, value, said) in [
        ("exp", Value::Null, Disbelief::Lacks("exp")),
        ("exp", text.clone(), Disbelief::Lacks("exp")),
        ("exp", at(-31), Disbelief::Expired),
        ("nbf", text, Disbelief::Lacks("nbf")),
        ("nbf", json!({}), Disbelief::Lacks("nbf")),
        ("nbf", at(31), Disbelief::NotYet),
        ("iss", Value::Null, Disbelief::Lacks("iss")),
        ("iss", json!("https://issuer.example/"), Disbelief::Issuer),
        ("iss", json!(["https://issuer.example"]), Disbelief::Lacks("iss")),
        ("aud", Value::Null, Disbelief::Lacks("aud")),
        ("aud", json!("somebody-else"), Disbelief::Audience),
        ("aud", json!([]), Disbelief::Audience),
        ("aud", json!({"holdfast": true}), Disbelief::Audience),
        ("tenant_id", Value::Null, Disbelief::Tenant),
        ("tenant_id", json!("acme"), Disbelief::Tenant),
        ("tenant_id", json!([TENANT]), Disbelief::Tenant),
    ] {
        assert_eq!(bench.with(name, value.clone()).await, Err(said), "{name}: {value}");
    }
    let later = json!(start().timestamp() as f64 + 0.5);
    for (name, value) in [("exp", at(-29)), ("nbf", at(29)), ("nbf", Value::Null), ("aud", json!("holdfast")), ("exp", later)] {
        assert!(bench.with(name, value.clone()).await.is_ok(), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_token_runs_out_while_it_is_used() {
    let bench = bench().await;
    let token = bench.signer.sign(&claims(start()));
    bench.clock.advance(Duration::from_secs(329));
    assert!(bench.says(&token).await.is_ok());
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.says(&token).await, Err(Disbelief::Expired));
}

/// A token with this header and these claims, and a signature that is nobody's.
fn unsigned(header: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(&claims(start())))
}

#[tokio::test]
async fn forgeries_are_refused_each_for_its_own_reason() {
    let bench = bench().await;
    let good = bench.signer.sign(&claims(start()));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let mut other = claims(start());
    other["scope"] = json!("reservations:write");
    let (other_message, _) =
        good.split_once('.').map(|(header, _)| (format!("{header}.{}", URL_SAFE_NO_PAD.encode(other.to_string())), ())).unwrap();

    // The oldest trick: a public key taken for a shared secret.
    let public = Signer::new(RSA, "r").jwk();
    let confused = |secret: &[u8]| {
        let mut header = JwtHeader::new(Algorithm::HS256);
        header.kid = Some("r".to_owned());
        encode(&header, &claims(start()), &EncodingKey::from_secret(secret)).unwrap()
    };
    let named = |name: &str| unsigned(&json!({"alg": name, "typ": "JWT", "kid": "a"}), signature);
    let stranger = Signer::new(EC_B, "b");
    let tried: Vec<(&str, String, Disbelief)> = vec![
        ("no token", String::new(), Disbelief::Malformed),
        ("not three parts", message.to_owned(), Disbelief::Malformed),
        ("four parts", format!("{good}.x"), Disbelief::Malformed),
        ("no base64", "a b.c.d".to_owned(), Disbelief::Malformed),
        ("no JSON", "YWJj.YWJj.YWJj".to_owned(), Disbelief::Malformed),
        ("a header that nests without end", format!("{}.e30.e30", URL_SAFE_NO_PAD.encode("[".repeat(4_000))), Disbelief::Malformed),
        ("longer than any", format!("{message}.{}", "A".repeat(9_000)), Disbelief::Malformed),
        ("alg none, no signature", unsigned(&json!({"alg": "none", "kid": "a"}), ""), Disbelief::Algorithm),
        ("alg None", named("None"), Disbelief::Algorithm),
        ("alg nOnE with a signature", named("nOnE"), Disbelief::Algorithm),
        ("alg empty", named(""), Disbelief::Algorithm),
        ("alg HS256 with the modulus as its secret", confused(public["n"].as_str().unwrap().as_bytes()), Disbelief::Algorithm),
        ("alg HS256 with the published key as its secret", confused(public.to_string().as_bytes()), Disbelief::Algorithm),
        ("alg HS256 with the PEM as its secret", confused(RSA.0.as_bytes()), Disbelief::Algorithm),
        ("an algorithm that is known and not pinned", named("RS512"), Disbelief::Algorithm),
        ("an algorithm of another family than the key", unsigned(&json!({"alg": "RS256", "kid": "a"}), signature), Disbelief::Algorithm),
        ("no key named", bench.signer.sign_with(|header| header.kid = None, &claims(start())), Disbelief::NoKeyId),
        ("a key that nobody has", stranger.sign(&claims(start())), Disbelief::UnknownKey),
        (
            "a stranger's key under the issuer's name",
            stranger.sign_with(|h| h.kid = Some("a".to_owned()), &claims(start())),
            Disbelief::Signature,
        ),
        ("other claims under a good signature", format!("{other_message}.{signature}"), Disbelief::Signature),
        ("no signature", format!("{message}."), Disbelief::Signature),
        ("half a signature", format!("{message}.{}", &signature[..40]), Disbelief::Signature),
        ("no base64 for a signature", format!("{message}.!!"), Disbelief::Signature),
        ("a critical extension", bench.signer.sign_with(|h| h.crit = Some(vec!["exp".to_owned()]), &claims(start())), Disbelief::Critical),
        (
            "a token that brings its own key",
            stranger.sign_with(
                |header| {
                    header.jwk = serde_json::from_value(stranger.jwk()).unwrap();
                    header.jku = Some("https://stranger.example/keys".to_owned());
                    header.kid = Some("a".to_owned());
                },
                &claims(start()),
            ),
            Disbelief::Signature,
        ),
        ("claims that are no object", bench.signer.sign(&json!(["exp"])), Disbelief::Unreadable),
    ];
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (what, token, why) in &tried {
        assert_eq!(bench.says(token).await, Err(*why), "{what}");
        *counted.entry(why.label()).or_default() += 1;
    }
    println!("{} forged tokens were refused: {counted:?}; the issuer was asked {} times", tried.len(), bench.issuer.asked());
    assert!(bench.issuer.asked() <= 2, "once for the keys, once for the key that nobody has");
    assert!(bench.says(&good).await.is_ok(), "and the good one is still believed");
}

#[tokio::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_once_in_a_pause() {
    let bench = bench().await;
    let good = bench.signer.sign(&claims(start()));
    bench.says(&good).await.unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let mut refused = 0;
    for round in 0..3 {
        bench.clock.advance(Duration::from_secs(10));
        let flood = (0..200).map(|n| {
            let token = unsigned(&json!({"alg": "ES256", "kid": format!("unknown-{round}-{n}")}), signature);
            let verifier = bench.verifier.clone();
            tokio::spawn(async move { verifier.verify(&token).await })
        });
        for answer in futures::future::join_all(flood).await {
            assert_eq!(answer.unwrap(), Err(Disbelief::UnknownKey));
            refused += 1;
        }
        assert_eq!(bench.issuer.asked(), 2 + round);
    }
    println!("{refused} tokens with unknown keys in three pauses: the issuer was asked {} times", bench.issuer.asked());
}

#[tokio::test]
async fn the_first_callers_share_one_question_and_one_that_hangs_up_takes_nothing_away() {
    let bench = bench().await;
    bench.issuer.hold_back();
    let token = bench.signer.sign(&claims(start()));
    let call = || {
        let (verifier, token) = (bench.verifier.clone(), token.clone());
        tokio::spawn(async move { verifier.verify(&token).await })
    };
    let first = call();
    while bench.issuer.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let others: Vec<_> = (0..100).map(|_| call()).collect();
    first.abort();
    bench.issuer.let_go();
    for answer in futures::future::join_all(others).await {
        assert!(answer.unwrap().is_ok());
    }
    assert_eq!(bench.issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_seen_at_its_first_token_and_an_old_one_goes_when_the_keys_run_out() {
    let bench = bench().await;
    let (old, new) = (&bench.signer, Signer::new(EC_B, "b"));
    let token = |signer: &Signer, now: DateTime<Utc>| signer.sign(&claims(now));
    bench.says(&token(old, start())).await.unwrap();

    bench.issuer.publish(&[&new]);
    bench.clock.advance(Duration::from_secs(10));
    assert!(bench.says(&token(&new, start())).await.is_ok(), "the new key is fetched when it is met");
    assert_eq!(bench.says(&token(old, start())).await, Err(Disbelief::UnknownKey), "and the old one is gone with that");

    bench.issuer.publish(&[old]);
    bench.clock.advance(Duration::from_secs(600));
    let now = start() + TimeDelta::seconds(610);
    assert_eq!(bench.says(&token(&new, now)).await, Err(Disbelief::UnknownKey), "what is old is not believed without asking");
    assert_eq!(bench.issuer.asked(), 3);
}

#[tokio::test]
async fn an_issuer_that_is_away_stops_nobody_for_an_hour_and_everybody_after() {
    let bench = bench().await;
    bench.says(&bench.signer.sign(&claims(start()))).await.unwrap();
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, json!({"keys": []}).to_string()),
        (StatusCode::OK, json!({"keys": [], "padding": "x".repeat(300_000)}).to_string()),
        (StatusCode::FOUND, String::new()),
    ] {
        bench.issuer.answers(status, &body);
        bench.clock.advance(Duration::from_secs(700));
        let now = bench.clock_now();
        assert!(bench.says(&bench.signer.sign(&claims(now))).await.is_ok(), "{status}");
    }
    assert_eq!(bench.issuer.asked(), 6);
    bench.clock.advance(Duration::from_secs(700));
    let token = bench.signer.sign(&claims(bench.clock_now()));
    assert_eq!(bench.says(&token).await, Err(Disbelief::IssuerAway));
    assert_eq!(bench.says(&token).await, Err(Disbelief::IssuerAway));
    assert_eq!(bench.issuer.asked(), 7, "the second answer came without asking again");

    bench.issuer.publish(&[&bench.signer]);
    bench.clock.advance(Duration::from_secs(10));
    assert!(bench.says(&token).await.is_ok());
}

impl Bench {
    fn clock_now(&self) -> DateTime<Utc> {
        use crate::clock::Clock as _;
        self.clock.now()
    }
}

#[test]
fn no_refusal_repeats_anything_of_the_token() {
    for refusal in [Disbelief::Malformed, Disbelief::Lacks("exp"), Disbelief::Signature] {
        assert!(!refusal.to_string().contains('{') && !refusal.label().contains(' '));
    }
}
