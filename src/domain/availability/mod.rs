//! Availability: what an inventory believed at an instant, per line, until when that may be used, and what changed since.
//!
//! **Invariant:** not knowing is never unavailable. **Invariant:** nothing here says who may buy or what it costs.

mod diff;
mod evidence;
mod explanation;
mod fingerprint;
mod line;
mod question;
mod status;

pub use diff::{Change, ChangeCause, Diff, LineDiff, Trait};
#[cfg(test)]
pub(crate) use evidence::tests::sample_evidence;
pub use evidence::{AvailabilityEvidence, Subject};
pub use explanation::{Explanation, explain};
pub use fingerprint::Fingerprint;
pub use line::{LineAvailability, Offer};
pub use question::AvailabilityQuestion;
pub use status::{AvailabilityStatus, summarize};
