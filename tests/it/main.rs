//! Every test that needs something running, in one binary, against the stack that `make up` starts.

#[cfg(test)]
mod engine_contract;
#[cfg(test)]
mod support;
#[cfg(test)]
mod workflow;
