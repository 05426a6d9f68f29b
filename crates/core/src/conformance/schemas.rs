//! Schema numbers: what is declared, and what is older.
use super::*;
use crate::store::Declared;

fn declared(number: u32, migrating: bool) -> Op {
    Op::Declare {
        collection: notes(),
        schema: Schema {
            number,
            ..Schema::default()
        },
        migrating,
    }
}

fn of_schema(rid: i64, schema: u32) -> Record {
    Record {
        schema,
        ..record(rid, &format!("n{}", 9 - rid))
    }
}

fn outdated<S: Store>(
    store: &mut S,
    after: Option<i64>,
    limit: usize,
    bytes_max: usize,
) -> Vec<i64> {
    let rows = see(store, |tx| {
        tx.outdated(&notes(), 2, after.map(Rid), limit, bytes_max)
    });
    rows.iter().map(|(record, _)| record.rid.0).collect()
}

pub fn what_was_declared_last_is_told<S: Store>(store: &mut S) {
    assert_eq!(see(store, |tx| tx.declared(&notes())), None);
    for (number, migrating) in [(1, false), (2, true), (2, false), (7, false)] {
        commit(store, vec![declared(number, migrating)]);
        let expected = Declared { number, migrating };
        assert_eq!(see(store, |tx| tx.declared(&notes())), Some(expected));
        assert_eq!(see(store, |tx| tx.declared(&tasks())), None);
    }
}

pub fn a_record_keeps_the_number_of_its_schema<S: Store>(store: &mut S) {
    given(store, vec![insert(of_schema(1, 5))]);
    assert_eq!(all(store), [(of_schema(1, 5), None)]);
    let migrated = Record {
        migrated: true,
        ..of_schema(1, u32::MAX)
    };
    commit(store, vec![update(migrated.clone())]);
    assert_eq!(all(store), [(migrated.clone(), None)]);
    // What comes and goes beside it leaves that alone.
    let dirty_record = Record {
        state: RecordState::Dirty,
        ..migrated
    };
    let side = dirty(1, Some(blank()));
    commit(store, vec![update(dirty_record.clone()), side]);
    assert_eq!(all(store), [(dirty_record.clone(), Some(blank()))]);
    commit(store, vec![dirty(1, None)]);
    assert_eq!(all(store), [(dirty_record, None)]);
    let head = Op::Head {
        collection: notes(),
        rid: Rid(1),
        version: version("1"),
        state: RecordState::Clean,
        stamp: Some(stamp(5)),
        schema: 0,
        migrated: false,
    };
    commit(store, vec![head]);
    assert_eq!(all(store), [(of_schema(1, 0), None)]);
}

pub fn outdated_records_come_in_the_order_of_rid<S: Store>(store: &mut S) {
    let hidden = Record {
        state: RecordState::Dirty,
        document: None,
        ..of_schema(5, 1)
    };
    let gone = Record {
        schema: 1,
        ..tombstone(6, "gone")
    };
    given(
        store,
        vec![
            insert(of_schema(1, 1)),
            insert(of_schema(2, 2)),
            insert(of_schema(3, 0)),
            insert(of_schema(4, 3)),
            insert(hidden.clone()),
            dirty(5, Some(blank())),
            insert(gone),
            insert(of_schema(7, 2)),
            dirty(7, Some(blank())),
        ],
    );
    assert_eq!(outdated(store, None, 9, usize::MAX), [1, 3, 5, 7]);
    assert_eq!(outdated(store, Some(1), 9, usize::MAX), [3, 5, 7]);
    let rows = see(store, |tx| {
        tx.outdated(&notes(), 2, Some(Rid(3)), 1, usize::MAX)
    });
    assert_eq!(rows, [(hidden, Some(blank()))]);
    commit(store, vec![update(of_schema(3, 2))]);
    assert_eq!(outdated(store, None, 9, usize::MAX), [1, 5, 7]);
    let other = see(store, |tx| tx.outdated(&tasks(), 2, None, 9, usize::MAX));
    assert_eq!(other, []);
}

pub fn outdated_records_page_by_rows_and_bytes<S: Store>(store: &mut S) {
    given(
        store,
        (1..=4).map(|rid| insert(of_schema(rid, 1))).collect(),
    );
    let bytes = document(r#"{"title":"1"}"#).text().len();
    assert_eq!(outdated(store, None, 2, usize::MAX), [1, 2]);
    assert_eq!(outdated(store, Some(2), 2, usize::MAX), [3, 4]);
    assert_eq!(outdated(store, None, 9, 0), [1]);
    assert_eq!(outdated(store, None, 9, bytes), [1]);
    assert_eq!(outdated(store, None, 9, 2 * bytes), [1, 2]);
    // A base counts as well.
    let side = Dirty {
        base: Image::Present(document(r#"{"title":"1"}"#)),
        remote: None,
        provisional: false,
    };
    commit(store, vec![dirty(1, Some(side))]);
    assert_eq!(outdated(store, None, 9, 2 * bytes), [1]);
}
