//! What the code that `#[derive(Deserialize)]` makes for a type calls: everything that the type does not change.
//!
//! It is public for that code alone.

use serde::Deserialize;
use serde::de::{DeserializeSeed, EnumAccess, Error, IgnoredAny, Visitor};
pub use serde::de::{Deserializer, MapAccess, VariantAccess};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// What stands for the number of a name where there is none.
pub const NONE: usize = usize::MAX;

/// A struct, or a variant like one.
pub trait Structure<'de> {
    /// What is read.
    type Value;
    /// Its name, for errors.
    const NAME: &'static str;
    /// The names of its fields, for sources of data that ask for them.
    const FIELDS: &'static [&'static str];
    /// What it looks like.
    const SHAPE: &'static Shape;

    /// Reads the fields.
    ///
    /// # Errors
    /// What the source of data refuses, and a field that did not come.
    fn read<A: MapAccess<'de>>(fields: Fields<'de, A>) -> Result<Self::Value, A::Error>;
}

/// What a struct looks like.
pub struct Shape {
    /// The names of its fields.
    pub fields: Names,
    /// Whether a field without a name here is refused; otherwise it is skipped.
    pub denies: bool,
}

/// An enum.
pub trait Choice<'de>: Sized {
    /// Its name, for errors.
    const NAME: &'static str;
    /// The names of its variants, for sources of data that ask for them.
    const VARIANTS: &'static [&'static str];
    /// The same, to find one.
    const NAMES: Names;

    /// Reads what the variant of a number holds.
    ///
    /// # Errors
    /// What the source of data refuses.
    fn read<A: VariantAccess<'de>>(number: usize, content: A) -> Result<Self, A::Error>;
}

/// The fields of a struct as they come. The first error is kept, and nothing is read after it.
pub struct Fields<'de, A: MapAccess<'de>> {
    map: A,
    shape: &'static Shape,
    /// Those that came, as bits.
    came: u64,
    error: Option<A::Error>,
}

impl<'de, A: MapAccess<'de>> Fields<'de, A> {
    /// The number of the field that comes next; [`NONE`] at the end.
    pub fn number(&mut self) -> usize {
        let next = match self.error {
            Some(_) => Ok(None),
            None => self.key(),
        };
        match next {
            Ok(number) => number.unwrap_or(NONE),
            Err(error) => {
                self.fail(error);
                NONE
            }
        }
    }

    fn key(&mut self) -> Result<Option<usize>, A::Error> {
        let names = self.shape.fields;
        loop {
            let name = Name {
                names,
                is_variant: false,
                denies: self.shape.denies,
            };
            let Some(number) = self.map.next_key_seed(name)? else {
                return Ok(None);
            };
            if number == NONE {
                self.map.next_value::<IgnoredAny>()?;
                continue;
            }
            let before = self.came;
            self.came |= 1 << number;
            if self.came == before {
                return Err(A::Error::duplicate_field(names.name(number)));
            }
            return Ok(Some(number));
        }
    }

    /// Reads the field that came into its place, which holds nothing before.
    pub fn put<T: Deserialize<'de>>(&mut self, place: &mut T) {
        match self.map.next_value() {
            Ok(value) => fill(place, value),
            Err(error) => self.fail(error),
        }
    }

    /// Reads the field that came as a value of another type, into a place that holds nothing before.
    pub fn put_as<V: Deserialize<'de>, T>(&mut self, place: &mut T, made: impl FnOnce(V) -> T) {
        match self.map.next_value() {
            Ok(value) => fill(place, made(value)),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: A::Error) {
        self.error = Some(error);
    }

    /// Says whether all was read, and whether the fields came that have to, given as bits.
    ///
    /// # Errors
    /// The error that was kept, or the first field that did not come.
    pub fn end(self, required: u64) -> Result<(), A::Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let missing = required & !self.came;
        if missing == 0 {
            return Ok(());
        }
        let name = self.shape.fields.name(missing.trailing_zeros() as usize);
        Err(A::Error::missing_field(name))
    }
}

