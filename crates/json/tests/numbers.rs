//! Numbers: exact values, ECMAScript's print, one order across integers and doubles.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{doubles, literals, numbers};
use proptest::prelude::*;
use std::cmp::Ordering;
use tisync_json::{ErrorKind, Number, Value};

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

#[test]
fn doubles_print_as_ecmascript_prints_them() {
    for (literal, printed) in [
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("0.1", "0.1"),
        ("1e-6", "0.000001"),
        ("1e-7", "1e-7"),
        ("1.25e-7", "1.25e-7"),
        ("1e20", "100000000000000000000"),
        ("1e21", "1e+21"),
        ("1.5e300", "1.5e+300"),
        ("-1e21", "-1e+21"),
        ("123456789.125", "123456789.125"),
        ("5e-324", "5e-324"),
        ("2e-324", "0"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("9007199254740993.0", "9007199254740992"),
        // Here ECMAScript prints 1152921504606847000, which is another integer.
        ("1152921504606846976.0", "1152921504606846976"),
    ] {
        assert_eq!(number(literal).to_string(), printed, "{literal}");
    }
}

#[test]
fn integers_keep_every_digit() {
    let long = "9".repeat(401);
    for literal in [
        "0",
        "-7",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "1000000000000000000000",
        "340282366920938463463374607431768211456",
        &long,
    ] {
        assert_eq!(number(literal).to_string(), literal);
    }
}

#[test]
fn order_and_equality_are_by_exact_value() {
    use Ordering::{Equal, Greater, Less};
    let long = "1".to_owned() + &"0".repeat(400);
    let minus_long = format!("-{long}");
    for (a, b, expected) in [
        ("1", "1.0", Equal),
        ("-0", "0.0", Equal),
        ("9007199254740993", "9007199254740992.0", Greater),
        ("9007199254740993", "9007199254740994.0", Less),
        ("9223372036854775807", "9223372036854775808.0", Less),
        ("9223372036854775808", "9223372036854775808.0", Equal),
        ("-9223372036854775808", "-9223372036854775808.0", Equal),
        ("-9223372036854775809", "-9223372036854775808.0", Less),
        ("1000000000000000000000", "1e21", Equal),
        ("1000000000000000000001", "1e21", Greater),
        ("99999999999999999999999", "1e23", Greater),
        ("100000000000000000000000", "1e23", Greater),
        ("99999999999999991611392", "1e23", Equal),
        (&long, "1.7976931348623157e308", Greater),
        (&minus_long, "-1.7976931348623157e308", Less),
        (&long, &minus_long, Greater),
        ("3", "2.5", Greater),
        ("2", "2.5", Less),
        ("-2", "-2.5", Greater),
        ("0", "5e-324", Less),
        ("0", "-5e-324", Greater),
    ] {
        assert_eq!(number(a).cmp(&number(b)), expected, "{a} {b}");
        assert_eq!(number(b).cmp(&number(a)), expected.reverse(), "{b} {a}");
    }
}

#[test]
fn a_double_beyond_the_range_is_an_error() {
    let long = "9".repeat(400) + ".5";
    for literal in ["1e309", "-1e309", "1e999", "1e99999999999999999999", &long] {
        let error = Number::parse(literal).unwrap_err();
        assert_eq!(error.kind, ErrorKind::NumberOverflow, "{literal}");
    }
    assert!(Number::try_from(f64::NAN).is_err());
    assert!(Number::try_from(f64::INFINITY).is_err());
}

#[test]
fn what_is_not_a_number_is_refused() {
    for literal in [
        "", "-", "+1", "01", "-01", ".5", "1.", "1.e1", "1e", "1e+", "0x1", "NaN", "Infinity",
        "1_000", "1 2", "١", "--1", "1e1.5",
    ] {
        let error = Number::parse(literal).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Syntax, "{literal}");
    }
}

#[test]
fn integers_within_i64_are_seen_as_such() {
    assert_eq!(number("1.0").as_i64(), Some(1));
    assert_eq!(number("-9223372036854775808.0").as_i64(), Some(i64::MIN));
    assert_eq!(number("9223372036854775808").as_i64(), None);
    assert_eq!(number("0.5").as_i64(), None);
    assert!(number("1e300").is_integer() && !number("0.5").is_integer());
    assert_eq!(number(&"9".repeat(400)).as_f64(), f64::INFINITY);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_double_survives_print_and_parse(double in doubles()) {
        let printed = Number::try_from(double).unwrap().to_string();
        let back = number(&printed).as_f64();
        let expected = if double == 0.0 { 0.0 } else { double };
        prop_assert_eq!(back.to_bits(), expected.to_bits(), "{}", printed);
    }

    #[test]
    fn a_number_survives_print_and_parse(literal in literals()) {
        let first = number(&literal);
        prop_assert_eq!(&first, &number(&first.to_string()));
        prop_assert_eq!(number(&first.to_string()).to_string(), first.to_string());
        let canonical = Value::from(first.clone()).canonical();
        prop_assert_eq!(&first, &number(&canonical));
    }

    #[test]
    fn equal_numbers_and_only_they_print_the_same_canonically(a in numbers(), b in numbers()) {
        let canonical = |number: &Number| Value::from(number.clone()).canonical();
        prop_assert_eq!(a == b, canonical(&a) == canonical(&b), "{} {}", a, b);
    }

    #[test]
    fn an_integer_equals_the_double_with_its_digits(double in doubles()) {
        let double = double.trunc();
        let digits = format!("{double:.0}");
        let (a, b) = (number(&digits), Number::try_from(double).unwrap());
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(Value::from(a).canonical(), Value::from(b).canonical());
    }

    #[test]
    fn the_order_is_total(a in numbers(), b in numbers(), c in numbers()) {
        let mut sorted = [a, b, c];
        sorted.sort();
        let [a, b, c] = &sorted;
        prop_assert!(a <= b && b <= c && a <= c);
        prop_assert!(a.as_f64() <= b.as_f64() && b.as_f64() <= c.as_f64());
        prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
    }
}
