//! Live queries: which watches a change touches, and when each of them runs again.
//!
//! A watch runs when it begins, and then after each change that touches it: at most once in
//! [`WATCH_MS`](crate::limits::WATCH_MS), at most half of the time, and once more after the last change, so that
//! what it shows in the end is what is there. A storm of changes costs a watch no more than a few runs, and
//! nothing is queued for it. Here is no clock, thread or timer: the host brings the time, and runs what is due.
use crate::limits;
use tisync_core::model::{CollectionName, Event, RecordId};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The watches of a replica.
///
/// ```
/// use tisync_core::model::{CollectionName, Event};
/// use tisync_store::{Live, Topic};
///
/// let notes = CollectionName::new("notes")?;
/// let mut live = Live::default();
/// let watch = live.watch(Topic::Collection(notes.clone()));
/// assert!(live.is_due(watch, 0), "it runs when it begins");
/// live.begin(watch, 0);
/// live.end(watch, 1);
/// live.changed(&Event::Changed { collection: notes, records: vec![], remote: false });
/// assert!(!live.is_due(watch, 10));
/// assert_eq!(live.due_ms(watch), Some(51));
/// assert!(live.is_due(watch, 51));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Live {
    watches: BTreeMap<WatchId, Watched>,
    last: u64,
}

/// A watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(u64);

/// What a watch shows: only a change that touches it makes it run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Records of a collection.
    Collection(CollectionName),
    /// One record, by all the ids that it is known to have.
    Record(CollectionName, BTreeSet<RecordId>),
    /// The open conflicts, with the records that are in one as far as the watch knows: their edits show too.
    Conflicts(BTreeSet<(CollectionName, RecordId)>),
    /// The health: everything touches it.
    Health,
    /// Records of any collection.
    Records,
}

#[derive(Debug)]
struct Watched {
    topic: Topic,
    touched: bool,
    /// When the run that is under way began.
    began_ms: Option<u64>,
    /// No run before this.
    rests_until_ms: u64,
}

impl Live {
    /// Begins a watch, which is due at once.
    pub fn watch(&mut self, topic: Topic) -> WatchId {
        self.last += 1;
        let id = WatchId(self.last);
        let watched = Watched {
            topic,
            touched: true,
            began_ms: None,
            rests_until_ms: 0,
        };
        self.watches.insert(id, watched);
        id
    }

    /// Ends a watch; nothing of it is kept.
    pub fn close(&mut self, id: WatchId) {
        self.watches.remove(&id);
    }

    /// Changes what a watch shows, after a run that found out.
    pub fn follow(&mut self, id: WatchId, topic: Topic) {
        if let Some(watched) = self.watches.get_mut(&id) {
            watched.topic = topic;
        }
    }

    /// Notes what a step has changed.
    pub fn changed(&mut self, event: &Event) {
        for watched in self.watches.values_mut() {
            watched.touched |= watched.topic.is_touched_by(event);
        }
    }

    /// Notes that another process has changed something: nobody knows what.
    pub fn changed_elsewhere(&mut self) {
        for watched in self.watches.values_mut() {
            watched.touched = true;
        }
    }

    /// Notes that a watch runs now: what changes from here on makes it run again.
    pub fn begin(&mut self, id: WatchId, now_ms: u64) {
        if let Some(watched) = self.watches.get_mut(&id) {
            watched.touched = false;
            watched.began_ms = Some(now_ms);
        }
    }

    /// Notes that the run has ended. It rests for as long as it ran, if that is longer.
    pub fn end(&mut self, id: WatchId, now_ms: u64) {
        if let Some(watched) = self.watches.get_mut(&id) {
            let began_ms = watched.began_ms.take().unwrap_or(now_ms);
            let rest_ms = now_ms.saturating_sub(began_ms).max(limits::WATCH_MS);
            watched.rests_until_ms = now_ms + rest_ms;
        }
    }

    /// When a watch may run; `None` while nothing has changed for it.
    pub fn due_ms(&self, id: WatchId) -> Option<u64> {
        let watched = self.watches.get(&id)?;
        (watched.touched && watched.began_ms.is_none()).then_some(watched.rests_until_ms)
    }

    /// Whether a watch may run now.
    pub fn is_due(&self, id: WatchId, now_ms: u64) -> bool {
        self.due_ms(id).is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// The topics that are watched.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.watches.values().map(|watched| &watched.topic)
    }

    /// How many watches there are.
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }
}

impl Topic {
    fn is_touched_by(&self, event: &Event) -> bool {
        match (self, event) {
            (Topic::Health, _) => true,
            (Topic::Records, Event::Changed { .. }) => true,
            (Topic::Collection(name), Event::Changed { collection, .. }) => name == collection,
            (
                Topic::Record(name, ids),
                Event::Changed {
                    collection,
                    records,
                    ..
                },
            ) => name == collection && records.iter().any(|(id, _)| ids.contains(id)),
            (
                Topic::Conflicts(known),
                Event::Changed {
                    collection,
                    records,
                    ..
                },
            ) => known.iter().any(|(name, known)| {
                name == collection && records.iter().any(|(id, _)| id == known)
            }),
            (Topic::Conflicts(_), Event::ConflictOpened { .. } | Event::ConflictClosed { .. }) => {
                true
            }
            _ => false,
        }
    }
}
