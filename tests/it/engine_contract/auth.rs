//! Credentials: Basic, and tokens of an identity provider that are renewed in time and by one caller.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use futures::future::join_all;
use holdfast::chain::chain;
use holdfast::clock::ManualClock;
use holdfast::engine::{
    ClientCredentials, Credentials, EngineClient, EngineError, EngineSettings, SecretPlacement, TransientCause, Variables,
};
use reqwest::Url;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::engine::TestEngine;
use crate::support::fake::{nobody, serve};

/// How long a token of the provider lives; it is renewed 20 s before its end.
const LIFE_S: u64 = 100;

/// An identity provider and a proxy before an engine that demands its tokens.
struct House {
    issued: AtomicUsize,
    valid: Mutex<HashSet<String>>,
    provider_is_broken: AtomicBool,
    /// Closed to keep token requests waiting.
    provider_door: Semaphore,
    token_requests: Mutex<Vec<(Option<String>, String)>>,
    engine_requests: Mutex<Vec<Bytes>>,
}

impl House {
    async fn open() -> (Arc<Self>, Url) {
        let house = Arc::new(Self {
            issued: AtomicUsize::new(0),
            valid: Mutex::default(),
            provider_is_broken: AtomicBool::new(false),
            provider_door: Semaphore::new(1_000),
            token_requests: Mutex::default(),
            engine_requests: Mutex::default(),
        });
        let router = Router::new().route("/token", post(token)).fallback(engine).with_state(Arc::clone(&house));
        let url = serve(router).await;
        (house, url)
    }

    fn revoke_all(&self) {
        self.valid.lock().unwrap().clear();
    }

    fn token_requests(&self) -> usize {
        self.token_requests.lock().unwrap().len()
    }

    fn engine_requests(&self) -> usize {
        self.engine_requests.lock().unwrap().len()
    }
}

async fn token(State(house): State<Arc<House>>, headers: HeaderMap, body: String) -> Response {
    house.token_requests.lock().unwrap().push((authorization(&headers), body));
    let _open = house.provider_door.acquire().await;
    if house.provider_is_broken.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "come back later").into_response();
    }
    let token = format!("token-{}", house.issued.fetch_add(1, Ordering::Relaxed) + 1);
    house.valid.lock().unwrap().insert(format!("Bearer {token}"));
    axum::Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": LIFE_S})).into_response()
}

async fn engine(State(house): State<Arc<House>>, headers: HeaderMap, body: Bytes) -> Response {
    house.engine_requests.lock().unwrap().push(body);
    let valid = authorization(&headers).is_some_and(|given| house.valid.lock().unwrap().contains(&given));
    if valid { axum::Json(json!({"version": "7.24.0"})).into_response() } else { StatusCode::UNAUTHORIZED.into_response() }
}

fn authorization(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned())
}

fn grant(token_url: Url) -> ClientCredentials {
    ClientCredentials {
        token_url,
        client_id: "hold:fast".to_owned(),
        client_secret: "s/e&c ret".into(),
        scope: Some("engine".to_owned()),
        audience: None,
        secret_placement: SecretPlacement::Header,
        timeout: Duration::from_secs(5),
    }
}

fn client_of(url: &Url, change: impl FnOnce(&mut ClientCredentials)) -> (EngineClient, ManualClock) {
    let mut grant = grant(url.join("token").unwrap());
    change(&mut grant);
    let clock = ManualClock::at(DateTime::UNIX_EPOCH);
    let settings = EngineSettings::new(url.clone()).with_credentials(Credentials::ClientCredentials(grant));
    (EngineClient::new(settings, Arc::new(clock.clone())).unwrap(), clock)
}

