//! What a reservation's timeline is made of.

use crate::domain::spelled::spelled;

spelled! {
    /// What kind of thing happened.
    pub enum EntryKind {
        /// The reservation went from one state to another.
        Move = "move",
        /// A call to the inventory began.
        Call = "call",
        /// A call ended, with an answer or without one.
        Answer = "answer",
        /// A fact that is not published yet.
        Event = "event",
        /// An external task of the engine waits for the outcome, or waits no longer.
        Task = "task",
        /// A human is asked, or is asked no more.
        Human = "human",
        /// What a human said.
        Decision = "decision",
    }
}
