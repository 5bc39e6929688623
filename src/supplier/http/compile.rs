//! Turns a profile as written into one ready for use, or says at which place it cannot.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use reqwest::header::HeaderName;

use crate::domain::{Capabilities, Operation};

use super::availability::CheckPointers;
use super::body::{Body, BodyError};
use super::form::{AnswerForm, CheckForm, ErrorForm, HoldForm, MeaningForm, MethodForm, OperationForm, ProfileForm};
use super::hold::{Expiry, HoldLines, HoldPointers, StateFrom};
use super::pointer::Pointer;
use super::profile::{CheckOperation, HoldOperation, Profile, RequestTemplate, Success};
use super::rules::{ErrorLines, ErrorPointers, Rules};
use super::template::{TemplateError, Text};
use super::values::{Name, Scope};

/// What is wrong at one place of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("must start with '/' and must not have '#', a space or a '.' or '..' of its own between slashes")]
    BadPath,
    #[error("is no JSON pointer: one is empty or starts with '/'")]
    BadPointer,
    #[error("is no header name")]
    BadHeader,
    #[error("is set by the daemon; credentials belong into the source's auth, not into a profile")]
    OwnHeader,
    #[error("must list at least one status from 200 to 299, and no other")]
    BadSuccess,
    #[error("must be a status from 200 to 599")]
    BadStatus,
    #[error("lists the same status and code twice")]
    RuleTwice,
    #[error("is a success already, so that a rule without a code contradicts it")]
    RuleContradicts,
    #[error("refuses by status alone; a refusal needs a code")]
    RefusedWithoutCode,
    #[error("has a code, but error.code does not say where an answer has its code")]
    NoCodePointer,
    #[error("has a state, which only goes with means = \"refused\"")]
    StateWithoutRefusal,
    #[error("cannot be the meaning of an answer to this operation")]
    ImpossibleMeaning,
    #[error("must be given, because {0}")]
    Needed(&'static str),
    #[error("must not be given, because {0}")]
    Contradicts(&'static str),
    #[error("sends nothing by which the inventory could tell the hold: {0}")]
    NeverSent(&'static str),
}

/// A fault with its place, such as `reserve.body.lines`.
pub(super) type Placed = (String, Fault);

/// Checks and readies a whole profile.
pub(super) fn compile(form: ProfileForm) -> Result<Profile, Placed> {
    let error = error_pointers(&form.error)?;
    let shared = Shared { headers: &form.headers, hold: form.hold.as_ref(), error: &error };
    let operation =
        |place: &str, operation, form: Option<&OperationForm>| form.map(|form| shared.operation(place, operation, form)).transpose();
    let profile = Profile {
        capabilities: Capabilities {
            idempotent_create: form.capabilities.idempotent_create,
            lookup: form.lookup_by_key.is_some() || form.lookup_by_reference.is_some(),
            release: form.release.is_some(),
            idempotent_release: form.capabilities.idempotent_release,
            confirm: form.confirm.is_some(),
            extend: form.extend.is_some(),
        },
        check: form.check.as_ref().map(|check| shared.check(check)).transpose()?,
        reserve: shared.operation("reserve", Operation::Reserve, &form.reserve)?,
        lookup_by_reference: operation("lookup_by_reference", Operation::Lookup, form.lookup_by_reference.as_ref())?,
        lookup_by_key: operation("lookup_by_key", Operation::Lookup, form.lookup_by_key.as_ref())?,
        release: operation("release", Operation::Release, form.release.as_ref())?,
        confirm: operation("confirm", Operation::Confirm, form.confirm.as_ref())?,
        extend: operation("extend", Operation::Extend, form.extend.as_ref())?,
    };
    check_what_is_sent(&profile)?;
    Ok(profile)
}

/// A promise about the key is worth nothing if the key never travels.
fn check_what_is_sent(profile: &Profile) -> Result<(), Placed> {
    const KEYS: &[Name] = &[Name::Key, Name::KeyUuid];
    const HANDLES: &[Name] = &[Name::Key, Name::KeyUuid, Name::Reference];
    let lacks = |operation: Option<&HoldOperation>, names| operation.is_some_and(|operation| !operation.request.names_any(names));
    let fault = |place: &str, why| Err((place.to_owned(), Fault::NeverSent(why)));
    if profile.capabilities.idempotent_create && lacks(Some(&profile.reserve), KEYS) {
        return fault("reserve", "idempotent_create needs {key} or {key_uuid}");
    }
    if profile.capabilities.idempotent_release && profile.release.is_none() {
        return Err(("release".to_owned(), Fault::Needed("idempotent_release is promised")));
    }
    if lacks(profile.lookup_by_key.as_ref(), KEYS) {
        return fault("lookup_by_key", "it needs {key} or {key_uuid}");
    }
    if lacks(profile.lookup_by_reference.as_ref(), &[Name::Reference]) {
        return fault("lookup_by_reference", "it needs {reference}");
    }
    for (place, operation) in [("release", &profile.release), ("confirm", &profile.confirm), ("extend", &profile.extend)] {
        if lacks(operation.as_ref(), HANDLES) {
            return fault(place, "it needs {reference}, {key} or {key_uuid}");
        }
    }
    if lacks(profile.extend.as_ref(), &[Name::Until]) {
        return fault("extend", "it needs {until}");
    }
    Ok(())
}

/// What all operations have in common.
struct Shared<'a> {
    headers: &'a BTreeMap<String, String>,
    hold: Option<&'a HoldForm>,
    error: &'a ErrorPointers,
}

impl Shared<'_> {
    fn operation(&self, place: &str, operation: Operation, form: &OperationForm) -> Result<HoldOperation, Placed> {
        let headers = (self.headers, &form.headers);
        Ok(HoldOperation {
            request: request(place, Scope::Hold, form.method, &form.path, headers, form.body.as_ref())?,
            rules: self.rules(place, operation, &form.success, &form.answers)?,
            success: self.success(place, operation, form)?,
        })
    }

    fn success(&self, place: &str, operation: Operation, form: &OperationForm) -> Result<Success, Placed> {
        let own = |part: &str| format!("{place}.{part}");
        match (&form.hold, form.state_after) {
            (_, Some(_)) if operation == Operation::Lookup => {
                Err((own("state_after"), Fault::Contradicts("a look-up is there to read the state")))
            }
            (None, Some(_)) if operation == Operation::Reserve => {
                Err((own("hold"), Fault::Needed("the answer to a reserve must name the hold's reference")))
            }
            (Some(hold), Some(_)) if hold.state.is_some() => {
                Err((own("hold.state"), Fault::Contradicts("state_after says the state already")))
            }
            (None, Some(state)) => Ok(Success::Silent(state.into())),
            (Some(hold), Some(state)) => {
                pointers(&own("hold"), hold, Some(StateFrom::Operation(state.into()))).map(Box::new).map(Success::Hold)
            }
            (Some(hold), None) => pointers(&own("hold"), hold, None).map(Box::new).map(Success::Hold),
            (None, None) => match self.hold {
                Some(hold) => pointers("hold", hold, None).map(Box::new).map(Success::Hold),
                None => Err((own("hold"), Fault::Needed("there is neither a [hold] for all operations nor a state_after here"))),
            },
        }
    }

    fn check(&self, form: &CheckForm) -> Result<CheckOperation, Placed> {
        let at = |part: &str, text: &str| pointer(&format!("check.{part}"), text);
        let option = |part: &str, text: &Option<String>| text.as_deref().map(|text| at(part, text)).transpose();
        let line_state = option("line_state", &form.line_state)?;
        if line_state.is_none() && form.line_available.is_none() {
            return Err(("check.line_available".to_owned(), Fault::Needed("there is no line_state either")));
        }
        if line_state.is_some() && form.states.is_empty() {
            return Err(("check.states".to_owned(), Fault::Needed("line_state reads words")));
        }
        let states = form.states.iter().map(|(word, state)| (word.clone(), (*state).into())).collect();
        Ok(CheckOperation {
            request: request("check", Scope::Check, form.method, &form.path, (self.headers, &form.headers), form.body.as_ref())?,
            rules: self.rules("check", Operation::Check, &form.success, &form.answers)?,
            pointers: CheckPointers {
                reference: option("reference", &form.reference)?,
                lines: at("lines", &form.lines)?,
                line_id: at("line_id", &form.line_id)?,
                line_available: option("line_available", &form.line_available)?,
                line_state: line_state.map(|pointer| (pointer, states)),
            },
        })
    }

    fn rules(&self, place: &str, operation: Operation, success: &[u16], answers: &[AnswerForm]) -> Result<Rules, Placed> {
        if success.is_empty() || success.iter().any(|status| !(200..300).contains(status)) {
            return Err((format!("{place}.success"), Fault::BadSuccess));
        }
        let mut seen = BTreeSet::new();
        for (n, rule) in answers.iter().enumerate() {
            let fault = |fault| Err((format!("{place}.answers.{n}"), fault));
            match rule.code {
                _ if !(200..600).contains(&rule.status) => return fault(Fault::BadStatus),
                _ if !seen.insert((rule.status, rule.code.clone())) => return fault(Fault::RuleTwice),
                _ if !can_mean(operation, rule.means) => return fault(Fault::ImpossibleMeaning),
                _ if rule.state.is_some() && rule.means != MeaningForm::Refused => return fault(Fault::StateWithoutRefusal),
                Some(_) if self.error.code.is_none() => return fault(Fault::NoCodePointer),
                None if rule.means == MeaningForm::Refused => return fault(Fault::RefusedWithoutCode),
                None if success.contains(&rule.status) => return fault(Fault::RuleContradicts),
                Some(_) | None => {}
            }
        }
        Ok(Rules { success: success.to_vec(), answers: answers.to_vec(), error: self.error.clone() })
    }
}

