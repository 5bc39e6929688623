//! `holdfast holds`: an inventory's active holds against our reservations, and the correction of what differs.

mod apply;
mod command;
mod compare;
mod journal;
mod orders;
mod plan;

pub(crate) use command::Holds;
