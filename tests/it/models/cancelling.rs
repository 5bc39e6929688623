//! Paths of an order that is cancelled.

use super::order::{Order, nothing, status};
use super::path::{Path, paths};
use super::stage::Stage;
use crate::support::engine::Engine;

/// A cancelled order that never heard what became of its release.
async fn unheard(stage: &Stage) -> Order<'_> {
    let order = Order::reserved(stage, nothing()).await;
    order.message("OrderCancelled").await;
    order.unanswered("Task_ReleaseStock", "Boundary_ReleaseUnknown").await;
    order
}

paths! {
    async fn a_cancelled_order_gives_its_stock_back(stage: &Stage) {
        let order = Order::reserved(stage, nothing()).await;
        order.message("OrderCancelled").await;
        let release = order.done("Task_ReleaseStock", status("RELEASED")).await;
        assert_eq!(release.variables.text("reservationId").unwrap(), Some("5a4d8713-25ff-48a8-a509-3dc4fe2342b5"));
        order.ends_at(&["End_OrderCancelled"]).await;
    }

    async fn an_order_can_be_cancelled_before_anything_was_reserved(stage: &Stage) {
        let order = Order::start(stage, nothing()).await;
        order.taken("Task_CheckAvailability").await;
        order.message("OrderCancelled").await;
        let release = order.done("Task_ReleaseStock", status("NONE")).await;
        assert_eq!(release.variables.text("reservationId").unwrap(), None);
        order.ends_at(&["End_OrderCancelled"]).await;
    }

    async fn an_order_can_be_cancelled_while_its_reservation_is_unknown(stage: &Stage) {
        let order = Order::available(stage, nothing()).await;
        order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
        order.taken("Task_AskInventory").await;
        order.message("OrderCancelled").await;
        order.done("Task_ReleaseStock", status("RELEASED")).await;
        order.ends_at(&["End_OrderCancelled"]).await;
    }

    async fn stock_that_is_used_up_makes_it_too_late_to_cancel(stage: &Stage) {
        let order = Order::reserved(stage, nothing()).await;
        order.message("OrderCancelled").await;
        order.refused("Task_ReleaseStock", "RELEASE_REFUSED").await;
        order.ends_at(&["End_CancelledTooLate"]).await;
    }

    async fn an_unknown_release_that_is_found_done_cancels_the_order(stage: &Stage) {
        for found in ["RELEASED", "EXPIRED", "REJECTED", "NONE"] {
            let order = unheard(stage).await;
            order.done("Task_AskInventory", status(found)).await;
            order.ends_at(&["End_OrderCancelled"]).await;
        }
    }

    async fn an_unknown_release_of_stock_that_is_used_up_is_too_late(stage: &Stage) {
        let order = unheard(stage).await;
        order.done("Task_AskInventory", status("CONFIRMED")).await;
        order.ends_at(&["End_CancelledTooLate"]).await;
    }

    async fn an_unknown_release_that_did_not_happen_is_repeated(stage: &Stage) {
        for found in ["RELEASE_REQUESTED", "RESERVED", "REQUESTED"] {
            let order = unheard(stage).await;
            order.done("Task_AskInventory", status(found)).await;
            order.done("Task_ReleaseStock", status("RELEASED")).await;
            order.ends_at(&["End_OrderCancelled"]).await;
        }
    }

    async fn giving_up_a_release_ends_the_cancellation(stage: &Stage) {
        let order = unheard(stage).await;
        order.done("Task_AskInventory", status("RELEASE_UNKNOWN")).await;
        order.decides(nothing().with("decision", "GIVE_UP")).await;
        order.done("Task_AskInventory", status("RELEASE_UNKNOWN")).await;
        order.ends_at(&["End_ReleaseGivenUp"]).await;
    }
}
