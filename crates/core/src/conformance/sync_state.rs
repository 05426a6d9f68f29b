//! Feeds, connectors, suspicions, quarantine, meta and the clock.
use super::*;
use crate::model::{
    Checkpoint, ConnectorName, ConnectorState, Counted, Deadline, EpochInfo, FeedKey, FeedName,
    FeedState, Findings, Generation, IdRange, JournalId, JournalRow, JournalState, Loser,
    NetworkState, Pass, PassReason, Progress, Quarantined, Reach, Shrink, Suspicion, Tally,
    Verification,
};

fn key(connector: &str, feed: &str) -> FeedKey {
    FeedKey {
        connector: ConnectorName::new(connector).unwrap(),
        feed: FeedName::new(feed).unwrap(),
    }
}

fn feed_state(checkpoint: &str) -> FeedState {
    FeedState {
        verification: Verification {
            next: Some(Deadline {
                generation: Generation(3),
                set_monotonic_ms: 1,
                set_wall_ms: 2,
                wait_ms: 3,
            }),
            attempts: 2,
            progress: Some(Box::new(Progress {
                contents: true,
                place: Some((notes(), Some(id("n")))),
                counted: vec![Counted {
                    range: IdRange::whole(notes()),
                    tally: Tally {
                        count: 1,
                        hash: u64::MAX,
                    },
                }],
                ..Progress::default()
            })),
            verified_ms: Some(7),
            last: Some(Findings {
                ended_ms: 7,
                mended: 1,
                left: 0,
            }),
        },
        checkpoint: Some(Checkpoint::new(checkpoint).unwrap()),
        epoch: Some(EpochInfo {
            epoch: crate::model::Epoch::new("e2").unwrap(),
            history: vec![(crate::model::Epoch::new("e1").unwrap(), 7)],
        }),
        unheard: true,
        behind: true,
        pass: Some(Pass {
            number: 3,
            reason: PassReason::Expired,
            sweeping: true,
            swept: true,
            place: Some((notes(), Some(id("n")))),
            shrink: Some(Shrink {
                missing: 1,
                total: 2,
                probing: true,
                confirmed: false,
                since_ms: 4,
            }),
        }),
        next: None,
        walk: None,
        attempts: 3,
        restarts: 1,
        last_ok_ms: Some(1),
        complete_ms: None,
        last_error: Some("503 \"later\"".into()),
    }
}

fn store_feed(key: FeedKey, state: FeedState) -> Op {
    Op::Feed {
        key,
        state: Box::new(state),
    }
}

fn suspicion(collection: CollectionName, rid: i64, passes: u32) -> Suspicion {
    Suspicion {
        collection,
        rid: Rid(rid),
        id: id(&format!("n{rid}")),
        pass: 4,
        passes,
    }
}

fn quarantined(number: i64, text: &str) -> Quarantined {
    Quarantined {
        number,
        feed: key("main", "all"),
        collection: Some(notes()),
        text: text.into(),
        reason: "no id".into(),
        at_ms: 5,
        schema: None,
    }
}

fn keep(row: Quarantined) -> Op {
    Op::Quarantine(Box::new(row))
}

fn meta(key: &str, value: Option<&str>) -> Op {
    Op::Meta {
        key: key.into(),
        value: value.map(Into::into),
    }
}

fn stamped(seq: i64, ms: u64) -> Entry {
    let mut one = entry(seq, 1);
    one.stamps.latest = stamp(ms);
    one
}

fn clock<S: Store>(store: &mut S) -> Stamp {
    see(store, |tx| tx.clock())
}

pub fn a_feed_comes_back<S: Store>(store: &mut S) {
    assert_eq!(see(store, |tx| tx.feed(&key("main", "all"))), None);
    commit(
        store,
        vec![store_feed(key("main", "all"), FeedState::default())],
    );
    assert_eq!(
        see(store, |tx| tx.feed(&key("main", "all"))),
        Some(FeedState::default())
    );
    commit(
        store,
        vec![store_feed(key("main", "all"), feed_state("c'1"))],
    );
    assert_eq!(
        see(store, |tx| tx.feed(&key("main", "all"))),
        Some(feed_state("c'1"))
    );
}

