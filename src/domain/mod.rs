//! The words of the business, as values: what an order wants held, what the inventory said, and what follows.
//!
//! **Invariant:** nothing here does IO, reads a clock, draws a random number or knows a wire format. The same
//! functions decide in production, in the property tests and in the exhaustive search.
//!
//! Reading order: ids and quantities, the request and its key, the states and their one table, what a supplier
//! may answer, and then the two decisions: [`plan`](plan()) (what to ask next; a
//! [`step`](step()) is what a claim makes of it) and [`settle`](settle()) (what an answer means).

mod answer;
mod availability;
mod command;
mod drift;
mod fact;
mod fallout;
mod id;
mod key;
mod known;
mod listed;
mod matching;
mod plan;
mod policy;
mod product;
mod quantity;
mod request;
mod reservation;
#[cfg(test)]
mod samples;
mod settle;
mod spelled;
mod status;
mod step;
mod timeline;
mod transitions;
#[cfg(test)]
mod walk;

pub use answer::{Answer, AnswerClass, Evidence, Hold, HoldLine, HoldState, Look, Refusal, ShortLine};
#[cfg(test)]
pub(crate) use availability::sample_evidence;
pub use availability::{
    AvailabilityEvidence, AvailabilityQuestion, AvailabilityStatus, Change, ChangeCause, Diff, Explanation, Fingerprint, LineAvailability,
    LineDiff, Offer, Subject, Trait, explain, summarize,
};
pub use command::{CommandKind, CommandState};
pub use drift::{Books, Consent, Drift, DriftKind, OrderState, Orders, Ours, Remedy, compare};
pub use fact::{Fact, fact_of};
pub use fallout::{Inadmissible, admit};
pub use id::{
    CallId, CaseId, CommandId, CustomerId, CustomerProductId, EventId, EvidenceId, ExternalReference, IdError, OrderId, OrderLineId,
    QuoteId, ReservationId, ReservationStep, SessionId, SourceEventId, SourceName, TenantId,
};
pub use key::{AttemptGroup, IdempotencyKey};
pub use known::{Known, six_answers};
pub use listed::{LineName, ListedHold, ListedLine};
pub use matching::{Candidates, Match};
pub use plan::{Capabilities, Decision, Goal, Operation, Plan, Refused, plan};
pub use policy::{AutoExtend, Policy};
pub use product::{Count, ProductChange, ProductEvent, ProductRecord, ProductSaid, ProductStatus, Register, Stamp};
pub use quantity::{Quantity, QuantityError};
pub(crate) use request::{MAX_LINES, check_lines};
pub use request::{OrderLine, RequestError, ReserveRequest};
pub use reservation::{Call, LineRecord, PendingOperation, Rejection, Reservation};
pub(crate) use settle::settle_move;
pub use settle::{Said, Settlement, outcome_lost, settle};
pub use status::ReservationStatus;
pub use step::{Step, StepEnd, step};
pub use timeline::EntryKind;
pub use transitions::{Cause, IllegalTransition, TRANSITIONS, Transition, next};
