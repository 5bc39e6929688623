//! Tells the model check which topics there are and what each may throw, so that `deploy` and `doctor` judge alike.

use crate::model::{Finding, OnlyWhen, Resource, Throw, check};
use crate::topics::{ALL_TOPICS, Code, Topic};

/// What is wrong with the models and forms of one deployment, worst first.
pub(crate) fn lint(resources: &[Resource<'_>]) -> Vec<Finding> {
    let throws: Vec<Vec<Throw<'static>>> = ALL_TOPICS.into_iter().map(throws).collect();
    let topics: Vec<crate::model::Topic<'_>> = ALL_TOPICS
        .iter()
        .zip(&throws)
        .map(|(topic, throws)| crate::model::Topic { name: topic.name(), has_effect: topic.has_effect(), throws })
        .collect();
    check(resources, &topics)
}

/// Whether the model has a task of one of our topics, as far as its text tells.
pub(crate) fn uses_our_topics(model: &str) -> bool {
    const OF_OURS: [&str; 2] = ["topic=\"inventory.", "topic='inventory."];
    OF_OURS.iter().any(|attribute| model.contains(attribute))
}

fn throws(topic: Topic) -> Vec<Throw<'static>> {
    topic.codes().iter().map(|code| Throw { code: code.as_str(), only_when: only_when(topic, *code) }).collect()
}

/// Rechecking has two modes, and each throws a code of its own.
fn only_when(topic: Topic, code: Code) -> Option<OnlyWhen<'static>> {
    let mode = |value, is_default| Some(OnlyWhen { parameter: "recheckMode", value, is_default });
    match (topic, code) {
        (Topic::Recheck, Code::AvailabilityChanged) => mode("availability", true),
        (Topic::Recheck, Code::HoldLost) => mode("hold", false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::deploy::SHIPPED;

    #[test]
    fn what_is_shipped_has_nothing_wrong_with_it() {
        let resources: Vec<Resource<'_>> = SHIPPED.iter().map(|(name, text)| Resource { name, text }).collect();
        assert_eq!(lint(&resources), Vec::new());
    }

    #[test]
    fn every_topic_is_in_the_family_by_which_our_models_are_known() {
        for topic in ALL_TOPICS {
            assert!(uses_our_topics(&format!("<serviceTask camunda:topic=\"{}\"/>", topic.name())));
        }
        assert!(!uses_our_topics("<serviceTask camunda:topic=\"payment.charge\"/>"));
    }

    #[test]
    fn a_code_of_one_mode_need_not_be_caught_in_the_other() {
        let model = |mode: &str| {
            format!(
                r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
<process id="p" isExecutable="true" camunda:historyTimeToLive="P1D">
<serviceTask id="t" camunda:type="external" camunda:topic="inventory.recheck" camunda:asyncAfter="true"><extensionElements>
<camunda:inputOutput><camunda:inputParameter name="recheckMode">{mode}</camunda:inputParameter></camunda:inputOutput>
</extensionElements></serviceTask></process></definitions>"#
            )
        };
        let codes = |mode: &str| {
            let model = model(mode);
            let found = lint(&[Resource { name: "m.bpmn", text: &model }]);
            found.iter().map(ToString::to_string).collect::<String>()
        };
        assert!(codes("hold").contains("HOLD_LOST") && !codes("hold").contains("AVAILABILITY_CHANGED"), "{}", codes("hold"));
        assert!(codes("availability").contains("AVAILABILITY_CHANGED") && !codes("availability").contains("HOLD_LOST"));
    }
}
