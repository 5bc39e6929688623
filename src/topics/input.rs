//! Process variables, read strictly: whatever is wrong is named together with what it must be.

use chrono::TimeDelta;

use crate::domain::{AttemptGroup, OrderId, ReservationId, ReservationStep, SourceName, TenantId};
use crate::engine::{LockedTask, Required as _, VariableError, VariableRecord};
use crate::operations::Find;

/// What holds where a process does not say.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The inventory; nothing if the process must name one.
    pub source: Option<SourceName>,
    /// How long to hold.
    pub hold_for: TimeDelta,
    /// The tenants that this daemon serves; empty for all.
    pub tenants: Vec<TenantId>,
    /// The tenant of tasks that name none.
    pub tenant: Option<TenantId>,
}

impl Defaults {
    /// Whether an instance that has no tenant in the engine is this tenant's: by its variable, as its tasks are. Tenants that share a
    /// model may have orders of the same id.
    pub(crate) fn owns(&self, tenant: TenantId, variables: &[VariableRecord]) -> bool {
        let named = variables.iter().find(|variable| variable.name == "tenantId").and_then(|variable| variable.value.as_str());
        match named.map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => TenantId::parse(text).is_ok_and(|named| named == tenant),
            None => self.tenant == Some(tenant),
        }
    }
}

/// What is wrong with a task's variables. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The variable is missing or has the wrong type.
    #[error(transparent)]
    Variable(#[from] VariableError),
    /// The variable can be read, but not used.
    #[error("variable `{name}` {must}, it is `{found}`")]
    Bad {
        /// Which one.
        name: String,
        /// What it must be, beginning with "must".
        must: String,
        /// The beginning of what it is.
        found: String,
    },
    /// The engine's tenant is not one that this daemon can serve.
    #[error("the engine's tenant `{found}` {must}")]
    Tenant {
        /// The engine's tenant.
        found: String,
        /// What it must be, beginning with "must".
        must: String,
    },
}

/// Names a bad variable, with the beginning of what it holds.
pub(crate) fn bad(name: &str, must: impl std::fmt::Display, found: impl std::fmt::Display) -> InputError {
    // It is shown in places that take no control characters.
    let found: String = found.to_string().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    let found = if found.chars().count() > 60 { found.chars().take(60).chain("…".chars()).collect() } else { found };
    InputError::Bad { name: name.to_owned(), must: must.to_string(), found }
}

/// What the name of something must be.
pub(crate) const SHORT: &str = "must have at most 200 characters, and no control characters";

/// Whether a text is [`SHORT`].
pub(crate) fn is_short(text: &str) -> bool {
    text.chars().count() <= 200 && !text.chars().any(char::is_control)
}

/// A task's variables under the daemon's defaults.
pub(crate) struct Input<'a> {
    pub(crate) task: &'a LockedTask,
    pub(crate) defaults: &'a Defaults,
}

