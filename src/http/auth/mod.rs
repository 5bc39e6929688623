//! Who may: bearer tokens, the issuer's keys, the tenant and the scopes that a token carries.
//!
//! **Invariant:** nothing that a token says is believed before its signature is known to be the issuer's.
//! **Invariant:** algorithms and the address of the keys come from the configuration; a token chooses neither.
//! **Invariant:** however many tokens come, the issuer is asked at most once in a pause.

mod claims;
mod issuer;
mod keys;
mod ring;
#[cfg(test)]
pub(crate) mod samples;
mod settings;
mod verifier;

pub use issuer::{IssuerError, IssuerSetupError};
pub use settings::{AuthConfig, AuthFault, AuthMode};
pub use verifier::{AuthSetupError, fetch_keys};
pub(crate) use verifier::{Disbelief, Verifier};
