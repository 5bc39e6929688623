//! Finds a profile by its name or its file, and refuses a bad one with the place where it is bad.

use std::path::{Path, PathBuf};

use super::compile::compile;
use super::form::ProfileForm;
use super::profile::Profile;

/// The profiles that are part of the binary.
const SHIPPED: &[(&str, &str)] =
    &[("plain", include_str!("../../../config/profiles/plain.toml")), ("unkeyed", include_str!("../../../config/profiles/unkeyed.toml"))];

/// Why there is no such profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Neither a shipped name nor a path.
    #[error("profile '{name}' does not exist; there are: {}; a file of your own is given by its path, ending in .toml", names())]
    NoSuchName {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("profile {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is no profile: bad TOML, an unknown key, a missing one, a word that is none of those allowed.
    #[error("profile '{name}' is not written as a profile is")]
    Malformed {
        /// The profile.
        name: String,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// One place contradicts another, or cannot be what it says.
    #[error("profile '{name}': {place} {fault}")]
    Wrong {
        /// The profile.
        name: String,
        /// The place, such as `reserve.body.lines`.
        place: String,
        /// What is wrong there.
        fault: String,
    },
}

/// Loads a profile by the name of a shipped one or by the path of a file.
///
/// # Errors
/// [`ProfileError`] naming the place.
pub(crate) fn load(name: &str) -> Result<Profile, ProfileError> {
    if let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) {
        return read(name, text);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Err(ProfileError::NoSuchName { name: name.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Unreadable { path: path.to_owned(), source })?;
    read(name, &text)
}

fn read(name: &str, text: &str) -> Result<Profile, ProfileError> {
    let malformed = |source| ProfileError::Malformed { name: name.to_owned(), source: Box::new(source) };
    let form: ProfileForm = toml::from_str(text).map_err(malformed)?;
    compile(form).map_err(|(place, fault)| ProfileError::Wrong { name: name.to_owned(), place, fault: fault.to_string() })
}

fn names() -> String {
    SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = SHIPPED[0].1;

    /// What is said of the plain profile with one text in it replaced.
    fn complaint(from: &str, to: &str) -> String {
        assert!(PLAIN.contains(from), "{from}");
        let error = read("mine", &PLAIN.replacen(from, to, 1)).unwrap_err();
        let mut said = error.to_string();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            said.push_str(": ");
            said.push_str(&next.to_string());
            cause = next;
        }
        said
    }

    #[test]
    fn every_shipped_profile_loads_by_its_name() {
        for (name, _) in SHIPPED {
            load(name).unwrap();
        }
        assert!(load("plane").unwrap_err().to_string().starts_with("profile 'plane' does not exist; there are: plain, unkeyed;"));
        assert!(load("/nowhere/x.toml").unwrap_err().to_string().starts_with("profile /nowhere/x.toml cannot be read"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let said = complaint("line_reserved =", "line_reserve =");
        let line = PLAIN.lines().position(|line| line.starts_with("line_reserved =")).unwrap() + 1;
        assert!(said.contains(&format!("line {line},")) && said.contains("line_reserve"), "{said}");
    }

    #[test]
    fn a_refusal_by_status_alone_cannot_be_written() {
        let said = complaint(r#"{ status = 409, code = "OUT_OF_STOCK", means = "refused" }"#, r#"{ status = 409, means = "refused" }"#);
        assert_eq!(said, "profile 'mine': reserve.answers.0 refuses by status alone; a refusal needs a code");
    }

    #[test]
    fn contradictions_are_named_with_their_place() {
        for (from, to, said) in [
            (
                "locationId = \"{location?}\" } }\n\n[reserve]",
                "x = \"{order}\" } }\n\n[reserve]",
                "check.body.lines.for_each_line.x names {order}",
            ),
            ("x-tenant-id = \"{tenant}\"", "authorization = \"x\"", "headers.authorization is set by the daemon"),
            ("path = \"/reservations/{reference}\"", "path = \"/reservations/x\"", "lookup_by_reference sends nothing by which"),
            ("path = \"/availability\"", "path = \"availability\"", "check.path must start with '/'"),
            ("path = \"/availability\"", "path = \"/a/../b\"", "check.path must start with '/'"),
            ("requestKey = \"{key}\"\n", "", "{key} or {key_uuid}"),
            ("success = [200, 201]", "success = [200, 404]", "reserve.success must list"),
            ("state = \"/state\"", "state = \"state\"", "hold.state is no JSON pointer"),
            ("state = \"/state\"\n", "", "hold.state must be given"),
            ("line_reserved = \"/reserved\"\n", "", "hold.lines must be given"),
            ("line_reserved =", "line_product = \"/sku\"\nline_reserved =", "hold.line_product must not be given"),
            (
                "success = [200]\nanswers = [{",
                "success = [200]\nlist_more = \"/next\"\nanswers = [{",
                "lookup_by_reference.list must be given",
            ),
            ("code = \"/code\"\n", "", "check.answers.0 has a code, but error.code"),
            (
                "code = \"KEY_REUSED\", means = \"unknown\"",
                "code = \"OUT_OF_STOCK\", means = \"unknown\"",
                "reserve.answers.3 lists the same",
            ),
            (
                "code = \"KEY_REUSED\", means = \"unknown\"",
                "code = \"KEY_REUSED\", means = \"absent\"",
                "reserve.answers.3 cannot be the meaning",
            ),
            ("method = \"POST\"\npath = \"/availability\"", "method = \"GET\"\npath = \"/availability\"", "check.body must not be given"),
        ] {
            let found = complaint(from, to);
            assert!(found.starts_with("profile 'mine': ") && found.contains(said), "{from} -> {to}: {found}");
        }
    }
}
