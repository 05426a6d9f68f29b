//! Reads doubles as the standard library does, without its tables: with all digits, shifted by bits until those of the
//! double stand in front of the point. Some microseconds are nothing where a document comes through a host.
//!
//! By hand: `lexical-parse-float` in its compact form rounds wrongly close to the middle of two doubles (1.0.6).

use super::{LIMB, MANTISSA_BITS, SHIFT_MAX, double};
use std::cmp::Ordering;

const LIMB_DIGITS: usize = 9;
/// Up to so many digits a number is a double, and up to such a power of ten it is too: one rounding is the right one.
const EXACT_DIGITS: usize = 15;
const EXACT_POWER: i64 = 22;
/// More digits than the middle of two doubles has: of those that follow, only whether there are any counts.
const DIGITS_MAX: usize = 800;
/// The power of two of the last bit of the smallest doubles.
const POWER_MIN: i32 = -1_074;
const POWER_MAX: i32 = 971;

/// The nearest double of a literal that fits the grammar; infinite beyond the range of doubles.
pub(crate) fn read(literal: &str) -> f64 {
    match literal.strip_prefix('-') {
        Some(literal) => -natural(literal),
        None => natural(literal),
    }
}

fn natural(literal: &str) -> f64 {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.parse().unwrap_or(match exponent.starts_with('-') {
        true => i64::from(i32::MIN),
        false => i64::from(i32::MAX),
    });
    let exponent = exponent.clamp(i32::MIN.into(), i32::MAX.into());
    let mut digits: Vec<u8> = (whole.bytes().chain(fraction.bytes()))
        .map(|byte| byte - b'0')
        .skip_while(|digit| *digit == 0)
        .collect();
    // Where the last digit stands: the power of ten that it counts.
    let mut place = exponent - fraction.len() as i64;
    while digits.pop_if(|digit| *digit == 0).is_some() {
        place += 1;
    }
    if digits.len() > DIGITS_MAX {
        place += (digits.len() - DIGITS_MAX - 1) as i64;
        digits.truncate(DIGITS_MAX);
        digits.push(1);
    }
    match digits.len() as i64 + place {
        _ if digits.is_empty() => 0.0,
        ..-330 => 0.0,
        311.. => f64::INFINITY,
        _ if digits.len() <= EXACT_DIGITS && place.abs() <= EXACT_POWER => {
            let power = (0..place.abs()).fold(1.0, |power, _| power * 10.0);
            let digits = number(&digits) as f64;
            if place < 0 {
                digits / power
            } else {
                digits * power
            }
        }
        _ => Shifted::of(digits, place as i32).nearest(),
    }
}

fn number(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(*digit))
}

/// A number that is shifted by bits.
struct Shifted {
    limbs: Vec<u64>,
    /// How many limbs stand behind the point.
    places: usize,
    /// Whether there is more than the limbs show, less than one of the last.
    more: bool,
}

impl Shifted {
    /// Digits, of which the last stands at a place.
    fn of(mut digits: Vec<u8>, place: i32) -> Self {
        // One limb behind the point at least: what is left of a shift then counts less than a half.
        let places = (place.min(-1).unsigned_abs() as usize).div_ceil(LIMB_DIGITS);
        let zeros = place + (places * LIMB_DIGITS) as i32;
        digits.resize(digits.len() + zeros as usize, 0);
        let mut limbs: Vec<u64> = digits.rchunks(LIMB_DIGITS).map(number).collect();
        limbs.resize(limbs.len().max(places), 0);
        Shifted {
            limbs,
            places,
            more: false,
        }
    }

    fn nearest(mut self) -> f64 {
        // Of two: what the shifts have taken away.
        let mut power = 0;
        let whole = loop {
            let whole = self.whole();
            let bits = (u128::BITS - whole.leading_zeros()) as i32;
            let shift = (MANTISSA_BITS as i32 + 1 - bits)
                .clamp(-SHIFT_MAX, SHIFT_MAX)
                .min(power - POWER_MIN);
            match shift {
                0 => break whole as u64,
                1.. => double(&mut self.limbs, shift),
                _ => self.halve(-shift),
            }
            power -= shift;
        };
        if power > POWER_MAX {
            return f64::INFINITY;
        }
        let (last, others) = (self.limbs[self.places - 1], &self.limbs[..self.places - 1]);
        let is_up = match last.cmp(&(LIMB / 2)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => self.more || others.iter().any(|limb| *limb > 0) || whole % 2 == 1,
        };
        // The first bit of a mantissa is not written: it counts the exponent up instead, as one that is carried does.
        f64::from_bits((((power - POWER_MIN) as u64) << MANTISSA_BITS) + whole + u64::from(is_up))
    }

    /// What stands in front of the point; too much of it counts as the largest number.
    fn whole(&self) -> u128 {
        match &self.limbs[self.places..] {
            whole if whole.len() > 3 => u128::MAX,
            whole => (whole.iter().rev()).fold(0, |number, limb| {
                number * u128::from(LIMB) + u128::from(*limb)
            }),
        }
    }

    /// Divides by two, so many times. Never followed by doubling, of which what is left would be a part.
    fn halve(&mut self, times: i32) {
        let mut rest = 0;
        for limb in self.limbs.iter_mut().rev() {
            let dividend = rest * LIMB + *limb;
            *limb = dividend >> times;
            rest = dividend & ((1 << times) - 1);
        }
        self.more |= rest > 0;
        while self.limbs.len() > self.places && self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}
