//! What becomes of the parts of a text: nothing, or a tree.

use crate::keys::Keys;
use crate::text::Literal;
use crate::{Error, ErrorKind, Number, Object, Value, double};

/// What becomes of the parts of a text. Errors are boxed so that the good path returns in registers.
pub(crate) trait Sink<'a> {
    type Value;
    type Array: Default;
    type Object: Default;
    type Key;

    fn null() -> Self::Value;
    fn bool(value: bool) -> Self::Value;
    fn number(literal: NumberLiteral<'a>) -> Result<Self::Value, Box<Error>>;
    fn string(literal: Literal<'a>) -> Self::Value;
    fn array(array: Self::Array) -> Self::Value;
    fn object(object: Self::Object) -> Self::Value;
    fn push(array: &mut Self::Array, value: Self::Value);
    /// Takes note of a key; `None` if the object has it already.
    fn key(object: &mut Self::Object, key: Literal<'a>) -> Option<Self::Key>;
    fn put(object: &mut Self::Object, key: Self::Key, value: Self::Value);
}

/// Makes nothing.
pub(crate) struct Check;

impl<'a> Sink<'a> for Check {
    type Value = ();
    type Array = ();
    type Object = Keys<'a>;
    type Key = ();

    fn null() {}
    fn bool(_: bool) {}
    #[inline]
    fn number(literal: NumberLiteral<'a>) -> Result<(), Box<Error>> {
        if literal.may_overflow {
            literal.double()?;
        }
        Ok(())
    }
    fn string(_: Literal<'a>) {}
    fn array((): ()) {}
    fn object(_: Keys<'a>) {}
    fn push((): &mut (), (): ()) {}
    #[inline]
    fn key(keys: &mut Keys<'a>, key: Literal<'a>) -> Option<()> {
        keys.insert(key).then_some(())
    }
    fn put(_: &mut Keys<'a>, (): (), (): ()) {}
}

/// Makes values.
pub(crate) struct Tree;

impl<'a> Sink<'a> for Tree {
    type Value = Value;
    type Array = Vec<Value>;
    type Object = Object;
    type Key = String;

    fn null() -> Value {
        Value::Null
    }
    fn bool(value: bool) -> Value {
        Value::Bool(value)
    }
    fn number(literal: NumberLiteral<'a>) -> Result<Value, Box<Error>> {
        literal.number().map(Value::Number)
    }
    fn string(literal: Literal<'a>) -> Value {
        Value::String(literal.decode().into_owned())
    }
    fn array(array: Vec<Value>) -> Value {
        Value::Array(array)
    }
    fn object(object: Object) -> Value {
        Value::Object(object)
    }
    fn push(array: &mut Vec<Value>, value: Value) {
        array.push(value);
    }
    fn key(object: &mut Object, key: Literal<'a>) -> Option<String> {
        let key = key.decode().into_owned();
        (!object.contains_key(&key)).then_some(key)
    }
    fn put(object: &mut Object, key: String, value: Value) {
        object.insert(key, value);
    }
}

/// A number literal that fits the grammar.
pub(crate) struct NumberLiteral<'a> {
    pub(crate) text: &'a str,
    pub(crate) offset: usize,
    /// Neither fraction nor exponent.
    pub(crate) integer: bool,
    /// Whether it is long enough, or has an exponent, to leave the range of a double.
    pub(crate) may_overflow: bool,
}

impl NumberLiteral<'_> {
    /// The number that it stands for.
    pub(crate) fn number(self) -> Result<Number, Box<Error>> {
        if self.integer {
            Ok(Number::from_digits(self.text))
        } else {
            Ok(Number::from_finite(self.double()?))
        }
    }

    /// The double that it stands for, correctly rounded; an overflow is an error.
    pub(crate) fn double(&self) -> Result<f64, Box<Error>> {
        match double::read(self.text) {
            double if double.is_finite() => Ok(double),
            _ => Err(Box::new(Error::new(
                ErrorKind::NumberOverflow,
                self.offset,
                "expected a number within the range of a double (about ±1.8e308), came a larger one",
            ))),
        }
    }
}
