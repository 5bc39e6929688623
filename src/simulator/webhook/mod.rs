//! Notices: after each effect the inventory may tell somebody, signed by the rules of Standard Webhooks.
//!
//! Mishaps that a client is not meant to hear of (a hold forgotten or drifted) send none.

mod notice;
mod post;
mod sender;
mod signature;

pub(crate) use notice::Notice;
pub(crate) use sender::{Webhook, deliver_all};
pub use sender::{WebhookStatus, WebhookTarget};
