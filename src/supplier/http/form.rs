//! A profile exactly as its file spells it. What the keys mean is said in docs/inventories.md.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{AvailabilityStatus, HoldState};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileForm {
    pub(super) capabilities: CapabilitiesForm,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) hold: Option<HoldForm>,
    #[serde(default)]
    pub(super) error: ErrorForm,
    pub(super) check: Option<CheckForm>,
    pub(super) reserve: OperationForm,
    pub(super) lookup_by_reference: Option<OperationForm>,
    pub(super) lookup_by_key: Option<OperationForm>,
    pub(super) release: Option<OperationForm>,
    pub(super) confirm: Option<OperationForm>,
    pub(super) extend: Option<OperationForm>,
    pub(super) list: Option<ListForm>,
}

/// What the inventory promises beyond the operations it has. Both must be said: nothing is taken for granted.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CapabilitiesForm {
    pub(super) idempotent_create: bool,
    pub(super) idempotent_release: bool,
}

/// One operation on a hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationForm {
    pub(super) method: MethodForm,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<toml::Value>,
    pub(super) success: Vec<u16>,
    pub(super) hold: Option<HoldForm>,
    pub(super) state_after: Option<StateForm>,
    pub(super) list: Option<String>,
    pub(super) list_more: Option<String>,
    #[serde(default)]
    pub(super) answers: Vec<AnswerForm>,
}

/// The availability check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckForm {
    pub(super) method: MethodForm,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<toml::Value>,
    pub(super) success: Vec<u16>,
    #[serde(default)]
    pub(super) answers: Vec<AnswerForm>,
    pub(super) reference: Option<String>,
    pub(super) lines: String,
    pub(super) line_id: Option<String>,
    pub(super) line_product: Option<String>,
    pub(super) line_available: Option<String>,
    pub(super) line_state: Option<String>,
    #[serde(default)]
    pub(super) states: BTreeMap<String, AvailabilityForm>,
    pub(super) line_code: Option<String>,
    pub(super) line_place: Option<String>,
    pub(super) line_from: Option<String>,
    pub(super) line_alternate: Option<String>,
}

/// The list of active holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListForm {
    pub(super) method: MethodForm,
    pub(super) path: String,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<toml::Value>,
    pub(super) success: Vec<u16>,
    #[serde(default)]
    pub(super) answers: Vec<AnswerForm>,
    pub(super) items: String,
    pub(super) next: Option<String>,
    pub(super) next_path: Option<String>,
    #[serde(default = "hundred")]
    pub(super) page_size: u32,
    pub(super) hold: Option<HoldForm>,
    pub(super) state_of_all: Option<StateForm>,
}

fn hundred() -> u32 {
    100
}

/// Where a hold's parts are in an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldForm {
    pub(super) reference: String,
    pub(super) key: Option<String>,
    pub(super) order: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) created_at: Option<String>,
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) states: BTreeMap<String, StateForm>,
    pub(super) expires_at: Option<String>,
    #[serde(default)]
    pub(super) expires_at_format: InstantForm,
    #[serde(default)]
    pub(super) expires_at_optional: bool,
    pub(super) lines: Option<String>,
    pub(super) line_id: Option<String>,
    pub(super) line_product: Option<String>,
    pub(super) line_reserved: Option<String>,
    #[serde(default)]
    pub(super) missing_line: MissingLineForm,
}

/// Where the parts of a refusal are.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErrorForm {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) lines: Option<String>,
    pub(super) line_id: Option<String>,
    pub(super) line_product: Option<String>,
    pub(super) line_available: Option<String>,
}

/// What one status, or one status with one code, means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerForm {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) means: MeaningForm,
    pub(super) state: Option<StateForm>,
}

/// The meanings that an answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeaningForm {
    Done,
    Refused,
    Absent,
    Released,
    Expired,
    NotSent,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodForm {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateForm {
    Held,
    Confirmed,
    Released,
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AvailabilityForm {
    Available,
    PartiallyAvailable,
    Unavailable,
    Unknown,
}

/// How an instant is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum InstantForm {
    #[default]
    Rfc3339,
    EpochSeconds,
    EpochMillis,
}

/// What it means when a held answer leaves out a line that was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MissingLineForm {
    #[default]
    Unknown,
    Zero,
}

impl From<StateForm> for HoldState {
    fn from(form: StateForm) -> Self {
        match form {
            StateForm::Held => Self::Held,
            StateForm::Confirmed => Self::Confirmed,
            StateForm::Released => Self::Released,
            StateForm::Expired => Self::Expired,
        }
    }
}

impl From<AvailabilityForm> for AvailabilityStatus {
    fn from(form: AvailabilityForm) -> Self {
        match form {
            AvailabilityForm::Available => Self::Available,
            AvailabilityForm::PartiallyAvailable => Self::PartiallyAvailable,
            AvailabilityForm::Unavailable => Self::Unavailable,
            AvailabilityForm::Unknown => Self::Unknown,
        }
    }
}
