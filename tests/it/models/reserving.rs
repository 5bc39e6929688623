//! Paths through availability and reservation.

use super::order::{Order, held, nothing, status};
use super::path::{Path, paths};
use super::stage::Stage;
use crate::support::engine::Engine;

paths! {
    async fn an_order_goes_through(stage: &Stage) {
        let order = Order::start(stage, nothing()).await;
        let check = order.done("Task_CheckAvailability", nothing()).await;
        assert_eq!(check.variables.text("recheckMode").unwrap(), Some("availability"));
        let reserve = order.done("Task_ReserveStock", held()).await;
        assert_eq!(reserve.extension_properties["RETRY_CONFIG"], "R3/PT1M");
        assert_eq!(reserve.variables.integer("attemptGroup").unwrap(), None);
        order.waits_at("Receive_FulfilmentDone").await;
        order.message("FulfilmentDone").await;
        let check = order.done("Task_CheckHold", nothing()).await;
        assert_eq!(check.variables.text("recheckMode").unwrap(), Some("hold"));
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn an_order_whose_stock_is_gone_ends_as_not_available(stage: &Stage) {
        let order = Order::start(stage, nothing()).await;
        order.refused("Task_CheckAvailability", "AVAILABILITY_CHANGED").await;
        order.ends_at(&["End_NotAvailable"]).await;
    }

    async fn a_refused_reservation_ends_as_order_rejected(stage: &Stage) {
        let order = Order::available(stage, nothing()).await;
        order.refused("Task_ReserveStock", "RESERVATION_REJECTED").await;
        order.ends_at(&["End_OrderRejected"]).await;
    }

    async fn an_unanswered_reservation_waits_half_an_hour_unless_the_order_says_otherwise(stage: &Stage) {
        let patient = Order::available(stage, nothing()).await;
        let timer = patient.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
        assert!((28..=30).contains(&patient.minutes_until(&timer)));
        patient.done("Task_AskInventory", status("REJECTED")).await;
        let hasty = Order::available(stage, nothing().with("unknownAfter", "PT90M")).await;
        let timer = hasty.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
        assert!((88..=90).contains(&hasty.minutes_until(&timer)));
        hasty.done("Task_AskInventory", status("REJECTED")).await;
        patient.ends_at(&["End_OrderRejected"]).await;
        hasty.ends_at(&["End_OrderRejected"]).await;
    }

    async fn an_unknown_reservation_that_is_found_held_goes_on(stage: &Stage) {
        for found in ["RESERVED", "CONFIRMED"] {
            let order = Order::available(stage, nothing()).await;
            order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
            order.done("Task_AskInventory", held().with("reservationStatus", found)).await;
            order.waits_at("Receive_FulfilmentDone").await;
            order.message("FulfilmentDone").await;
            let check = order.done("Task_CheckHold", nothing()).await;
            assert_eq!(check.variables.text("externalReservationRef").unwrap(), Some("HOLD-1"), "what was found came back with the answer");
            order.done("Task_ConfirmStock", nothing()).await;
            order.ends_at(&["End_OrderFulfilled"]).await;
        }
    }

    async fn an_unknown_reservation_that_never_arrived_is_sent_again_under_the_same_key(stage: &Stage) {
        for found in ["REQUESTED", "NONE"] {
            let order = Order::available(stage, nothing().with("attemptGroup", 1)).await;
            order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
            order.done("Task_AskInventory", status(found)).await;
            let again = order.taken("Task_ReserveStock").await;
            assert_eq!(again.variables.integer("attemptGroup").unwrap(), Some(1));
            order.message("OrderCancelled").await;
            order.done("Task_ReleaseStock", nothing()).await;
            order.ends_at(&["End_OrderCancelled"]).await;
        }
    }

    async fn an_unknown_reservation_that_was_refused_or_is_gone_ends_as_order_rejected(stage: &Stage) {
        for found in ["REJECTED", "RELEASED", "EXPIRED"] {
            let order = Order::available(stage, nothing()).await;
            order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
            order.done("Task_AskInventory", status(found)).await;
            order.ends_at(&["End_OrderRejected"]).await;
        }
    }

    async fn giving_up_a_reservation_ends_the_order(stage: &Stage) {
        let order = Order::available(stage, nothing()).await;
        order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
        order.done("Task_AskInventory", status("UNKNOWN")).await;
        order.decides(nothing().with("decision", "GIVE_UP")).await;
        order.done("Task_AskInventory", status("UNKNOWN")).await;
        order.ends_at(&["End_ReservationGivenUp"]).await;
    }
}
