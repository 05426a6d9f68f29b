//! Dates as HTTP writes them.

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT` as milliseconds since 1970; `None` for anything else.
///
/// Only the form that RFC 9110 tells servers to send is read: a date in another form is no date, and the
/// caller falls back to what it does without one.
///
/// ```
/// use tisync_connect::http::date_ms;
/// assert_eq!(date_ms("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
/// assert_eq!(date_ms("soon"), None);
/// ```
pub fn date_ms(text: &str) -> Option<u64> {
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let day: i64 = number(parts.next()?, 2)?;
    let month = parts.next()?;
    let year: i64 = number(parts.next()?, 4)?;
    let mut time = parts.next()?.split(':');
    if parts.next()? != "GMT" || parts.next().is_some() {
        return None;
    }
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let hour: i64 = number(time.next()?, 2)?;
    let minute: i64 = number(time.next()?, 2)?;
    let second: i64 = number(time.next()?, 2)?;
    if time.next().is_some() || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    u64::try_from(seconds * 1_000).ok()
}

/// Reads a time of RFC 3339, or of ISO 8601 as backends write it, as milliseconds since 1970, rounded down.
///
/// `2026-11-29T14:56:05.466270-06:00`, `…Z`, a space for the `T`, and an offset without its colon are understood. A time
/// without an offset is taken for UTC. `None` for anything else, and for times before 1970.
///
/// ```
/// use tisync_connect::http::instant_ms;
/// assert_eq!(instant_ms("1970-01-02T00:00:00.1239-06:00"), Some(86_400_000 + 6 * 3_600_000 + 123));
/// assert_eq!(instant_ms("2011-11-03T00:07:37+0000"), instant_ms("2011-11-02 17:07:37 -0700"));
/// assert_eq!(instant_ms("yesterday"), None);
/// ```
pub fn instant_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() < 19 {
        return None;
    }
    let (date, rest) = text.split_at(10);
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, rest) = rest.split_at(8);
    let mut parts = time.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = number(parts.next()?, 2)?;
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest.split_at(digits)
        }
        None => ("", rest),
    };
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let fraction = number(format!("{fraction:0<3}").get(..3)?, 3)?;
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        - offset_s(zone.trim())?;
    u64::try_from(seconds * 1_000 + fraction).ok()
}

/// Seconds ahead of UTC.
fn offset_s(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.strip_prefix(['+', '-'])?.split(':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(&digits[..2], 2)?, number(&digits[2..], 2)?),
        _ => return None,
    };
    Some(sign * (hours * 3_600 + minutes * 60))
}

/// Writes milliseconds since 1970 as a time of RFC 3339 in UTC.
///
/// ```
/// use tisync_connect::http::{instant_ms, rfc3339};
/// assert_eq!(rfc3339(784_111_777_001), "1994-11-06T08:49:37.001Z");
/// assert_eq!(instant_ms(&rfc3339(784_111_777_001)), Some(784_111_777_001));
/// ```
pub fn rfc3339(ms: u64) -> String {
    let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
    // The inverse of `days_since_1970`, with the same years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute) = (ms_of_day / 3_600_000, ms_of_day / 60_000 % 60);
    let (second, ms) = (ms_of_day / 1_000 % 60, ms_of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    plain
        .then(|| text.parse::<u32>().ok().map(i64::from))
        .flatten()
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