#[tokio::test]
async fn calls_that_begin_together_ask_for_one_token() {
    let (house, url) = House::open().await;
    let (client, _) = client_of(&url, |_| {});
    for answer in join_all((0..20).map(|_| client.version())).await {
        assert_eq!(answer.unwrap(), "7.24.0");
    }
    assert_eq!((house.token_requests(), house.engine_requests()), (1, 20));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_runs_out() {
    let (house, url) = House::open().await;
    let (client, clock) = client_of(&url, |_| {});
    client.version().await.unwrap();
    clock.advance(Duration::from_secs(LIFE_S - 21));
    client.version().await.unwrap();
    assert_eq!(house.token_requests(), 1);
    clock.advance(Duration::from_secs(2));
    client.version().await.unwrap();
    assert_eq!(house.token_requests(), 2);
    client.version().await.unwrap();
    // Nobody had to be told 401 for it.
    assert_eq!((house.token_requests(), house.engine_requests()), (2, 4));
}

#[tokio::test]
async fn while_one_caller_renews_the_others_go_on_with_the_old_token() {
    let (house, url) = House::open().await;
    let (client, clock) = client_of(&url, |_| {});
    client.version().await.unwrap();
    clock.advance(Duration::from_secs(LIFE_S - 10));
    let door = house.provider_door.acquire_many(1_000).await.unwrap();
    let renewing = {
        let client = client.clone();
        tokio::spawn(async move { client.version().await })
    };
    crate::support::wait::until_true("the provider was asked", Duration::from_secs(5), || async { house.token_requests() == 2 }).await;
    for answer in join_all((0..10).map(|_| client.version())).await {
        answer.unwrap();
    }
    drop(door);
    renewing.await.unwrap().unwrap();
    assert_eq!(house.token_requests(), 2);
}

#[tokio::test]
async fn a_renewal_that_fails_does_no_harm_while_the_old_token_is_good() {
    let (house, url) = House::open().await;
    let (client, clock) = client_of(&url, |_| {});
    client.version().await.unwrap();
    house.provider_is_broken.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_secs(LIFE_S - 10));
    client.version().await.unwrap();
    client.version().await.unwrap();
    // Once, not once per call.
    assert_eq!(house.token_requests(), 2);
    clock.advance(Duration::from_secs(11));
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, EngineError::Transient { cause: TransientCause::NoToken, .. }), "{error:?}");
    house.provider_is_broken.store(false, Ordering::Relaxed);
    client.version().await.unwrap();
}

#[tokio::test]
async fn a_401_brings_one_new_token_and_one_repetition_of_the_very_same_request() {
    let (house, url) = House::open().await;
    let (client, _) = client_of(&url, |_| {});
    client.version().await.unwrap();
    house.revoke_all();
    let variables = Variables::new().with("decision", "HELD");
    client.complete_user_task(&"t".into(), &variables).await.unwrap();
    assert_eq!((house.token_requests(), house.engine_requests()), (2, 3));
    let bodies = house.engine_requests.lock().unwrap();
    assert_eq!(bodies[1], bodies[2]);
    assert!(String::from_utf8_lossy(&bodies[2]).contains("HELD"));
}

#[tokio::test]
async fn calls_that_meet_the_same_401_share_one_renewal() {
    let (house, url) = House::open().await;
    let (client, _) = client_of(&url, |_| {});
    client.version().await.unwrap();
    house.revoke_all();
    for answer in join_all((0..10).map(|_| client.version())).await {
        answer.unwrap();
    }
    assert_eq!(house.token_requests(), 2);
}

#[tokio::test]
async fn a_form_is_repeated_whole_after_a_401() {
    let (house, url) = House::open().await;
    let (client, _) = client_of(&url, |_| {});
    client.version().await.unwrap();
    house.revoke_all();
    let deployment = TestEngine::at(url).deployment("model.bpmn", "<definitions/>");
    // The stand-in does not answer as a deployment would; what was sent is what counts.
    client.deploy(&deployment).await.unwrap_err();
    let bodies = house.engine_requests.lock().unwrap();
    assert_eq!(bodies.len(), 3);
    for body in &bodies[1..] {
        assert!(String::from_utf8_lossy(body).contains("<definitions/>"));
    }
}

