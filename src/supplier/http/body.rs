//! JSON bodies with placeholders, written as TOML.
//!
//! A text that is nothing but one placeholder becomes a value of that placeholder's own type: `"{hold_seconds}"` is a number,
//! `"{quantity:text}"` a string. A table whose only key is `for_each_line` becomes an array with one element per order line.

use serde_json::{Map, Number, Value};

use crate::domain::OrderLine;

use super::template::{Missing, Slot, TemplateError, Text};
use super::values::{Ask, Name, Scalar, Scope};

const FOR_EACH_LINE: &str = "for_each_line";

/// A body, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Literal(Value),
    Slot(Slot),
    Text(Text),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
    EachLine(Box<Self>),
}

/// Why a table is no body, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("is not a finite number")]
    NotFinite,
    #[error("goes over the lines inside a line")]
    NestedLines,
    #[error("must stand alone in its table")]
    NotAlone,
}

impl Body {
    /// Reads a body; an error comes with the path of keys that leads to it.
    pub(super) fn parse(form: &toml::Value, scope: Scope) -> Result<Self, (String, BodyError)> {
        let here = |error: BodyError| (String::new(), error);
        match form {
            toml::Value::String(text) => match Text::parse_whole(text, scope).map_err(|error| here(error.into()))? {
                Some(slot) => Ok(Self::Slot(slot)),
                None => Text::parse(text, scope).map(Self::Text).map_err(|error| here(error.into())),
            },
            toml::Value::Integer(number) => Ok(Self::Literal(Value::from(*number))),
            toml::Value::Float(number) => {
                Number::from_f64(*number).map(|n| Self::Literal(Value::Number(n))).ok_or(here(BodyError::NotFinite))
            }
            toml::Value::Boolean(truth) => Ok(Self::Literal(Value::Bool(*truth))),
            toml::Value::Datetime(at) => Ok(Self::Literal(Value::String(at.to_string()))),
            toml::Value::Array(items) => {
                let items = items.iter().enumerate().map(|(n, item)| Self::parse(item, scope).map_err(|e| below(&n.to_string(), e)));
                items.collect::<Result<_, _>>().map(Self::Array)
            }
            toml::Value::Table(table) => match table.get(FOR_EACH_LINE) {
                Some(_) if table.len() > 1 => Err((FOR_EACH_LINE.to_owned(), BodyError::NotAlone)),
                Some(line) => {
                    let inside = scope.line().ok_or((FOR_EACH_LINE.to_owned(), BodyError::NestedLines))?;
                    Self::parse(line, inside).map(|line| Self::EachLine(Box::new(line))).map_err(|e| below(FOR_EACH_LINE, e))
                }
                None => {
                    let fields = table.iter().map(|(k, v)| Ok((k.clone(), Self::parse(v, scope).map_err(|e| below(k, e))?)));
                    fields.collect::<Result<_, _>>().map(Self::Object)
                }
            },
        }
    }

    /// One of these placeholders is in it.
    pub(super) fn names_any(&self, names: &[Name]) -> bool {
        match self {
            Self::Literal(_) => false,
            Self::Slot(slot) => names.contains(&slot.name),
            Self::Text(text) => text.names_any(names),
            Self::Array(items) => items.iter().any(|item| item.names_any(names)),
            Self::Object(fields) => fields.iter().any(|(_, field)| field.names_any(names)),
            Self::EachLine(line) => line.names_any(names),
        }
    }

    /// The JSON with the values put in.
    pub(super) fn render(&self, ask: Ask<'_>) -> Result<Value, Missing> {
        Ok(self.part(ask, None)?.unwrap_or(Value::Null))
    }

