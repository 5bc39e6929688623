//! `holdfast holds compare` and `holds apply` on a real inventory that remembers what happened behind everybody's back.

mod applying;
mod comparing;
mod interrupted;
mod scene;
