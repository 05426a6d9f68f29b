//! Dates as ACS wrote and read them.
use std::fmt;

/// An instant, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Date {
    pub(super) ms: i64,
}

impl Date {
    pub(super) fn of_ms(ms: u64) -> Self {
        Date {
            ms: i64::try_from(ms).unwrap_or(i64::MAX),
        }
    }

    /// Reads a text that ACS stored as a date: `2011-11-02 17:07:37 -0700` or `2011-11-02T17:07:37-0700`.
    pub(super) fn stored(text: &str) -> Option<Self> {
        let (local, rest) = Self::read(text)?;
        let spaced = text.as_bytes()[10] == b' ';
        let zone = match (spaced, rest.strip_prefix(' ')) {
            (true, Some(zone)) => zone,
            (false, None) => rest,
            _ => return None,
        };
        Some(Date {
            ms: local - zone_ms(zone, false)?,
        })
    }

    /// Reads a text that may stand for a date in a query: one that is stored as a date, or what apps send
    /// besides, `2011-11-02T17:07:37.123Z` and `2011-11-02T17:07:37`.
    pub(super) fn asked(text: &str) -> Option<Self> {
        let (local, rest) = Self::read(text)?;
        let (fraction_ms, rest) = fraction(rest)?;
        let zone = match rest.strip_prefix(' ').unwrap_or(rest) {
            "" | "Z" => 0,
            zone => zone_ms(zone, true)?,
        };
        Some(Date {
            ms: local + fraction_ms - zone,
        })
    }

    /// The date and time of day at the front, as if they were UTC, and what follows.
    fn read(text: &str) -> Option<(i64, &str)> {
        let front = text.as_bytes().get(..19)?;
        let shape = b"0000-00-00 00:00:00";
        let fits = front.iter().zip(shape).all(|(came, wanted)| match wanted {
            b'0' => came.is_ascii_digit(),
            b' ' => *came == b' ' || *came == b'T',
            mark => came == mark,
        });
        if !fits {
            return None;
        }
        let number = |from: usize, to: usize| -> i64 {
            front[from..to]
                .iter()
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'))
        };
        let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
        let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
        let real = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds =
            days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        // The front is ASCII, so that the text can be cut behind it.
        real.then(|| (seconds * 1_000, &text[19..]))
    }
}

/// As ACS prints dates: UTC, whole seconds.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ms.div_euclid(1_000);
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+0000"
        )
    }
}

/// `.123` and what follows; digits beyond milliseconds do not count.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    let ms = digits
        .bytes()
        .chain([b'0'; 3])
        .take(3)
        .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    (!digits.is_empty()).then_some((ms, rest))
}

/// `+0130`, and `+01:30` where a colon is allowed, in milliseconds.
fn zone_ms(text: &str, colon: bool) -> Option<i64> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = match text[1..].split_once(':') {
        Some((hours, minutes)) if colon && hours.len() == 2 => format!("{hours}{minutes}"),
        Some(_) => return None,
        None => text[1..].to_owned(),
    };
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = (
        digits[..2].parse::<i64>().ok()?,
        digits[2..].parse::<i64>().ok()?,
    );
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60) * 1_000)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts days in years that begin in March, so that the leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year, month and day of a day since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str) -> Option<String> {
        Date::stored(text).map(|date| date.to_string())
    }

    fn asked(text: &str) -> Option<i64> {
        Date::asked(text).map(|date| date.ms)
    }

    #[test]
    fn the_two_forms_of_the_documentation_are_dates() {
        let utc = Some("2011-11-03T00:07:37+0000".to_owned());
        assert_eq!(stored("2011-11-02 17:07:37 -0700"), utc);
        assert_eq!(stored("2011-11-02T17:07:37-0700"), utc);
        assert_eq!(stored("2011-11-03T00:07:37+0000"), utc);
        assert_eq!(
            stored("2024-02-29T23:59:59+0000").as_deref(),
            Some("2024-02-29T23:59:59+0000")
        );
    }

    #[test]
    fn what_looks_alike_stays_a_text() {
        for text in [
            "",
            "2011-11-02",
            "2011-11-02 17:07:37",
            "2011-11-02T17:07:37Z",
            "2011-11-02T17:07:37.000Z",
            "2011-11-02 17:07:37-0700",
            "2011-11-02T17:07:37 -0700",
            "2011-11-02T17:07:37-07:00",
            "2011-13-02T17:07:37-0700",
            "2011-02-29T17:07:37-0700",
            "2011-11-02T24:07:37-0700",
            "2011-11-02T17:07:37-0700x",
            "2011-11-02é17:07:37 -0700",
            "2011-11-02T17:07:3é-0700",
        ] {
            assert_eq!(stored(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_may_write_a_date_in_four_ways() {
        let ms = Some(1_320_278_857_000);
        assert_eq!(asked("2011-11-02 17:07:37 -0700"), ms);
        assert_eq!(asked("2011-11-03T00:07:37+0000"), ms);
        assert_eq!(asked("2011-11-03T00:07:37+00:00"), ms);
        assert_eq!(asked("2011-11-03T00:07:37.000Z"), ms);
        assert_eq!(asked("2011-11-03T00:07:37"), ms);
        assert_eq!(asked("2011-11-03T00:07:37.1234Z"), ms.map(|ms| ms + 123));
        assert_eq!(asked("2011-11-03T00:07:37."), None);
        assert_eq!(asked("2011-11-03T00:07:37Zulu"), None);
        assert_eq!(asked("2011-11-03"), None);
    }

    #[test]
    fn every_day_prints_as_it_is_read() {
        for day in (-719_528..2_932_897).step_by(97) {
            let date = Date {
                ms: day * 86_400_000 + 3_723_000,
            };
            let text = date.to_string();
            assert_eq!(Date::stored(&text), Some(date), "{text}");
        }
    }
}
