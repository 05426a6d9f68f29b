//! Queries: what they find, in which order, over declared and undeclared fields alike.
#![allow(clippy::unwrap_used)]
use tisync_core::conformance::{
    column, commit, declare, dirty, id, insert, notes, record, tombstone,
};
use tisync_core::model::{Column, ColumnKind, RecordState, Rid};
use tisync_core::store::{Op, StoreErrorKind};
use tisync_json::{Document, Path, Value};
use tisync_store::{Filter, Options, Order, Query, Reader, SqliteStore, Visible};

#[path = "support/queries.rs"]
mod support;
use support::{Memory, columns, direct, found, store};

fn some(documents: &[(&str, &str)]) -> Memory {
    let parsed: Vec<_> = documents
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Document::parse(text).unwrap()))
        .collect();
    store(columns(), &parsed)
}

fn path(key: &str) -> Path {
    Path::key(key)
}

#[test]
fn only_visible_records_are_found() {
    let mut store = some(&[("a", "{}"), ("b", "{}")]);
    let mut deleted = record(3, "c");
    deleted.state = RecordState::Dirty;
    deleted.document = None;
    commit(&mut store, vec![insert(deleted), insert(tombstone(4, "d"))]);
    assert_eq!(found(&mut store, &Query::default()), ["a", "b"]);
    let by = Query::default().order(Order::ascending(path("undeclared")));
    assert_eq!(found(&mut store, &by), ["a", "b"]);
    let mut reader = store.reader();
    assert!(reader.get(&notes(), &id("c")).unwrap().is_none());
    assert!(reader.get(&notes(), &id("d")).unwrap().is_none());
}

