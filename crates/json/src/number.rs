//! Numbers compared by value and printed as ECMAScript prints them.

use crate::{Error, ErrorKind, double, parse};
use std::cmp::Ordering;

/// From here on ECMAScript prints an exponent.
const EXPONENT_FROM: f64 = 1e21;
/// 2^63: the first double beyond `i64`.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// A JSON number: an integer of any length, or a double. The order is by exact value.
///
/// A literal without fraction or exponent is an integer of any length and keeps its digits; all others
/// are doubles. Two numbers are equal when their exact values are (`1` = `1.0`,
/// `9007199254740993` ≠ `9007199254740992.0`), and print and re-reading must never change a value.
/// Three cases follow from that, where ECMAScript's print alone would break the law:
///
/// * A double that is an integer below 1e21 prints all its digits. ECMAScript pads the shortest digits
///   with zeros there: `2 ** 60` would print `1152921504606847000`, which is another integer.
/// * From 1e21 on a double prints as ECMAScript does (`1e+21`) and an integer prints its digits, since
///   a backend with big integers may not read `1e+21` as one.
/// * So an integer and a double of 1e21 or more can be equal and print differently. The *canonical*
///   print, which hashing uses, prints an integer that equals a double as that double:
///   `a == b` ⇔ equal canonical print.
///
/// ```
/// use tisync_json::Number;
/// assert_eq!(Number::parse("1.0")?, Number::from(1));
/// assert_eq!(Number::parse("1e21")?.to_string(), "1e+21");
/// assert!(Number::parse("9007199254740993")? > Number::parse("9007199254740992.0")?);
/// # Ok::<(), tisync_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Number(Form);

#[derive(Clone)]
enum Form {
    /// Any integer that fits, whatever its literal looked like.
    Small(i64),
    /// The digits of an integer that does not, with its sign.
    Big(Box<str>),
    /// Finite; a fraction, or an integer of at least 1e21 written with a fraction or an exponent.
    Double(f64),
}

impl Number {
    /// Parses a JSON number literal.
    ///
    /// # Errors
    /// `Syntax` if it is not one, `NumberOverflow` if it has a fraction or an exponent and is beyond
    /// the range of a double.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::number(text)
    }

    /// An integer literal that fits the grammar.
    pub(crate) fn from_digits(text: &str) -> Self {
        match text.parse() {
            Ok(small) => Number(Form::Small(small)),
            Err(_) => Number(Form::Big(text.into())),
        }
    }

    /// A double that is neither infinite nor NaN.
    pub(crate) fn from_finite(double: f64) -> Self {
        if double.abs() >= EXPONENT_FROM || double.fract() != 0.0 {
            Number(Form::Double(double))
        } else if (-I64_END..I64_END).contains(&double) {
            Number(Form::Small(double as i64))
        } else {
            Number::from(double as i128)
        }
    }

    /// The nearest double; infinite for an integer beyond the range of a double.
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            Form::Small(small) => *small as f64,
            Form::Big(digits) => double::read(digits),
            Form::Double(double) => *double,
        }
    }

    /// The value as an `i64`, when it is an integer in range (`1.0` is).
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Form::Small(small) => Some(*small),
            _ => None,
        }
    }

    /// Whether the value is a whole number.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Form::Double(double) => double.fract() == 0.0,
            _ => true,
        }
    }

    /// Appends the print that is equal exactly for equal numbers.
    pub(crate) fn print_canonical(&self, out: &mut String) {
        match &self.0 {
            Form::Big(digits) if digits.len() > 21 && digits.len() <= 310 => {
                let double = double::read(digits);
                let equal = double.is_finite()
                    && double.abs() >= EXPONENT_FROM
                    && double::digits(double).as_str() == &**digits;
                if equal {
                    double::print(double, out);
                } else {
                    out.push_str(digits);
                }
            }
            _ => self.print(out),
        }
    }

    /// Appends the print: digits of an integer, ECMAScript's form of a double.
    pub(crate) fn print(&self, out: &mut String) {
        match &self.0 {
            Form::Small(small) => print_small(*small, out),
            Form::Big(digits) => out.push_str(digits),
            Form::Double(double) => double::print(*double, out),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number(Form::Small(value))
    }
}

impl From<i128> for Number {
    fn from(value: i128) -> Self {
        match i64::try_from(value) {
            Ok(small) => Number(Form::Small(small)),
            Err(_) => Number(Form::Big(value.to_string().into())),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::from(i128::from(value))
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Number(Form::Small(value.into()))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Number(Form::Small(value.into()))
    }
}

impl TryFrom<f64> for Number {
    type Error = Error;

    fn try_from(value: f64) -> Result<Self, Error> {
        if value.is_finite() {
            return Ok(Number::from_finite(value));
        }
        let mut came = String::new();
        double::print(value, &mut came);
        Err(Error::new(
            ErrorKind::NumberOverflow,
            0,
            format!("expected a finite number, came {came}: JSON has none, use null"),
        ))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Small(a), Form::Small(b)) => a.cmp(b),
            (Form::Small(_), Form::Big(b)) => beyond(b).reverse(),
            (Form::Big(a), Form::Small(_)) => beyond(a),
            (Form::Big(a), Form::Big(b)) => cmp_digits(a, b),
            (Form::Small(a), Form::Double(b)) => cmp_double(*b, *a).reverse(),
            (Form::Double(a), Form::Small(b)) => cmp_double(*a, *b),
            (Form::Big(a), Form::Double(b)) => cmp_big(a, *b),
            (Form::Double(a), Form::Big(b)) => cmp_big(b, *a).reverse(),
            // Finite and never -0, so that the total order is the order by value.
            (Form::Double(a), Form::Double(b)) => a.total_cmp(b),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = String::new();
        self.print(&mut out);
        f.pad(&out)
    }
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// How an integer beyond `i64` compares to any within.
fn beyond(digits: &str) -> Ordering {
    if digits.starts_with('-') {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

fn cmp_digits(a: &str, b: &str) -> Ordering {
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (Some(a), Some(b)) => b.len().cmp(&a.len()).then_with(|| b.cmp(a)),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}

fn cmp_double(double: f64, small: i64) -> Ordering {
    if double >= I64_END {
        return Ordering::Greater;
    }
    if double < -I64_END {
        return Ordering::Less;
    }
    let whole = double.trunc();
    (whole as i64)
        .cmp(&small)
        .then_with(|| (double - whole).total_cmp(&0.0))
}

fn cmp_big(digits: &str, double: f64) -> Ordering {
    if double.abs() < I64_END {
        return beyond(digits);
    }
    cmp_digits(digits, &double::digits(double))
}

fn print_small(small: i64, out: &mut String) {
    use std::fmt::Write;
    // Writing to a String does not fail.
    let _ = write!(out, "{small}");
}
