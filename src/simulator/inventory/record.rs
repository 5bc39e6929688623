//! Writing down what happened, and setting the reminder when a hold's end has moved.

use std::cmp::Reverse;

use super::answer::Answer;
use super::state::{Inventory, Manner, Moment};
use crate::simulator::clock::Instant;
use crate::simulator::command::Call;
use crate::simulator::entry::{Answered, Asked, Effect, LedgerEntry, Operation, Origin};
use crate::simulator::hold::{Hold, HoldState};
use crate::simulator::webhook::Notice;

/// Why a hold changed although nobody asked for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause {
    pub(super) operation: Operation,
    pub(super) effect: Effect,
    pub(super) by: Origin,
    pub(super) moment: Moment,
}

impl Inventory {
    /// Writes down a request and what came of it; a notice that is to be withheld comes back.
    pub(super) fn record_call(&mut self, call: &Call, manner: &Manner, answer: &Answer) -> Option<Notice> {
        let command = &call.command;
        let reference = answer.reference.as_deref().or(command.reference());
        let hold = reference.and_then(|reference| self.hold(&call.tenant, reference));
        let order_id = command.order_id().or(hold.map(|hold| hold.order_id.as_str()));
        let key = command.key().or(hold.map(|hold| hold.request_key.as_str()));
        let entry = LedgerEntry {
            seq: 0,
            received_at: call.received_at,
            at: manner.now,
            tenant: call.tenant.clone(),
            by: if manner.again { Origin::Fault } else { Origin::Client },
            operation: command.operation(),
            key: key.map(str::to_owned),
            order_id: order_id.map(str::to_owned),
            reference: reference.map(str::to_owned),
            asked: command.asked(),
            effect: answer.effect,
            code: answer.code.clone(),
            lines: hold.filter(|_| answer.effect == Effect::HoldPlaced).map(|hold| hold.lines.clone()).unwrap_or_default(),
            answered: manner.answered,
            fault: manner.fault.map(str::to_owned),
        };
        let reminder = hold.and_then(|hold| reminder(&call.tenant, hold, answer.effect));
        let notice = hold.and_then(|hold| self.notice(&call.tenant, hold, answer.effect, manner.now));
        self.file(entry, reminder);
        match notice {
            Some(notice) if manner.notices > 0 => self.webhook.enqueue(&notice, manner.notices),
            withheld => return withheld,
        }
        None
    }

    /// Writes down what befell a hold.
    pub(super) fn record_mishap(&mut self, tenant: &str, hold: &Hold, cause: Cause) {
        let drifted = cause.effect == Effect::Drifted;
        let entry = LedgerEntry {
            seq: 0,
            received_at: cause.moment.received_at,
            at: cause.moment.now,
            tenant: tenant.to_owned(),
            by: cause.by,
            operation: cause.operation,
            key: Some(hold.request_key.clone()),
            order_id: Some(hold.order_id.clone()),
            reference: Some(hold.reference.clone()),
            asked: Asked { expires_at: drifted.then_some(hold.expires_at), ..Asked::default() },
            effect: cause.effect,
            code: None,
            lines: if drifted { hold.lines.clone() } else { Vec::new() },
            answered: Answered::No,
            fault: None,
        };
        let notice = self.notice(tenant, hold, cause.effect, cause.moment.now);
        let reminder = reminder(tenant, hold, cause.effect);
        self.file(entry, reminder);
        if let Some(notice) = notice {
            self.webhook.enqueue(&notice, 1);
        }
    }

    /// The notice of the entry that is about to be filed, if anybody wants to be told.
    fn notice(&self, tenant: &str, hold: &Hold, effect: Effect, now: Instant) -> Option<Notice> {
        let id = || format!("msg_{}_{}", self.run, self.ledger.last_seq() + 1);
        self.webhook.is_aimed().then(|| Notice::of(id(), tenant, hold, effect, now)).flatten()
    }

    fn file(&mut self, entry: LedgerEntry, reminder: Option<Reminder>) {
        self.ledger.append(entry);
        self.due.extend(reminder.map(Reverse));
    }
}

/// When to look whether a hold is over, and where to find it.
pub(super) type Reminder = (Instant, String, String);

fn reminder(tenant: &str, hold: &Hold, effect: Effect) -> Option<Reminder> {
    let moved = matches!(effect, Effect::HoldPlaced | Effect::HoldExtended | Effect::Drifted);
    (moved && hold.state == HoldState::Held).then(|| (hold.expires_at, tenant.to_owned(), hold.reference.clone()))
}
