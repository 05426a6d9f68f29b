//! Every store passes the same cases.
mod memory {
    tisync_server::server_store_conformance!(tisync_server::MemoryServerStore::default());
}

mod sqlite_in_memory {
    tisync_server::server_store_conformance!(
        tisync_server::SqliteServerStore::in_memory().unwrap()
    );
}

mod sqlite_file {
    use tisync_server::SqliteServerStore;

    tisync_server::server_store_conformance!({
        // The file stays open when its folder goes: nothing here opens it a second time.
        let folder = tempfile::tempdir().unwrap();
        SqliteServerStore::open(&folder.path().join("server.db")).unwrap()
    });
}
