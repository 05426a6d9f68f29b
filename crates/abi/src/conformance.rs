//! The specification of stores on the host's database. A case that does not hold is a panic.
use crate::host::Host;
use crate::sql::HostDriver;
use std::rc::Rc;
use tisync_core::store::StoreError;
use tisync_store::{Next, Options, SqlDriver, SqlValue, SqliteStore};

/// Runs every case on an empty database; gives how many there are.
pub(crate) fn run(host: &Rc<dyn Host>) -> usize {
    tisync_core::conformance::run_all(|| match empty(host) {
        Ok(store) => store,
        Err(error) => panic!("the database could not be emptied: {error}"),
    })
}

/// Empties the host's database.
pub(crate) fn empty(host: &Rc<dyn Host>) -> Result<SqliteStore<HostDriver>, StoreError> {
    let mut driver = HostDriver::new(host.clone());
    // A case may leave a transaction open; most often there is none.
    let _ = driver.rollback();
    let mut drops = Vec::new();
    let sql = "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY type DESC";
    driver.query(sql, &[], &mut |row| {
        if let (SqlValue::Text(kind), SqlValue::Text(name)) = (row.value(0)?, row.value(1)?) {
            drops.push(format!("DROP {kind} \"{name}\""));
        }
        Ok(Next::More)
    })?;
    for drop in drops {
        driver.batch(&drop)?;
    }
    driver.batch("PRAGMA user_version=0; PRAGMA application_id=0")?;
    SqliteStore::with_driver(driver, &Options::default())
}
