//! Mistakes that are planted in the model, so that the search proves that it would find them.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// A worker that lost its claim settles all the same.
    ChecksNoEpoch,
    /// No answer is taken for a no.
    TakesATimeOutForARefusal,
    /// The request leaves before the row is there.
    SendsBeforeItCommits,
    /// Nothing seen once counts as nothing there, while the request may still be on its way.
    BelievesTheFirstAbsence,
    /// A create is sent again to an inventory that holds twice then.
    RepeatsABlindCreate,
    /// A deleted order leaves its hold.
    ForgetsTheDeletedOrder,
    /// A release that finds nothing leaves nothing for the reserve that comes too late.
    LeavesNoEndBehind,
}
