//! What was odd about a message that could be used all the same. Inventories change; whoever runs this wants to know.

/// Something that was not as it used to be, and did no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Oddity {
    /// A member of the product that is in no version of TMF637; kept.
    UnknownMember,
    /// A state that TMF637 does not know; kept.
    UnknownStatus,
    /// A number where a text is usual, a text where a number is, a single value instead of a list; understood.
    OtherForm,
    /// A member that is read, with a value that cannot be: as if it were not there. Kept as it came.
    UnreadableValue,
    /// A character that no database keeps; replaced.
    ReplacedCharacter,
}

impl Oddity {
    /// A word for it, for metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::UnknownMember => "unknown_member",
            Self::UnknownStatus => "unknown_status",
            Self::OtherForm => "other_form",
            Self::UnreadableValue => "unreadable_value",
            Self::ReplacedCharacter => "replaced_character",
        }
    }
}
