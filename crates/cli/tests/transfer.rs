//! Import and export.
#![allow(clippy::unwrap_used)]
mod common;

use common::Device;
use tempfile::TempDir;

fn device(folder: &TempDir) -> Device {
    let device = Device::bare(folder.path().join("device"));
    device.run(&["init", "--collection", "rows:merge"]).exits(0);
    device
}

fn count(device: &Device) -> String {
    device.run(&["query", "rows", "--count"]).exits(0).out
}

#[test]
fn csv_columns_become_what_all_their_cells_are() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file(
        "rows.csv",
        "id,name,zip,height,open,note\n1,Zürich,08001,408.5,true,\n2,\"Bern, West\",3000,540,false,x\n",
    );
    let ran = device.run(&["import", "rows", "rows.csv"]).exits(0);
    assert_eq!(ran.out, "imported 2 records into rows\n");
    assert_eq!(
        device.document("rows", "1"),
        r#"{"height":408.5,"name":"Zürich","open":true,"zip":"08001"}"#
    );
    assert_eq!(
        device.document("rows", "2"),
        r#"{"height":540,"name":"Bern, West","note":"x","open":false,"zip":"3000"}"#
    );
    let again = device.run(&["import", "rows", "rows.csv"]).exits(0);
    assert_eq!(
        again.out,
        "imported 2 records into rows, 2 of them as they were\n"
    );
}

#[test]
fn declared_columns_keep_their_kind() {
    let folder = TempDir::new().unwrap();
    let device = Device::bare(folder.path().join("device"));
    device.file(
        "tisync.toml",
        "replica = 'r.db'\n[collections.rows]\npolicy = 'merge'\ncolumns = { code = 'text', n = 'integer' }\n",
    );
    device.file("rows.csv", "id,code,n\na,1,5\nb,2,many\n");
    let ran = device.run(&["import", "rows", "rows.csv"]).exits(1);
    assert!(
        ran.err
            .contains("line 3: n: expected a number, but \"many\" came"),
        "{ran:?}"
    );
    assert_eq!(device.document("rows", "a"), r#"{"code":"1","n":5}"#);
}

#[test]
fn bad_rows_are_reported_with_their_line_and_left_out() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file(
        "rows.ndjson",
        "{\"id\":\"a\"}\nnonsense\n\n{\"name\":\"no id\"}\n{\"id\":[1]}\n{\"id\":7,\"n\":1}\n",
    );
    let ran = device.run(&["import", "rows", "rows.ndjson"]).exits(1);
    assert_eq!(
        ran.out,
        "imported 2 records into rows; left out 3 bad rows\n"
    );
    for line in [
        "line 2: expected a JSON object",
        "line 4: expected an id",
        "line 5: expected an id",
    ] {
        assert!(ran.err.contains(line), "{ran:?}");
    }
    assert_eq!(device.document("rows", "7"), r#"{"n":1}"#);
    let ran = device
        .run(&["import", "rows", "rows.ndjson", "--json"])
        .exits(1);
    assert_eq!(
        ran.json(),
        serde_json::json!({"imported": 2, "unchanged": 2, "bad": 3})
    );
}

#[test]
fn a_strict_import_is_all_or_nothing() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file("rows.csv", "id,n\na,1\nb\nc,3\n");
    let ran = device
        .run(&["import", "rows", "rows.csv", "--strict"])
        .exits(1);
    assert!(ran.err.contains("line 3: expected 2 values"), "{ran:?}");
    assert!(ran.err.contains("nothing was imported"), "{ran:?}");
    assert_eq!(count(&device), "0\n");
}

