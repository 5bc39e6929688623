//! Which tasks this process put aside by a failure with a retry time-out.
//!
//! The engine keeps such a task locked in our name until it is due again. Whoever looks for locks that nobody
//! works under must know these, or the wait would be cut short.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::id::TaskId;

/// The tasks that wait for their next attempt.
#[derive(Debug, Default)]
pub(super) struct ParkedTasks {
    due: Mutex<HashMap<TaskId, Instant>>,
}

impl ParkedTasks {
    /// Notes that `task` is due again `after` from `now`.
    pub(super) fn park(&self, task: &TaskId, now: Instant, after: Duration) {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() == due.capacity() {
            due.retain(|_, due_at| *due_at > now);
        }
        if let Some(due_at) = now.checked_add(after) {
            due.insert(task.clone(), due_at);
        }
    }

    /// Whether `task` still waits.
    pub(super) fn is_parked(&self, task: &TaskId, now: Instant) -> bool {
        let due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        due.get(task).is_some_and(|due_at| *due_at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_parked_until_it_is_due() {
        let parked = ParkedTasks::default();
        let (now, task) = (Instant::now(), TaskId::from("t"));
        parked.park(&task, now, Duration::from_secs(60));
        assert!(parked.is_parked(&task, now + Duration::from_secs(59)));
        assert!(!parked.is_parked(&task, now + Duration::from_secs(60)));
    }

    #[test]
    fn what_is_due_makes_room_for_more() {
        let parked = ParkedTasks::default();
        let now = Instant::now();
        for round in 0..100 {
            for number in 0..10 {
                let later = now + Duration::from_secs(round * 10);
                parked.park(&TaskId::from(format!("{round}/{number}")), later, Duration::from_secs(5));
            }
        }
        assert!(parked.due.lock().unwrap().len() < 100);
    }
}