    /// One part; nothing where an optional value is to be left out.
    fn part(&self, ask: Ask<'_>, line: Option<&OrderLine>) -> Result<Option<Value>, Missing> {
        Ok(Some(match self {
            Self::Literal(value) => value.clone(),
            Self::Text(text) => Value::String(text.render(ask, line, std::convert::identity)?),
            Self::Slot(slot) => match ask.value(slot.name, line) {
                Some(value) if slot.as_text => Value::String(value.into_text()),
                Some(value) => json(value),
                None if slot.optional => return Ok(None),
                None => return Err(Missing(slot.name)),
            },
            Self::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for item in items {
                    array.extend(item.part(ask, line)?);
                }
                Value::Array(array)
            }
            Self::Object(fields) => {
                let mut object = Map::new();
                for (key, field) in fields {
                    if let Some(value) = field.part(ask, line)? {
                        object.insert(key.clone(), value);
                    }
                }
                Value::Object(object)
            }
            Self::EachLine(template) => {
                let mut array = Vec::with_capacity(ask.lines().len());
                for line in ask.lines() {
                    array.extend(template.part(ask, Some(line))?);
                }
                Value::Array(array)
            }
        }))
    }
}

fn below(key: &str, (place, error): (String, BodyError)) -> (String, BodyError) {
    (if place.is_empty() { key.to_owned() } else { format!("{key}.{place}") }, error)
}

fn json(value: Scalar) -> Value {
    match value {
        Scalar::Text(text) => Value::String(text),
        Scalar::Integer(number) => Value::from(number),
        Scalar::Truth(truth) => Value::Bool(truth),
        // A decimal's own digits are a JSON number, so that the text never is needed; it is there so that nothing can panic.
        Scalar::Number(number) => {
            let text = number.to_string();
            text.parse::<Number>().map_or(Value::String(text), Value::Number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supplier::sample::ask;
    use serde_json::json;

    fn parse(text: &str) -> Result<Body, (String, BodyError)> {
        Body::parse(&toml::Value::Table(toml::from_str(text).unwrap()), Scope::Hold)
    }

    fn render(text: &str) -> Value {
        parse(text).unwrap().render(Ask::Hold(&ask())).unwrap()
    }

    #[test]
    fn a_lone_placeholder_has_its_own_type_and_is_text_on_request() {
        let body = render(
            r#"
            seconds = "{hold_seconds}"
            partial = "{accept_partial}"
            text = "{hold_seconds:text}"
            mixed = "for {hold_seconds} s"
            fixed = [1, 1.5, true, "a {{b}}"]
            "#,
        );
        let wanted = json!({"seconds": 3600, "partial": false, "text": "3600", "mixed": "for 3600 s", "fixed": [1, 1.5, true, "a {b}"]});
        assert_eq!(body, wanted);
    }

    #[test]
    fn every_line_is_written_with_exact_numbers() {
        let body = render(r#"items = { for_each_line = { sku = "{product}", n = "{quantity}", t = "{quantity:text}" } }"#);
        assert_eq!(body.to_string(), r#"{"items":[{"n":0.000001,"sku":"PHONE","t":"0.000001"},{"n":2,"sku":"CASE","t":"2"}]}"#);
    }

    #[test]
    fn an_optional_value_that_is_not_there_is_left_out_and_a_needed_one_stops_the_request() {
        assert_eq!(render(r#"a = "{customer?}""#), json!({}));
        assert_eq!(render(r#"a = ["{customer?}", "{order}"]"#).to_string(), r#"{"a":["00000000-0000-0000-0000-000000000002"]}"#);
        let needed = parse(r#"a = "{customer}""#).unwrap().render(Ask::Hold(&ask())).unwrap_err();
        assert_eq!(needed.to_string(), "the profile needs {customer}, and there is none");
    }

    #[test]
    fn a_fault_is_found_at_its_place() {
        let at = |text: &str| parse(text).unwrap_err();
        assert_eq!(at(r#"a = { b = ["{order}", "{nobody}"] }"#).0, "a.b.1");
        assert_eq!(
            at("a = { for_each_line = { x = { for_each_line = 1 } } }"),
            ("a.for_each_line.x.for_each_line".into(), BodyError::NestedLines)
        );
        assert_eq!(at("a = { for_each_line = 1, b = 2 }"), ("a.for_each_line".into(), BodyError::NotAlone));
        assert_eq!(at("a = nan"), ("a".into(), BodyError::NotFinite));
    }
}
