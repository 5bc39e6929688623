//! What the tests share: the engines, small models, fakes, and waiting with a bound.

pub(crate) mod bpmn;
pub(crate) mod engine;
pub(crate) mod fake;
pub(crate) mod wait;
