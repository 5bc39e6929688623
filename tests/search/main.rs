//! The exhaustive search: two workers, the reconciler, the engine, people and an inventory that loses, delays and acts late, in every
//! order in which things can happen, with the functions that decide in production.
//!
//! `SEARCH_FAULTS` says how many faults there may be in one history; more of them is what `make chaos` asks for.

#[cfg(test)]
mod actors;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod model;
#[cfg(test)]
mod searches;
#[cfg(test)]
mod world;
