//! The store over statements that cross to a host, against the specification of stores.
use crate::device::Database;
use std::rc::Rc;
use tisync_abi::HostDriver;
use tisync_store::{Options, SqliteStore};

fn driver() -> HostDriver {
    HostDriver::new(Rc::new(Database::in_memory()))
}

tisync_core::store_conformance!(SqliteStore::with_driver(driver(), &Options::default()).unwrap());
