//! What the fact of a dead letter says.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// A message of an inventory that could not be used, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterPayload {
    /// The letter, as `holdfast events dead-letters` knows it.
    pub dead_letter_id: Uuid,
    /// A word for what is wrong; new ones may be added.
    pub reason_code: String,
    /// What is wrong, in words.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The consumer group that could not use it.
    pub consumer_group: String,
    /// The topic from which it came.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// The id of its event, as far as it could be read.
    pub event_id: Option<String>,
    /// Its key, as Base64.
    pub key: Option<String>,
    /// Its headers.
    pub headers: Vec<DeadLetterHeaderPayload>,
    /// How long its body was.
    pub message_bytes: u64,
    /// Its body, as Base64; null if it had none or was too long to be sent on.
    pub message: Option<String>,
}

/// A header of a message.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterHeaderPayload {
    /// Its name.
    pub name: String,
    /// Its value, as far as it is a text.
    pub value: String,
}
