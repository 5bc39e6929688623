//! Paths through the confirmation, and the net beneath the whole order.

use super::order::{Order, nothing, status};
use super::path::{Path, paths};
use super::stage::Stage;
use crate::support::engine::Engine;

paths! {
    async fn a_refused_confirmation_gives_the_stock_back(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.refused("Task_ConfirmStock", "CONFIRM_REFUSED").await;
        order.done("Task_GiveStockBack", status("RELEASED")).await;
        order.ends_at(&["End_ConfirmationRefused", "End_OrderStopped"]).await;
    }

    async fn an_error_that_no_task_names_stops_the_order_and_gives_the_stock_back(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.refused("Task_ConfirmStock", "SOMETHING_NEW").await;
        order.done("Task_GiveStockBack", status("RELEASED")).await;
        order.ends_at(&["End_OrderStopped"]).await;
    }

    async fn whatever_goes_wrong_in_giving_back_the_order_ends_as_stopped(stage: &Stage) {
        for code in ["RELEASE_REFUSED", "SOMETHING_NEW"] {
            let order = Order::fulfilled(stage, nothing()).await;
            order.refused("Task_ConfirmStock", "CONFIRM_REFUSED").await;
            order.refused("Task_GiveStockBack", code).await;
            order.ends_at(&["End_ConfirmationRefused", "End_OrderStopped"]).await;
        }
    }

    async fn an_unknown_confirmation_that_happened_fulfils_the_order(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.unanswered("Task_ConfirmStock", "Boundary_ConfirmationUnknown").await;
        order.done("Task_AskInventory", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn an_unknown_confirmation_that_did_not_happen_starts_from_the_hold_again(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.unanswered("Task_ConfirmStock", "Boundary_ConfirmationUnknown").await;
        order.done("Task_AskInventory", status("RESERVED")).await;
        order.done("Task_CheckHold", nothing()).await;
        order.done("Task_ConfirmStock", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn giving_up_a_confirmation_ends_the_order(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.unanswered("Task_ConfirmStock", "Boundary_ConfirmationUnknown").await;
        order.done("Task_AskInventory", status("UNKNOWN")).await;
        order.decides(nothing().with("decision", "GIVE_UP")).await;
        order.done("Task_AskInventory", status("UNKNOWN")).await;
        order.ends_at(&["End_ConfirmationGivenUp"]).await;
    }
}
