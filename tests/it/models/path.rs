//! A path through the order: one test on Camunda, and one entry in the list that is played again on Operaton.

use std::pin::Pin;

use super::stage::Stage;

/// A path, its name a sentence.
pub(super) struct Path {
    pub(super) sentence: &'static str,
    pub(super) play: for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = ()> + 'a>>,
}

/// Makes a test of every path, and a list `PATHS` of them all.
macro_rules! paths {
    ($(async fn $name:ident($stage:ident: &Stage) $body:block)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                play::$name(&Stage::on(Engine::Camunda).await).await;
            }
        )*

        mod play {
            use super::*;

            $(
                pub(super) fn $name<'a>($stage: &'a Stage) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
                    Box::pin(async move $body)
                }
            )*
        }

        pub(super) const PATHS: &[Path] = &[$(Path { sentence: stringify!($name), play: play::$name }),*];
    };
}

pub(super) use paths;
