//! An error with everything that led to it, as logs, incidents and the command line show it.

use std::error::Error;

/// An error with its causes on one line, each said once: errors that pass another one on may repeat its words.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Layer {
        said: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn every_cause_is_said_and_none_twice() {
        let layer = |said, source: Option<Layer>| Layer { said, source: source.map(Box::new) };
        let error = layer("fetch tasks: timed out", Some(layer("timed out", Some(layer("connection refused", None)))));
        assert_eq!(chain(&error), "fetch tasks: timed out: connection refused");
    }
}
