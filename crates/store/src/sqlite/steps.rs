//! The steps from one layout to the next. A step is never changed once a file of its layout may be about.
use super::{Collections, codec};
use crate::driver::{Next, SqlDriver, SqlValue};
use tisync_core::model::JournalRow;
use tisync_core::store::StoreError;

/// 1 → 2: records and decisions say which schema they have. Until then all had the one that the app declared.
pub(super) fn schemas<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    let mut collections = Collections::default();
    collections.read(driver)?;
    for table in collections.all() {
        let number = table.layout.schema.number;
        driver.batch(&format!(
            "ALTER TABLE {} ADD COLUMN schema INTEGER NOT NULL DEFAULT {number}",
            table.records
        ))?;
    }
    let mut last = i64::MIN;
    // One at a time: a row holds four documents.
    while let Some((id, body)) = decision_after(driver, last)? {
        let mut row: JournalRow = codec::from_json(&body)?;
        let table = collections.get(&row.collection);
        row.schema = table.map_or(0, |table| table.layout.schema.number);
        let body = tisync_json::write(&row);
        driver.execute(
            "UPDATE tisync_journal SET body = ? WHERE id = ?",
            &[SqlValue::Text(&body), SqlValue::Integer(id)],
        )?;
        last = id;
    }
    Ok(())
}

fn decision_after<D: SqlDriver>(
    driver: &mut D,
    last: i64,
) -> Result<Option<(i64, String)>, StoreError> {
    let mut found = None;
    let sql = "SELECT id, body FROM tisync_journal WHERE id > ? ORDER BY id LIMIT 1";
    driver.query(sql, &[SqlValue::Integer(last)], &mut |row| {
        found = Some((codec::integer(row, 0)?, codec::text(row, 1)?.to_owned()));
        Ok(Next::Stop)
    })?;
    Ok(found)
}
