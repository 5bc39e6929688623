//! Asking about many process instances at once.

use std::collections::HashMap;

use serde::Serialize;

use super::act::Act;
use super::client::EngineClient;
use super::error::EngineError;
use super::history::ProcessInstanceRecord;
use super::id::ProcessInstanceId;

/// Instances per question. The engine's database limits how many values a query may compare with.
const AT_ONCE: usize = 400;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WhichDto<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    process_instance_ids: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    process_instance_business_key_in: &'a [&'a str],
}

impl EngineClient {
    /// These process instances, running or over, as far as the engine remembers them.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn instance_records(
        &self,
        instances: &[ProcessInstanceId],
    ) -> Result<HashMap<ProcessInstanceId, ProcessInstanceRecord>, EngineError> {
        let mut found = HashMap::new();
        for ids in instances.chunks(AT_ONCE) {
            let ids: Vec<&str> = ids.iter().map(ProcessInstanceId::as_str).collect();
            let records = self.records_of(&WhichDto { process_instance_ids: &ids, process_instance_business_key_in: &[] }).await?;
            found.extend(records.into_iter().map(|record| (record.id.clone(), record)));
        }
        Ok(found)
    }

    /// The process instances with these business keys, running or over, of any process and tenant.
    ///
    /// # Errors
    /// See [`EngineError`].
    pub async fn instance_records_of(&self, business_keys: &[String]) -> Result<Vec<ProcessInstanceRecord>, EngineError> {
        let mut found = Vec::new();
        for keys in business_keys.chunks(AT_ONCE) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            found.extend(self.records_of(&WhichDto { process_instance_ids: &[], process_instance_business_key_in: &keys }).await?);
        }
        Ok(found)
    }

    async fn records_of(&self, which: &WhichDto<'_>) -> Result<Vec<ProcessInstanceRecord>, EngineError> {
        self.post(Act::INSTANCE_HISTORY, &["history", "process-instance"]).json(which).read().await
    }
}
