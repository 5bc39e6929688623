//! Over HTTP a tenant neither sees, changes nor infers what is another's: on every route of the document.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use holdfast::http::{Access, ROUTES, Scope};
use reqwest::Method;
use uuid::Uuid;

use super::Neighbours;
use crate::auth::served::{Caller, Heard, operations};
use crate::support::daemon::Daemon;
use crate::support::issuer::Issuer;
use crate::support::order::Order;

async fn served(neighbours: &Neighbours, issuer: &Issuer) -> Daemon {
    let mut settings = issuer.settings();
    // Orders that are asked for over HTTP are taken and refused later on, so that no process of theirs is left.
    settings.extend([neighbours.both(), ("http.listen", "127.0.0.1:0".into()), ("orders.process", "no-such-process".into())]);
    Daemon::start_with(&neighbours.shop, &settings).await
}

/// A caller for a tenant who may do everything.
fn caller(daemon: &Daemon, issuer: &Issuer, tenant: &str) -> Caller {
    Caller::of(daemon, Some(issuer.token(tenant, &Scope::ALL.map(Scope::as_str).join(" "))))
}

/// What a parameter of a path names of an order's.
async fn named(order: &Order<'_>, parameter: &str) -> String {
    match parameter {
        "reservationId" => order.row().await.reservation_id.to_string(),
        "orderId" => order.id.to_string(),
        // It has a product, see `give_a_product`.
        "customerId" => order.id.to_string(),
        // Kept for the order by its process, should there be a route to it.
        "checkId" | "evidenceId" => {
            let found: Option<Uuid> = sqlx::query_scalar("select evidence_id from availability_evidence where subject_id = $1 limit 1")
                .bind(order.id)
                .fetch_optional(order.shop.database.pool())
                .await
                .unwrap();
            found.map(|id| id.to_string()).unwrap_or_else(|| panic!("the order has no evidence"))
        }
        _ => Uuid::new_v4().to_string(),
    }
}

/// The order's customer has a product of its tenant, as far as the inventory of installed products told.
async fn give_a_product(order: &Order<'_>, tenant: &str) {
    sqlx::query(
        "insert into customer_product_projection (tenant_id, customer_product_id, customer_id, product_offering_id, status, source_system,
             stamps_json, event_sequence, updated_at)
         values ($1, 'HOLD-PRODUCT', $2, 'FIBRE', 'active', 'installed-base', '{}', 1, now())",
    )
    .bind(Uuid::parse_str(tenant).unwrap())
    .bind(order.id.to_string())
    .execute(order.shop.database.pool())
    .await
    .unwrap();
}

/// An answer without what differs by nature: ids that the caller named itself, and what a new command is called and when it came.
fn without_ids(heard: &Heard, path: &str) -> (u16, String) {
    let mut body: serde_json::Value = serde_json::from_str(&heard.text).unwrap();
    for member in ["commandId", "createdAt"] {
        body.as_object_mut().unwrap().remove(member);
    }
    let ids: Vec<&str> = path.split('/').filter(|part| part.len() == 36).collect();
    let text = ids.iter().fold(body.to_string(), |text, id| text.replace(id, "ID"));
    (heard.status, text)
}

/// Everything that the database has of a tenant, to see whether anything moved.
async fn everything_of(neighbours: &Neighbours, tenant: &str) -> BTreeMap<String, String> {
    let pool = neighbours.shop.database.pool();
    let mut found = BTreeMap::new();
    for table in super::tables(pool).await {
        let sql = format!(
            "select coalesce(md5(string_agg(to_jsonb(t)::text, ',' order by to_jsonb(t)::text)), '') from {table} t where tenant_id = '{tenant}'"
        );
        let hash: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
        found.insert(table, hash);
    }
    found
}

#[tokio::test]
async fn what_is_anothers_is_answered_like_what_is_not_there_on_every_route() {
    let neighbours = Neighbours::move_in().await;
    let issuer = Issuer::open().await;
    let daemon = served(&neighbours, &issuer).await;
    let [ours, theirs] = neighbours.orders().await;
    ours.is_reserved().await;
    theirs.is_reserved().await;
    let [our_tenant, their_tenant] = neighbours.tenants();
    give_a_product(&ours, our_tenant).await;
    let (owner, stranger) = (caller(&daemon, &issuer, our_tenant), caller(&daemon, &issuer, their_tenant));
    let before = everything_of(&neighbours, our_tenant).await;
    let (mut compared, mut seen_by_owner) = (0, 0);
    for operation in operations() {
        let Access::Scope(_) =
            ROUTES.iter().find(|row| row.path == operation.path && row.method == operation.method.as_str()).unwrap().access
        else {
            continue;
        };
        let mut path = operation.path.clone();
        for parameter in operation.path.split(['{', '}']).skip(1).step_by(2) {
            path = path.replace(&format!("{{{parameter}}}"), &named(&ours, parameter).await);
        }
        if path == operation.path {
            continue;
        }
        let nowhere = operation.nowhere();
        let (anothers, nobodys) = (stranger.send(&operation, &path).await, stranger.send(&operation, &nowhere).await);
        assert_ne!(anothers.status, 400, "an answer about the body says nothing of whose the path is: {operation:?} {anothers:?}");
        assert_eq!(without_ids(&anothers, &path), without_ids(&nobodys, &nowhere), "{operation:?}");
        assert!(!anothers.text.contains("HOLD-") && !anothers.text.contains(our_tenant), "{operation:?}: {anothers:?}");
        compared += 1;
        if operation.method == Method::GET {
            seen_by_owner += usize::from(owner.send(&operation, &path).await.status == 200);
        }
    }
    println!("{compared} routes answered for another's as for nobody's; {seen_by_owner} of them show the owner what is there");
    assert!(seen_by_owner >= 2, "the owner sees nothing either, so that nothing is shown");
    assert_eq!(everything_of(&neighbours, our_tenant).await, before, "something of ours moved");
    ours.judge().await;
    theirs.judge().await;
    daemon.stop().await;
}

#[tokio::test]
async fn it_takes_as_long_to_not_find_anothers_as_to_not_find_anything() {
    let neighbours = Neighbours::move_in().await;
    let issuer = Issuer::open().await;
    let daemon = served(&neighbours, &issuer).await;
    let [ours, _] = neighbours.orders().await;
    ours.is_reserved().await;
    let stranger = caller(&daemon, &issuer, neighbours.tenants()[1]);
    let path = format!("/reservations/{}", ours.row().await.reservation_id);
    let mut took: [Vec<Duration>; 2] = [Vec::new(), Vec::new()];
    // By turns, so that whatever else the machine does falls on both alike.
    for _ in 0..300 {
        for (which, path) in [path.clone(), format!("/reservations/{}", Uuid::new_v4())].iter().enumerate() {
            let begun = Instant::now();
            assert_eq!(Heard::to(stranger.request(Method::GET, path)).await.status, 404);
            took[which].push(begun.elapsed());
        }
    }
    let [anothers, nobodys] = took.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!("another's: {anothers:?}, nobody's: {nobodys:?} (medians of 300)");
    let apart = anothers.abs_diff(nobodys);
    assert!(apart < nobodys / 4 + Duration::from_micros(300), "{anothers:?} and {nobodys:?} can be told apart");
    daemon.stop().await;
}