#[test]
fn ids_come_from_a_named_field_or_by_chance() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file("rows.json", r#"[{"code": "x", "id": 1}, {"code": "y"}]"#);
    device
        .run(&["import", "rows", "rows.json", "--id", "code"])
        .exits(0);
    assert_eq!(device.document("rows", "x"), r#"{"id":1}"#);
    device
        .run(&["import", "rows", "rows.json", "--random-ids"])
        .exits(0);
    assert_eq!(count(&device), "4\n");
}

#[test]
fn what_is_no_array_or_no_text_is_refused() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    device.file("rows.json", r#"{"id": "a"}"#);
    let ran = device.run(&["import", "rows", "rows.json"]).exits(1);
    assert!(
        ran.err.contains("error: expected one JSON array"),
        "{ran:?}"
    );
    device.file("cut.json", r#"[{"id": "a"}, {"id": "#);
    let ran = device.run(&["import", "rows", "cut.json"]).exits(1);
    assert!(
        ran.err.contains("error: expected one JSON array"),
        "{ran:?}"
    );
    std::fs::write(device.folder.join("rows.csv"), b"id,n\na,\xff\nb,2\n").unwrap();
    let ran = device.run(&["import", "rows", "rows.csv"]).exits(1);
    assert!(
        ran.err.contains("line 2: expected text in UTF-8"),
        "{ran:?}"
    );
    device.run(&["import", "rows", "nowhere.csv"]).exits(1);
    device.run(&["import", "rows", "rows.xls"]).exits(2);
}

#[test]
fn an_export_can_be_imported_again() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    let rows =
        "{\"id\":\"a\",\"n\":1.50,\"s\":\"x,\\\"y\\\"\"}\n{\"id\":\"b\",\"deep\":{\"k\":[1]}}\n";
    device.file("rows.ndjson", rows);
    device.run(&["import", "rows", "rows.ndjson"]).exits(0);
    let ran = device.run(&["export", "rows"]).exits(0);
    assert_eq!(
        ran.out,
        "{\"id\":\"a\",\"n\":1.5,\"s\":\"x,\\\"y\\\"\"}\n{\"id\":\"b\",\"deep\":{\"k\":[1]}}\n"
    );
    for file in ["out.ndjson", "out.json"] {
        let ran = device.run(&["export", "rows", file]).exits(0);
        assert_eq!(ran.out, format!("exported 2 records to {file}\n"));
        let again = device.run(&["import", "rows", file, "--json"]).exits(0);
        assert_eq!(again.json()["unchanged"], 2, "{file}");
    }
    device.run(&["export", "rows", "out.csv"]).exits(0);
    assert_eq!(
        device.read("out.csv"),
        "id,deep,n,s\na,,1.5,\"x,\"\"y\"\"\"\nb,\"{\"\"k\"\":[1]}\",,\n"
    );
    assert!(!device.folder.join("out.csv.partial").exists());
}

#[test]
fn the_input_and_the_output_are_files_too() {
    let folder = TempDir::new().unwrap();
    let device = device(&folder);
    let csv = "id,n\na,1\nb,2\n";
    device
        .run_with(&["import", "rows", "-", "--format", "csv"], csv)
        .exits(0);
    let ran = device
        .run(&["export", "rows", "-", "--format", "csv"])
        .exits(0);
    assert_eq!(ran.out, csv);
    device.run_with(&["import", "rows", "-"], csv).exits(2);
}

#[test]
fn a_whole_replica_goes_into_a_file_and_comes_out_of_it() {
    let folder = TempDir::new().unwrap();
    let old = device(&folder);
    old.run(&["put", "rows", "1", r#"{"title":"Milk"}"#])
        .exits(0);
    let exported = old
        .run(&["export", "--replica", "../backup.archive"])
        .exits(0);
    assert_eq!(
        exported.out,
        "exported the replica to ../backup.archive: 1 record, 1 write pending, 0 decisions of the journal\n"
    );
    let again = old
        .run(&["export", "--replica", "../backup.archive"])
        .exits(1);
    assert!(again.err.contains("choose another name"), "{}", again.err);

    let new = Device::bare(folder.path().join("new"));
    let settings = std::fs::read_to_string(folder.path().join("device/tisync.toml")).unwrap();
    new.file("tisync.toml", &settings);
    let imported = new
        .run(&["import", "--replica", "../backup.archive"])
        .exits(0);
    assert!(imported.out.starts_with("made "), "{}", imported.out);
    assert_eq!(new.document("rows", "1"), r#"{"title":"Milk"}"#);
    assert_eq!(
        new.run(&["outbox", "list"]).exits(0).out,
        old.run(&["outbox", "list"]).exits(0).out
    );
    let twice = new
        .run(&["import", "--replica", "../backup.archive"])
        .exits(1);
    assert!(
        twice.err.contains("there is one of that name"),
        "{}",
        twice.err
    );
    new.run(&["import", "--replica", "x", "--lifeboat", "y"])
        .exits(2);
}
