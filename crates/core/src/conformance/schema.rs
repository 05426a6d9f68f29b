//! Declared columns.
use super::*;

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
