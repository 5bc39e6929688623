//! The orders of the demo.

use std::time::Duration;

use crate::cli::demo::scenario::{End, Expect, Here, IncidentEnd, Mishap, Scenario, Step};
use crate::cli::demo::settings::Source;
use crate::domain::ReservationStatus as Status;
use crate::simulator::FaultScope;

/// The customer has the goods.
pub(super) const FULFILLED: End = End::At("End_OrderFulfilled");
const CANCELLED: End = End::At("End_OrderCancelled");
const CONFIRMED: Here = Here::One(Status::Confirmed);
const RELEASED: Here = Here::One(Status::Released);

/// Long enough for somebody to take stock before the answer arrives.
const SLOW_CHECK: Mishap = Mishap::AnswerLate(FaultScope::Check, Duration::from_millis(1_200));

/// One order of one piece at the main inventory, to which nothing happens.
const ORDER: Scenario = Scenario {
    name: "",
    source: Source::Main,
    product: "",
    on_hand: 10,
    quantity: 1,
    instances: 1,
    variables: &[],
    mishap: Mishap::None,
    steps: &[Step::Fulfil],
    expect: Expect::quiet(FULFILLED, CONFIRMED),
};

/// Every order, in the order of the table.
pub(super) static SCENARIOS: [Scenario; 13] = [
    Scenario { name: "plain success", product: "fibre-router", ..ORDER },
    Scenario {
        name: "out of stock",
        product: "desk-phone",
        on_hand: 0,
        steps: &[],
        expect: Expect::quiet(End::At("End_NotAvailable"), Here::Nothing),
        ..ORDER
    },
    Scenario {
        name: "sold out meanwhile",
        product: "tv-box",
        on_hand: 2,
        quantity: 2,
        mishap: SLOW_CHECK,
        steps: &[Step::TakeStock(0)],
        expect: Expect::quiet(End::At("End_OrderRejected"), Here::One(Status::Rejected)),
        ..ORDER
    },
    Scenario {
        name: "partial",
        product: "mesh-repeater",
        on_hand: 5,
        quantity: 5,
        mishap: SLOW_CHECK,
        steps: &[Step::TakeStock(3), Step::Fulfil],
        expect: Expect { partial: true, ..Expect::quiet(FULFILLED, CONFIRMED) },
        ..ORDER
    },
    Scenario {
        name: "answer swallowed",
        product: "outdoor-antenna",
        mishap: Mishap::AnswerLost(FaultScope::Reserve),
        expect: Expect { incident: Some(("OUTCOME UNKNOWN of the reserve", IncidentEnd::ByDaemon)), ..Expect::quiet(FULFILLED, CONFIRMED) },
        ..ORDER
    },
    Scenario {
        name: "inventory down",
        source: Source::Flaky,
        product: "sim-card",
        mishap: Mishap::Down,
        steps: &[Step::BringBack(2), Step::Fulfil],
        expect: Expect { retried: 2, ..Expect::quiet(FULFILLED, CONFIRMED) },
        ..ORDER
    },
    Scenario { name: "duplicate request", product: "wall-socket", instances: 2, ..ORDER },
    Scenario { name: "cancelled", product: "patch-cable", steps: &[Step::Cancel], expect: Expect::quiet(CANCELLED, RELEASED), ..ORDER },
    Scenario {
        name: "release answer lost",
        product: "power-supply",
        mishap: Mishap::AnswerLost(FaultScope::Release),
        steps: &[Step::Cancel],
        expect: Expect { incident: Some(("OUTCOME UNKNOWN of the release", IncidentEnd::ByDaemon)), ..Expect::quiet(CANCELLED, RELEASED) },
        ..ORDER
    },
    Scenario {
        name: "hold ran out",
        product: "optical-splitter",
        variables: &[("holdFor", "PT5S")],
        steps: &[Step::FulfilAfterLoss],
        expect: Expect::quiet(FULFILLED, Here::AfterExpiry(Status::Confirmed)),
        ..ORDER
    },
    Scenario {
        name: "a human decides",
        source: Source::Legacy,
        product: "copper-modem",
        variables: &[("unknownAfter", "PT4S")],
        mishap: Mishap::AnswerLost(FaultScope::Reserve),
        steps: &[Step::Decide, Step::Fulfil],
        expect: Expect {
            incident: Some(("OUTCOME UNKNOWN of the reserve", IncidentEnd::MovedOn)),
            decided: true,
            ..Expect::quiet(FULFILLED, CONFIRMED)
        },
        ..ORDER
    },
    Scenario {
        name: "quantity 0",
        product: "splice-box",
        quantity: 0,
        steps: &[Step::CorrectQuantity(1), Step::Fulfil],
        expect: Expect {
            incident: Some(("BAD INPUT: variable `orderLines[0].quantity`", IncidentEnd::ByRetry)),
            ..Expect::quiet(FULFILLED, CONFIRMED)
        },
        ..ORDER
    },
    Scenario {
        name: "left open for you",
        product: "media-converter",
        steps: &[],
        expect: Expect::quiet(End::Waits, Here::One(Status::Reserved)),
        ..ORDER
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::deploy::SHIPPED;

    #[test]
    fn every_scenario_has_a_name_and_a_product_of_its_own() {
        for of in [|scenario: &Scenario| scenario.name, |scenario: &Scenario| scenario.product] {
            let all: BTreeSet<_> = SCENARIOS.iter().map(of).collect();
            assert_eq!(all.len(), SCENARIOS.len());
            assert!(!all.contains(""));
        }
    }

    #[test]
    fn every_end_is_an_end_event_of_the_shipped_model() {
        let (_, model) = SHIPPED[0];
        for scenario in &SCENARIOS {
            if let End::At(end) = scenario.expect.end {
                assert!(model.contains(&format!("<bpmn:endEvent id=\"{end}\"")), "{end}");
            }
        }
    }
}
