//! The API that everything outside the engine meets: routes, who may use them, and problems.
//!
//! One file per resource: its wire format, its handlers, its routes. The OpenAPI document is made of them.
//!
//! **Invariant:** no decision about a hold is made here; a handler reads a request, asks an operation, and words the answer.
//! **Invariant:** a handler gets at a tenant only by naming the scope that its route needs (`principal.rs`).
//! **Invariant:** every answer that is no success is a problem of the one table in `problem.rs`.

mod access;
mod amount;
mod api;
mod auth;
mod availability_checks;
mod commands;
mod customers;
mod evidence;
mod extract;
mod gate;
mod key;
mod limits;
mod lines;
mod listener;
mod once;
mod order_reservations;
mod page;
mod principal;
mod problem;
mod reservation_commands;
mod reservations;
mod scope;
mod server;
mod state;
mod text;
mod timeline;
mod webhooks;

pub use access::{Access, ROUTES, Route};
pub use api::document;
pub use auth::{AuthConfig, AuthFault, AuthMode, AuthSetupError, IssuerError, IssuerSetupError, fetch_keys};
pub use gate::Gate;
pub use problem::{PROBLEMS, ProblemKind, ProblemRow};
pub use scope::Scope;
pub use server::{HttpError, HttpServer};
pub use state::HttpSettings;
pub use webhooks::{WebhookSource, WebhookSources};
