//! What passes on the two HTTP links: the names of the requests, and the check that no effect overtakes its record.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::PgPool;

use super::http::Watcher;
use super::message::Message;

/// Watches the way to the inventory. Every effect must be on record, committed, before its request gets there.
pub(crate) struct SupplierWatcher {
    pub(crate) database: PgPool,
    pub(crate) arrived: Mutex<HashMap<(String, String), i64>>,
    pub(crate) violations: Mutex<Vec<String>>,
}

impl SupplierWatcher {
    pub(crate) fn new(database: PgPool) -> Self {
        Self { database, arrived: Mutex::default(), violations: Mutex::default() }
    }
}

#[async_trait]
impl Watcher for SupplierWatcher {
    fn place(&self, request: &Message) -> Option<String> {
        let (method, path) = request.words();
        let last = path.rsplit('/').next().unwrap_or("");
        let operation = match (method, last) {
            ("POST", "reservations") => "reserve",
            ("POST", "release" | "confirm" | "extend") => last,
            ("GET", _) => "lookup",
            _ => return None,
        };
        Some(format!("supplier.{operation}"))
    }

    fn place_of_answer(&self, _: &Message, _: &Message) -> Option<&'static str> {
        None
    }

    async fn arrives(&self, place: &str, request: &Message) {
        let operation = place.trim_start_matches("supplier.");
        if operation == "lookup" {
            return;
        }
        let body: Value = serde_json::from_slice(&request.content).unwrap_or_default();
        let key = body["requestKey"].as_str().unwrap_or_default().to_owned();
        let arrived = {
            let mut arrived = self.arrived.lock().unwrap();
            let count = arrived.entry((key.clone(), operation.to_owned())).or_default();
            *count += 1;
            *count
        };
        let look = || {
            sqlx::query_scalar(
                "select count(*) from supplier_call c join reservation r using (reservation_id) where r.idempotency_key = $1 and c.operation = $2",
            )
            .bind(&key)
            .bind(operation)
            .fetch_one(&self.database)
        };
        let mut recorded: Result<i64, sqlx::Error> = look().await;
        // The judge's own connection may fail on a busy machine.
        for _ in 0..3 {
            if recorded.is_ok() {
                break;
            }
            recorded = look().await;
        }
        match recorded {
            Ok(recorded) if recorded >= arrived => {}
            found => self.violations.lock().unwrap().push(format!(
                "S2: {operation} number {arrived} under key {key} reached the inventory while {found:?} calls were on record"
            )),
        }
    }

    fn conflict(&self) -> &'static [u8] {
        b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n{\"code\":\"TRY_IT_AGAIN\"}"
    }
}

/// Watches the way to the engine.
pub(crate) struct EngineWatcher;

#[async_trait]
impl Watcher for EngineWatcher {
    fn place(&self, request: &Message) -> Option<String> {
        let (_, path) = request.words();
        let call = path.split('?').next().unwrap_or("").rsplit('/').next().unwrap_or("");
        // The reconciler's calls have places of their own.
        let reconciler = String::from_utf8_lossy(&request.content).contains("#reconciler");
        let call = match (call, reconciler) {
            ("complete", false) => "complete",
            ("complete", true) => "settle",
            ("bpmnError", _) => "bpmn_error",
            ("failure", _) => "failure",
            ("extendLock", _) => "extend_lock",
            ("lock", _) => "lock",
            ("unlock", _) => "unlock",
            _ => return None,
        };
        Some(format!("engine.{call}"))
    }

    fn place_of_answer(&self, request: &Message, answer: &Message) -> Option<&'static str> {
        let tasks = request.first_line.contains("/fetchAndLock ") && answer.content.len() > "[]".len();
        tasks.then_some("engine.fetched")
    }

    async fn arrives(&self, _: &str, _: &Message) {}

    fn conflict(&self) -> &'static [u8] {
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 112\r\n\r\n\
{\"type\":\"OptimisticLockingException\",\"message\":\"ENGINE-03005 Execution of 'UPDATE' failed. Entity was\",\"code\":1}"
    }
}
