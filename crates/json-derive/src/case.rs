//! Names of fields and variants in another case.

use syn::{Error, LitStr};

/// How `rename_all` writes the names of a type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Snake,
    Kebab,
    Lower,
}

impl Case {
    pub(crate) fn of(text: &LitStr) -> syn::Result<Self> {
        match text.value().as_str() {
            "snake_case" => Ok(Self::Snake),
            "kebab-case" => Ok(Self::Kebab),
            "lowercase" => Ok(Self::Lower),
            _ => Err(Error::new(
                text.span(),
                "expected snake_case, kebab-case or lowercase",
            )),
        }
    }

    /// The name of a field.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Snake | Self::Lower => name.to_owned(),
            Self::Kebab => name.replace('_', "-"),
        }
    }

    /// The name of a variant.
    pub(crate) fn variant(self, name: &str) -> String {
        if self == Self::Lower {
            return name.to_ascii_lowercase();
        }
        let between = if self == Self::Snake { '_' } else { '-' };
        let mut written = String::new();
        for (place, letter) in name.char_indices() {
            if place > 0 && letter.is_uppercase() {
                written.push(between);
            }
            written.push(letter.to_ascii_lowercase());
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_serde_writes_them() {
        assert_eq!(Case::Snake.variant("OtherOne"), "other_one");
        assert_eq!(Case::Kebab.variant("OtherOne"), "other-one");
        assert_eq!(Case::Lower.variant("OtherOne"), "otherone");
        assert_eq!(Case::Snake.field("last_ok_ms"), "last_ok_ms");
        assert_eq!(Case::Kebab.field("last_ok_ms"), "last-ok-ms");
        assert_eq!(Case::Lower.field("last_ok_ms"), "last_ok_ms");
    }
}