pub fn feeds_of_two_connectors_are_apart<S: Store>(store: &mut S) {
    for (connector, feed) in [("a", "all"), ("b", "all"), ("a", "b")] {
        commit(
            store,
            vec![store_feed(
                key(connector, feed),
                feed_state(&format!("{connector}{feed}")),
            )],
        );
    }
    let found = see(store, |tx| tx.feed(&key("b", "all")));
    assert_eq!(found, Some(feed_state("ball")));
    assert_eq!(
        see(store, |tx| tx.feed(&key("a", "all"))),
        Some(feed_state("aall"))
    );
    assert_eq!(see(store, |tx| tx.feed(&key("b", "b"))), None);
}

pub fn a_connector_comes_back<S: Store>(store: &mut S) {
    let name = ConnectorName::new("main").unwrap();
    assert_eq!(see(store, |tx| tx.connector(&name)), None);
    let states = [
        ConnectorState::default(),
        ConnectorState {
            attempts: 2,
            items_max: Some(17),
            refused: Some(1),
            revision: 2,
            upgrade_required: true,
            network: NetworkState {
                reach: Reach::CaptivePortal,
                since_ms: 12,
                why: Some("a page of HTML".into()),
            },
            probe: Some(Deadline {
                generation: Generation(3),
                set_monotonic_ms: 1,
                set_wall_ms: 2,
                wait_ms: 3,
            }),
            probes: 4,
            skew_ms: -1234,
            last_error: Some("x".into()),
            ..ConnectorState::default()
        },
    ];
    for state in states {
        let change = Op::Connector {
            name: name.clone(),
            state: Box::new(state.clone()),
        };
        commit(store, vec![change]);
        assert_eq!(see(store, |tx| tx.connector(&name)), Some(state));
    }
}

pub fn a_suspicion_comes_back_by_collection<S: Store>(store: &mut S) {
    let rows = [
        suspicion(notes(), 10, 1),
        suspicion(tasks(), 1, 1),
        suspicion(notes(), 9, 2),
    ];
    given(store, rows.into_iter().map(Op::Suspect).collect());
    let found = see(store, |tx| tx.suspicions(&notes(), 9));
    assert_eq!(
        found,
        [suspicion(notes(), 9, 2), suspicion(notes(), 10, 1)],
        "in the order of rid"
    );
    assert_eq!(
        see(store, |tx| tx.suspicions(&notes(), 1)),
        [suspicion(notes(), 9, 2)]
    );
}

pub fn a_suspicion_is_replaced_and_removed<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "n1")),
            Op::Suspect(suspicion(notes(), 1, 1)),
            Op::Suspect(suspicion(notes(), 2, 1)),
        ],
    );
    commit(store, vec![Op::Suspect(suspicion(notes(), 1, 2))]);
    let found = see(store, |tx| tx.suspicions(&notes(), 9));
    assert_eq!(found, [suspicion(notes(), 1, 2), suspicion(notes(), 2, 1)]);
    commit(
        store,
        vec![
            Op::RemoveSuspicion {
                collection: notes(),
                rid: Rid(2),
            },
            remove(1),
        ],
    );
    assert!(
        see(store, |tx| tx.suspicions(&notes(), 9)).is_empty(),
        "it goes with its record"
    );
}

pub fn a_quarantined_row_gets_a_number<S: Store>(store: &mut S) {
    commit(
        store,
        vec![
            keep(quarantined(0, "<html>")),
            keep(quarantined(0, "\u{0}'\"")),
        ],
    );
    commit(store, vec![keep(quarantined(0, ""))]);
    let found = see(store, |tx| tx.quarantined(None, 9));
    assert_eq!(
        found,
        [
            quarantined(1, "<html>"),
            quarantined(2, "\u{0}'\""),
            quarantined(3, "")
        ]
    );
}

