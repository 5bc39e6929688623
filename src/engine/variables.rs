//! Process variables, written and read with their types; a bad one is named in the error.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as JsonValue;

use super::date;

/// The longest String that the engine can store, in UTF-16 units. A longer one would fail for ever.
pub const MAX_STRING_UNITS: usize = 4_000;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// Text of at most [`MAX_STRING_UNITS`].
    String(String),
    /// A 32-bit number.
    Integer(i32),
    /// A 64-bit number.
    Long(i64),
    /// A floating-point number.
    Double(f64),
    /// Yes or no.
    Boolean(bool),
    /// JSON of any length; the engine needs its Spin plugin for it.
    Json(JsonValue),
    /// An instant, kept by the engine to the millisecond.
    Date(DateTime<Utc>),
}

/// Named variables, as sent to the engine or as received from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Variables(BTreeMap<String, Variable>);

/// A variable as the engine spells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Variable {
    value: JsonValue,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

/// What is wrong with a variable.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum VariableError {
    /// The process has no such variable, or it is null.
    #[error("variable `{name}` must be {expected}, it is missing")]
    Missing {
        /// Which one.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The variable has another type.
    #[error("variable `{name}` must be {expected}, it is {found}")]
    WrongType {
        /// Which one.
        name: String,
        /// What it must be.
        expected: &'static str,
        /// The engine's name of its type.
        found: String,
    },
    /// The variable has the right type, but its content cannot be read.
    #[error("variable `{name}` must be {expected}: {reason}")]
    Malformed {
        /// Which one.
        name: String,
        /// What it must be.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A String that the engine cannot store; write it as Json, or cut it with
    /// [`cut_to_units`](super::cut_to_units).
    #[error("variable `{name}` has {units} characters, a String may have at most {MAX_STRING_UNITS}")]
    TooLong {
        /// Which one.
        name: String,
        /// How long it is.
        units: usize,
    },
}

impl Variables {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same variables and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a variable or replaces it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), Variable::from(value.into()));
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all variables, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A String, if there is one.
    ///
    /// # Errors
    /// When it is there and not a String.
    pub fn text(&self, name: &str) -> Result<Option<&str>, VariableError> {
        const EXPECTED: &str = "a String";
        let Some(variable) = self.present(name) else { return Ok(None) };
        match (variable.kind(), &variable.value) {
            ("String", JsonValue::String(text)) => Ok(Some(text)),
            (found, _) => Err(wrong_type(name, EXPECTED, found)),
        }
    }

    /// A whole number, whichever of the engine's types it has.
    ///
    /// # Errors
    /// When it is there and not an Integer, a Long or a Short.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, VariableError> {
        const EXPECTED: &str = "an Integer";
        let Some(variable) = self.present(name) else { return Ok(None) };
        match (variable.kind(), variable.value.as_i64()) {
            ("Integer" | "Long" | "Short", Some(number)) => Ok(Some(number)),
            (found, _) => Err(wrong_type(name, EXPECTED, found)),
        }
    }

    /// A floating-point or whole number.
    ///
    /// # Errors
    /// When it is there and not a number.
    pub fn double(&self, name: &str) -> Result<Option<f64>, VariableError> {
        const EXPECTED: &str = "a Double";
        let Some(variable) = self.present(name) else { return Ok(None) };
        match (variable.kind(), variable.value.as_f64()) {
            ("Double" | "Integer" | "Long" | "Short", Some(number)) => Ok(Some(number)),
            (found, _) => Err(wrong_type(name, EXPECTED, found)),
        }
    }

    /// A Boolean, if there is one.
    ///
    /// # Errors
    /// When it is there and not a Boolean.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, VariableError> {
        const EXPECTED: &str = "a Boolean";
        let Some(variable) = self.present(name) else { return Ok(None) };
        match (variable.kind(), variable.value.as_bool()) {
            ("Boolean", Some(value)) => Ok(Some(value)),
            (found, _) => Err(wrong_type(name, EXPECTED, found)),
        }
    }

    /// A Date, if there is one.
    ///
    /// # Errors
    /// When it is there and not a Date.
    pub fn instant(&self, name: &str) -> Result<Option<DateTime<Utc>>, VariableError> {
        const EXPECTED: &str = "a Date";
        let Some(variable) = self.present(name) else { return Ok(None) };
        match (variable.kind(), variable.value.as_str()) {
            ("Date", Some(text)) => match date::parse_date(text) {
                Some(instant) => Ok(Some(instant)),
                None => Err(malformed(name, EXPECTED, format!("`{text}` is not a date of the engine"))),
            },
            (found, _) => Err(wrong_type(name, EXPECTED, found)),
        }
    }

    /// JSON in whichever way the process holds it: Json, a String with JSON, or an Object serialised as JSON.
    ///
    /// # Errors
    /// When it is there and cannot be read as `T`.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, VariableError> {
        const EXPECTED: &str = "Json or a String with JSON";
        let Some(variable) = self.present(name) else { return Ok(None) };
        let read = match (variable.kind(), &variable.value) {
            ("Json" | "String" | "Object", JsonValue::String(text)) => serde_json::from_str(text),
            ("Json" | "Object", value) => T::deserialize(value),
            (found, _) => return Err(wrong_type(name, EXPECTED, found)),
        };
        read.map(Some).map_err(|error| malformed(name, EXPECTED, error.to_string()))
    }

    /// Refuses what the engine could not store, before it is sent.
    pub(super) fn check(&self) -> Result<(), VariableError> {
        for (name, variable) in &self.0 {
            let JsonValue::String(text) = &variable.value else { continue };
            if variable.kind() == "String" && text.len() > MAX_STRING_UNITS {
                let units = text.encode_utf16().count();
                if units > MAX_STRING_UNITS {
                    return Err(VariableError::TooLong { name: name.clone(), units });
                }
            }
        }
        Ok(())
    }

    fn present(&self, name: &str) -> Option<&Variable> {
        self.0.get(name).filter(|variable| !variable.value.is_null())
    }
}