/// Which meanings make sense of which operation.
fn can_mean(operation: Operation, means: MeaningForm) -> bool {
    match means {
        MeaningForm::Done | MeaningForm::NotSent | MeaningForm::Unknown => true,
        MeaningForm::Refused => operation != Operation::Lookup,
        // What was not there before a create is no news, and proves nothing after it.
        MeaningForm::Absent => !matches!(operation, Operation::Check | Operation::Reserve),
        MeaningForm::Released | MeaningForm::Expired => operation != Operation::Check,
    }
}

fn request(
    place: &str,
    scope: Scope,
    method: MethodForm,
    path: &str,
    (shared, own): (&BTreeMap<String, String>, &BTreeMap<String, String>),
    body: Option<&toml::Value>,
) -> Result<RequestTemplate, Placed> {
    let method = match method {
        MethodForm::Get => Method::GET,
        MethodForm::Post => Method::POST,
        MethodForm::Put => Method::PUT,
        MethodForm::Patch => Method::PATCH,
        MethodForm::Delete => Method::DELETE,
    };
    if method == Method::GET && body.is_some() {
        return Err((format!("{place}.body"), Fault::Contradicts("a GET has none")));
    }
    let at_path = |fault: Fault| (format!("{place}.path"), fault);
    let text = Text::parse(path, scope).map_err(|error| at_path(error.into()))?;
    let route = path.split('?').next().unwrap_or_default();
    let dots = route.split('/').any(|segment| matches!(segment, "." | ".."));
    if !text.start().starts_with('/') || dots || path.contains(['#', ' ', '\\']) {
        return Err(at_path(Fault::BadPath));
    }
    let mut headers = Vec::new();
    // An operation's own header takes the place of the shared one.
    let merged = shared.iter().filter(|(name, _)| !own.keys().any(|key| key.eq_ignore_ascii_case(name))).map(|pair| ("", pair));
    for (prefix, (name, value)) in merged.chain(own.iter().map(|pair| (place, pair))) {
        let at =
            |fault: Fault| ([prefix, "headers", name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."), fault);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| at(Fault::BadHeader))?;
        if ["authorization", "proxy-authorization", "host", "content-length", "transfer-encoding", "connection"].contains(&header.as_str())
        {
            return Err(at(Fault::OwnHeader));
        }
        headers.push((header, Text::parse(value, scope).map_err(|error| at(error.into()))?));
    }
    let body = body.map(|body| Body::parse(body, scope)).transpose().map_err(|(inside, error)| {
        let place = if inside.is_empty() { format!("{place}.body") } else { format!("{place}.body.{inside}") };
        (place, error.into())
    })?;
    Ok(RequestTemplate { method, path: text, headers, body })
}

fn pointer(place: &str, text: &str) -> Result<Pointer, Placed> {
    Pointer::parse(text).ok_or_else(|| (place.to_owned(), Fault::BadPointer))
}

fn pointers(place: &str, form: &HoldForm, after: Option<StateFrom>) -> Result<HoldPointers, Placed> {
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
    let lines = match (&form.lines, &form.line_id, &form.line_reserved) {
        (Some(all), Some(id), Some(reserved)) => Some(HoldLines {
            all: at("lines", all)?,
            id: at("line_id", id)?,
            reserved: at("line_reserved", reserved)?,
            missing: form.missing_line,
        }),
        (None, None, None) => None,
        _ => return needed("lines", "lines, line_id and line_reserved only make sense together"),
    };
    Ok(HoldPointers {
        reference: at("reference", &form.reference)?,
        key: form.key.as_deref().map(|text| at("key", text)).transpose()?,
        state,
        expires_at: match &form.expires_at {
            Some(text) => Some(Expiry { at: at("expires_at", text)?, form: form.expires_at_format, optional: form.expires_at_optional }),
            None => None,
        },
        lines,
    })
}

fn error_pointers(form: &ErrorForm) -> Result<ErrorPointers, Placed> {
    let option = |part: &str, text: &Option<String>| text.as_deref().map(|text| pointer(&format!("error.{part}"), text)).transpose();
    let lines = match (option("lines", &form.lines)?, option("line_id", &form.line_id)?) {
        (Some(all), Some(id)) => Some(ErrorLines { all, id, available: option("line_available", &form.line_available)? }),
        (None, None) => None,
        _ => return Err(("error.lines".to_owned(), Fault::Needed("lines and line_id only make sense together"))),
    };
    Ok(ErrorPointers { code: option("code", &form.code)?, message: option("message", &form.message)?, lines })
}
