//! The API of a running daemon: asked over its own listener, judged from engine, database and ledger.

mod client;
mod commands;
mod customers;
mod document;
mod edges;
mod flood;
mod idempotency;
mod ordering;
mod reservations;
mod scenarios;

use client::Caller;
use uuid::Uuid;

use crate::support::daemon::Daemon;
use crate::support::shop::Shop;

/// Starts a shop's daemon with its API on a free port, and a caller of it.
async fn serve(shop: &Shop, settings: &[(&str, toml::Value)]) -> (Daemon, Caller) {
    let mut with_api = vec![("http.listen", "127.0.0.1:0".into())];
    with_api.extend_from_slice(settings);
    let daemon = Daemon::start_with(shop, &with_api).await;
    let caller = Caller::of(&daemon, shop);
    (daemon, caller)
}

/// The same, serving another tenant too, and its caller. A daemon that served every tenant would work off the tasks of all other tests.
async fn serve_with_a_stranger(shop: &Shop) -> (Daemon, Caller, Caller) {
    let stranger = Uuid::new_v4().to_string();
    let both = vec![shop.tenant().to_owned(), stranger.clone()];
    let (daemon, caller) = serve(shop, &[("engine.tenants", both.into())]).await;
    let theirs = caller.as_tenant(Some(&stranger));
    (daemon, caller, theirs)
}