/// Turns "there is none" into an error that says what was wanted.
pub trait Required<T> {
    /// The value.
    ///
    /// # Errors
    /// When there is none, or it could not be read.
    fn required(self, name: &str, expected: &'static str) -> Result<T, VariableError>;
}

impl<T> Required<T> for Result<Option<T>, VariableError> {
    fn required(self, name: &str, expected: &'static str) -> Result<T, VariableError> {
        self?.ok_or_else(|| VariableError::Missing { name: name.to_owned(), expected })
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), Variable::from(value.into()))).collect())
    }
}

impl Variable {
    /// The engine's name of the type; the engine leaves it out for nothing but null.
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Null")
    }
}

impl From<Value> for Variable {
    fn from(value: Value) -> Self {
        let (kind, value) = match value {
            Value::Null => ("Null", JsonValue::Null),
            Value::String(text) => ("String", text.into()),
            Value::Integer(number) => ("Integer", number.into()),
            Value::Long(number) => ("Long", number.into()),
            Value::Double(number) => ("Double", number.into()),
            Value::Boolean(value) => ("Boolean", value.into()),
            // The engine takes JSON as a text, not as a tree.
            Value::Json(json) => ("Json", json.to_string().into()),
            Value::Date(instant) => ("Date", date::format_date(instant).into()),
        };
        Self { value, kind: Some(kind.to_owned()) }
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

value_from! {
    &str => String;
    String => String;
    i32 => Integer;
    i64 => Long;
    f64 => Double;
    bool => Boolean;
    JsonValue => Json;
    DateTime<Utc> => Date;
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

fn wrong_type(name: &str, expected: &'static str, found: &str) -> VariableError {
    VariableError::WrongType { name: name.to_owned(), expected, found: found.to_owned() }
}

fn malformed(name: &str, expected: &'static str, reason: String) -> VariableError {
    VariableError::Malformed { name: name.to_owned(), expected, reason }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn received(dto: JsonValue) -> Variables {
        serde_json::from_value(dto).unwrap()
    }

    #[test]
    fn every_type_is_written_as_the_engine_spells_it() {
        let variables = Variables::new()
            .with("string", "text")
            .with("integer", 3)
            .with("long", 3_000_000_000_i64)
            .with("double", 1.5)
            .with("boolean", true)
            .with("json", json!([{"a": 1}]))
            .with("date", DateTime::UNIX_EPOCH)
            .with("nothing", None::<String>);
        assert_eq!(
            serde_json::to_value(variables).unwrap(),
            json!({
                "string": {"type": "String", "value": "text"},
                "integer": {"type": "Integer", "value": 3},
                "long": {"type": "Long", "value": 3_000_000_000_i64},
                "double": {"type": "Double", "value": 1.5},
                "boolean": {"type": "Boolean", "value": true},
                "json": {"type": "Json", "value": "[{\"a\":1}]"},
                "date": {"type": "Date", "value": "1970-01-01T00:00:00.000+0000"},
                "nothing": {"type": "Null", "value": null},
            })
        );
    }

    #[test]
    fn every_type_is_read_back() {
        let variables = received(json!({
            "string": {"type": "String", "value": "text", "valueInfo": {}},
            "short": {"type": "Short", "value": 3},
            "double": {"type": "Double", "value": 1.5},
            "boolean": {"type": "Boolean", "value": false},
            "date": {"type": "Date", "value": "1970-01-01T02:00:00.000+0200"},
        }));
        assert_eq!(variables.text("string"), Ok(Some("text")));
        assert_eq!(variables.integer("short"), Ok(Some(3)));
        assert_eq!(variables.double("double"), Ok(Some(1.5)));
        assert_eq!(variables.boolean("boolean"), Ok(Some(false)));
        assert_eq!(variables.instant("date"), Ok(Some(DateTime::UNIX_EPOCH)));
    }

    #[test]
    fn json_is_read_from_a_json_a_string_and_an_object() {
        for kind in ["Json", "String", "Object"] {
            let variables = received(json!({"lines": {"type": kind, "value": "[1,2]"}}));
            assert_eq!(variables.json::<Vec<u8>>("lines"), Ok(Some(vec![1, 2])), "{kind}");
        }
    }

    #[test]
    fn a_wrong_type_is_named_with_what_it_must_be() {
        let variables = received(json!({"orderLines": {"type": "Integer", "value": 7}}));
        let error = variables.json::<Vec<u8>>("orderLines").unwrap_err();
        assert_eq!(error.to_string(), "variable `orderLines` must be Json or a String with JSON, it is Integer");
        let error = variables.text("orderLines").unwrap_err();
        assert_eq!(error.to_string(), "variable `orderLines` must be a String, it is Integer");
    }

    #[test]
    fn content_that_cannot_be_read_is_named_with_the_reason() {
        let variables = received(json!({"orderLines": {"type": "String", "value": "[1,"}}));
        let error = variables.json::<Vec<u8>>("orderLines").unwrap_err();
        assert!(error.to_string().starts_with("variable `orderLines` must be Json or a String with JSON: EOF"), "{error}");
    }

    #[test]
    fn a_missing_and_a_null_variable_are_both_missing() {
        let variables = received(json!({"nothing": {"type": "Null", "value": null}}));
        for name in ["nothing", "absent"] {
            assert_eq!(variables.text(name), Ok(None));
            let error = variables.text(name).required(name, "a UUID").unwrap_err();
            assert_eq!(error.to_string(), format!("variable `{name}` must be a UUID, it is missing"));
        }
    }

    #[test]
    fn a_string_that_the_engine_cannot_store_is_refused_by_name() {
        let fits = Variables::new().with("note", "x".repeat(MAX_STRING_UNITS));
        assert_eq!(fits.check(), Ok(()));
        let too_long = fits.with("evidence", "x".repeat(MAX_STRING_UNITS + 1));
        assert_eq!(too_long.check(), Err(VariableError::TooLong { name: "evidence".into(), units: 4_001 }));
        let as_json = Variables::new().with("evidence", json!("x".repeat(5_000)));
        assert_eq!(as_json.check(), Ok(()));
    }
}
