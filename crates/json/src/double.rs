//! Doubles: read, correctly rounded, and printed as ECMAScript prints them. For the module for hosts without native code
//! these are the only functions that do so: each further one would bring tables of its own, of some 10 kB.

#[cfg(any(target_arch = "wasm32", test))]
mod small;

use std::fmt::Write;

/// The nearest double of a literal that fits the grammar; infinite beyond the range of doubles.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn read(literal: &str) -> f64 {
    literal.parse().unwrap_or(f64::NAN)
}

#[cfg(target_arch = "wasm32")]
pub(crate) use small::read;

/// Appends ECMAScript's form of a double.
pub(crate) fn print(double: f64, out: &mut String) {
    out.push_str(ryu_js::Buffer::new().format(double));
}

/// What a limb counts up to: integers of any length are nine digits a limb, the last ones first.
const LIMB: u64 = 1_000_000_000;
/// So many bits that what a limb carries in a shift is within a limb.
const SHIFT_MAX: i32 = 29;
/// Bits of a double behind its first.
const MANTISSA_BITS: u32 = 52;

/// Multiplies by two, so many times.
fn double(limbs: &mut Vec<u64>, times: i32) {
    let mut carry = 0;
    for limb in limbs.iter_mut() {
        let product = (*limb << times) + carry;
        *limb = product % LIMB;
        carry = product / LIMB;
    }
    if carry > 0 {
        limbs.push(carry);
    }
}

/// All digits of a double from 2^63 on, or up to -2^63.
pub(crate) fn digits(double: f64) -> String {
    let bits = double.to_bits();
    let first = 1 << MANTISSA_BITS;
    let mantissa = bits & (first - 1) | first;
    let mut doublings = (bits >> MANTISSA_BITS & 0x7FF) as i32 - 1_075;
    let mut limbs = vec![mantissa % LIMB, mantissa / LIMB];
    while doublings > 0 {
        let times = doublings.min(SHIFT_MAX);
        self::double(&mut limbs, times);
        doublings -= times;
    }
    let mut all = if double < 0.0 { "-" } else { "" }.to_owned();
    for (place, limb) in limbs.iter().rev().enumerate() {
        // Writing to a String does not fail.
        let _ = match place {
            0 => write!(all, "{limb}"),
            _ => write!(all, "{limb:09}"),
        };
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(literal: &str) {
        let (ours, theirs) = (small::read(literal), literal.parse::<f64>().unwrap());
        assert_eq!(ours.to_bits(), theirs.to_bits(), "{literal}");
    }

    #[test]
    fn literals_at_the_edges_are_read_as_the_standard_library_reads_them() {
        for literal in [
            "0",
            "-0.0",
            "0e999999999999999999999",
            "0.000e-999999999999999999999",
            "1e23",
            "8.5e22",
            "9007199254740993.0",
            "9007199254740992.99999999999999999999999999999999",
            "7.689539722041643e164",
            // Around the smallest normal double, and the smallest of all.
            "2.2250738585072011e-308",
            "2.2250738585072012e-308",
            "2.2250738585072014e-308",
            "4.9e-324",
            "2.4703282292062327e-324",
            "2.4703282292062328e-324",
            "2.47032822920623272088284396434110686182e-324",
            "1e-400",
            "1e-999999999999999999999",
            // Around the largest.
            "1.7976931348623157e308",
            "1.7976931348623158e308",
            "1.797693134862315807e308",
            "1.797693134862315808e308",
            "-1.8e308",
            "1e309",
            "1E+999999999999999999999",
        ] {
            same(literal);
        }
        for zeros in [1, 30, 300, 800, 2_000] {
            let zeros = "0".repeat(zeros);
            same(&format!("9007199254740993.{zeros}1"));
            same(&format!("0.{zeros}123456789012345678901234567890"));
            same(&format!("1{zeros}"));
            same(&format!("1{zeros}.5e-{}", zeros.len()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_double_is_read_as_it_was_printed(bits: u64) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite());
            let mut text = String::new();
            print(double, &mut text);
            // ECMAScript knows no -0.
            prop_assert_eq!(small::read(&text), double);
            same(&text);
            same(&format!("{double:.16e}"));
            same(&format!("{double:.25e}"));
            same(&format!("{double:e}"));
            same(&format!("{double}"));
        }

        #[test]
        fn any_literal_is_read_as_the_standard_library_reads_it(
            literal in r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?",
        ) {
            same(&literal);
        }

        #[test]
        fn few_digits_with_a_small_exponent_are_read_alike(digits in 0_u64..1 << 53, exponent in -40..40) {
            same(&format!("{digits}e{exponent}"));
        }

        #[test]
        fn what_lies_in_the_middle_of_two_doubles_is_read_alike(half in 1_u128 << 52..1 << 53, places in 0_u32..32) {
            // An odd number of 54 bits, times a power of two.
            let large = (2 * half + 1) << (2 * places);
            for beside in [large - 1, large, large + 1] {
                same(&format!("{beside}"));
            }
            // And divided by one.
            let middle = (2 * half + 1) * 5_u128.pow(places);
            same(&format!("{middle}e-{places}"));
            same(&format!("{middle}.{:0800}1e-{places}", 0));
            same(&format!("{}.{}e-{places}", middle - 1, "9".repeat(800)));
        }

        #[test]
        fn all_digits_of_a_double_are_printed(
            exponent in 1_086_u64..2_047,
            mantissa in 0_u64..1 << 52,
            negative: bool,
        ) {
            let double = f64::from_bits(u64::from(negative) << 63 | exponent << 52 | mantissa);
            prop_assert_eq!(digits(double), format!("{double:.0}"));
        }
    }
}
