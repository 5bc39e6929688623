//! Goes through a whole profile, operation by operation.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Capabilities, Operation};
use crate::supplier::http::form::{AnswerForm, CheckForm, HoldForm, MeaningForm, OperationForm, ProfileForm};
use crate::supplier::http::hold::StateFrom;
use crate::supplier::http::list::HoldList;
use crate::supplier::http::profile::{CheckOperation, HoldOperation, Profile, Success};
use crate::supplier::http::rules::{ErrorPointers, Rules};
use crate::supplier::http::values::{Name, Scope};

use super::fault::{Fault, Placed};
use super::reading::{check_pointers, error_pointers, hold_pointers, pointer};
use super::request::request;

/// Checks and readies a whole profile.
pub(crate) fn compile(form: ProfileForm) -> Result<Profile, Placed> {
    let error = error_pointers(&form.error)?;
    let shared = Shared { headers: &form.headers, hold: form.hold.as_ref(), error: &error };
    let operation =
        |place: &str, operation, form: Option<&OperationForm>| form.map(|form| shared.operation(place, operation, form)).transpose();
    let profile = Profile {
        capabilities: Capabilities {
            idempotent_create: form.capabilities.idempotent_create,
            lookup: form.lookup_by_key.is_some() || form.lookup_by_reference.is_some(),
            lookup_by_key: form.lookup_by_key.is_some(),
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
    if lacks(profile.extend.as_ref(), &[Name::Until, Name::UntilEpochSeconds]) {
        return fault("extend", "it needs {until} or {until_epoch_seconds}");
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
        let looks = operation == Operation::Lookup;
        if form.state_after.is_some() && looks {
            return Err((own("state_after"), Fault::Contradicts("a look-up is there to read the state")));
        }
        if (form.list.is_some() || form.list_more.is_some()) && !looks {
            return Err((own("list"), Fault::Contradicts("only a look-up is answered with a list")));
        }
        let hold = match (&form.hold, form.state_after, self.hold) {
            (None, Some(_), _) if operation == Operation::Reserve => {
                return Err((own("hold"), Fault::Needed("the answer to a reserve must name the hold's reference")));
            }
            (None, Some(state), _) => return Ok(Success::Silent(state.into())),
            (Some(hold), Some(_), _) if hold.state.is_some() => {
                return Err((own("hold.state"), Fault::Contradicts("state_after says the state already")));
            }
            (Some(hold), after, _) => hold_pointers(&own("hold"), hold, after.map(|state| StateFrom::Operation(state.into())))?,
            (None, None, Some(hold)) => hold_pointers("hold", hold, None)?,
            (None, None, None) => {
                return Err((own("hold"), Fault::Needed("there is neither a [hold] for all operations nor a state_after here")));
            }
        };
        match (&form.list, &form.list_more) {
            (None, None) => Ok(Success::Hold(Box::new(hold))),
            (None, Some(_)) => Err((own("list"), Fault::Needed("list_more speaks of one"))),
            (Some(_), _) if hold.key.is_none() => Err((own("hold.key"), Fault::Needed("a list is searched for our key"))),
            (Some(all), more) => Ok(Success::List(Box::new(HoldList {
                all: pointer(&own("list"), all)?,
                more: more.as_deref().map(|text| pointer(&own("list_more"), text)).transpose()?,
                hold,
            }))),
        }
    }

    fn check(&self, form: &CheckForm) -> Result<CheckOperation, Placed> {
        let headers = (self.headers, &form.headers);
        Ok(CheckOperation {
            request: request("check", Scope::Check, form.method, &form.path, headers, form.body.as_ref())?,
            rules: self.rules("check", Operation::Check, &form.success, &form.answers)?,
            pointers: check_pointers(form)?,
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
