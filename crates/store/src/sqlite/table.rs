//! A declared collection: its tables and the statements for them.
use super::codec;
use serde::Serialize;
use tisync_core::model::{CollectionName, Schema};
use tisync_json::Deserialize;
use tisync_json::Path;

/// What is known of a collection's tables, kept as JSON in `tisync_collections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// What the app declared last.
    pub(crate) schema: Schema,
    /// The SQL name of each declared column, in the order of the schema. A name is never used again: a
    /// column cannot change its type or be dropped on every SQLite.
    pub(crate) names: Vec<String>,
    /// Columns that were ever made.
    pub(crate) made: u32,
    /// The view's name.
    pub(crate) view: String,
    /// Whether records of an older schema are still to be migrated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) migrating: bool,
}

/// A declared collection.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) number: i64,
    pub(crate) name: CollectionName,
    pub(crate) layout: Layout,
    pub(crate) paths: Vec<Path>,
    /// The records.
    pub(crate) records: String,
    /// The side rows.
    pub(crate) dirty: String,
    /// The marks of passes.
    pub(crate) passes: String,
    /// Whole records with their side rows, up to the condition.
    pub(crate) select: String,
    pub(crate) whole_by_id: String,
    pub(crate) whole_by_rid: String,
    pub(crate) heads_by_id: String,
    pub(crate) heads_by_rid: String,
    /// Records that may have images of an older schema, in the order of rid.
    pub(crate) outdated: String,
    /// What the app sees: id, document, state, version.
    pub(crate) visible: String,
    pub(crate) visible_by_id: String,
    pub(crate) visible_by_alias: String,
    pub(crate) insert: String,
    /// Replaces everything but the id, for which the index would be written again.
    pub(crate) update: String,
    pub(crate) update_with_id: String,
}

impl Table {
    pub(super) fn new(number: i64, name: CollectionName, layout: Layout) -> Self {
        let records = format!("tisync_c{number}");
        let dirty = format!("tisync_d{number}");
        let from = format!("FROM {records} AS c LEFT JOIN {dirty} AS d ON d.rid = c.rid");
        let side = "d.kind, d.base, d.remote, c.schema";
        let select =
            format!("SELECT c.rid, c.id, c.version, c.state, c.stamp, c.doc, {side} {from}");
        let heads = format!(
            "SELECT c.rid, c.id, c.version, c.state, c.stamp, \
             CASE WHEN (c.state & {}) = 0 THEN NULL ELSE c.doc END, {side} {from}",
            codec::STATE
        );
        let visible = format!("SELECT id, doc, state, version FROM {records}");
        let columns: String = layout
            .names
            .iter()
            .map(|name| format!(", {}", quoted(name)))
            .collect();
        let marks = ", ?".repeat(layout.names.len());
        let sets: String = layout
            .names
            .iter()
            .map(|name| format!(", {} = ?", quoted(name)))
            .collect();
        let state = format!(
            "version = ?, state = (? | (state & {})), stamp = ?, schema = ?",
            codec::BLANK
        );
        Table {
            whole_by_id: format!("{select} WHERE c.id = ?"),
            whole_by_rid: format!("{select} WHERE c.rid = ?"),
            outdated: format!(
                "{select} WHERE c.rid > ? AND (c.schema < ? OR {}) AND {} ORDER BY c.rid LIMIT ?",
                codec::beside(),
                codec::live()
            ),
            heads_by_id: format!("{heads} WHERE c.id = ?"),
            heads_by_rid: format!("{heads} WHERE c.rid = ?"),
            visible_by_id: format!("{visible} WHERE id = ?"),
            visible_by_alias: format!(
                "{visible} WHERE rid = (SELECT rid FROM tisync_aliases WHERE collection = ? AND alias = ?)"
            ),
            visible,
            insert: format!(
                "INSERT INTO {records} (rid, id, version, state, stamp, schema, doc{columns}) \
                 VALUES (?, ?, ?, ?, ?, ?, ?{marks})"
            ),
            update: format!("UPDATE {records} SET {state}, doc = ?{sets} WHERE rid = ? AND id = ?"),
            update_with_id: format!(
                "UPDATE {records} SET {state}, doc = ?{sets}, id = ? WHERE rid = ?"
            ),
            passes: format!("tisync_p{number}"),
            paths: layout
                .schema
                .columns
                .iter()
                .map(|column| column.path.clone())
                .collect(),
            select,
            records,
            dirty,
            number,
            name,
            layout,
        }
    }
}

/// An identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
