//! Process variables, read strictly: whatever is wrong is named together with what it must be.

use chrono::TimeDelta;

use crate::domain::{AttemptGroup, OrderId, ReservationId, ReservationStep, SourceName, TenantId};
use crate::engine::{LockedTask, Required as _, VariableError};
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
    /// How long evidence may be used.
    pub evidence_good_for: TimeDelta,
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
    let found = found.to_string();
    let found = if found.chars().count() > 60 { found.chars().take(60).chain("…".chars()).collect() } else { found };
    InputError::Bad { name: name.to_owned(), must: must.to_string(), found }
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

    /// A text of at most 200 characters.
    pub(crate) fn short_text(&self, name: &str) -> Result<Option<String>, InputError> {
        match self.text(name)? {
            Some(text) if text.chars().count() > 200 => Err(bad(name, "must have at most 200 characters", text)),
            text => Ok(text.map(str::to_owned)),
        }
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
