//! A setting that is a list: written as one in a file, and as one text in an environment variable.

use std::fmt::{Formatter, Result as Written};

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// A list of words, or one text with commas or blanks between them. None of them is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Words {
    fn gather<'t>(said: impl IntoIterator<Item = &'t str>) -> Self {
        Self(said.into_iter().map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrText;

        impl<'de> Visitor<'de> for ListOrText {
            type Value = Words;

            fn expecting(&self, f: &mut Formatter<'_>) -> Written {
                f.write_str("a list of texts, or one text with commas between its entries")
            }

            fn visit_str<E>(self, text: &str) -> Result<Words, E> {
                Ok(Words::gather(text.split([',', ' '])))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut said: Vec<String> = Vec::new();
                while let Some(word) = list.next_element()? {
                    said.push(word);
                }
                Ok(Words::gather(said.iter().map(String::as_str)))
            }
        }

        deserializer.deserialize_any(ListOrText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Section {
        words: Words,
    }

    #[test]
    fn words_are_a_list_or_one_text() {
        for text in ["words = ['a', ' b', '']", "words = 'a, b'", "words = 'a b'", "words = ',a,,b,'"] {
            assert_eq!(toml::from_str::<Section>(text).unwrap().words.0, ["a", "b"], "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_it_must_be() {
        let error = toml::from_str::<Section>("words = 3").unwrap_err().to_string();
        assert!(error.contains("a list of texts, or one text"), "{error}");
    }
}
