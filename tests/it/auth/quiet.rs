//! Secrets and tokens are in no line of the log, however much is logged and whatever goes wrong.

use holdfast::http::Scope;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::support::daemon::Process;
use crate::support::http::http;
use crate::support::issuer::{Issuer, KEY_B, Signer, claims, now};
use crate::support::order::BY_ITSELF;
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// Secrets that stand nowhere else.
const WEBHOOK: &str = "whsec_c2VjcmV0LW9mLXRoZS13ZWJob29rLW9mLW1haW4=";
const INVENTORY: &str = "s3cr3t-of-the-inventory";
const ENGINE: &str = "s3cr3t-of-the-engine";

#[tokio::test]
async fn a_log_of_everything_holds_no_secret_and_no_token() {
    let issuer = Issuer::open().await;
    let shop = Shop::open().await;
    let mut settings = issuer.settings();
    settings.extend([
        ("http.listen", "127.0.0.1:0".into()),
        ("log.level", "trace".into()),
        ("sources.main.webhook.secret", WEBHOOK.into()),
        ("sources.main.auth.kind", "bearer".into()),
        ("sources.main.auth.token", INVENTORY.into()),
        ("engine.auth", "basic".into()),
        ("engine.username", "demo".into()),
        ("engine.password", ENGINE.into()),
    ]);
    let daemon = Process::start_with(&shop, &settings).await;
    let address = daemon.http_address().lock().unwrap().unwrap();
    let order = shop.order().await;
    order.is_reserved().await;

    let scopes = Scope::ALL.map(Scope::as_str).join(" ");
    let good = issuer.token(shop.tenant(), &scopes);
    let forged = Signer::new(KEY_B, "a").sign(&claims(now(), shop.tenant(), &scopes));
    let expired = issuer.signer.sign(&{
        let mut claims = claims(now(), shop.tenant(), &scopes);
        claims["exp"] = json!(1);
        claims
    });
    let client = http();
    let reservation = order.row().await.reservation_id;
    let key = format!("key-{}", Uuid::new_v4());
    for (token, status) in [(&good, 200), (&forged, 401), (&expired, 401)] {
        let request = client.request(Method::GET, format!("http://{address}/reservations/{reservation}"));
        let heard = request.header("authorization", format!("Bearer {token}")).header("idempotency-key", &key).send().await.unwrap();
        assert_eq!(heard.status().as_u16(), status);
    }
    let signature = "v1,c2lnbmF0dXJlLW9mLW5vYm9keS1zaWduYXR1cmU=";
    let notice = client
        .post(format!("http://{address}/webhooks/main"))
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", now().timestamp().to_string())
        .header("webhook-signature", signature)
        .body("{\"data\":{\"reference\":\"word-of-the-inventory\"}}");
    assert_eq!(notice.send().await.unwrap().status().as_u16(), 401);
    daemon.signal("TERM");
    let mut daemon = daemon;
    until_true("it has ended", BY_ITSELF, async || daemon.has_ended()).await;

    let log = daemon.log();
    let mut secrets =
        vec![INVENTORY.to_owned(), ENGINE.to_owned(), WEBHOOK.trim_start_matches("whsec_").to_owned(), signature[3..].to_owned()];
    // What Basic makes of a password.
    secrets.push(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("demo:{ENGINE}")));
    for token in [&good, &forged, &expired] {
        // The header is the same in all of them and no secret; claims and signature are.
        secrets.extend(token.split('.').skip(1).map(str::to_owned));
    }
    secrets.push(key);
    assert!(log.lines().count() > 100 && log.contains("\"level\":\"TRACE\""), "too little was logged to show anything");
    for secret in &secrets {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
    println!("{} lines of log, {} secrets and parts of tokens in none of them", log.lines().count(), secrets.len());
}