#[tokio::test]
async fn a_second_401_is_a_refusal_and_nothing_is_repeated_further() {
    let (house, url) = House::open().await;
    let (client, _) = client_of(&url, |_| {});
    // A proxy that believes nobody: it has another opinion of what is valid than the provider.
    let deaf = serve(Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await;
    let mut settings = EngineSettings::new(deaf);
    settings.credentials = Credentials::ClientCredentials(grant(url.join("token").unwrap()));
    let refused = EngineClient::new(settings, Arc::clone(client.clock())).unwrap().version().await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused { status: 401, .. }), "{refused:?}");
    assert_eq!(house.token_requests(), 2);
}

#[tokio::test]
async fn a_provider_that_is_away_is_transient_and_one_that_refuses_us_is_not() {
    let (_, url) = House::open().await;
    let (client, _) = client_of(&url, |grant| grant.token_url = nobody());
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, EngineError::Transient { cause: TransientCause::NoToken, .. }), "{error:?}");

    let strict = serve(Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#) })).await;
    let (client, _) = client_of(&url, |grant| grant.token_url = strict);
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, EngineError::Refused { status: 401, .. }), "{error:?}");
    assert!(chain(&error).contains("invalid_client"), "{}", chain(&error));
}

#[tokio::test]
async fn a_provider_that_quotes_the_secret_is_not_quoted_and_one_that_talks_without_end_is_not_heard_out() {
    let quoting =
        serve(Router::new().fallback(|body: String| async move { (StatusCode::BAD_REQUEST, format!("no: {body}; s/e&c ret")) })).await;
    let form = |grant: &mut ClientCredentials| grant.secret_placement = SecretPlacement::Form;
    let (client, _) = client_of(&quoting, form);
    let said = chain(&client.version().await.unwrap_err());
    assert!(said.contains("no: grant_type=client_credentials") && said.contains("[redacted]"), "{said}");
    assert!(!said.contains("s/e&c") && !said.contains("s%2Fe%26c"), "{said}");

    let endless = serve(Router::new().fallback(|| async { "{".repeat(1 << 20) })).await;
    let said = chain(&client_of(&endless, |_| {}).0.version().await.unwrap_err());
    assert!(said.contains("larger than 65536 bytes"), "{said}");
}

#[tokio::test]
async fn the_client_secret_goes_where_the_provider_wants_it_with_every_character() {
    let (house, url) = House::open().await;
    client_of(&url, |_| {}).0.version().await.unwrap();
    client_of(&url, |grant| {
        grant.secret_placement = SecretPlacement::Form;
        grant.audience = Some("camunda".to_owned());
    })
    .0
    .version()
    .await
    .unwrap();
    let requests = house.token_requests.lock().unwrap();
    let expected = STANDARD.encode("hold%3Afast:s%2Fe%26c%20ret");
    assert_eq!(requests[0], (Some(format!("Basic {expected}")), "grant_type=client_credentials&scope=engine".to_owned()));
    let form = "grant_type=client_credentials&scope=engine&audience=camunda&client_id=hold%3Afast&client_secret=s%2Fe%26c+ret";
    assert_eq!(requests[1], (None, form.to_owned()));
}

#[tokio::test]
async fn basic_credentials_go_with_every_request_and_a_401_is_not_repeated() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let seen = Arc::clone(&seen);
        Router::new().fallback(move |headers: HeaderMap| async move {
            seen.lock().unwrap().push(authorization(&headers));
            StatusCode::UNAUTHORIZED
        })
    };
    let credentials = Credentials::Basic { username: "demo".to_owned(), password: "d:mö".into() };
    let settings = EngineSettings::new(serve(server).await).with_credentials(credentials);
    let client = EngineClient::new(settings, holdfast::clock::SystemClock::shared()).unwrap();
    let error = client.version().await.unwrap_err();
    assert!(matches!(error, EngineError::Refused { status: 401, .. }), "{error:?}");
    assert_eq!(*seen.lock().unwrap(), [Some(format!("Basic {}", STANDARD.encode("demo:d:mö")))]);
}
