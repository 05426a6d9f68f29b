//! Words for people: ages, counts, shortened text.
use indicatif::{BinaryBytes, HumanCount};
use tisync::Totals;

/// A duration in its largest unit.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => "less than a second".to_owned(),
        1..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago a wall time was.
pub(crate) fn ago(wall_ms: u64) -> String {
    duration(now_ms().saturating_sub(wall_ms))
}

/// The number with the word for one, or for several.
pub(crate) fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A large number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number of bytes in its largest unit.
pub(crate) fn bytes(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

/// What went over the wire.
pub(crate) fn traffic(totals: &Totals) -> String {
    let mut text = format!(
        "pulled {}, pushed {}, {}, {} sent, {} received",
        number(totals.pulled),
        number(totals.pushed),
        count(totals.requests, "request", "requests"),
        bytes(totals.bytes_sent),
        bytes(totals.bytes_received)
    );
    if totals.conflicts > 0 {
        text.push_str(&format!(
            ", {}",
            count(totals.conflicts, "conflict", "conflicts")
        ));
    }
    if totals.retries > 0 {
        text.push_str(&format!(", {}", count(totals.retries, "retry", "retries")));
    }
    text
}

/// The start of a text that is longer than `chars`.
pub(crate) fn short(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let start: String = text.chars().take(chars.saturating_sub(1)).collect();
    format!("{start}…")
}

/// A text from elsewhere, without what would move a terminal's cursor or change its looks.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A wall time as people in any time zone read it.
pub(crate) fn time(wall_ms: u64) -> String {
    let seconds = wall_ms / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}Z",
        second / 3_600,
        second % 3_600 / 60,
        second % 60
    )
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |duration| duration.as_millis() as u64)
}

/// The date of a day after 1970-01-01 (Howard Hinnant's `civil_from_days`).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 {
        month_shifted + 3
    } else {
        month_shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00Z");
        assert_eq!(time(1_798_761_599_000), "2026-12-31 23:59:59Z");
    }

    #[test]
    fn durations_use_their_largest_unit() {
        assert_eq!(duration(999), "less than a second");
        assert_eq!(duration(119_000), "119 s");
        assert_eq!(duration(120_000), "2 min");
        assert_eq!(duration(172_800_000), "2 days");
    }

    #[test]
    fn plain_leaves_a_terminal_alone() {
        assert_eq!(plain("a\r\nb\u{1b}[2Jc\u{9b}d"), "a  b [2Jc d");
    }

    #[test]
    fn short_keeps_whole_characters() {
        assert_eq!(short("grüße", 3), "gr…");
        assert_eq!(short("grüße", 5), "grüße");
    }
}
