//! One suite of sentences that every inventory adapter must keep, against a real inventory that misbehaves on request.
//!
//! To add an adapter: a constructor on [`bench::Bench`], and one line in [`for_every_adapter`].

mod bench;
mod depot;
mod encrypted;
mod faults;
mod holds;
mod hostile;
mod listing;
mod lookups;
mod raw;
mod unkeyed;
mod wire;

/// Makes one test of every sentence for every adapter.
macro_rules! for_every_adapter {
    ($($sentence:ident),+ $(,)?) => {
        mod http {
            $(#[tokio::test]
            async fn $sentence() {
                super::$sentence(crate::supplier_conformance::bench::Bench::http().await).await;
            })+
        }
    };
}
pub(crate) use for_every_adapter;
