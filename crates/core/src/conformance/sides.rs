//! What stands beside a record: its side row and its former ids.
use super::*;
use crate::model::JournalId;
use crate::model::{Conflict, Image, JournalRow, JournalState, Loser, Remote};
use tisync_json::tree::BTreeMap;

fn side(base: Image, remote: Option<Image>) -> Dirty {
    Dirty {
        base,
        remote: remote.map(|image| Remote {
            out_of_scope: false,
            image,
            version: version("7"),
            stamp: None,
            stamps: None,
            schema: None,
            migrated: false,
        }),
        provisional: false,
    }
}

fn guess(text: &str) -> Dirty {
    Dirty {
        provisional: true,
        ..side(present(text), None)
    }
}

fn present(text: &str) -> Image {
    Image::Present(document(text))
}

fn side_of<S: Store>(store: &mut S, name: &str) -> Option<Dirty> {
    load(store, name).unwrap().1
}

pub fn a_side_row_comes_with_its_record<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), insert(record(2, "b"))]);
    let row = side(present("{}"), Some(present(r#"{"b":1}"#)));
    commit(store, vec![dirty(2, Some(row.clone()))]);
    assert_eq!(
        all(store),
        [(record(1, "a"), None), (record(2, "b"), Some(row.clone()))]
    );
    for how in [Load::Heads, Load::Whole] {
        let found = see(store, |tx| tx.load(&notes(), Keys::Ids(&[id("b")]), how));
        assert_eq!(
            found[0].as_ref().unwrap().1,
            Some(row.clone()),
            "a head has its side row whole"
        );
    }
}

pub fn a_side_row_can_be_replaced_and_removed<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    let rows = [
        Some(blank()),
        Some(side(present("{}"), None)),
        Some(guess("{}")),
        Some(blank()),
        Some(side(Image::Absent, Some(Image::Gone))),
        Some(side(Image::Gone, None)),
        None,
        Some(side(present("{}"), None)),
        None,
        Some(blank()),
        None,
    ];
    for row in rows {
        commit(store, vec![dirty(1, row.clone())]);
        assert_eq!(load(store, "a"), Some((record(1, "a"), row)));
    }
}

pub fn the_side_row_of_a_new_record_comes_back<S: Store>(store: &mut S) {
    let mut new = record(2, "b");
    new.state = RecordState::Dirty;
    given(
        store,
        vec![
            insert(record(1, "a")),
            insert(new.clone()),
            dirty(2, Some(blank())),
            insert(record(3, "c")),
            insert(record(4, "d")),
            dirty(3, Some(blank())),
        ],
    );
    assert_eq!(
        all(store),
        [
            (record(1, "a"), None),
            (new, Some(blank())),
            (record(3, "c"), Some(blank())),
            (record(4, "d"), None)
        ]
    );
}

pub fn a_blank_side_row_survives_updates_and_heads<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), dirty(1, Some(blank()))]);
    let head = |state| Op::Head {
        collection: notes(),
        rid: Rid(1),
        version: None,
        state,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    commit(store, vec![head(RecordState::Provisional)]);
    assert_eq!(side_of(store, "a"), Some(blank()));
    commit(store, vec![update(record(1, "b"))]);
    assert_eq!(load(store, "b"), Some((record(1, "b"), Some(blank()))));
    commit(store, vec![update(tombstone(1, "b"))]);
    assert_eq!(load(store, "b"), Some((tombstone(1, "b"), Some(blank()))));
    assert_eq!(see(store, |tx| tx.count(&notes(), None)), (0, 0));
    commit(store, vec![dirty(1, None)]);
    assert_eq!(side_of(store, "b"), None);
}

pub fn a_side_row_needs_its_record<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    refused(store, vec![dirty(2, Some(blank()))]);
    refused(store, vec![dirty(2, Some(side(present("{}"), None)))]);
    refused(store, vec![remove(1), dirty(1, Some(blank()))]);
}

