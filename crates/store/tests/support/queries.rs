//! A store in memory, and what a query finds in it.
use tisync_core::conformance::{column, commit, declare, insert, notes, record};
use tisync_core::model::{Column, ColumnKind, Record, RecordId, Version};
use tisync_json::{Document, Value};
use tisync_store::{Options, Query, RusqliteDriver, SqliteStore, Visible};

pub(crate) type Memory = SqliteStore<RusqliteDriver>;

pub(crate) fn columns() -> Vec<Column> {
    vec![
        column("t", ColumnKind::Text, true),
        column("i", ColumnKind::Integer, true),
        column("r", ColumnKind::Real, false),
        column("b", ColumnKind::Boolean, false),
    ]
}

pub(crate) fn store(columns: Vec<Column>, documents: &[(String, Document)]) -> Memory {
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

pub(crate) fn found(store: &mut Memory, query: &Query) -> Vec<String> {
    let rows = store.reader().query(&notes(), query).unwrap();
    assert_eq!(rows.len() as u64, counted(store, query), "{query:?}");
    if let Some(direct) = direct(store, query) {
        assert_eq!(direct, rows, "{query:?}");
    }
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

/// The same by the statement of the query, where there is one.
pub(crate) fn direct(store: &mut Memory, query: &Query) -> Option<Vec<Visible>> {
    let mut reader = store.reader();
    let statement = reader.statement(&notes(), query).unwrap()?;
    let found = reader.sql(&statement.sql, &statement.values, usize::MAX);
    let rows = found.unwrap().rows.into_iter().map(|row| {
        let [id, document, state, version] = <[Value; 4]>::try_from(row).unwrap();
        Visible {
            id: RecordId::new(id.as_str().unwrap()).unwrap(),
            document: Document::parse(document.as_str().unwrap()).unwrap(),
            state: serde_json::from_str(&state.to_string()).unwrap(),
            version: (!version.is_null()).then(|| Version::new(version.as_str().unwrap()).unwrap()),
        }
    });
    Some(rows.collect())
}

/// The count of a query, cut to its offset and limit.
fn counted(store: &mut Memory, query: &Query) -> u64 {
    let count = store.reader().count(&notes(), query).unwrap();
    count
        .saturating_sub(query.offset as u64)
        .min(query.limit.unwrap_or(usize::MAX) as u64)
}
