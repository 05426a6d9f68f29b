//! Equality as a backend sees it, which normalises what it takes: see [`Equality`].
use crate::model::{Equality, Image};
use tisync_json::{Object, Path, Value};

/// Whether two images say the same to the backend, apart from fields that only the server writes.
pub(crate) fn same(a: &Image, b: &Image, equality: Equality, server_fields: &[Path]) -> bool {
    if a.same(b) {
        return true;
    }
    if equality == Equality::default() && server_fields.is_empty() {
        return false;
    }
    let fields = |image: &Image| super::classify::fields(image, server_fields);
    match (fields(a), fields(b)) {
        (Some(a), Some(b)) => same_objects(&a, &b, equality),
        (None, None) => true,
        _ => false,
    }
}

/// Writes each part of `theirs` that equals that of `known` as it stands there, so that nothing but changes differs.
pub(super) fn align(theirs: &mut Object, known: &Object, equality: Equality) {
    if equality == Equality::default() {
        return;
    }
    for (key, value) in theirs.iter_mut() {
        match (value, known.get(key)) {
            (Value::Object(theirs), Some(Value::Object(known))) => align(theirs, known, equality),
            (value, Some(known)) if same_values(value, known, equality) => *value = known.clone(),
            _ => {}
        }
    }
    if equality.absent_is_null {
        theirs.retain(|key, value| !value.is_null() || known.contains_key(key));
        for (key, value) in known.iter().filter(|(_, value)| value.is_null()) {
            theirs.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn same_objects(a: &Object, b: &Object, equality: Equality) -> bool {
    a == b || normal_object(a, equality) == normal_object(b, equality)
}

fn same_values(a: &Value, b: &Value, equality: Equality) -> bool {
    a == b || normal(a, equality) == normal(b, equality)
}

/// A value in the form that all have to which the backend makes it equal.
fn normal(value: &Value, equality: Equality) -> Value {
    match value {
        Value::String(text) if equality.instants => {
            let instant = instant(text).map(Value::String);
            instant.unwrap_or_else(|| value.clone())
        }
        Value::Object(object) => Value::Object(normal_object(object, equality)),
        Value::Array(members) => {
            let mut members: Vec<Value> = members
                .iter()
                .map(|member| normal(member, equality))
                .collect();
            if equality.unordered {
                members.sort_by_cached_key(Value::canonical);
            }
            Value::Array(members)
        }
        _ => value.clone(),
    }
}

fn normal_object(object: &Object, equality: Equality) -> Object {
    object
        .iter()
        .filter(|(_, value)| !(equality.absent_is_null && value.is_null()))
        .map(|(key, value)| (key.clone(), normal(value, equality)))
        .collect()
}

/// An instant of RFC 3339 as seconds since 1970 with a fraction without zeros at its end; a text that is none has
/// no such form.
fn instant(text: &str) -> Option<String> {
    let number = |from: usize, until: usize| -> Option<i64> {
        let digits = text.get(from..until)?;
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse().ok()).flatten()
    };
    let mark = |at: usize, marks: &[u8]| marks.contains(text.as_bytes().get(at)?).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    mark(4, b"-")?;
    mark(7, b"-")?;
    mark(10, b"Tt ")?;
    mark(13, b":")?;
    mark(16, b":")?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !in_range {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return None;
            }
            rest.split_at(digits)
        }
        None => ("", rest),
    };
    let offset_minutes = offset(zone)?;
    let seconds =
        days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_minutes * 60;
    Some(format!("{seconds}.{}", fraction.trim_end_matches('0')))
}

fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| -> Option<i64> {
        let is_plain = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // March comes first, so that a leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn instants_are_equal_in_any_offset_and_print() {
        let base = instant("2024-02-29T10:00:00Z");
        assert!(base.is_some());
        for same in [
            "2024-02-29T10:00:00.000Z",
            "2024-02-29t10:00:00z",
            "2024-02-29 10:00:00+00:00",
            "2024-02-29T12:30:00.0+02:30",
            "2024-02-29T00:00:00-10:00",
        ] {
            assert_eq!(instant(same), base, "{same}");
        }
        for other in ["2024-02-29T10:00:00.001Z", "2024-02-29T10:00:00+01:00"] {
            assert_ne!(instant(other), base, "{other}");
        }
        assert_eq!(instant("1970-01-01T00:00:00Z").as_deref(), Some("0."));
        assert_eq!(instant("1969-12-31T23:59:59.50Z").as_deref(), Some("-1.5"));
    }

    #[test]
    fn what_is_no_instant_is_a_text() {
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T10:00:00",
            "2024-13-29T10:00:00Z",
            "2024-02-29T10:00:00.Z",
            "2024-02-29T10:00:00+1:00",
            "2024-02-29T10:00:00Zz",
            "2024-02-2éT10:00:00Z",
            "+024-02-29T10:00:00Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
