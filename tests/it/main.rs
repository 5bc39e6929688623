//! Every test that needs something running, in one binary, against the stack that `make up` starts.

#[cfg(test)]
mod auth;
#[cfg(test)]
mod availability;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod engine_contract;
#[cfg(test)]
mod events;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod http;
#[cfg(test)]
mod inventory_events;
#[cfg(test)]
mod models;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod supplier_conformance;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod workflow;
