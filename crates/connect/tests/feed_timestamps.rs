//! Feeds by timestamp: whatever the server does within what it states, no change is missed.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use std::collections::BTreeMap;
use tisync_connect::feed::{Order, RowTime, Since, TimesPage, Timestamps};
use tisync_core::model::{Checkpoint, PageEnd, RecordId};

fn id(number: u8) -> RecordId {
    format!("r{number}").parse().unwrap()
}

/// Rows whose time is taken when a write begins and which show when it commits.
#[derive(Clone, Debug, Default)]
struct Server {
    precision_ms: u64,
    /// Time, version.
    shown: BTreeMap<RecordId, (u64, u32)>,
    /// When it shows, what.
    late: Vec<(u64, RecordId, u64, u32)>,
    versions: u32,
}

impl Server {
    fn write(&mut self, now_ms: u64, row: RecordId, takes_ms: u64) {
        self.versions += 1;
        let time = now_ms - now_ms % self.precision_ms;
        self.late
            .push((now_ms + takes_ms, row, time, self.versions));
    }

    fn pass(&mut self, now_ms: u64) {
        self.late.sort();
        while self.late.first().is_some_and(|(at, ..)| *at <= now_ms) {
            let (_, row, time, version) = self.late.remove(0);
            self.shown.insert(row, (time, version));
        }
    }

    fn page(&self, since: &Since, skip: u64, cap: usize) -> Vec<(RowTime, u32)> {
        let mut rows: Vec<(u64, RecordId, u32)> = self
            .shown
            .iter()
            .map(|(row, (time, version))| (*time, row.clone(), *version))
            .collect();
        rows.sort();
        rows.into_iter()
            .filter(|(time, row, _)| match since {
                Since::Beginning => true,
                Since::Ms(ms) => time >= ms,
                Since::Time(text) => *time >= text.parse::<u64>().unwrap(),
                Since::Row { time: text, id } => (*time, row) > (text.parse().unwrap(), id),
            })
            .skip(skip as usize)
            .take(cap)
            .map(|(ms, id, version)| {
                let time = ms.to_string();
                (RowTime { time, ms, id }, version)
            })
            .collect()
    }
}

/// One client, page by page.
struct Client {
    feed: Timestamps,
    place: Option<Checkpoint>,
    seen: BTreeMap<RecordId, u32>,
}

impl Client {
    /// Reads a page; says whether the walk is at its end.
    fn pull(&mut self, server: &Server, cap: usize, now_ms: u64) -> bool {
        let ask = self.feed.ask(self.place.as_ref());
        let found = server.page(&ask.since, ask.skip, cap);
        let rows: Vec<RowTime> = found.iter().map(|(row, _)| row.clone()).collect();
        let page = TimesPage {
            rows: &rows,
            is_last: false,
            server_time_ms: Some(now_ms),
        };
        let next = self.feed.next(self.place.as_ref(), &page).unwrap();
        for (row, version) in found {
            self.seen.insert(row.id, version);
        }
        self.place = Some(next.checkpoint);
        matches!(next.end, PageEnd::Complete { .. })
    }
}

#[derive(Clone, Debug)]
enum Act {
    Write { row: u8, takes_ms: u64 },
    Pass(u64),
    Pull,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..12_u8, 0..=400_u64).prop_map(|(row, takes_ms)| Act::Write { row, takes_ms }),
        2 => (1..300_u64).prop_map(Act::Pass),
        4 => Just(Act::Pull),
    ];
    proptest::collection::vec(act, 1..80)
}

proptest! {
    #[test]
    fn no_change_is_missed_within_the_overlap(
        acts in acts(),
        cap in 1..5_usize,
        precision_ms in prop_oneof![Just(1_u64), Just(50), Just(1_000)],
        order in prop_oneof![Just(Order::TimeAndId), Just(Order::Time)],
    ) {
        // A server that gives one row at a time cannot be walked by time alone.
        let cap = if order == Order::Time { cap + 1 } else { cap };
        let mut server = Server { precision_ms, ..Server::default() };
        // A time is rounded down: to the overlap belongs what the rounding takes away.
        let feed = Timestamps { precision_ms, overlap_ms: 400, order };
        let mut client = Client { feed, place: None, seen: BTreeMap::new() };
        let mut now_ms = 1_000_000;
        for act in acts {
            match act {
                Act::Write { row, takes_ms } => server.write(now_ms, id(row), takes_ms),
                Act::Pass(ms) => now_ms += ms,
                Act::Pull => { client.pull(&server, cap, now_ms); }
            }
            server.pass(now_ms);
        }
        server.pass(now_ms + 400);
        // The walk that is under way, and one more: each within a stated number of pages.
        for _ in 0..2 {
            let mut pages = 0;
            while !client.pull(&server, cap, now_ms + 400) {
                pages += 1;
                prop_assert!(pages < 60, "the walk does not end");
            }
        }
        for (row, (_, version)) in &server.shown {
            prop_assert_eq!(client.seen.get(row), Some(version), "{} was missed", row);
        }
    }
}

fn row(time: &str, ms: u64, id: &str) -> RowTime {
    RowTime {
        time: time.to_owned(),
        ms,
        id: id.parse().unwrap(),
    }
}

fn page(rows: &[RowTime]) -> TimesPage<'_> {
    TimesPage {
        rows,
        is_last: false,
        server_time_ms: None,
    }
}

const SECONDS: Timestamps = Timestamps {
    precision_ms: 1_000,
    overlap_ms: 30_000,
    order: Order::TimeAndId,
};

#[test]
fn a_walk_begins_an_overlap_before_the_latest_time_at_the_start_of_its_tick() {
    let first = SECONDS.ask(None);
    assert_eq!((first.since, first.skip), (Since::Beginning, 0));
    let rows = [row("12:00:40", 40_000, "a")];
    let place = SECONDS.next(None, &page(&rows)).unwrap().checkpoint;
    let asked = SECONDS.ask(Some(&place)).since;
    let after = Since::Row {
        time: "12:00:40".to_owned(),
        id: "a".parse().unwrap(),
    };
    assert_eq!(asked, after);
    let end = SECONDS.next(Some(&place), &page(&[])).unwrap();
    assert_eq!(end.end, PageEnd::Complete { total: None });
    assert_eq!(SECONDS.ask(Some(&end.checkpoint)).since, Since::Ms(10_000));
}

#[test]
fn a_time_in_the_servers_future_does_not_move_the_next_walk_there() {
    let rows = [row("x", 99_000_000, "a")];
    let page = TimesPage {
        is_last: true,
        server_time_ms: Some(50_000),
        ..page(&rows)
    };
    let end = SECONDS.next(None, &page).unwrap();
    assert_eq!(SECONDS.ask(Some(&end.checkpoint)).since, Since::Ms(20_000));
}

#[test]
fn a_backend_that_does_not_filter_or_sort_or_move_on_is_told_apart() {
    let unsorted = [row("b", 2_000, "b"), row("a", 1_000, "a")];
    let error = SECONDS.next(None, &page(&unsorted)).unwrap_err();
    assert!(
        error.to_string().contains("does not sort or filter"),
        "{error}"
    );
    let rows = [row("a", 1_000, "a")];
    let place = SECONDS.next(None, &page(&rows)).unwrap().checkpoint;
    let error = SECONDS.next(Some(&place), &page(&rows)).unwrap_err();
    assert!(error.to_string().contains("no progress"), "{error}");
}

#[test]
fn a_place_that_cannot_be_read_begins_anew() {
    let place: Checkpoint = "of an older version".parse().unwrap();
    assert_eq!(SECONDS.ask(Some(&place)).since, Since::Beginning);
}
