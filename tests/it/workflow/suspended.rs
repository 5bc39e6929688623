//! An order whose process is suspended between its hold and the word of it.

use holdfast::simulator::{Fault, FaultScope};

use crate::support::daemon::Daemon;
use crate::support::gate::{Gate, Stop};
use crate::support::order::{BY_ITSELF, Order};
use crate::support::shop::Shop;
use crate::support::wait::until_true;

/// What is at work while it is suspended.
pub(super) struct Suspended<'a> {
    pub(super) order: Order<'a>,
    /// The fault that made the hold's answer slow.
    pub(super) slow: u64,
    /// What the engine was told passed it.
    pub(super) gate: Gate,
    pub(super) _daemon: Daemon,
}

/// The hold is placed, and the engine refuses to hear of it.
pub(super) async fn suspended_before_it_was_told(shop: &Shop) -> Suspended<'_> {
    let gate = Gate::before(shop.engine.base_url.as_str()).await;
    gate.pick(Stop::Nowhere, |path, body| path.ends_with("/complete") && body.contains("reservationId"));
    let daemon = Daemon::start_with(shop, &[("engine.url", gate.url().into())]).await;
    let slow = shop.arm(FaultScope::Reserve, Some(1), Fault::Slow { delay_ms: 1_500 });
    let order = shop.order().await;
    order.hold_is_placed().await;
    shop.engine.client.set_suspended(&order.instance, true).await.unwrap();
    until_true("the engine was told, and refused", BY_ITSELF, async || gate.picked() > 0).await;
    Suspended { order, slow, gate, _daemon: daemon }
}
