//! Paths through the wait for fulfilment: holds that end, last, or are lost.

use super::order::{Order, held, nothing, status};
use super::path::{Path, paths};
use super::stage::Stage;
use crate::support::engine::Engine;

paths! {
    async fn a_hold_is_checked_when_it_ends_and_an_extended_one_lets_the_order_wait_on(stage: &Stage) {
        let order = Order::reserved(stage, nothing()).await;
        let timer = order.fires("Boundary_HoldRunsOut").await;
        assert_eq!(timer.due_date.unwrap().to_rfc3339(), "2099-01-01T00:00:00+00:00");
        let check = order.done("Task_CheckHoldAtExpiry", held().with("reservedUntil", "2099-02-01T00:00:00Z")).await;
        assert_eq!(check.variables.text("recheckMode").unwrap(), Some("hold"));
        order.waits_at("Receive_FulfilmentDone").await;
        assert_eq!(order.timer("Boundary_HoldRunsOut").await.due_date.unwrap().to_rfc3339(), "2099-02-01T00:00:00+00:00");
        order.message("FulfilmentDone").await;
        order.done("Task_CheckHold", nothing()).await;
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn a_hold_without_an_end_does_not_run_out(stage: &Stage) {
        let order = Order::available(stage, nothing()).await;
        order.done("Task_ReserveStock", status("RESERVED")).await;
        assert!(order.timer("Boundary_HoldRunsOut").await.due_date.unwrap().to_rfc3339().starts_with("9999"));
        order.waits_at("Receive_FulfilmentDone").await;
        order.message("FulfilmentDone").await;
        order.done("Task_CheckHold", nothing()).await;
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn fulfilment_that_comes_while_the_ending_hold_is_checked_is_not_missed(stage: &Stage) {
        let order = Order::reserved(stage, nothing()).await;
        order.fires("Boundary_HoldRunsOut").await;
        order.taken("Task_CheckHoldAtExpiry").await;
        order.message("FulfilmentDone").await;
        order.done("Task_CheckHold", nothing()).await;
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn a_lost_hold_is_reserved_anew_under_the_next_key(stage: &Stage) {
        let order = Order::reserved(stage, nothing()).await;
        order.fires("Boundary_HoldRunsOut").await;
        order.refused("Task_CheckHoldAtExpiry", "HOLD_LOST").await;
        let anew = order.done("Task_ReserveStock", held()).await;
        assert_eq!(anew.variables.integer("attemptGroup").unwrap(), Some(2));
        for forgotten in ["reservationId", "reservationStatus", "externalReservationRef", "reservedUntil"] {
            assert_eq!(anew.variables.text(forgotten).unwrap(), None, "{forgotten} belongs to the lost hold");
        }
        order.waits_at("Receive_FulfilmentDone").await;
        order.message("FulfilmentDone").await;
        order.done("Task_CheckHold", nothing()).await;
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn a_hold_lost_twice_ends_the_order(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.refused("Task_ConfirmStock", "HOLD_LOST").await;
        order.done("Task_ReserveStock", held()).await;
        order.waits_at("Receive_FulfilmentDone").await;
        order.message("FulfilmentDone").await;
        order.refused("Task_CheckHold", "HOLD_LOST").await;
        order.ends_at(&["End_HoldLost"]).await;
    }

    async fn an_order_may_allow_fewer_or_more_attempts(stage: &Stage) {
        for allowed in [1, 3] {
            let order = Order::reserved(stage, nothing().with("maxAttemptGroups", allowed)).await;
            order.fires("Boundary_HoldRunsOut").await;
            for attempt in 2..=allowed {
                order.refused("Task_CheckHoldAtExpiry", "HOLD_LOST").await;
                let anew = order.done("Task_ReserveStock", held()).await;
                assert_eq!(anew.variables.integer("attemptGroup").unwrap(), Some(i64::from(attempt)));
                order.waits_at("Receive_FulfilmentDone").await;
                order.fires("Boundary_HoldRunsOut").await;
            }
            order.refused("Task_CheckHoldAtExpiry", "HOLD_LOST").await;
            order.ends_at(&["End_HoldLost"]).await;
        }
    }
}
