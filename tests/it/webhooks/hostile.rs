//! Word that is not the inventory's, or not from now, or not word: refused before anything is written, with a problem, never an error.

use std::collections::BTreeMap;

use holdfast::simulator::Operation;

use super::message::{Message, body, sign};
use super::{SECRET, Told};
use crate::support::daemon::Daemon;
use crate::support::issuer::now;

const OTHER_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

#[tokio::test]
async fn forged_altered_late_and_replayed_word_is_refused_before_anything_is_written() {
    let told = Told::with(|_| {}).await;
    let order = told.shop.order().await;
    order.is_reserved().await;
    let key = order.row().await.idempotency_key;
    let at = now().timestamp();
    let good = || Message::of("msg_good", &key);
    let signed = |body: &[u8]| Message::signed("msg_body", now().timestamp(), body, SECRET);
    let unauthenticated = (401, "unauthenticated");
    let tried: Vec<(&str, Message, (u16, &str))> = vec![
        ("another secret", Message::signed("msg_1", at, &body(&key), OTHER_SECRET), unauthenticated),
        ("an altered body", Message { body: body(&key.replace(":1", ":2")), ..good() }, unauthenticated),
        ("one blank more in the body", Message { body: [body(&key), b" ".to_vec()].concat(), ..good() }, unauthenticated),
        ("no body", Message { body: Vec::new(), ..good() }, unauthenticated),
        ("another id", good().with("webhook-id", "msg_other"), unauthenticated),
        ("an id with a dot", Message::signed("msg.good", at, &body(&key), SECRET), unauthenticated),
        ("an id of 10,000 characters", Message::signed(&"x".repeat(10_000), at, &body(&key), SECRET), unauthenticated),
        ("another time", good().with("webhook-timestamp", &(at + 1).to_string()), unauthenticated),
        ("a time that is no number", good().with("webhook-timestamp", "yesterday"), unauthenticated),
        ("a time beyond all numbers", good().with("webhook-timestamp", &"9".repeat(40)), unauthenticated),
        ("a time before 1970", Message::signed("msg_1", -at, &body(&key), SECRET), unauthenticated),
        ("six minutes old", Message::signed("msg_late", at - 360, &body(&key), SECRET), unauthenticated),
        ("a day old", Message::signed("msg_late", at - 86_400, &body(&key), SECRET), unauthenticated),
        ("six minutes ahead", Message::signed("msg_early", at + 360, &body(&key), SECRET), unauthenticated),
        (
            "an old message under a new time",
            Message::signed("msg_late", at - 86_400, &body(&key), SECRET).with("webhook-timestamp", &at.to_string()),
            unauthenticated,
        ),
        ("no id", good().without("webhook-id"), unauthenticated),
        ("no time", good().without("webhook-timestamp"), unauthenticated),
        ("no signature", good().without("webhook-signature"), unauthenticated),
        ("an empty signature", good().with("webhook-signature", ""), unauthenticated),
        (
            "the signature without its version",
            good().with("webhook-signature", good().header("webhook-signature").trim_start_matches("v1,")),
            unauthenticated,
        ),
        (
            "the signature as another version",
            good().with("webhook-signature", &good().header("webhook-signature").replace("v1,", "v1a,")),
            unauthenticated,
        ),
        ("two ids", good().twice("webhook-id", "msg_other"), unauthenticated),
        ("two signatures in two headers", good().twice("webhook-signature", "v1,AAAA"), unauthenticated),
        ("a bearer token instead", good().without("webhook-signature").with("authorization", "Bearer abc"), unauthenticated),
        ("signed, but no JSON", signed(b"released!"), (400, "malformed")),
        ("signed, but cut off", signed(&body(&key)[..20]), (400, "malformed")),
        ("signed, but no UTF-8", signed(b"{\"data\":\"\xff\xfe\"}"), (400, "malformed")),
        (
            "signed, but compressed",
            signed(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).with("content-encoding", "gzip"),
            (415, "unsupported-media-type"),
        ),
        ("signed, but nested 100,000 deep", signed("[".repeat(60_000).as_bytes()), (400, "malformed")),
        ("more than is read", signed(&vec![b' '; 70_000]), (413, "too-large")),
        ("a megabyte, unsigned", Message { body: vec![b'{'; 1 << 20], ..good() }, (413, "too-large")),
    ];
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for (what, message, (status, problem)) in &tried {
        let heard = message.post(&told.url).await;
        assert_eq!((heard.status.as_u16(), heard.problem().as_str()), (*status, *problem), "{what}: {heard:?}");
        assert!(!heard.body.contains("MfKQ9r8G"), "{what}");
        *counted.entry(format!("{status} {problem}")).or_default() += 1;
    }
    // An inventory that nobody configured is answered like one that signed wrongly.
    let nobody = good().post(&told.url.replace("/main", "/depot")).await;
    let wrong = tried[0].1.post(&told.url).await;
    assert_eq!(nobody, wrong);

    let noted: i64 = sqlx::query_scalar("select count(*) from webhook_notice").fetch_one(told.shop.database.pool()).await.unwrap();
    assert_eq!((noted, order.asked_for(Operation::Lookup)), (0, 0));
    println!("{} hostile messages were refused, none with a 5xx, nothing was written: {counted:?}", tried.len() + 1);

    // What names no hold of ours is no reason to have it sent again.
    let nul = format!(r#"{{"data":{{"reference":"a\u0000","requestKey":"{key}\u0000"}}}}"#);
    for harmless in [
        &b"{}"[..],
        b"[]",
        b"null",
        br#"{"data":{"reference":7,"requestKey":null}}"#,
        br#"{"type":"stock.changed"}"#,
        br#"{"data":{"requestKey":"\u0000"}}"#,
        br#"{"data":{"reference":"\u0000"}}"#,
        nul.as_bytes(),
    ] {
        assert_eq!(signed(harmless).post(&told.url).await.status.as_u16(), 204, "{}", String::from_utf8_lossy(harmless));
    }
    assert_eq!(good().post(&told.url).await.status.as_u16(), 204);
    told.daemon.stop().await;
}

#[tokio::test]
async fn two_secrets_count_while_they_change_and_the_old_one_does_not_after() {
    let told = Told::with(|_| {}).await;
    let old = || Message::signed("msg_old", now().timestamp(), &body("k"), SECRET);
    let new = || Message::signed("msg_new", now().timestamp(), &body("k"), OTHER_SECRET);
    let both = || {
        let (id, at, body) = ("msg_both", now().timestamp(), body("k"));
        let signatures = format!("{} {}", sign(id, at, &body, OTHER_SECRET), sign(id, at, &body, SECRET));
        Message::signed(id, at, &body, SECRET).with("webhook-signature", &signatures)
    };
    let Told { shop, url, daemon } = told;
    for (message, status) in [(old(), 204), (new(), 401), (both(), 204)] {
        assert_eq!(message.post(&url).await.status.as_u16(), status, "before");
    }
    daemon.stop().await;

    let changing = [("sources.main.webhook.secret", OTHER_SECRET.into()), ("sources.main.webhook.previous_secret", SECRET.into())];
    let daemon = Daemon::start_with(&shop, &changing).await;
    for (message, status) in [(old(), 204), (new(), 204), (both(), 204)] {
        assert_eq!(message.post(&url).await.status.as_u16(), status, "while they change");
    }
    daemon.stop().await;

    let daemon = Daemon::start_with(&shop, &changing[..1]).await;
    for (message, status) in [(old(), 401), (new(), 204), (both(), 204)] {
        assert_eq!(message.post(&url).await.status.as_u16(), status, "after");
    }
    daemon.stop().await;
}
