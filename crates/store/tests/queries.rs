//! Queries: what they find, in which order, over declared and undeclared fields alike.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use std::cmp::Ordering;
use tisync_core::conformance::{
    column, commit, declare, dirty, id, insert, notes, record, tombstone,
};
use tisync_core::model::{Column, ColumnKind, Record, RecordId, RecordState, Rid};
use tisync_core::store::{Op, StoreErrorKind};
use tisync_json::{Document, Number, Path, Value};
use tisync_store::{Filter, Options, Order, Query, Reader, RusqliteDriver, SqliteStore, Visible};

type Memory = SqliteStore<RusqliteDriver>;

fn columns() -> Vec<Column> {
    vec![
        column("t", ColumnKind::Text, true),
        column("i", ColumnKind::Integer, true),
        column("r", ColumnKind::Real, false),
        column("b", ColumnKind::Boolean, false),
    ]
}

fn store(columns: Vec<Column>, documents: &[(String, Document)]) -> Memory {
    let mut store = SqliteStore::in_memory(&Options::default()).unwrap();
    commit(&mut store, vec![declare(notes(), columns)]);
    let inserts = (1..).zip(documents).map(|(rid, (name, document))| {
        insert(Record {
            document: Some(document.clone()),
            ..record(rid, name)
        })
    });
    commit(&mut store, inserts.collect());
    store
}

fn some(documents: &[(&str, &str)]) -> Memory {
    let parsed: Vec<_> = documents
        .iter()
        .map(|(name, text)| ((*name).to_owned(), Document::parse(text).unwrap()))
        .collect();
    store(columns(), &parsed)
}

fn found(store: &mut Memory, query: &Query) -> Vec<String> {
    let rows = store.reader().query(&notes(), query).unwrap();
    assert_eq!(rows.len() as u64, counted(store, query), "{query:?}");
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

/// The count of a query, cut to its offset and limit.
fn counted(store: &mut Memory, query: &Query) -> u64 {
    let count = store.reader().count(&notes(), query).unwrap();
    count
        .saturating_sub(query.offset as u64)
        .min(query.limit.unwrap_or(usize::MAX) as u64)
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

// What follows says once more, in the plainest way, what a query means, and compares.

fn field(columns: &[Column], path: &Path, name: &str, document: &Document) -> Value {
    if path.keys() == ["id"] {
        return name.into();
    }
    let value = document
        .fields(std::slice::from_ref(path))
        .remove(0)
        .unwrap_or(Value::Null);
    let Some(column) = columns.iter().find(|column| column.path == *path) else {
        return value;
    };
    match (column.kind, &value) {
        (ColumnKind::Text, Value::String(_)) | (ColumnKind::Boolean, Value::Bool(_)) => value,
        (ColumnKind::Integer, Value::Number(number)) if number.as_i64().is_some() => value,
        (ColumnKind::Real, Value::Number(number)) => {
            Number::try_from(number.as_f64()).map_or(Value::Null, Value::from)
        }
        _ => Value::Null,
    }
}

fn holds(filter: &Filter, get: &dyn Fn(&Path) -> Value) -> bool {
    let order = |path: &Path, value: &Value| -> Option<Ordering> {
        let field = get(path);
        let kind = |value: &Value| match value {
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::String(_) => 3,
            _ => 0,
        };
        (kind(&field) == kind(value) && kind(value) > 0).then(|| field.cmp(value))
    };
    match filter {
        Filter::All => true,
        Filter::Eq(path, value) => get(path) == *value,
        Filter::Ne(path, value) => get(path) != *value,
        Filter::Lt(path, value) => order(path, value).is_some_and(Ordering::is_lt),
        Filter::Le(path, value) => order(path, value).is_some_and(Ordering::is_le),
        Filter::Gt(path, value) => order(path, value).is_some_and(Ordering::is_gt),
        Filter::Ge(path, value) => order(path, value).is_some_and(Ordering::is_ge),
        Filter::In(path, values) => values.contains(&get(path)),
        Filter::Prefix(path, prefix) => get(path)
            .as_str()
            .is_some_and(|text| text.starts_with(prefix)),
        Filter::IsNull(path) => get(path) == Value::Null,
        Filter::And(filters) => filters.iter().all(|filter| holds(filter, get)),
        Filter::Or(filters) => filters.iter().any(|filter| holds(filter, get)),
        Filter::Not(filter) => !holds(filter, get),
    }
}

fn reference(columns: &[Column], documents: &[(String, Document)], query: &Query) -> Vec<String> {
    let compare = |(a, a_doc): (&str, &Document), (b, b_doc): (&str, &Document)| {
        let mut ordering = Ordering::Equal;
        for order in &query.order {
            let one =
                field(columns, &order.path, a, a_doc).cmp(&field(columns, &order.path, b, b_doc));
            ordering = ordering.then(if order.descending { one.reverse() } else { one });
        }
        ordering.then(a.cmp(b))
    };
    let mut rows: Vec<(&str, &Document)> = documents
        .iter()
        .map(|(name, document)| (name.as_str(), document))
        .filter(|(name, document)| {
            holds(&query.filter, &|path| field(columns, path, name, document))
        })
        .filter(|row| {
            query
                .after
                .as_ref()
                .is_none_or(|(id, document)| compare(*row, (id.as_str(), document)).is_gt())
        })
        .collect();
    rows.sort_by(|a, b| compare(*a, *b));
    let rows = rows
        .into_iter()
        .skip(query.offset)
        .take(query.limit.unwrap_or(usize::MAX));
    rows.map(|(name, _)| name.to_owned()).collect()
}

/// Texts that have broken query builders.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("x".to_owned()),
        Just("xy".to_owned()),
        Just("'; DROP TABLE tisync_c1; --".to_owned()),
        Just("\" OR 1=1 --".to_owned()),
        Just("x\u{0}y".to_owned()),
        Just("%".to_owned()),
        Just("5".to_owned()),
        Just("\u{d7ff}".to_owned()),
        Just("\u{10ffff}".to_owned()),
        any::<String>(),
    ]
}

