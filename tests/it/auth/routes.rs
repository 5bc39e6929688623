//! Every route needs the scope that the table says, and no other.

use holdfast::http::{Access, ROUTES, Scope};

use super::served::{Caller, Operation, operations};
use crate::support::daemon::Daemon;
use crate::support::issuer::Issuer;
use crate::support::shop::Shop;

/// A shop whose API asks for tokens. The orders that it takes are refused later on: nothing is to be left of them.
pub(super) async fn guarded(issuer: &Issuer) -> (Shop, Daemon) {
    let shop = Shop::open().await;
    let mut settings = issuer.settings();
    settings.extend([("http.listen", "127.0.0.1:0".into()), ("orders.process", "no-such-process".into())]);
    let daemon = Daemon::start_with(&shop, &settings).await;
    (shop, daemon)
}

/// What the table says of an operation.
pub(super) fn access(operation: &Operation) -> Access {
    let row = ROUTES.iter().find(|row| row.method == operation.method.as_str() && row.path == operation.path);
    row.unwrap_or_else(|| panic!("{operation:?} is not in the table of routes")).access
}

#[tokio::test]
async fn each_route_lets_in_whoever_has_its_scope_and_nobody_else() {
    let issuer = Issuer::open().await;
    let (shop, daemon) = guarded(&issuer).await;
    let nobody = Caller::of(&daemon, None);
    let (mut refused, mut let_in) = (0, 0);
    for operation in operations() {
        let path = operation.nowhere();
        let Access::Scope(scope) = access(&operation) else { continue };
        let heard = nobody.send(&operation, &path).await;
        assert_eq!((heard.status, heard.problem().as_str()), (401, "unauthenticated"), "{operation:?}");
        assert_eq!(heard.headers["www-authenticate"], "Bearer realm=\"holdfast\"", "{operation:?}");

        let others: Vec<&str> = Scope::ALL.iter().filter(|other| **other != scope).map(|other| other.as_str()).collect();
        for scopes in [String::new(), others.join(" "), format!("{scope}x"), scope.as_str().to_uppercase()] {
            let heard = nobody.with(&issuer.token(shop.tenant(), &scopes)).send(&operation, &path).await;
            assert_eq!((heard.status, heard.problem().as_str()), (403, "forbidden"), "{operation:?} with {scopes:?}");
            assert_eq!(
                heard.headers["www-authenticate"],
                format!("Bearer realm=\"holdfast\", error=\"insufficient_scope\", scope=\"{scope}\"").as_str()
            );
            refused += 1;
        }
        let heard = nobody.with(&issuer.token(shop.tenant(), &format!("else {scope}"))).send(&operation, &path).await;
        assert!(!matches!(heard.status, 400 | 401 | 403) && heard.status < 500, "{operation:?}: {heard:?}");
        let_in += 1;
    }
    println!("{refused} calls without the right scope were refused, {let_in} routes let in whoever has it");
    assert_eq!(issuer.asked(), 1);
    daemon.stop().await;
}

#[tokio::test]
async fn a_token_of_a_tenant_that_is_not_served_finds_nothing_here() {
    let issuer = Issuer::open().await;
    let (_shop, daemon) = guarded(&issuer).await;
    let scopes = Scope::ALL.map(Scope::as_str).join(" ");
    let stranger = Caller::of(&daemon, Some(issuer.token(&uuid::Uuid::new_v4().to_string(), &scopes)));
    for operation in operations() {
        let Access::Scope(_) = access(&operation) else { continue };
        let heard = stranger.send(&operation, &operation.nowhere()).await;
        assert_eq!((heard.status, heard.problem().as_str()), (404, "not-found"), "{operation:?}");
    }
    daemon.stop().await;
}
