//! An inventory's active holds against our reservations: what differs, and what could be done about it.
//!
//! **Invariant:** nothing is asked and nothing is done here. Whoever carries out a remedy looks again right before.
//! **Invariant:** a hold that is not certainly ours is never proposed for anything.

mod amounts;
mod books;
mod compare;
mod finding;
#[cfg(test)]
mod tests;

pub use books::{Books, Consent, OrderState, Orders, Ours};
pub use compare::compare;
pub use finding::{Drift, DriftKind, Remedy};
