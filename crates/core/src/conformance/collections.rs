//! Declared collections.
use super::*;

pub fn collections_do_not_see_each_other<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            declare(tasks(), Vec::new()),
            insert(record(1, "a")),
            alias("old", 1),
        ],
    );
    let task = Op::Insert {
        collection: tasks(),
        record: record(1, "t"),
    };
    commit(store, vec![task, dirty(1, Some(blank()))]);
    assert_eq!(ids(store), ["a"]);
    for name in ["a", "old"] {
        assert_eq!(
            see(store, |tx| tx.load(
                &tasks(),
                Keys::Ids(&[id(name)]),
                Load::Whole
            )),
            [None]
        );
    }
    let found = see(store, |tx| {
        tx.load(&tasks(), Keys::Rids(&[Rid(1)]), Load::Whole)
    });
    assert_eq!(found, [Some((record(1, "t"), None))]);
}

pub fn declaring_again_keeps_the_records<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), dirty(1, Some(blank()))]);
    commit(store, vec![declare(notes(), Vec::new())]);
    let number = Schema {
        number: 2,
        ..Schema::default()
    };
    commit(
        store,
        vec![Op::Declare {
            collection: notes(),
            schema: number,
            migrating: false,
        }],
    );
    assert_eq!(all(store), [(record(1, "a"), Some(blank()))]);
}

pub fn columns_may_come_and_go<S: Store>(store: &mut S) {
    let schemas = [
        vec![column("title", ColumnKind::Text, false)],
        vec![
            column("title", ColumnKind::Text, true),
            column("done", ColumnKind::Boolean, true),
        ],
        vec![
            column("title", ColumnKind::Integer, true),
            column("rank", ColumnKind::Real, false),
        ],
        vec![],
        vec![column("title", ColumnKind::Text, true)],
    ];
    given(store, vec![insert(record(1, "n1"))]);
    for (index, columns) in schemas.into_iter().enumerate() {
        let rid = index as i64 + 2;
        commit(
            store,
            vec![
                declare(notes(), columns),
                insert(record(rid, &format!("n{rid}"))),
            ],
        );
        let mut changed = record(rid, &format!("n{rid}"));
        changed.document = Some(document(r#"{"title":5,"done":true,"rank":1.5}"#));
        commit(store, vec![update(changed.clone())]);
        assert_eq!(load(store, &format!("n{rid}")), Some((changed, None)));
    }
    assert_eq!(load(store, "n1"), Some((record(1, "n1"), None)));
}

pub fn bad_columns_are_refused<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    for names in [
        vec!["id"],
        vec!["Document"],
        vec![""],
        vec!["1a"],
        vec!["a b"],
        vec!["a\""],
        vec!["a", "A"],
        vec!["é"],
    ] {
        let columns = names.iter().map(|name| Column {
            name: (*name).to_owned(),
            path: Path::key("title"),
            kind: ColumnKind::Text,
            indexed: true,
        });
        refused(store, vec![declare(notes(), columns.collect())]);
    }
}

pub fn collections_may_differ_in_case_only<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    for name in ["Notes", "NOTES", "sqlite_x", "tisync_meta", "select", "a-b"] {
        let collection = CollectionName::new(name).unwrap();
        let columns = vec![column("title", ColumnKind::Text, true)];
        commit(
            store,
            vec![
                declare(collection.clone(), columns),
                Op::Insert {
                    collection,
                    record: record(1, name),
                },
            ],
        );
    }
    for name in ["Notes", "NOTES", "sqlite_x", "tisync_meta", "select", "a-b"] {
        let collection = CollectionName::new(name).unwrap();
        let rows = see(store, |tx| tx.scan(&collection, None, 9));
        assert_eq!(rows, [(record(1, name), None)]);
    }
    assert_eq!(ids(store), ["a"]);
}
