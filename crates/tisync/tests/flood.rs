//! A pull of 100,000 records floods nobody: neither live queries nor receivers of events, however slow. Alone in its
//! process, whose log it reads.
#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tisync::connect::http::Http;
use tisync::connect::{Connector, LocalFuture, Session};
use tisync::model::{
    Capability, Checkpoint, CollectionName, Event, Failure, Fetched, Item, Page, PageEnd,
    PullRequest, PushItem, Pushed, RecordId, Version, Wanted,
};
use tisync::{Events, Notice, Replica, Watch, limits};
use tisync_store::limits::WATCH_MS;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

const PAGES: usize = 20;
const PAGE: usize = 5_000;
const RECORDS: usize = PAGES * PAGE;
/// A hang ends the test.
const IN_TIME: Duration = Duration::from_secs(300);

#[test]
fn a_large_pull_floods_nobody() {
    let runs = Runs::default();
    tracing_subscriber::registry().with(runs.clone()).init();
    let folder = tempfile::TempDir::new().unwrap();
    let replica = Replica::open(folder.path().join("a.db"))
        .connector("main", || Box::new(Large))
        .collection("notes", "merge")
        .open()
        .unwrap();
    let notes = replica.collection("notes").unwrap();

    let all = RECORDS as u64;
    let sql = "SELECT count(*) FROM notes";
    let followers = vec![
        follow(notes.query().watch_count(), move |count| *count == all),
        follow(notes.query().limit(10).watch(), |found| found.len() == 10),
        follow(notes.watch_record("n99999").unwrap(), Option::is_some),
        follow(replica.watch_sql(sql, &[]), move |answer| {
            answer.rows[0][0] == tisync::Value::from(all)
        }),
        follow(replica.watch_health(), |health| {
            health.is_synced() && health.feeds.iter().all(|feed| feed.complete_ms.is_some())
        }),
    ];
    // Some are never asked: nothing runs and nothing is queued for them.
    let idle = (notes.query().watch(), replica.conflicts().watch(10));
    let (quick, slow) = (replica.events(), replica.events());
    let quick = std::thread::spawn(move || read_all(quick));
    assert_eq!(replica.watchers(), followers.len() + 4);

    let began = Instant::now();
    let report = replica.blocking_sync().unwrap();
    assert_eq!(report.traffic.pulled, all);
    let pulled = began.elapsed();
    for follower in followers {
        follower.join().unwrap();
    }
    let took = began.elapsed();

    // Each watch rests between two runs, whatever comes. The clock counts whole milliseconds.
    let runs = runs.by_watch.lock().unwrap();
    let windows = took.as_millis() as usize / WATCH_MS as usize + 2;
    for (watch, at) in runs.iter() {
        for pair in at.windows(2) {
            let rest = pair[1] - pair[0];
            assert!(
                rest >= Duration::from_millis(WATCH_MS - 1),
                "{watch} ran again after {rest:?}"
            );
        }
        assert!(at.len() <= windows, "{watch}: {} of {windows}", at.len());
    }
    let counts: Vec<usize> = runs.values().map(Vec::len).collect();
    println!("pulled in {pulled:?}; runs in {took:?}, {windows} windows: {counts:?}");
    assert_eq!(runs.len(), 5, "those that were never asked never ran");

    drop((idle, notes));
    assert_eq!(replica.watchers(), 2, "the receivers");
    // The end of the replica tells something too: both hear of it before they are compared.
    drop(replica);
    let (slow, quick) = (read_all(slow), quick.join().unwrap());
    println!("told: {quick:?}; the slow one: {slow:?}");
    // A page is one event, and says how far the pull is; its request and its answer change the health, and so do the
    // beginning and the end.
    assert!(quick.all() <= 5 * PAGES, "{quick:?}");
    if quick.missed == 0 {
        // The machine was not too busy for it.
        assert_eq!((quick.changed, quick.records), (PAGES, RECORDS));
    }
    assert!(slow.records <= limits::EVENT_RECORDS_KEPT, "{slow:?}");
    assert!(slow.missed > 0, "{slow:?}");
    assert_eq!(slow.all(), quick.all(), "what it missed is counted");
}

/// Reads answers in a thread of its own until one is the last.
fn follow<T: 'static>(
    mut watch: Watch<T>,
    is_last: impl Fn(&T) -> bool + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        loop {
            let answer = watch.blocking_next_within(IN_TIME);
            if is_last(&answer.expect("an answer in time").unwrap()) {
                return;
            }
        }
    })
}

/// What a receiver was told.
#[derive(Debug, Default)]
struct Told {
    changed: usize,
    records: usize,
    others: usize,
    missed: usize,
}

impl Told {
    fn all(&self) -> usize {
        self.changed + self.others + self.missed
    }

    fn note(&mut self, notice: &Notice) {
        match notice {
            Notice::Event(Event::Changed { records, .. }) => {
                self.changed += 1;
                self.records += records.len();
            }
            Notice::Lagged(missed) => self.missed += *missed as usize,
            Notice::Event(_) | Notice::Progress(_) | Notice::Elsewhere => self.others += 1,
        }
    }
}

fn read_all(mut events: Events) -> Told {
    let mut told = Told::default();
    while let Some(notice) = events.blocking_next() {
        told.note(&notice);
    }
    told
}

/// When each live query ran, as the log tells.
#[derive(Clone, Default)]
struct Runs {
    by_watch: Arc<Mutex<BTreeMap<String, Vec<Instant>>>>,
}

impl<S: tracing::Subscriber> Layer<S> for Runs {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut watch = WatchField(None);
        event.record(&mut watch);
        if let Some(watch) = watch.0 {
            let mut runs = self.by_watch.lock().unwrap();
            runs.entry(watch).or_default().push(Instant::now());
        }
    }
}

struct WatchField(Option<String>);

impl Visit for WatchField {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "watch" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// A backend with many records, all in memory.
struct Large;

impl Connector for Large {
    fn endpoint(&self) -> String {
        "http://large.example".into()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability {
            digests: false,
            hints: false,
            ..Capability::native()
        }
    }

    fn pull(
        &self,
        _: Rc<dyn Http>,
        _: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let from = request.checkpoint.map_or(0, |place| {
            let place: usize = place.as_str().parse().unwrap();
            place
        });
        let to = (from + PAGE).min(RECORDS);
        let items = (from..to).map(|number| Item::Upsert {
            collection: request.collections[0].clone(),
            id: RecordId::new(format!("n{number}")).unwrap(),
            document: format!(r#"{{"number": {number}}}"#).parse().unwrap(),
            version: Some(Version::new(format!("e.{number}")).unwrap()),
            stamp: None,
            stamps: None,
            schema: None,
            migrated: false,
        });
        let page = Page {
            items: items.collect(),
            checkpoint: Some(Checkpoint::new(to.to_string()).unwrap()),
            end: match to {
                RECORDS => PageEnd::Complete { total: None },
                _ => PageEnd::More,
            },
            left: None,
            epoch: None,
            server_time_ms: None,
        };
        Box::pin(std::future::ready(Ok(page)))
    }

    fn push(
        &self,
        _: Rc<dyn Http>,
        _: Session,
        _: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        unreachable!("nothing is written")
    }

    fn fetch(
        &self,
        _: Rc<dyn Http>,
        _: Session,
        _: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        unreachable!("nothing is missing")
    }

    fn probe(&self, _: Rc<dyn Http>, _: Session) -> LocalFuture<Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