pub fn a_side_row_keeps_every_kind_of_image<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    let images = || [Image::Absent, Image::Gone, present(r#"{"x": "é"}"#)];
    for base in images() {
        for remote in images() {
            let row = side(base.clone(), Some(remote));
            commit(store, vec![dirty(1, Some(row.clone()))]);
            assert_eq!(side_of(store, "a"), Some(row));
        }
    }
}

pub fn a_side_row_keeps_the_remote_whole<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    let mut row = side(
        present(r#"{"n":1.50}"#),
        Some(present(r#"{"n":12345678901234567890123}"#)),
    );
    if let Some(remote) = &mut row.remote {
        remote.stamp = Some(stamp(77));
        remote.stamps = Some(Stamps {
            latest: stamp(78),
            fields: BTreeMap::from([(Path::parse("/a~1b/c").unwrap(), stamp(79))]),
        });
    }
    commit(store, vec![dirty(1, Some(row.clone()))]);
    assert_eq!(side_of(store, "a"), Some(row));
}

pub fn a_former_id_resolves<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "now")),
            insert(record(2, "b")),
            alias("then", 1),
            alias("before", 1),
        ],
    );
    let keys = [id("then"), id("b"), id("before"), id("now"), id("never")];
    for how in [Load::Heads, Load::Whole] {
        let found = see(store, |tx| tx.load(&notes(), Keys::Ids(&keys), how));
        let rids: Vec<_> = found
            .iter()
            .map(|row| row.as_ref().map(|(record, _)| record.rid.0))
            .collect();
        assert_eq!(rids, [Some(1), Some(2), Some(1), Some(1), None]);
        assert_eq!(
            found[0].as_ref().unwrap().0.id,
            id("now"),
            "the record shows its present id"
        );
    }
    assert_eq!(ids(store), ["b", "now"], "a former id is no record");
}

pub fn the_present_id_goes_before_a_former_one<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "now")),
            alias("then", 1),
            insert(record(2, "then")),
        ],
    );
    assert_eq!(load(store, "then").unwrap().0.rid, Rid(2));
    commit(store, vec![remove(2)]);
    assert_eq!(load(store, "then").unwrap().0.rid, Rid(1));
}

pub fn a_former_id_may_move_to_another_record<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "a")),
            insert(record(2, "b")),
            alias("then", 1),
        ],
    );
    commit(store, vec![alias("then", 2)]);
    assert_eq!(load(store, "then").unwrap().0.rid, Rid(2));
    assert!(see(store, |tx| tx.aliases(&notes(), Rid(1))).is_empty());
}

pub fn aliases_come_in_order<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "a")),
            alias("z", 1),
            alias("é", 1),
            alias("m", 1),
            alias("m", 1),
        ],
    );
    assert_eq!(
        see(store, |tx| tx.aliases(&notes(), Rid(1))),
        [id("m"), id("z"), id("é")]
    );
    assert!(see(store, |tx| tx.aliases(&tasks(), Rid(1))).is_empty());
}

pub fn removing_a_record_removes_what_is_beside_it<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "a")),
            dirty(1, Some(side(present("{}"), None))),
            alias("old", 1),
            insert(record(2, "b")),
            dirty(2, Some(blank())),
            alias("older", 2),
        ],
    );
    commit(store, vec![remove(1), remove(2)]);
    commit(store, vec![insert(record(1, "c")), insert(record(2, "d"))]);
    assert_eq!(all(store), [(record(1, "c"), None), (record(2, "d"), None)]);
    assert_eq!(load(store, "old"), None);
    assert_eq!(load(store, "older"), None);
}

pub fn removing_a_record_that_is_referred_to_is_refused<S: Store>(store: &mut S) {
    let conflict = Conflict {
        collection: notes(),
        rid: Rid(2),
        id: id("b"),
        remote: side(Image::Gone, Some(Image::Gone)).remote.unwrap(),
        asked: Vec::new(),
        deadline: None,
        since_ms: 1,
    };
    let row = JournalRow {
        id: JournalId(1),
        at_ms: 1,
        collection: notes(),
        rid: Rid(3),
        record: id("c"),
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
    given(
        store,
        vec![
            insert(record(1, "a")),
            insert(record(2, "b")),
            insert(record(3, "c")),
        ],
    );
    commit(
        store,
        vec![
            put(entry(1, 1)),
            Op::Conflict(Box::new(conflict)),
            Op::Journal(Box::new(row)),
        ],
    );
    for rid in 1..=3 {
        refused(store, vec![remove(rid)]);
    }
}

pub fn a_removed_record_may_be_let_go_in_the_same_commit<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), put(entry(1, 1))]);
    commit(store, vec![remove(1), Op::RemoveEntry(1)]);
    assert!(ids(store).is_empty());
}

pub fn removing_what_is_not_there_is_fine<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    commit(
        store,
        vec![
            remove(9),
            Op::RemoveEntry(9),
            Op::RemoveConflict {
                collection: notes(),
                rid: Rid(9),
            },
            Op::RemoveSuspicion {
                collection: notes(),
                rid: Rid(9),
            },
            Op::RemoveQuarantined(9),
            Op::ForgetPass {
                collection: notes(),
                pass: 9,
            },
            Op::Meta {
                key: "none".into(),
                value: None,
            },
            dirty(1, None),
        ],
    );
    assert_eq!(all(store), [(record(1, "a"), None)]);
}
