//! Paths through the settling of an unknown outcome, and what a human decides there.

use holdfast::engine::Variables;

use super::order::{Order, held, nothing, status};
use super::path::{Path, paths};
use super::stage::Stage;
use crate::support::engine::Engine;

/// An order about whose reservation a human is asked.
async fn asked(stage: &Stage) -> Order<'_> {
    let order = Order::available(stage, nothing()).await;
    order.unanswered("Task_ReserveStock", "Boundary_ReservationUnknown").await;
    order.done("Task_AskInventory", status("UNKNOWN").with("reconcileEvidence", "asked twice\nno answer")).await;
    order.question().await;
    order
}

/// The order goes on as one that holds stock; it is ended here by cancelling it.
async fn goes_on_as_held(order: &Order<'_>) {
    order.waits_at("Receive_FulfilmentDone").await;
    order.message("OrderCancelled").await;
    order.done("Task_ReleaseStock", nothing()).await;
    order.ends_at(&["End_OrderCancelled"]).await;
}

fn decision(variables: &Variables) -> [Option<&str>; 3] {
    ["decision", "decisionReference", "decisionComment"].map(|name| variables.text(name).unwrap())
}

paths! {
    async fn what_asking_cannot_tell_a_human_decides(stage: &Stage) {
        let order = asked(stage).await;
        order.decides(nothing().with("decision", "HELD").with("decisionReference", "HOLD-7").with("decisionComment", "seen")).await;
        let told = order.done("Task_AskInventory", held()).await;
        assert_eq!(decision(&told.variables), [Some("HELD"), Some("HOLD-7"), Some("seen")]);
        goes_on_as_held(&order).await;
    }

    async fn a_decision_counts_once(stage: &Stage) {
        let order = asked(stage).await;
        order.decides(nothing().with("decision", "HELD").with("decisionReference", "HOLD-7").with("decisionComment", "seen")).await;
        order.done("Task_AskInventory", status("UNKNOWN")).await;
        order.question().await;
        order.message("ReservationSettled").await;
        let asked_again = order.done("Task_AskInventory", held()).await;
        assert_eq!(decision(&asked_again.variables), [None, None, None]);
        goes_on_as_held(&order).await;
    }

    async fn an_answer_that_is_found_meanwhile_withdraws_the_question(stage: &Stage) {
        let order = asked(stage).await;
        order.message("ReservationSettled").await;
        order.done("Task_AskInventory", held()).await;
        assert!(order.questions().await.is_empty());
        goes_on_as_held(&order).await;
    }

    async fn an_answer_counts_more_than_giving_up(stage: &Stage) {
        let order = asked(stage).await;
        order.decides(nothing().with("decision", "GIVE_UP")).await;
        order.done("Task_AskInventory", held()).await;
        goes_on_as_held(&order).await;
    }

    async fn only_the_decision_leaves_the_form(stage: &Stage) {
        let order = asked(stage).await;
        let posted = nothing()
            .with("decision", "ASK_AGAIN")
            .with("orderId", "another order")
            .with("reservationId", "another reservation")
            .with("reconcileEvidence", "something else");
        order.decides(posted).await;
        let told = order.done("Task_AskInventory", held()).await;
        assert_eq!(told.variables.text("orderId").unwrap(), Some(order.id.as_str()));
        assert_eq!(told.variables.text("reservationId").unwrap(), None);
        goes_on_as_held(&order).await;
    }

    async fn an_answer_without_a_status_is_no_answer(stage: &Stage) {
        let order = Order::fulfilled(stage, nothing()).await;
        order.unanswered("Task_ConfirmStock", "Boundary_ConfirmationUnknown").await;
        order.done("Task_AskInventory", nothing()).await;
        order.decides(nothing().with("decision", "ASK_AGAIN")).await;
        order.done("Task_AskInventory", status("CONFIRMED")).await;
        order.ends_at(&["End_OrderFulfilled"]).await;
    }

    async fn a_cancelled_order_withdraws_the_question(stage: &Stage) {
        let order = asked(stage).await;
        order.message("OrderCancelled").await;
        order.done("Task_ReleaseStock", status("RELEASED")).await;
        order.ends_at(&["End_OrderCancelled"]).await;
    }
}
