//! The suppliers' conformance suite on its own; the door is `tests/it/supplier_conformance/mod.rs`.

#[path = "it/supplier_conformance/mod.rs"]
mod supplier_conformance;