pub fn quarantined_rows_page_by_number<S: Store>(store: &mut S) {
    commit(store, (0..4).map(|_| keep(quarantined(0, "x"))).collect());
    commit(store, vec![Op::RemoveQuarantined(2)]);
    let found = see(store, |tx| tx.quarantined(Some(1), 1));
    assert_eq!(found, [quarantined(3, "x")]);
    assert!(see(store, |tx| tx.quarantined(Some(4), 9)).is_empty());
}

pub fn a_quarantined_row_may_be_replaced<S: Store>(store: &mut S) {
    commit(store, vec![keep(quarantined(0, "x"))]);
    let mut again = quarantined(1, "x");
    again.reason = "still no id".into();
    again.collection = None;
    commit(store, vec![keep(again.clone())]);
    assert_eq!(see(store, |tx| tx.quarantined(None, 9)), [again]);
}

pub fn meta_is_kept_replaced_and_removed<S: Store>(store: &mut S) {
    assert_eq!(see(store, |tx| tx.meta("a")), None);
    commit(store, vec![meta("a", Some("1")), meta("b", Some("é'\"\n"))]);
    commit(store, vec![meta("a", Some(""))]);
    assert_eq!(see(store, |tx| tx.meta("a")).as_deref(), Some(""));
    assert_eq!(see(store, |tx| tx.meta("b")).as_deref(), Some("é'\"\n"));
    commit(store, vec![meta("a", None)]);
    assert_eq!(see(store, |tx| tx.meta("a")), None);
    assert_eq!(see(store, |tx| tx.meta("A")), None);
}

pub fn the_clock_is_the_latest_of_all<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), put(stamped(1, 50))]);
    assert_eq!(clock(store), stamp(50));
    commit(store, vec![meta("clock", Some(&stamp(60).to_string()))]);
    assert_eq!(clock(store), stamp(60));
    let row = JournalRow {
        id: JournalId(1),
        at_ms: 70,
        collection: notes(),
        rid: Rid(1),
        record: id("a"),
        situation: String::new(),
        policy: String::new(),
        base: Image::Absent,
        ours: Image::Absent,
        theirs: Image::Absent,
        outcome: Image::Absent,
        loser: Loser::None,
        mutation: None,
        decided: Vec::new(),
        state: JournalState::Settled,
        undoes: None,
        schema: 1,
    };
    commit(store, vec![Op::Journal(Box::new(row))]);
    assert_eq!(clock(store), Stamp::at(70));
    commit(store, vec![put(stamped(2, 71))]);
    assert_eq!(clock(store), stamp(71));
    commit(store, vec![Op::RemoveEntry(2)]);
    assert_eq!(clock(store), Stamp::at(70), "what is gone does not count");
}

pub fn the_clock_follows_an_entry_that_was_changed<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    commit(
        store,
        vec![
            put(stamped(1, 10)),
            put(stamped(2, 20)),
            put(stamped(3, 15)),
        ],
    );
    assert_eq!(
        clock(store),
        stamp(20),
        "stamps need not follow the order of seq"
    );
    commit(store, vec![put(stamped(1, 30))]);
    assert_eq!(clock(store), stamp(30), "an older entry was written again");
    commit(
        store,
        vec![put(stamped(4, 25)), put(stamped(5, 40)), Op::RemoveEntry(1)],
    );
    assert_eq!(clock(store), stamp(40));
    commit(store, vec![Op::RemoveEntry(5)]);
    assert_eq!(clock(store), stamp(25));
    commit(store, vec![Op::RemoveEntry(4), put(stamped(3, 14))]);
    assert_eq!(clock(store), stamp(20));
    commit(store, vec![Op::RemoveEntry(2)]);
    assert_eq!(clock(store), stamp(14));
}

pub fn the_clock_of_an_empty_store_is_zero<S: Store>(store: &mut S) {
    assert_eq!(clock(store), Stamp::default());
}
