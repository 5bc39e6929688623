//! What a command line can fail with; printed once, with its causes.

use crate::app::AppError;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::store::StoreError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cannot {0}")]
    App(#[from] AppError),
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("the database: {0}")]
    Store(#[from] StoreError),
    #[error("the engine: cannot {0}")]
    Engine(#[from] EngineError),
    #[error("cannot {doing} {what}")]
    File {
        doing: &'static str,
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Said(String),
}
