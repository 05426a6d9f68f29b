//! Any query, against its meaning said once more in the plainest way. No text in any place may break out of it.
#![allow(clippy::unwrap_used)]
#[path = "support/queries.rs"]
mod support;

use proptest::prelude::*;
use std::cmp::Ordering;
use support::{columns, found, store};
use tisync_core::conformance::{id, notes};
use tisync_core::model::{Column, ColumnKind, RecordId};
use tisync_json::{Document, Number, Path, Value};
use tisync_store::{Filter, Order, Query, Visible};

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
        fields.prop_map(|fields| Document::from_object(&fields.into())),
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
