//! Redis may be anything: decisions are the same without it.

mod disposable;
mod script;
mod turns;
