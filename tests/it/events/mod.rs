//! Facts on the real broker: what is committed arrives, in the order of its aggregate, and nothing else does.

mod arriving;
mod away;
mod broker;
mod commands;
mod judge;
#[cfg(feature = "fault-points")]
mod killed;
mod poison;
mod racing;
mod reader;
mod scene;
mod sharing;
