//! `holdfast holds compare` on a real inventory that remembers what happened behind everybody's back.

mod comparing;
mod scene;
