//! How much goes over the wire in a second.
use super::seen::Seen;
use crate::text;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tisync::Totals;

/// What is looked at: shorter, the numbers jump; longer, they say what was.
const SPAN: Duration = Duration::from_secs(5);

/// The last seconds of whoever syncs.
#[derive(Debug, Default)]
pub(super) struct Rates {
    who: Option<(u32, u64)>,
    seen: VecDeque<(Instant, Totals)>,
}

impl Rates {
    /// Takes note of what was seen.
    pub(super) fn note(&mut self, seen: &Seen, now: Instant) {
        let who = seen.who_syncs();
        if who != self.who {
            // Another process counts from the beginning.
            *self = Rates {
                who,
                ..Rates::default()
            };
        }
        let Some(traffic) = seen.traffic else { return };
        self.seen.push_back((now, traffic));
        // The first that is kept is as old as the span, or older.
        while self.seen.get(1).is_some_and(|(at, _)| now - *at >= SPAN) {
            self.seen.pop_front();
        }
    }

    /// In words, once there are two looks to compare.
    pub(super) fn words(&self) -> Option<String> {
        let ((began, before), (now, after)) = (self.seen.front()?, self.seen.back()?);
        let seconds = now.duration_since(*began).as_secs_f64();
        if seconds < 0.5 {
            return None;
        }
        let done = after.since(before);
        let rate = |number: u64| text::number((number as f64 / seconds).round() as u64);
        let bytes = done.bytes_received + done.bytes_sent;
        Some(format!(
            "pulled {}/s, pushed {}/s, {}/s",
            rate(done.pulled),
            rate(done.pushed),
            text::bytes((bytes as f64 / seconds).round() as u64)
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use tisync::model::{Health, OutboxCounts, Ownership};
    use tisync::{Holder, LeaseState};

    fn seen(pid: u32, pulled: u64) -> Seen {
        let traffic = Totals {
            pulled,
            bytes_received: pulled * 1_024,
            ..Totals::default()
        };
        let health = Health {
            outbox: OutboxCounts::default(),
            oldest_pending_ms: None,
            conflicts: 0,
            quarantined: 0,
            logged_out_ms: None,
            connectors: Vec::new(),
            feeds: Vec::new(),
            blockers: Vec::new(),
        };
        let holder = Holder {
            pid,
            since_ms: 1,
            traffic,
        };
        Seen {
            path: "a.db".into(),
            health,
            lease: LeaseState::Elsewhere(Some(holder)),
            ownership: Ownership::default(),
            traffic: Some(traffic),
        }
    }

    #[test]
    fn a_rate_is_that_of_the_last_seconds_of_one_process() {
        let (began, mut rates) = (Instant::now(), Rates::default());
        let at = |second: u64| began + Duration::from_secs(second);
        rates.note(&seen(1, 0), at(0));
        assert_eq!(rates.words(), None);
        for second in 1..=10 {
            rates.note(&seen(1, second * 2_000), at(second));
        }
        let words = rates.words().unwrap();
        assert_eq!(words, "pulled 2,000/s, pushed 0/s, 1.95 MiB/s");
        // Nothing comes any more.
        for second in 11..=16 {
            rates.note(&seen(1, 20_000), at(second));
        }
        assert_eq!(rates.words().unwrap(), "pulled 0/s, pushed 0/s, 0 B/s");
        assert!(rates.seen.len() <= 7);
        rates.note(&seen(2, 5), at(17));
        assert_eq!(rates.words(), None, "another process");
    }
}
