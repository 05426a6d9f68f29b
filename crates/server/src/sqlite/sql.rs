//! The statements on one tenant's tables.

/// Statements with the tenant's key in the names of the tables.
#[derive(Debug)]
pub(super) struct Sql {
    pub(super) head: String,
    pub(super) record: String,
    pub(super) insert: String,
    pub(super) replace: String,
    pub(super) scan: String,
    pub(super) range: String,
    pub(super) range_documents: String,
    pub(super) range_backwards: String,
    pub(super) gone_last: String,
    pub(super) gone_delete: String,
    pub(super) receipt: String,
    pub(super) receipt_insert: String,
    pub(super) receipt_young: String,
    pub(super) receipts_delete: String,
}

pub(super) const META: &str = "SELECT epochs, seq, horizon FROM tenants WHERE key = ?1";
pub(super) const META_UPDATE: &str =
    "UPDATE tenants SET epochs = ?2, seq = ?3, horizon = ?4 WHERE key = ?1";
pub(super) const TENANT: &str = "SELECT key FROM tenants WHERE name = ?1";
pub(super) const TENANT_INSERT: &str =
    "INSERT INTO tenants (name, epochs, seq, horizon) VALUES (?1, '[]', 0, 0)";
pub(super) const COLLECTION: &str = "SELECT key FROM collections WHERE tenant = ?1 AND name = ?2";
pub(super) const COLLECTION_INSERT: &str =
    "INSERT INTO collections (tenant, name, live, hash) VALUES (?1, ?2, 0, 0)";
pub(super) const TALLY: &str = "SELECT live, hash FROM collections WHERE key = ?1";
pub(super) const TALLY_UPDATE: &str = "UPDATE collections SET live = ?2, hash = ?3 WHERE key = ?1";

impl Sql {
    pub(super) fn new(key: i64) -> Self {
        let (records, receipts) = (format!("records_{key}"), format!("receipts_{key}"));
        Sql {
            head: format!("SELECT place FROM {records} WHERE collection = ?1 AND id = ?2"),
            record: format!(
                "SELECT place, updated_ms, stamp, stamps, doc, schema FROM {records} WHERE collection = ?1 AND id = ?2"
            ),
            insert: format!(
                "INSERT INTO {records} (place, updated_ms, stamp, stamps, schema, doc, collection, id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            replace: format!(
                "UPDATE {records} SET place = ?1, updated_ms = ?2, stamp = ?3, stamps = ?4, schema = ?5, doc = ?6
                 WHERE place = ?7"
            ),
            scan: format!(
                "SELECT place, collection, id, stamp, stamps, doc, schema FROM {records} WHERE place >= ?1 ORDER BY place"
            ),
            range: format!(
                "SELECT id, place FROM {records} WHERE collection = ?1 AND id > ?2 AND id <= ?3
                 ORDER BY id"
            ),
            range_documents: format!(
                "SELECT id, place, updated_ms, stamp, stamps, doc, schema FROM {records}
                 WHERE collection = ?1 AND id > ?2 AND id <= ?3 ORDER BY id"
            ),
            range_backwards: format!(
                "SELECT id, place, updated_ms, stamp, stamps, doc, schema FROM {records}
                 WHERE collection = ?1 AND id < ?2 AND id >= ?3 ORDER BY id DESC"
            ),
            gone_last: format!(
                "SELECT max(place) FROM {records} WHERE doc IS NULL AND updated_ms <= ?1"
            ),
            gone_delete: format!("DELETE FROM {records} WHERE doc IS NULL AND updated_ms <= ?1"),
            receipt: format!(
                "SELECT content, at_ms, version, code, body, schema FROM {receipts} WHERE id = ?1"
            ),
            receipt_insert: format!(
                "INSERT INTO {receipts} (id, content, at_ms, version, code, body, schema)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            ),
            receipt_young: format!(
                "SELECT key FROM {receipts} WHERE at_ms > ?1 ORDER BY key LIMIT 1"
            ),
            receipts_delete: format!("DELETE FROM {receipts} WHERE key < ?1"),
        }
    }
}