/// Fills a place that holds nothing: what would give free what it holds is left out.
fn fill<T>(place: &mut T, value: T) {
    std::mem::forget(std::mem::replace(place, value));
}

/// What came in a field that had to.
///
/// # Panics
/// When it did not come, which [`Fields::end`] has refused before.
pub fn came<T>(place: Option<T>) -> T {
    match place {
        Some(value) => value,
        None => unreachable!("the field came"),
    }
}

/// Reads a struct.
///
/// # Errors
/// What the source of data refuses, and a field that did not come.
pub fn structure<'de, S: Structure<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<S::Value, D::Error> {
    deserializer.deserialize_struct(S::NAME, S::FIELDS, OfStructure::<S>(PhantomData))
}

/// Reads a variant that is like a struct.
///
/// # Errors
/// What the source of data refuses, and a field that did not come.
pub fn variant<'de, S: Structure<'de>, A: VariantAccess<'de>>(
    content: A,
) -> Result<S::Value, A::Error> {
    content.struct_variant(S::FIELDS, OfStructure::<S>(PhantomData))
}

/// Reads an enum.
///
/// # Errors
/// What the source of data refuses.
pub fn choice<'de, C: Choice<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<C, D::Error> {
    deserializer.deserialize_enum(C::NAME, C::VARIANTS, OfChoice::<C>(PhantomData))
}

/// Reads a type in place of another, which is made of it.
///
/// # Errors
/// What the source of data refuses, and what cannot be made of it.
pub fn converted<'de, T, C, D>(deserializer: D) -> Result<C, D::Error>
where
    T: Deserialize<'de>,
    C: TryFrom<T, Error: fmt::Display>,
    D: Deserializer<'de>,
{
    C::try_from(T::deserialize(deserializer)?).map_err(D::Error::custom)
}

struct OfStructure<S>(PhantomData<S>);

impl<'de, S: Structure<'de>> Visitor<'de> for OfStructure<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "struct {}", S::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<S::Value, A::Error> {
        S::read(Fields {
            map,
            shape: S::SHAPE,
            came: 0,
            error: None,
        })
    }
}

struct OfChoice<C>(PhantomData<C>);

impl<'de, C: Choice<'de>> Visitor<'de> for OfChoice<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "enum {}", C::NAME)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<C, A::Error> {
        let (number, content) = data.variant_seed(Name {
            names: C::NAMES,
            is_variant: true,
            denies: true,
        })?;
        C::read(number, content)
    }
}

/// Names in one text, each behind its length: a list of texts would take twice the room.
#[derive(Clone, Copy)]
pub struct Names(pub &'static str);

impl Names {
    fn iter(self) -> impl Iterator<Item = &'static str> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let length = usize::from(*rest.as_bytes().first()?);
            let (name, next) = rest.get(1..)?.split_at_checked(length)?;
            rest = next;
            Some(name)
        })
    }

    fn name(self, number: usize) -> &'static str {
        self.iter().nth(number).unwrap_or_default()
    }
}

/// What was expected, in the words of `serde`.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.iter().count();
        for (number, name) in self.iter().enumerate() {
            let before = match (number, count) {
                (0, 1 | 2) => "expected ",
                (0, _) => "expected one of ",
                (_, 2) => " or ",
                _ => ", ",
            };
            write!(f, "{before}`{name}`")?;
        }
        if count == 0 {
            f.write_str("there are no fields")?;
        }
        Ok(())
    }
}

/// The number of a name; [`NONE`] if it is none of them, and that is not refused.
struct Name {
    names: Names,
    is_variant: bool,
    denies: bool,
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_variant {
            "variant identifier"
        } else {
            "field identifier"
        })
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        let Self {
            names,
            is_variant,
            denies,
        } = self;
        match names.iter().position(|known| known == name) {
            Some(number) => Ok(number),
            None if !denies => Ok(NONE),
            None => {
                let what = if is_variant { "variant" } else { "field" };
                Err(E::custom(format_args!("unknown {what} `{name}`, {names}")))
            }
        }
    }
}

/// A text that stays where it was read, if it can.
pub struct Text<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(OfText)
    }
}

struct OfText;

impl<'de> Visitor<'de> for OfText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