#[test]
fn get_finds_by_present_and_former_id() {
    let mut store = some(&[("a", r#"{"t":"x"}"#)]);
    let alias = |alias, rid| Op::Alias {
        collection: notes(),
        alias: id(alias),
        rid: Rid(rid),
    };
    commit(
        &mut store,
        vec![
            alias("old", 1),
            insert(tombstone(2, "gone")),
            alias("gone", 1),
        ],
    );
    let expected = Visible {
        id: id("a"),
        document: Document::parse(r#"{"t":"x"}"#).unwrap(),
        state: RecordState::Clean,
        version: record(1, "a").version,
    };
    let mut reader = store.reader();
    assert_eq!(
        reader.get(&notes(), &id("a")).unwrap(),
        Some(expected.clone())
    );
    assert_eq!(reader.get(&notes(), &id("old")).unwrap(), Some(expected));
    assert_eq!(
        reader.get(&notes(), &id("gone")).unwrap(),
        None,
        "the deleted record has that id now"
    );
    assert_eq!(reader.get(&notes(), &id("none")).unwrap(), None);
    let other = tisync_core::conformance::tasks();
    assert_eq!(reader.get(&other, &id("a")).unwrap(), None, "not declared");
    assert!(reader.query(&other, &Query::default()).unwrap().is_empty());
}

#[test]
fn null_is_equal_to_null_and_in_no_order() {
    for key in ["t", "u"] {
        let text = |value: &str| format!(r#"{{"{key}":{value}}}"#);
        let documents = [
            ("a", "{}".to_owned()),
            ("b", text("null")),
            ("c", text("\"x\"")),
        ];
        let documents: Vec<_> = documents
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        let mut store = some(&documents);
        let mut ask = |filter| found(&mut store, &Query::new(filter));
        assert_eq!(ask(Filter::IsNull(path(key))), ["a", "b"]);
        assert_eq!(ask(Filter::eq(path(key), Value::Null)), ["a", "b"]);
        assert_eq!(ask(Filter::ne(path(key), Value::Null)), ["c"]);
        assert_eq!(ask(Filter::ne(path(key), "x")), ["a", "b"]);
        assert_eq!(ask(Filter::eq(path(key), "x").negate()), ["a", "b"]);
        assert_eq!(ask(Filter::lt(path(key), "y").negate()), ["a", "b"]);
        assert!(ask(Filter::ge(path(key), Value::Null)).is_empty());
        assert_eq!(
            ask(Filter::In(path(key), vec!["x".into(), Value::Null])),
            ["a", "b", "c"]
        );
        assert!(ask(Filter::In(path(key), vec![])).is_empty());
        assert!(ask(Filter::Or(vec![])).is_empty());
        assert_eq!(ask(Filter::And(vec![])), ["a", "b", "c"]);
    }
}

#[test]
fn a_value_that_does_not_fit_its_column_counts_as_null() {
    let mut store = some(&[
        ("a", r#"{"i":"5"}"#),
        ("b", r#"{"i":5.0}"#),
        ("c", r#"{"i":5.5}"#),
        ("d", r#"{"i":12345678901234567890}"#),
    ]);
    let mut ask = |filter| found(&mut store, &Query::new(filter));
    assert_eq!(ask(Filter::eq(path("i"), 5)), ["b"]);
    assert!(ask(Filter::eq(path("i"), "5")).is_empty());
    assert_eq!(ask(Filter::IsNull(path("i"))), ["a", "c", "d"]);
}

#[test]
fn numbers_are_compared_exactly() {
    // 2^53 and its neighbours: as doubles some of them are one.
    let documents: Vec<_> = [
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740994.0",
    ]
    .iter()
    .enumerate()
    .map(|(index, number)| {
        (
            format!("n{index}"),
            Document::parse(&format!(r#"{{"i":{number},"u":{number}}}"#)).unwrap(),
        )
    })
    .collect();
    let mut store = store(columns(), &documents);
    for key in ["i", "u"] {
        let mut ask = |filter| found(&mut store, &Query::new(filter));
        assert_eq!(
            ask(Filter::eq(path(key), 9_007_199_254_740_993_i64)),
            ["n2"]
        );
        assert_eq!(
            ask(Filter::gt(path(key), 9_007_199_254_740_992_i64)),
            ["n2", "n3"]
        );
        let double = Value::try_from(9_007_199_254_740_992.0_f64).unwrap();
        assert_eq!(ask(Filter::Le(path(key), double)), ["n0", "n1"]);
        let big: Value = "123456789012345678901234567890".parse().unwrap();
        assert_eq!(ask(Filter::Lt(path(key), big)).len(), 4);
    }
}

#[test]
fn a_statement_is_given_where_sql_alone_answers_with_values_of_any_host() {
    let mut store = some(&[("a", r#"{"i":1,"u":1}"#), ("b", "{}")]);
    let mut is_given = |query: &Query| direct(&mut store, query).is_some();
    let of = |filter| Query::new(filter);
    assert!(is_given(&Query::default()));
    assert!(is_given(&of(Filter::eq(path("i"), 1)).limit(1).offset(1)));
    assert!(!is_given(&of(Filter::eq(path("u"), 1))));
    assert!(!is_given(
        &Query::default().order(Order::ascending(path("u")))
    ));
    let exact = of(Filter::eq(path("i"), -9_007_199_254_740_992_i64));
    assert!(is_given(&exact));
    let none_of_a_double = of(Filter::eq(path("i"), -9_007_199_254_740_993_i64));
    assert!(!is_given(&none_of_a_double));
}

#[test]
fn the_id_is_a_field() {
    let mut store = some(&[("a", r#"{"id":"inside"}"#), ("ab", "{}"), ("b", "{}")]);
    let mut ask = |query: &Query| found(&mut store, query);
    assert_eq!(ask(&Query::new(Filter::eq(path("id"), "ab"))), ["ab"]);
    assert_eq!(
        ask(&Query::new(Filter::Prefix(path("id"), "a".into()))),
        ["a", "ab"]
    );
    assert!(ask(&Query::new(Filter::IsNull(path("id")))).is_empty());
    assert!(ask(&Query::new(Filter::eq(path("id"), 5))).is_empty());
    let down = Query::default().order(Order::descending(path("id")));
    assert_eq!(ask(&down), ["b", "ab", "a"]);
    // Beside a condition that is looked at after reading.
    let mixed = Filter::gt(path("id"), "a").or(Filter::eq(path("u"), 1));
    assert_eq!(ask(&Query::new(mixed)), ["ab", "b"]);
}

#[test]
fn order_goes_through_the_kinds() {
    let documents = [
        ("a", r#"{"u":"x"}"#),
        ("b", r#"{"u":2}"#),
        ("c", "{}"),
        ("d", r#"{"u":true}"#),
        ("e", r#"{"u":[1]}"#),
        ("f", r#"{"u":null}"#),
        ("g", r#"{"u":1.5}"#),
        ("h", r#"{"u":{"k":1}}"#),
    ];
    let mut store = some(&documents);
    let up = Query::default().order(Order::ascending(path("u")));
    assert_eq!(
        found(&mut store, &up),
        ["c", "f", "d", "g", "b", "a", "e", "h"]
    );
    let down = Query::default().order(Order::descending(path("u")));
    assert_eq!(
        found(&mut store, &down),
        ["h", "e", "a", "b", "g", "d", "c", "f"]
    );
}

#[test]
fn a_declared_condition_uses_its_index() {
    let mut store = some(&[("a", r#"{"t":"x"}"#)]);
    let explain = "EXPLAIN QUERY PLAN SELECT id FROM notes WHERE t = 'x'";
    let rows = store.reader().sql(explain, &[], 9).unwrap();
    let plan = rows.rows[0].last().unwrap().to_string();
    assert!(plan.contains("tisync_c1_f1_t"), "{plan}");
}

#[test]
fn declaring_a_field_later_fills_its_column() {
    let mut documents = Vec::new();
    for number in 0..1_300 {
        let text = format!(r#"{{"late":{number},"deep":{{"er":"x{}"}}}}"#, number % 7);
        documents.push((format!("n{number:04}"), Document::parse(&text).unwrap()));
    }
    let mut store = store(Vec::new(), &documents);
    let deep = Column {
        path: Path::parse("/deep/er").unwrap(),
        ..column("er", ColumnKind::Text, true)
    };
    let ask = Query::new(Filter::lt(path("late"), 3));
    let before = found(&mut store, &ask);
    commit(
        &mut store,
        vec![declare(
            notes(),
            vec![column("late", ColumnKind::Integer, true), deep],
        )],
    );
    assert_eq!(found(&mut store, &ask), before);
    let rows = store
        .reader()
        .sql("SELECT id FROM notes WHERE late < 3 AND er = 'x2'", &[], 9)
        .unwrap();
    assert_eq!(rows.rows, [[Value::from("n0002")]]);
    // Another kind under the same name, then gone, then back.
    for columns in [
        vec![column("late", ColumnKind::Text, false)],
        vec![],
        vec![column("late", ColumnKind::Real, true)],
    ] {
        commit(&mut store, vec![declare(notes(), columns)]);
    }
    assert_eq!(found(&mut store, &ask), before);
}

#[test]
fn sql_of_the_app_reads_and_never_writes() {
    let mut store = some(&[
        ("a", r#"{"t":"x","i":3,"b":true,"u":[1]}"#),
        ("b", r#"{"i":4}"#),
    ]);
    let rows = store
        .reader()
        .sql(
            "SELECT id, t, i, r, b FROM notes WHERE i >= ? ORDER BY id",
            &[3.into()],
            9,
        )
        .unwrap();
    assert_eq!(rows.columns, ["id", "t", "i", "r", "b"]);
    assert_eq!(
        rows.rows[0],
        [
            "a".into(),
            "x".into(),
            3.into(),
            Value::Null,
            Value::from(1)
        ]
    );
    assert_eq!((rows.rows.len(), rows.more), (2, false));
    let first = store
        .reader()
        .sql("SELECT id FROM notes ORDER BY id", &[], 1)
        .unwrap();
    assert_eq!((first.rows.len(), first.more), (1, true));
    let json = store
        .reader()
        .sql("SELECT json_extract(document, '$.u[0]') FROM notes", &[], 9)
        .unwrap();
    assert_eq!(json.rows, [[Value::from(1)], [Value::Null]]);
    for sql in [
        "DELETE FROM tisync_c1",
        "UPDATE tisync_c1 SET doc = '{}'",
        "DROP VIEW notes",
        "PRAGMA user_version = 9",
        "BEGIN",
        "COMMIT",
        "ATTACH 'x' AS y",
        "SELECT 1; DELETE FROM tisync_c1",
        "WITH x AS (SELECT 1) DELETE FROM tisync_c1",
        "VACUUM",
        "",
        "nonsense",
    ] {
        let error = store.reader().sql(sql, &[], 9).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Misuse, "{sql}: {error}");
    }
    assert_eq!(found(&mut store, &Query::default()), ["a", "b"]);
    let version = store
        .reader()
        .sql("SELECT count(*) FROM notes WHERE i = 3", &[], 9)
        .unwrap();
    assert_eq!(version.rows, [[Value::from(1)]]);
}

#[test]
fn a_filter_that_is_too_deep_is_refused() {
    let mut store = some(&[("a", "{}")]);
    let mut filter = Filter::eq(path("t"), "x");
    for _ in 0..200 {
        filter = filter.negate();
    }
    let error = store
        .reader()
        .query(&notes(), &Query::new(filter))
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Misuse);
}

#[test]
fn a_filter_of_very_many_values_works() {
    let documents: Vec<_> = (0..30)
        .map(|n| {
            (
                format!("n{n:02}"),
                Document::parse(&format!(r#"{{"i":{n}}}"#)).unwrap(),
            )
        })
        .collect();
    let mut store = store(columns(), &documents);
    let many = Filter::In(path("i"), (10..20_000).map(Value::from).collect());
    assert_eq!(found(&mut store, &Query::new(many)).len(), 20);
}

#[test]
fn a_query_is_json() {
    let text = r#"{"filter":{"and":[{"eq":["/done",false]},{"not":{"prefix":["/title","a"]}}]},"order":[{"path":"/due","descending":true}],"limit":10}"#;
    let query: Query = serde_json::from_str(text).unwrap();
    let filter =
        Filter::eq(path("done"), false).and(Filter::Prefix(path("title"), "a".into()).negate());
    assert_eq!(
        query,
        Query::new(filter)
            .order(Order::descending(path("due")))
            .limit(10)
    );
    let again: Query = serde_json::from_str(&serde_json::to_string(&query).unwrap()).unwrap();
    assert_eq!(again, query);
}

#[test]
fn a_reader_has_a_connection_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.db");
    let mut store = SqliteStore::open(&file, &Options::default()).unwrap();
    commit(
        &mut store,
        vec![declare(notes(), columns()), insert(record(1, "a"))],
    );
    let mut reader = Reader::open(&file).unwrap();
    let before = reader.data_version().unwrap();
    assert_eq!(reader.query(&notes(), &Query::default()).unwrap().len(), 1);
    use tisync_core::store::{Durability, Store};
    let open = store.begin(Durability::Full).unwrap();
    assert_eq!(
        reader.count(&notes(), &Query::default()).unwrap(),
        1,
        "a writer does not block it"
    );
    drop(open);
    commit(&mut store, vec![insert(record(2, "b")), dirty(2, None)]);
    assert_ne!(reader.data_version().unwrap(), before);
    assert_eq!(reader.count(&notes(), &Query::default()).unwrap(), 2);
    // A collection that is declared while it is open.
    let tasks = tisync_core::conformance::tasks();
    let task = Op::Insert {
        collection: tasks.clone(),
        record: record(1, "t"),
    };
    commit(&mut store, vec![declare(tasks.clone(), columns()), task]);
    assert_eq!(
        reader
            .query(&tasks, &Query::new(Filter::IsNull(path("t"))))
            .unwrap()
            .len(),
        1
    );
    let error = reader.sql("DELETE FROM tisync_c1", &[], 1).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Misuse);
}