fn keys() -> impl Strategy<Value = Path> {
    prop_oneof![
        6 => prop::sample::select(vec!["t", "i", "r", "b", "u", "v", "id"]).prop_map(Path::key),
        1 => texts().prop_map(|key| Path::key(format!("k{key}"))),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "1.5",
            "-0.0",
            "1e300",
            "9007199254740993",
            "9223372036854775808",
            "2e0",
            "1e22",
            "10000000000000000000001"
        ])
        .prop_map(|text| text.parse().unwrap()),
        texts().prop_map(Value::from),
        Just("[1,2]".parse().unwrap()),
        Just(r#"{"k":null}"#.parse().unwrap()),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![
        Just(Filter::All),
        (keys(), values()).prop_map(|(path, value)| Filter::Eq(path, value)),
        (keys(), values()).prop_map(|(path, value)| Filter::Ne(path, value)),
        (keys(), values()).prop_map(|(path, value)| Filter::Lt(path, value)),
        (keys(), values()).prop_map(|(path, value)| Filter::Le(path, value)),
        (keys(), values()).prop_map(|(path, value)| Filter::Gt(path, value)),
        (keys(), values()).prop_map(|(path, value)| Filter::Ge(path, value)),
        (keys(), prop::collection::vec(values(), 0..4))
            .prop_map(|(path, values)| Filter::In(path, values)),
        (keys(), texts()).prop_map(|(path, prefix)| Filter::Prefix(path, prefix)),
        keys().prop_map(Filter::IsNull),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Or),
            inner.prop_map(Filter::negate),
        ]
    })
}

fn documents() -> impl Strategy<Value = Vec<(String, Document)>> {
    let fields = prop::collection::btree_map(
        prop_oneof![8 => prop::sample::select(vec!["t", "i", "r", "b", "u", "v", "id"]).prop_map(str::to_owned), 1 => texts().prop_map(|key| format!("k{key}"))],
        values(),
        0..6,
    );
    let names = prop_oneof![Just("x".to_owned()), "[a-c]{1,2}", "\\PC{1,6}"]
        .prop_filter("an id", |name| RecordId::new(name).is_ok());
    prop::collection::btree_map(
        names,
        fields.prop_map(|fields| Document::from_object(&fields)),
        0..12,
    )
    .prop_map(|map| map.into_iter().collect())
}

fn queries() -> impl Strategy<Value = Query> {
    let order = (keys(), any::<bool>()).prop_map(|(path, descending)| Order { path, descending });
    (
        filters(),
        prop::collection::vec(order, 0..3),
        prop::option::of(0_usize..5),
        0_usize..3,
    )
        .prop_map(|(filter, order, limit, offset)| Query {
            filter,
            order,
            limit,
            offset,
            after: None,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_query_finds_what_its_meaning_says(documents in documents(), query in queries(), after in any::<prop::sample::Index>(), from in 0..3) {
        let mut query = query;
        if from == 0 && !documents.is_empty() {
            let (name, document) = after.get(&documents);
            query.after = Some((id(name), document.clone()));
        }
        let mut store = store(columns(), &documents);
        prop_assert_eq!(found(&mut store, &query), reference(&columns(), &documents, &query));
        prop_assert_eq!(found(&mut store, &Query::default()).len(), documents.len());
    }

    #[test]
    fn declared_or_not_pages_follow_one_another(documents in documents(), order in prop::collection::vec((keys(), any::<bool>()), 0..3), size in 1_usize..4) {
        let mut store = store(columns(), &documents);
        let order: Vec<_> = order.into_iter().map(|(path, descending)| Order { path, descending }).collect();
        let all = Query { order, ..Query::default() };
        let expected = store.reader().query(&notes(), &all).unwrap();
        let mut paged: Vec<Visible> = Vec::new();
        loop {
            let mut page = all.clone().limit(size);
            if let Some(last) = paged.last() {
                page = page.after(last);
            }
            let rows = store.reader().query(&notes(), &page).unwrap();
            if rows.is_empty() {
                break;
            }
            paged.extend(rows);
            prop_assert!(paged.len() <= expected.len());
        }
        prop_assert_eq!(paged, expected);
    }
}
