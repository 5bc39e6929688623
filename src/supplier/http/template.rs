//! Texts with placeholders: paths and headers, and the texts inside a body.

use crate::domain::OrderLine;

use super::values::{Ask, Name, Scope};

/// One placeholder as it was written: `{name}`, `{name:text}`, `{name?}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) name: Name,
    pub(super) as_text: bool,
    pub(super) optional: bool,
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Slot(Slot),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TemplateError {
    #[error("has a brace without its partner; a literal brace is written twice")]
    LooseBrace,
    #[error("names {{{name}}}, which does not exist here; there are: {}", known.join(", "))]
    UnknownName { name: String, known: Vec<&'static str> },
    #[error("gives {{{name}}} the form '{form}'; the only form is 'text'")]
    UnknownForm { name: String, form: String },
    #[error("makes {{{}?}} optional inside a longer text; only a whole value can be left out", .0.as_str())]
    OptionalInside(Name),
}

/// A placeholder for which the ask has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the profile needs {{{}}}, and there is none", .0.as_str())]
pub(super) struct Missing(pub(super) Name);

impl Text {
    /// Reads a template.
    pub(super) fn parse(text: &str, scope: Scope) -> Result<Self, TemplateError> {
        let pieces = Self::pieces(text, scope)?;
        match pieces.iter().find_map(|piece| match piece {
            Piece::Slot(slot) if slot.optional => Some(slot.name),
            Piece::Slot(_) | Piece::Literal(_) => None,
        }) {
            Some(name) => Err(TemplateError::OptionalInside(name)),
            None => Ok(Self(pieces)),
        }
    }

    /// Reads a template that is nothing but one placeholder, if it is that.
    pub(super) fn parse_whole(text: &str, scope: Scope) -> Result<Option<Slot>, TemplateError> {
        match Self::pieces(text, scope)?.as_slice() {
            [Piece::Slot(slot)] => Ok(Some(*slot)),
            _ => Ok(None),
        }
    }

    fn pieces(text: &str, scope: Scope) -> Result<Vec<Piece>, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    literal.push(c);
                }
                '}' => return Err(TemplateError::LooseBrace),
                '{' => {
                    let mut inside = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some('{') | None => return Err(TemplateError::LooseBrace),
                            Some(other) => inside.push(other),
                        }
                    }
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Slot(slot(&inside, scope)?));
                }
                other => literal.push(other),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(pieces)
    }

    /// The text with the values put in, each passed through `encode`.
    pub(super) fn render(&self, ask: Ask<'_>, line: Option<&OrderLine>, encode: fn(String) -> String) -> Result<String, Missing> {
        let mut rendered = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => rendered.push_str(literal),
                Piece::Slot(slot) => {
                    let value = ask.value(slot.name, line).ok_or(Missing(slot.name))?;
                    rendered.push_str(&encode(value.into_text()));
                }
            }
        }
        Ok(rendered)
    }

    /// One of these placeholders is in it.
    pub(super) fn names_any(&self, names: &[Name]) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Slot(slot) if names.contains(&slot.name)))
    }

    /// What stands before the first placeholder.
    pub(super) fn start(&self) -> &str {
        match self.0.first() {
            Some(Piece::Literal(literal)) => literal,
            Some(Piece::Slot(_)) | None => "",
        }
    }
}

fn slot(inside: &str, scope: Scope) -> Result<Slot, TemplateError> {
    let (inside, optional) = inside.strip_suffix('?').map_or((inside, false), |rest| (rest, true));
    let (name, form) = inside.split_once(':').map_or((inside, None), |(name, form)| (name, Some(form)));
    let found =
        Name::find(name, scope).ok_or_else(|| TemplateError::UnknownName { name: name.to_owned(), known: Name::spellings(scope) })?;
    match form {
        None | Some("text") => Ok(Slot { name: found, as_text: form.is_some(), optional }),
        Some(form) => Err(TemplateError::UnknownForm { name: name.to_owned(), form: form.to_owned() }),
    }
}

/// Writes everything but letters, digits and `-._~` as `%XX`, so that a value stays one piece of a path or query.
pub(super) fn percent_encode(text: String) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.into_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for half in [byte >> 4, byte & 15] {
                encoded.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_there_is_refused_with_what_does() {
        let error = Text::parse("/x/{quantity}", Scope::Hold).unwrap_err();
        assert!(error.to_string().starts_with("names {quantity}, which does not exist here; there are: tenant, order, key"), "{error}");
        assert!(Text::parse("{quantity}", Scope::HoldLine).is_ok());
    }

    #[test]
    fn braces_come_in_pairs_or_twice() {
        for text in ["/{key", "/key}", "/{ke{y}}"] {
            assert_eq!(Text::parse(text, Scope::Hold), Err(TemplateError::LooseBrace), "{text}");
        }
        let text = Text::parse("{{x}}", Scope::Hold).unwrap();
        assert_eq!(text.start(), "{x}");
    }

    #[test]
    fn a_form_or_an_option_where_none_can_be_is_refused() {
        assert!(matches!(Text::parse("{key:number}", Scope::Hold), Err(TemplateError::UnknownForm { .. })));
        assert_eq!(Text::parse("a {customer?}", Scope::Hold), Err(TemplateError::OptionalInside(Name::Customer)));
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_path() {
        assert_eq!(percent_encode("a/b?c#d%e:f ü".to_owned()), "a%2Fb%3Fc%23d%25e%3Af%20%C3%BC");
        assert_eq!(percent_encode("HOLD-1._~".to_owned()), "HOLD-1._~");
    }
}