impl Input<'_> {
    /// A text; nothing if there is none or it is blank.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, InputError> {
        Ok(self.task.variables.text(name)?.map(str::trim).filter(|text| !text.is_empty()))
    }

    /// A name of something, as inventories are told it: at most 200 characters, and no control characters.
    pub(crate) fn short_text(&self, name: &str) -> Result<Option<String>, InputError> {
        match self.text(name)? {
            Some(text) if !is_short(text) => Err(bad(name, SHORT, text)),
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// What somebody wrote for others to read: cut to so many characters, and without those that nobody can read.
    pub(crate) fn remark(&self, name: &str, longest: usize) -> Result<Option<String>, InputError> {
        let readable = |text: &str| text.chars().filter(|c| !c.is_control() || *c == '\n').take(longest).collect();
        Ok(self.text(name)?.map(readable).filter(|text: &String| !text.is_empty()))
    }

    /// The tenant: the engine's where the task has one, else the variable's. They never differ.
    pub(crate) fn tenant(&self) -> Result<TenantId, InputError> {
        let named = match self.text("tenantId")? {
            Some(text) => Some(TenantId::parse(text).map_err(|must| bad("tenantId", must, text))?),
            None => None,
        };
        let engines = match &self.task.tenant_id {
            Some(tenant) => Some(
                TenantId::parse(tenant.as_str())
                    .map_err(|must| InputError::Tenant { found: tenant.as_str().to_owned(), must: must.to_string() })?,
            ),
            None => None,
        };
        let tenant = match (engines, named) {
            (Some(engine), Some(named)) if engine != named => {
                return Err(bad("tenantId", format!("must be the engine's tenant of this task, {engine}"), named));
            }
            (Some(tenant), _) | (None, Some(tenant)) => tenant,
            (None, None) => match self.defaults.tenant {
                Some(tenant) => tenant,
                None => {
                    return Err(self
                        .task
                        .variables
                        .text("tenantId")
                        .required("tenantId", "a UUID, because the task has no tenant in the engine")
                        .err()
                        .map_or_else(|| bad("tenantId", "must be a UUID", ""), InputError::from));
                }
            },
        };
        if self.defaults.tenants.is_empty() || self.defaults.tenants.contains(&tenant) {
            Ok(tenant)
        } else {
            Err(InputError::Tenant {
                found: tenant.to_string(),
                must: "must be one of the tenants that this daemon is configured for".to_owned(),
            })
        }
    }

    /// The tenants that a task without an order is about: its own if it has one, else all that this daemon serves.
    pub(crate) fn tenants(&self) -> Result<Vec<TenantId>, InputError> {
        if self.task.tenant_id.is_none() && self.text("tenantId")?.is_none() {
            return Ok(self.defaults.tenants.clone());
        }
        self.tenant().map(|tenant| vec![tenant])
    }

    /// The order.
    pub(crate) fn order(&self) -> Result<OrderId, InputError> {
        let text = self.task.variables.text("orderId").required("orderId", "a UUID")?;
        OrderId::parse(text).map_err(|must| bad("orderId", must, text))
    }

    /// The step of the order.
    pub(crate) fn step(&self) -> Result<ReservationStep, InputError> {
        let text = self.text("reservationStep")?.unwrap_or("reserve");
        ReservationStep::parse(text).map_err(|must| bad("reservationStep", must, text))
    }

    /// The attempt group.
    pub(crate) fn group(&self) -> Result<AttemptGroup, InputError> {
        match self.task.variables.integer("attemptGroup")? {
            None => Ok(AttemptGroup::FIRST),
            Some(number) => AttemptGroup::new(number).ok_or_else(|| bad("attemptGroup", "must be a whole number from 1 on", number)),
        }
    }

    /// The inventory's name. Whether there is such an inventory is for the operation to say.
    pub(crate) fn source(&self) -> Result<SourceName, InputError> {
        match (self.text("inventorySource")?, &self.defaults.source) {
            (Some(text), _) => SourceName::parse(text).map_err(|must| bad("inventorySource", must, text)),
            (None, Some(source)) => Ok(source.clone()),
            (None, None) => Err(bad("inventorySource", "must name an inventory, because no default source is configured", "")),
        }
    }

    /// Which reservation is meant: the one of `reservationId`, else the newest of the order step.
    pub(crate) fn find(&self) -> Result<Find, InputError> {
        match self.text("reservationId")? {
            Some(text) => ReservationId::parse(text).map(Find::Id).map_err(|must| bad("reservationId", must, text)),
            None => Ok(Find::Newest(self.order()?, self.step()?)),
        }
    }

    /// Which reservation a question is about: of the attempt group that the process is in, if it says so. An older group's end
    /// must not answer for a newer one.
    pub(crate) fn find_group(&self) -> Result<Find, InputError> {
        match self.find()? {
            Find::Newest(order, step) if self.task.variables.integer("attemptGroup")?.is_some() => {
                Ok(Find::Group(order, step, self.group()?))
            }
            find => Ok(find),
        }
    }

    /// An ISO-8601 duration of whole seconds, such as `PT24H` or `P1DT12H`; at least a second, at most ten years.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<TimeDelta>, InputError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let must = "must be an ISO-8601 duration such as PT24H, from PT1S to P3650D";
        let seconds = super::retry_config::iso_seconds(text).ok_or_else(|| bad(name, must, text))?;
        if (1..=3650 * 86_400).contains(&seconds) { Ok(Some(TimeDelta::seconds(seconds))) } else { Err(bad(name, must, text)) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TENANT: &str = "9ddac4d2-9f70-4f4c-8310-3eecdf80c2cc";
    const OTHER: &str = "9ddac4d2-9f70-4f4c-8310-3eecdf80c2cd";

    /// A task as the engine delivers it, with these variables.
    pub(crate) fn task(variables: Value) -> LockedTask {
        serde_json::from_value(json!({
            "id": "t", "topicName": "inventory.reserve", "workerId": "w", "activityId": "A", "activityInstanceId": "A:1", "executionId": "e",
            "processInstanceId": "p", "processDefinitionId": "d", "processDefinitionKey": "k", "variables": variables,
        }))
        .unwrap()
    }

    pub(crate) fn defaults() -> Defaults {
        Defaults { source: None, hold_for: TimeDelta::hours(1), tenants: Vec::new(), tenant: None }
    }

    fn text(value: &str) -> Value {
        json!({"type": "String", "value": value})
    }

    fn tenant_of(engine: Option<&str>, variable: Option<&str>, defaults: &Defaults) -> Result<TenantId, String> {
        let mut task = task(variable.map_or_else(|| json!({}), |v| json!({"tenantId": text(v)})));
        task.tenant_id = engine.map(crate::engine::EngineTenant::new);
        Input { task: &task, defaults }.tenant().map_err(|error| error.to_string())
    }

    #[test]
    fn the_engines_tenant_and_the_variable_may_not_differ() {
        let expected = TenantId::parse(TENANT).unwrap();
        let defaults = defaults();
        assert_eq!(tenant_of(Some(TENANT), None, &defaults), Ok(expected));
        assert_eq!(tenant_of(None, Some(TENANT), &defaults), Ok(expected));
        assert_eq!(tenant_of(Some(TENANT), Some(TENANT), &defaults), Ok(expected));
        let error = tenant_of(Some(TENANT), Some(OTHER), &defaults).unwrap_err();
        assert_eq!(error, format!("variable `tenantId` must be the engine's tenant of this task, {TENANT}, it is `{OTHER}`"));
        assert!(tenant_of(None, None, &defaults).unwrap_err().starts_with("variable `tenantId` must be a UUID"));
        assert!(tenant_of(Some("acme"), None, &defaults).unwrap_err().starts_with("the engine's tenant `acme` must be a UUID"));
    }

    #[test]
    fn a_tenant_that_this_daemon_is_not_configured_for_is_refused() {
        let defaults = Defaults { tenants: vec![TenantId::parse(OTHER).unwrap()], ..defaults() };
        assert!(tenant_of(Some(TENANT), None, &defaults).unwrap_err().contains("must be one of the tenants"));
        assert!(tenant_of(Some(OTHER), None, &defaults).is_ok());
    }

    #[test]
    fn an_instance_without_a_tenant_in_the_engine_is_whose_its_variable_or_the_default_says() {
        let variables =
            |value: Value| -> Vec<VariableRecord> { serde_json::from_value(json!([{"name": "tenantId", "value": value}])).unwrap() };
        let (tenant, other) = (TenantId::parse(TENANT).unwrap(), TenantId::parse(OTHER).unwrap());
        let defaults = Defaults { tenant: Some(other), ..defaults() };
        let owner =
            |variables: &[VariableRecord]| [tenant, other].into_iter().filter(|one| defaults.owns(*one, variables)).collect::<Vec<_>>();
        assert_eq!(owner(&variables(json!(TENANT))), [tenant]);
        assert_eq!(owner(&variables(json!(format!(" {} ", TENANT.to_uppercase())))), [tenant]);
        for unsaid in [variables(Value::Null), variables(json!("")), Vec::new()] {
            assert_eq!(owner(&unsaid), [other]);
        }
        assert_eq!(owner(&variables(json!("acme"))), []);
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let said = |variables: Value, read: &dyn Fn(&Input<'_>) -> Option<InputError>| {
            let task = task(variables);
            read(&Input { task: &task, defaults: &defaults() }).map(|error| error.to_string())
        };
        let order = |input: &Input<'_>| input.order().err();
        assert_eq!(said(json!({}), &order).unwrap(), "variable `orderId` must be a UUID, it is missing");
        assert!(said(json!({"orderId": text("7")}), &order).unwrap().ends_with("it is `7`"));
        let group = |input: &Input<'_>| input.group().err();
        let zero = json!({"attemptGroup": {"type": "Integer", "value": 0}});
        assert_eq!(said(zero, &group).unwrap(), "variable `attemptGroup` must be a whole number from 1 on, it is `0`");
        assert_eq!(said(json!({"attemptGroup": {"type": "Null", "value": null}}), &group), None);
        let hold = |input: &Input<'_>| input.duration("holdFor").err();
        for bad in ["soon", "PT0S", "P1Y", "P9999D"] {
            assert!(said(json!({"holdFor": text(bad)}), &hold).unwrap().contains("must be an ISO-8601 duration"), "{bad}");
        }
        assert_eq!(said(json!({"holdFor": text("  ")}), &hold), None);
        let customer = |input: &Input<'_>| input.short_text("customerId").err();
        assert_eq!(
            said(json!({"customerId": text("C\u{0}1")}), &customer).unwrap(),
            "variable `customerId` must have at most 200 characters, and no control characters, it is `C\u{fffd}1`"
        );
        assert_eq!(said(json!({"customerId": text(&"ü".repeat(200))}), &customer), None);
    }

    #[test]
    fn what_somebody_wrote_is_kept_as_far_as_it_can_be_read() {
        let task = task(json!({"releaseReason": text(" gone\nfor\u{0} good "), "comment": text("\u{7}")}));
        let input = Input { task: &task, defaults: &defaults() };
        assert_eq!(input.remark("releaseReason", 200).unwrap().as_deref(), Some("gone\nfor good"));
        assert_eq!(input.remark("releaseReason", 4).unwrap().as_deref(), Some("gone"));
        assert_eq!(input.remark("comment", 200).unwrap(), None);
    }
}
