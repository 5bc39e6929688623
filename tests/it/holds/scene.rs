//! A shop whose inventory and books have drifted apart, and the commands that look at both.

use std::collections::BTreeMap;
use std::path::PathBuf;

use holdfast::simulator::{Effect, Fault, FaultScope};
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use crate::support::command::{Ran, holdfast};
use crate::support::daemon::Daemon;
use crate::support::http::http;
use crate::support::order::Order;
use crate::support::shop::{Setup, Shop};

/// The shop, and by what the holds and reservations in it differ. No daemon is at work any more.
pub(super) struct Scene<'a> {
    pub(super) shop: &'a Shop,
    /// One order for each kind of difference, and one with none.
    pub(super) orders: BTreeMap<&'static str, Order<'a>>,
}

/// A shop in which whatever drifted is not set right within a test.
pub(super) async fn shop() -> Shop {
    shop_with(|_| {}).await
}

pub(super) async fn shop_with(change: impl FnOnce(&mut Setup)) -> Shop {
    Shop::open_with(|setup| {
        setup.set("sources.main.timeout_ms", 3_000);
        setup.set("sources.main.connect_timeout_ms", 1_000);
        setup.set("sources.main.linger_ms", 3_000);
        change(setup);
    })
    .await
}

impl<'a> Scene<'a> {
    /// Two orders that hold as they should, and a daemon that is gone.
    pub(super) async fn in_order(shop: &'a Shop) -> Self {
        let daemon = Daemon::start(shop).await;
        let mut orders = BTreeMap::new();
        for name in ["agrees", "spare"] {
            orders.insert(name, shop.order().await);
        }
        for order in orders.values() {
            order.is_reserved().await;
        }
        daemon.stop().await;
        Self { shop, orders }
    }

    /// One of every kind.
    pub(super) async fn of_every_kind(shop: &'a Shop) -> Self {
        let daemon = Daemon::start(shop).await;
        let mut orders = BTreeMap::new();
        let twice = shop.arm(FaultScope::Reserve, Some(1), Fault::DuplicateEffect);
        orders.insert("DUPLICATE", shop.order().await);
        orders["DUPLICATE"].is_reserved().await;
        assert_eq!(shop.fault(twice).fired, 1);
        for name in ["LOST", "ORPHAN", "RELEASED", "QUANTITY_DRIFT", "EXPIRY_DRIFT", "agrees"] {
            orders.insert(name, shop.order().await);
        }
        for order in orders.values() {
            order.is_reserved().await;
        }
        orders["RELEASED"].cancel().await;
        orders["RELEASED"].row_becomes("RELEASED").await;
        daemon.stop().await;
        let scene = Self { shop, orders };

        shop.behind_our_back(&scene.hold("LOST"), "forget").await;
        let half = scene.orders["QUANTITY_DRIFT"].holds()[0].lines[0].line_id.clone();
        scene.drift("QUANTITY_DRIFT", &json!({"lineId": half, "reserved": "1"})).await;
        scene.drift("EXPIRY_DRIFT", &json!({"expiresAt": "2099-01-01T00:00:00Z"})).await;
        // Ended from outside while nobody is there to hear of it.
        crate::support::wait::heard(async || shop.engine.client.delete_instance(&scene.orders["ORPHAN"].instance).await).await;
        // A second hold under the key of one that was given back.
        scene.place(&scene.orders["RELEASED"].row().await.idempotency_key, 1).await;
        // Holds that no reservation has ever known: of an order that is over, of one that nobody knows, and of somebody else's.
        let over = shop.order().await;
        crate::support::wait::heard(async || shop.engine.client.delete_instance(&over.instance).await).await;
        scene.place(&format!("{}:reserve:1", over.id), 1).await;
        scene.place(&format!("{}:reserve:1", Uuid::new_v4()), 1).await;
        scene.place("A-17", 1).await;
        scene
    }

    /// The reference of an order's hold.
    pub(super) fn hold(&self, name: &str) -> String {
        self.orders[name].holds()[0].reference.clone()
    }

    /// Somebody places a hold past us. A key that is known gets another one all the same.
    pub(super) async fn place(&self, key: &str, quantity: u32) -> String {
        let again = self.shop.inventory.holds(self.shop.tenant()).iter().any(|hold| hold.request_key == key);
        if again {
            // The key of a hold that is over is forgotten, so that it can be held under anew.
            let over = self.shop.inventory.holds(self.shop.tenant()).into_iter().find(|hold| hold.request_key == key).unwrap();
            self.shop.behind_our_back(&over.reference, "forget").await;
        }
        let order = key.split(':').next().unwrap();
        let body = json!({"requestKey": key, "orderId": order, "holdSeconds": 3600, "allowPartial": false,
            "lines": [{"lineId": Uuid::new_v4(), "sku": "router", "quantity": quantity.to_string()}]});
        let answer = http()
            .post(format!("{}/reservations", self.shop.inventory.url()))
            .header("x-tenant-id", self.shop.tenant())
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success());
        let hold: JsonValue = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        hold["reference"].as_str().unwrap().to_owned()
    }

    async fn drift(&self, name: &str, change: &JsonValue) {
        let url = format!("{}/holds/{}/drift", self.shop.inventory.admin_url(), self.hold(name));
        let answer = http().post(url).json(change).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    pub(super) async fn compare(&self, more: &[&str]) -> Ran {
        let arguments = ["holds", "compare", "--source", "main", "--at-rest", "0"];
        holdfast(&self.shop.config_file(&[]), &[arguments.as_slice(), more].concat()).await
    }

    /// Each finding as "KIND action".
    pub(super) async fn findings(&self, more: &[&str]) -> Vec<String> {
        let ran = self.compare(&[&["--json"], more].concat()).await;
        let report = ran.json();
        let line = |finding: &JsonValue| format!("{} {}", finding["kind"].as_str().unwrap(), finding["action"].as_str().unwrap());
        report["findings"].as_array().unwrap().iter().map(line).collect()
    }

    /// Compares, and writes the plan.
    pub(super) async fn plan(&self, more: &[&str]) -> PathBuf {
        let file = self.shop.folder.join(format!("{}.plan.json", Uuid::new_v4()));
        self.compare(&[&["--plan", file.to_str().unwrap()], more].concat()).await.fine();
        file
    }

    pub(super) async fn apply(&self, plan: &std::path::Path, more: &[&str]) -> Ran {
        holdfast(&self.shop.config_file(&[]), &[["holds", "apply", plan.to_str().unwrap()].as_slice(), more].concat()).await
    }

    /// The references of the holds that are active.
    pub(super) fn active(&self) -> Vec<String> {
        let holds = self.shop.inventory.holds(self.shop.tenant());
        holds.into_iter().filter(|hold| hold.state.is_active()).map(|hold| hold.reference).collect()
    }

    /// How often the inventory has done something.
    pub(super) fn effects(&self, effect: Effect) -> usize {
        self.shop.inventory.ledger().iter().filter(|entry| entry.effect == effect).count()
    }
}
