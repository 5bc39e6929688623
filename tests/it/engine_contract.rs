//! What the engine answers, through our client: every case once on Camunda 7.24 and once on Operaton 1.0.

mod answers;
mod auth;
mod deployments;
mod fetching;
mod incidents;
mod instances;
mod locks;
mod poll_loop;
mod reports;
mod running_loop;
mod stopping;

/// Runs each case on both engines. A case that is not listed is dead code, which the build refuses.
macro_rules! on_both_engines {
    ($($case:ident),* $(,)?) => {
        mod camunda {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn $case() {
                super::$case(crate::support::engine::TestEngine::on(crate::support::engine::Engine::Camunda)).await;
            })*
        }
        mod operaton {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
            async fn $case() {
                super::$case(crate::support::engine::TestEngine::on(crate::support::engine::Engine::Operaton)).await;
            })*
        }
    };
}
use on_both_engines;
