//! A store as the changes that make it again.
use super::*;
use crate::archive::Walk;
use crate::memory::MemoryStore;
use crate::model::{
    Account, ConnectorState, FeedKey, FeedState, JournalState, Pass, PassReason, Quarantined,
    Suspicion,
};

fn walk<S: Store>(store: &mut S, limit: usize) -> Vec<Op> {
    see(store, |tx| {
        let (mut walk, mut all) = (Walk::new(), Vec::new());
        while let Some(changes) = walk.next(tx, limit)? {
            all.extend(changes);
        }
        assert_eq!(walk.next(tx, limit)?, None);
        Ok(all)
    })
}

fn key() -> FeedKey {
    FeedKey {
        connector: "main".parse().unwrap(),
        feed: "all".parse().unwrap(),
    }
}

fn feed(state: FeedState) -> Op {
    Op::Feed {
        key: key(),
        state: Box::new(state),
    }
}

/// One of everything, in the order of a walk.
fn everything() -> Vec<Op> {
    let mut dirty_record = record(2, "b");
    dirty_record.state = RecordState::Dirty;
    let mut new_record = record(3, "c");
    new_record.state = RecordState::Dirty;
    let side = Dirty {
        base: Image::Present(document(r#"{"title": 1.0}"#)),
        remote: None,
        provisional: false,
    };
    let task = Record {
        state: RecordState::Dirty,
        ..record(2, "n2")
    };
    let mut of_tasks = entry(9, 2);
    of_tasks.collection = tasks();
    vec![
        declare(notes(), vec![column("title", ColumnKind::Text, true)]),
        Op::Declare {
            collection: tasks(),
            schema: Schema {
                number: 3,
                ..Schema::default()
            },
            migrating: true,
        },
        feed(FeedState {
            checkpoint: Some("e.7".parse().unwrap()),
            ..FeedState::default()
        }),
        Op::Connector {
            name: "main".parse().unwrap(),
            state: Box::new(ConnectorState {
                attempts: 3,
                ..ConnectorState::default()
            }),
        },
        Op::Meta {
            key: "account".into(),
            value: Some(Account::new("anna").unwrap().to_string()),
        },
        insert(record(1, "a")),
        alias("a1", 1),
        alias("a2", 1),
        insert(dirty_record),
        dirty(2, Some(side)),
        insert(new_record),
        dirty(3, Some(blank())),
        insert(tombstone(4, "d")),
        Op::Insert {
            collection: tasks(),
            record: task,
        },
        Op::Dirty {
            collection: tasks(),
            rid: Rid(2),
            dirty: Some(blank()),
        },
        put(entry(1, 2)),
        put(Entry {
            state: EntryState::Unknown {
                since_ms: 5,
                tries: 1,
            },
            ..entry(4, 3)
        }),
        put(of_tasks),
        Op::Conflict(Box::new(decisions::conflict(tasks(), 2))),
        Op::Journal(Box::new(decisions::row(5, 1, JournalState::Decided))),
        Op::Journal(Box::new(decisions::row(2, 4, JournalState::Settled))),
        Op::Suspect(Suspicion {
            collection: notes(),
            rid: Rid(1),
            id: id("a"),
            pass: 1,
            passes: 1,
        }),
        Op::Quarantine(Box::new(Quarantined {
            number: 6,
            feed: key(),
            collection: None,
            text: "{".into(),
            reason: "cut".into(),
            at_ms: 3,
            schema: Some(1),
        })),
    ]
}

pub fn a_store_is_made_again_from_its_archive<S: Store>(store: &mut S) {
    commit(store, everything());
    for limit in [1, 2, 100] {
        let archive = walk(store, limit);
        assert_eq!(archive, everything(), "in pages of {limit}");
        let text = tisync_json::write(&archive);
        let again: Vec<Op> = tisync_json::read(&text).expect("what was printed");
        let mut other = MemoryStore::new();
        commit(&mut other, again);
        assert_eq!(walk(&mut other, 100), archive);
    }
}

pub fn a_walk_in_progress_begins_again<S: Store>(store: &mut S) {
    let pass = Pass {
        number: 4,
        reason: PassReason::Epoch,
        sweeping: true,
        place: Some((notes(), Some(id("a")))),
        swept: true,
        shrink: None,
    };
    given(
        store,
        vec![
            insert(record(1, "a")),
            feed(FeedState {
                checkpoint: Some("e.7".parse().unwrap()),
                pass: Some(pass),
                ..FeedState::default()
            }),
        ],
    );
    let found = walk(store, 100)
        .into_iter()
        .find_map(|change| match change {
            Op::Feed { state, .. } => Some(state),
            _ => None,
        });
    let state = found.expect("the feed");
    let pass = state.pass.expect("the walk goes on");
    assert_eq!((state.checkpoint, state.behind), (None, true));
    assert_eq!((pass.number, pass.reason), (4, PassReason::Epoch));
    assert!(!pass.sweeping && !pass.swept && pass.place.is_none());
}
