//! Who may: every route of the OpenAPI document, with tokens of every kind, with bodies and paths that nobody should send.

mod hostile;
mod quiet;
mod routes;
pub(crate) mod served;
mod tokens;
