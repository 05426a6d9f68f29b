//! What is known of the server's records.
use super::decisions::conflict;
use super::{dirty, document, given, id, insert, notes, record, see, version};
use crate::model::{CollectionName, Dirty, IdRange, Image, Record, RecordState, Remote};
use crate::store::{Known, Op, Store, Tx};

fn range(after: Option<&str>, until: Option<&str>) -> IdRange {
    IdRange {
        collection: notes(),
        after: after.map(id),
        until: until.map(id),
    }
}

fn known<S: Store>(store: &mut S, range: &IdRange, limit: usize) -> Vec<Known> {
    see(store, |tx| tx.known(range, false, limit))
}

/// As `id@version`.
fn shown(known: &[Known]) -> Vec<String> {
    let text = |known: &Known| match &known.version {
        Some(version) => format!("{}@{version}", known.id),
        None => known.id.to_string(),
    };
    known.iter().map(text).collect()
}

fn all<S: Store>(store: &mut S) -> Vec<String> {
    shown(&known(store, &range(None, None), usize::MAX))
}

fn of_state(rid: i64, name: &str, state: RecordState) -> Op {
    insert(Record {
        state,
        document: (state != RecordState::Tombstone).then(|| document("{}")),
        ..record(rid, name)
    })
}

pub fn known_records_come_by_id_with_their_versions<S: Store>(store: &mut S) {
    let mut provisional = record(3, "ä");
    provisional.state = RecordState::Provisional;
    provisional.version = None;
    let mut later = record(2, "a");
    later.version = version("e.2");
    given(
        store,
        vec![insert(record(1, "b")), insert(later), insert(provisional)],
    );
    assert_eq!(all(store), ["a@e.2", "b@1", "ä"]);
    let documents = known(store, &range(None, None), usize::MAX);
    assert!(documents.iter().all(|known| known.document.is_none()));
    let nowhere = IdRange::whole(CollectionName::new("nowhere").unwrap());
    assert_eq!(known(store, &nowhere, 9), []);
}

pub fn known_records_come_by_range_and_limit<S: Store>(store: &mut S) {
    let mut changes = Vec::new();
    for (rid, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        changes.push(insert(record(rid, name)));
    }
    // Rows that are left out do not count for the limit.
    changes.push(of_state(5, "bb", RecordState::Unconfirmed));
    given(store, changes);
    let mut of = |after, until, limit| shown(&known(store, &range(after, until), limit));
    assert_eq!(of(None, Some("b"), 9), ["a@1", "b@1"]);
    assert_eq!(of(Some("b"), None, 9), ["c@1", "d@1"]);
    assert_eq!(of(Some("a"), Some("c"), 9), ["b@1", "c@1"]);
    assert_eq!(of(Some("a"), None, 2), ["b@1", "c@1"]);
    assert_eq!(of(Some("c"), Some("c"), 9), [""; 0]);
    assert_eq!(of(Some("c"), Some("a"), 9), [""; 0]);
    assert_eq!(of(None, None, 0), [""; 0]);
}

pub fn of_a_dirty_record_the_latest_image_is_known<S: Store>(store: &mut S) {
    let base = Image::Present(document(r#"{"base":1}"#));
    let newer = |image| {
        Some(Remote {
            out_of_scope: false,
            image,
            version: version("2"),
            stamp: None,
            stamps: None,
            schema: None,
            migrated: false,
        })
    };
    let there = || Image::Present(document(r#"{"newer":1}"#));
    let mut changes = Vec::new();
    let sides = [
        ("base", base.clone(), None),
        ("gone", base.clone(), newer(Image::Gone)),
        ("remote", base.clone(), newer(there())),
        ("back", Image::Gone, newer(there())),
        ("conflict", base.clone(), None),
        ("deleted", base, None),
    ];
    for (rid, (name, base, remote)) in (1..).zip(sides) {
        changes.push(of_state(rid, name, RecordState::Dirty));
        changes.push(dirty(
            rid,
            Some(Dirty {
                base,
                remote,
                provisional: false,
            }),
        ));
    }
    let mut open = conflict(notes(), 5);
    open.remote.version = version("3");
    open.remote.image = there();
    changes.push(Op::Conflict(Box::new(open)));
    let mut open = conflict(notes(), 6);
    open.remote.image = Image::Gone;
    changes.push(Op::Conflict(Box::new(open)));
    given(store, changes);
    assert_eq!(all(store), ["back@2", "base@1", "conflict@3", "remote@2"]);
}

pub fn what_no_server_has_is_not_known<S: Store>(store: &mut S) {
    let side = |rid: i64, base: Image| {
        dirty(
            rid,
            Some(Dirty {
                base,
                remote: None,
                provisional: false,
            }),
        )
    };
    given(
        store,
        vec![
            of_state(1, "tombstone", RecordState::Tombstone),
            of_state(2, "unconfirmed", RecordState::Unconfirmed),
            of_state(3, "new", RecordState::Dirty),
            side(3, Image::Absent),
            of_state(4, "made again", RecordState::Dirty),
            side(4, Image::Gone),
        ],
    );
    assert_eq!(all(store), [""; 0]);
}

pub fn documents_come_when_they_are_asked_for<S: Store>(store: &mut S) {
    let base = document(r#"{"base": 1.0}"#);
    given(
        store,
        vec![
            insert(Record {
                document: Some(document(r#"{ "a": 1 }"#)),
                ..record(1, "a")
            }),
            of_state(2, "b", RecordState::Dirty),
            dirty(
                2,
                Some(Dirty {
                    base: Image::Present(base.clone()),
                    remote: None,
                    provisional: false,
                }),
            ),
        ],
    );
    let found = see(store, |tx| tx.known(&range(None, None), true, usize::MAX));
    let texts: Vec<_> = found
        .iter()
        .map(|known| known.document.as_ref().unwrap().text().to_owned())
        .collect();
    assert_eq!(texts, [r#"{ "a": 1 }"#, base.text()]);
    assert_eq!(found[0].id, record(1, "a").id);
    assert_eq!(
        (found[1].id.clone(), found[1].version.clone()),
        (id("b"), version("1"))
    );
}
