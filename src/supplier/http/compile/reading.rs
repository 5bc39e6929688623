//! Readies how answers are read.

use crate::supplier::http::availability::CheckPointers;
use crate::supplier::http::form::{CheckForm, ErrorForm, HoldForm};
use crate::supplier::http::hold::{Expiry, HoldLines, HoldPointers, StateFrom};
use crate::supplier::http::line::LineHandle;
use crate::supplier::http::pointer::Pointer;
use crate::supplier::http::rules::{ErrorLines, ErrorPointers};

use super::fault::{Fault, Placed};

/// Reads a pointer.
pub(super) fn pointer(place: &str, text: &str) -> Result<Pointer, Placed> {
    Pointer::parse(text).ok_or_else(|| (place.to_owned(), Fault::BadPointer))
}

/// Readies how a hold is read; `after` is the state that the operation itself says.
pub(super) fn hold_pointers(place: &str, form: &HoldForm, after: Option<StateFrom>) -> Result<HoldPointers, Placed> {
    let at = |part: &str, text: &str| pointer(&format!("{place}.{part}"), text);
    let needed = |part: &str, why| Err((format!("{place}.{part}"), Fault::Needed(why)));
    let state = match (after, &form.state) {
        (Some(after), _) => after,
        (None, Some(_)) if form.states.is_empty() => return needed("states", "state reads words"),
        (None, Some(state)) => {
            StateFrom::Answer(at("state", state)?, form.states.iter().map(|(word, state)| (word.clone(), (*state).into())).collect())
        }
        (None, None) => return needed("state", "no state_after says it instead"),
    };
    let line = line_handle(place, form.line_id.as_deref(), form.line_product.as_deref())?;
    let lines = match (&form.lines, line, &form.line_reserved) {
        (Some(all), Some(line), Some(reserved)) => {
            Some(HoldLines { all: at("lines", all)?, line, reserved: at("line_reserved", reserved)?, missing: form.missing_line })
        }
        (None, None, None) => None,
        _ => return needed("lines", "lines, line_id (or line_product) and line_reserved only make sense together"),
    };
    Ok(HoldPointers {
        reference: at("reference", &form.reference)?,
        key: form.key.as_deref().map(|text| at("key", text)).transpose()?,
        order: form.order.as_deref().map(|text| at("order", text)).transpose()?,
        customer: form.customer.as_deref().map(|text| at("customer", text)).transpose()?,
        created_at: form.created_at.as_deref().map(|text| at("created_at", text)).transpose()?.map(|at| (at, form.expires_at_format)),
        state,
        expires_at: match &form.expires_at {
            Some(text) => Some(Expiry { at: at("expires_at", text)?, form: form.expires_at_format, optional: form.expires_at_optional }),
            None => None,
        },
        lines,
    })
}

/// Readies how a refusal is read.
pub(super) fn error_pointers(form: &ErrorForm) -> Result<ErrorPointers, Placed> {
    let option = |part: &str, text: &Option<String>| text.as_deref().map(|text| pointer(&format!("error.{part}"), text)).transpose();
    let line = line_handle("error", form.line_id.as_deref(), form.line_product.as_deref())?;
    let lines = match (option("lines", &form.lines)?, line) {
        (Some(all), Some(line)) => Some(ErrorLines { all, line, available: option("line_available", &form.line_available)? }),
        (None, None) => None,
        _ => return Err(("error.lines".to_owned(), Fault::Needed("lines and line_id (or line_product) only make sense together"))),
    };
    Ok(ErrorPointers { code: option("code", &form.code)?, message: option("message", &form.message)?, lines })
}

/// Readies how an availability answer is read.
pub(super) fn check_pointers(form: &CheckForm) -> Result<CheckPointers, Placed> {
    let at = |part: &str, text: &str| pointer(&format!("check.{part}"), text);
    let option = |part: &str, text: &Option<String>| text.as_deref().map(|text| at(part, text)).transpose();
    let needed = |part: &str, why| Err((format!("check.{part}"), Fault::Needed(why)));
    let line_state = option("line_state", &form.line_state)?;
    if line_state.is_none() && form.line_available.is_none() {
        return needed("line_available", "there is no line_state either");
    }
    if line_state.is_some() && form.states.is_empty() {
        return needed("states", "line_state reads words");
    }
    let Some(line) = line_handle("check", form.line_id.as_deref(), form.line_product.as_deref())? else {
        return needed("line_id", "there is no line_product either");
    };
    let states = form.states.iter().map(|(word, state)| (word.clone(), (*state).into())).collect();
    Ok(CheckPointers {
        reference: option("reference", &form.reference)?,
        lines: at("lines", &form.lines)?,
        line,
        line_available: option("line_available", &form.line_available)?,
        line_state: line_state.map(|pointer| (pointer, states)),
        line_code: option("line_code", &form.line_code)?,
        line_place: option("line_place", &form.line_place)?,
        line_from: option("line_from", &form.line_from)?,
        line_alternate: option("line_alternate", &form.line_alternate)?,
    })
}

fn line_handle(place: &str, id: Option<&str>, product: Option<&str>) -> Result<Option<LineHandle>, Placed> {
    match (id, product) {
        (Some(id), None) => pointer(&format!("{place}.line_id"), id).map(LineHandle::Id).map(Some),
        (None, Some(product)) => pointer(&format!("{place}.line_product"), product).map(LineHandle::Product).map(Some),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err((format!("{place}.line_product"), Fault::Contradicts("line_id names the line already"))),
    }
}
