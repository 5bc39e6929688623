//! Closed sets of words: an enum whose members are spelled in one place, read as they are written, and listed without a gap.

/// Defines such an enum: `Member = "spelling"`, each with its documentation. The spellings stand in the database, in logs and on the wire,
/// so that changing one is a migration.
macro_rules! spelled {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$member_doc])* $member,)+
        }

        impl $name {
            /// Every one, in the order of their definition.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$member),+];

            /// How it is spelled.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }

            /// Reads the spelling.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|member| member.as_str() == text)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use spelled;

#[cfg(test)]
#[expect(unreachable_pub, reason = "such an enum is for others to read; this one has no others")]
mod tests {
    spelled! {
        /// A word for a test.
        pub enum Word {
            /// One.
            One = "ONE",
            /// Two.
            Two = "TWO",
        }
    }

    #[test]
    fn every_word_is_read_as_it_is_written_and_no_other_is() {
        assert_eq!(Word::ALL, [Word::One, Word::Two]);
        for word in Word::ALL {
            assert_eq!(Word::parse(&word.to_string()), Some(word));
        }
        assert_eq!(Word::parse("one"), None);
    }
}
