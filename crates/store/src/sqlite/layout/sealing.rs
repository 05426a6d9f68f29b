//! From layout 1 to 2: the outbox, the side rows and the meta table are sealed.
use crate::driver::{Next, SqlDriver, SqlRow, SqlValue};
use crate::sqlite::{codec, seal};
use tisync_core::model::{CollectionName, Rid};
use tisync_core::store::StoreError;
use tisync_json::tree::BTreeMap;

/// Rows that are held at a time.
const ROWS: usize = 500;

/// Seals every row.
pub(super) fn seal_all<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    let mut numbers: BTreeMap<CollectionName, i64> = BTreeMap::new();
    let sql = "SELECT number, name FROM tisync_collections";
    driver.query(sql, &[], &mut |row| {
        let name = codec::parsed(CollectionName::new(codec::text(row, 1)?))?;
        numbers.insert(name, codec::integer(row, 0)?);
        Ok(Next::More)
    })?;
    meta(driver)?;
    outbox(driver, &numbers)?;
    for (collection, number) in &numbers {
        side(driver, collection, *number)?;
    }
    Ok(())
}

/// There are few of them.
fn meta<D: SqlDriver>(driver: &mut D) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    let sql = "SELECT key, value FROM tisync_meta";
    driver.query(sql, &[], &mut |row| {
        let value = seal::of_meta(codec::text(row, 0)?, codec::text(row, 1)?);
        rows.push((codec::text(row, 0)?.to_owned(), value));
        Ok(Next::More)
    })?;
    for (key, value) in rows {
        let sql = "UPDATE tisync_meta SET value = ? WHERE key = ?";
        driver.execute(sql, &[SqlValue::Text(&value), SqlValue::Text(&key)])?;
    }
    Ok(())
}

fn outbox<D: SqlDriver>(
    driver: &mut D,
    numbers: &BTreeMap<CollectionName, i64>,
) -> Result<(), StoreError> {
    let sql = "SELECT seq, collection, rid, body, stands FROM tisync_outbox WHERE seq > ? ORDER BY seq LIMIT ?";
    let read = |row: &dyn SqlRow| {
        let collection = codec::parsed(CollectionName::new(codec::text(row, 1)?))?;
        let stands = codec::text_or_null(row, 4)?.map(seal::seal);
        let body = codec::text(row, 3)?.to_owned();
        Ok((
            codec::integer(row, 0)?,
            collection,
            codec::integer(row, 2)?,
            body,
            stands,
        ))
    };
    let mut after = i64::MIN;
    loop {
        let rows = page(driver, sql, after, read)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.0;
        for (seq, collection, rid, body, stands) in rows {
            let id = match numbers.get(&collection) {
                Some(number) => {
                    let sql = format!("SELECT id FROM tisync_c{number} WHERE rid = ?");
                    crate::sqlite::text(driver, &sql, &[SqlValue::Integer(rid)])?
                }
                None => None,
            };
            let body = seal::entry_text(id.as_deref(), &body);
            let stands = stands.as_deref().map_or(SqlValue::Null, SqlValue::Text);
            let sql = "UPDATE tisync_outbox SET body = ?, stands = ? WHERE seq = ?";
            driver.execute(
                sql,
                &[SqlValue::Text(&body), stands, SqlValue::Integer(seq)],
            )?;
        }
    }
}

fn side<D: SqlDriver>(
    driver: &mut D,
    collection: &CollectionName,
    number: i64,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT d.rid, d.kind, d.base, d.remote, c.version, c.schema, c.state FROM tisync_d{number} AS d \
         LEFT JOIN tisync_c{number} AS c ON c.rid = d.rid WHERE d.rid > ? ORDER BY d.rid LIMIT ?"
    );
    let read = |row: &dyn SqlRow| {
        let (rid, kind) = (codec::integer(row, 0)?, codec::integer(row, 1)?);
        let text = codec::text_or_null(row, 2)?.unwrap_or_default();
        let of = codec::of_base(row, 4)?;
        let base = seal::base_text(collection, Rid(rid), kind, &of, text);
        Ok((rid, base, codec::text_or_null(row, 3)?.map(seal::seal)))
    };
    let mut after = i64::MIN;
    loop {
        let rows = page(driver, &sql, after, read)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.0;
        for (rid, base, remote) in rows {
            let remote = remote.as_deref().map_or(SqlValue::Null, SqlValue::Text);
            let sql = format!("UPDATE tisync_d{number} SET base = ?, remote = ? WHERE rid = ?");
            driver.execute(
                &sql,
                &[SqlValue::Text(&base), remote, SqlValue::Integer(rid)],
            )?;
        }
    }
}

/// The rows after a key.
fn page<D: SqlDriver, T>(
    driver: &mut D,
    sql: &str,
    after: i64,
    read: impl Fn(&dyn SqlRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = Vec::new();
    let values = [SqlValue::Integer(after), codec::limit(ROWS)];
    driver.query(sql, &values, &mut |row| {
        rows.push(read(row)?);
        Ok(Next::More)
    })?;
    Ok(rows)
}
