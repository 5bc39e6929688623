//! The real binary, killed with SIGKILL at every seam and started again, or replaced by another replica: one hold, one fact, and
//! the order goes on.
//!
//! The moments are forced from outside: a gate holds back a request (`support/gate.rs`), a fault of the inventory holds back an
//! answer, a lock on the row holds back a settlement. The daemon itself knows nothing of it.

#[cfg(feature = "fault-points")]
mod halted;
mod killed;
mod parked;
mod silent;
mod takeover;

use holdfast::simulator::Effect;

use crate::support::order::Order;

/// The order holds stock and waits for fulfilment, and it happened once: one hold, one fact of it.
async fn went_on_with_one_hold(order: &Order<'_>) {
    order.is_reserved().await;
    assert_eq!((order.effects(Effect::HoldPlaced), order.told("ReservationCreated").await), (1, 1));
    order.judge().await;
    order.fulfil().await;
    order.ends_at(&["End_OrderFulfilled"]).await;
    order.judge().await;
}
