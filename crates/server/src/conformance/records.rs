//! Records, the feed, tallies.
use super::*;

pub fn keeps_a_record_as_it_is<S: ServerStore>(mut store: S) {
    let text = "{\"z\": 1.0,\n \"a\": \"\\u0041é😀\", \"big\": 123456789012345678901234567890}";
    let stamps = [("", "a"), ("/z", "b"), ("/q\"uote", "c")]
        .map(|(path, stamp)| (path.into(), stamp.into()));
    let record = Record {
        stamps: stamps.into(),
        schema: u32::MAX,
        ..live(5, text)
    };
    write(&mut store, |tx| tx.put(key("a", "1"), &record, 0).unwrap());
    read(&mut store, |tx| {
        assert_eq!(tx.record(key("a", "1")).unwrap(), Some(record.clone()));
        assert_eq!(
            tx.head(key("a", "1")).unwrap(),
            Some(Head {
                version: 5,
                deleted: false
            })
        );
        assert_eq!(tx.head(key("b", "1")).unwrap(), None);
        let mut rows = 0;
        tx.scan(0, &BTreeSet::from(["a"]), &mut |version, row| {
            let row = row.unwrap();
            assert_eq!(
                (version, row.document, row.stamp, row.schema),
                (5, Some(text), record.stamp.as_str(), u32::MAX)
            );
            assert_eq!(
                serde_json::from_str::<BTreeMap<String, String>>(row.stamps.unwrap()).unwrap(),
                record.stamps
            );
            rows += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(rows, 1);
    });
}

pub fn a_rewrite_moves_the_record_to_the_end<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put(key("a", "2"), &live(2, "{}"), 0).unwrap();
        tx.put(key("a", "1"), &live(3, r#"{"n":3}"#), 0).unwrap();
    });
    assert_eq!(
        scan(&mut store, 0, &["a"]),
        [(2, "a/2".to_owned()), (3, "a/1".to_owned())]
    );
    assert_eq!(
        read(&mut store, |tx| tx.head(key("a", "1")).unwrap()),
        Some(Head {
            version: 3,
            deleted: false
        })
    );
}

pub fn keeps_a_deletion<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap()
    });
    write(&mut store, |tx| tx.put(key("a", "1"), &gone(2), 0).unwrap());
    read(&mut store, |tx| {
        assert_eq!(
            tx.head(key("a", "1")).unwrap(),
            Some(Head {
                version: 2,
                deleted: true
            })
        );
        assert_eq!(tx.record(key("a", "1")).unwrap(), Some(gone(2)));
    });
    assert_eq!(scan(&mut store, 0, &["a"]), [(2, "a/1".to_owned())]);
}

pub fn a_deleted_record_comes_back<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| tx.put(key("a", "1"), &gone(1), 0).unwrap());
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(2, r#"{"n":2}"#), 0).unwrap()
    });
    assert_eq!(
        read(&mut store, |tx| tx.record(key("a", "1")).unwrap()),
        Some(live(2, r#"{"n":2}"#))
    );
    // Its old deletion cannot be forgotten any more.
    assert_eq!(
        write(&mut store, |tx| tx.prune_tombstones(u64::MAX).unwrap()),
        None
    );
}

pub fn scans_in_the_order_of_commits<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for (position, id) in ["z", "m", "a"].iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
        tx.put(key("b", "k"), &live(2, "{}"), 0).unwrap();
    });
    let all = [(1, "a/z"), (1, "a/m"), (1, "a/a"), (2, "b/k")]
        .map(|(version, row)| (version, row.to_owned()));
    assert_eq!(scan(&mut store, 0, &["a", "b"]), all);
    assert_eq!(scan(&mut store, 1, &["a", "b"]), all[3..]);
    assert_eq!(scan(&mut store, 2, &["a", "b"]), []);
}

pub fn scans_only_what_is_wanted<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put(key("b", "1"), &live(2, "{}"), 0).unwrap();
    });
    assert_eq!(
        scan(&mut store, 0, &["b"]),
        [(1, String::new()), (2, "b/1".to_owned())]
    );
    assert_eq!(
        scan(&mut store, 0, &["never-written"]),
        [(1, String::new()), (2, String::new())]
    );
}

pub fn a_scan_can_be_broken_off<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        for version in 1..=5 {
            tx.put(key("a", &version.to_string()), &live(version, "{}"), 0)
                .unwrap();
        }
    });
    let mut seen = 0;
    let mut some = |version, _: Option<crate::Row<'_>>| {
        seen = version;
        if version == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    read(&mut store, |tx| {
        tx.scan(0, &BTreeSet::from(["a"]), &mut some).unwrap()
    });
    assert_eq!(seen, 3);
    assert_eq!(scan(&mut store, 3, &["a"]).len(), 2);
}

pub fn keeps_tallies<S: ServerStore>(mut store: S) {
    let tally = Tally {
        count: 3,
        hash: u64::MAX - 1,
    };
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(1, "{}"), 0).unwrap();
        tx.put_tally("a", &Tally::default()).unwrap();
        tx.put_tally("a", &tally).unwrap();
        assert_eq!(tx.tally("a").unwrap(), tally);
    });
    assert_eq!(read(&mut store, |tx| tx.tally("a").unwrap()), tally);
    assert_eq!(
        read(&mut store, |tx| tx.tally("b").unwrap()),
        Tally::default()
    );
    let mut tx = store.begin("main", Access::Write).unwrap();
    tx.put_tally("a", &Tally::default()).unwrap();
    drop(tx);
    assert_eq!(read(&mut store, |tx| tx.tally("a").unwrap()), tally);
}

pub fn visits_live_records_by_bytes<S: ServerStore>(mut store: S) {
    let ids = ["é", "b", "😀", "A", "a", "z"];
    write(&mut store, |tx| {
        for (position, id) in ids.iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
        tx.put(key("a", "a"), &gone(2), 0).unwrap();
        tx.put(key("a", "b"), &live(3, "{}"), 0).unwrap();
    });
    read(&mut store, |tx| {
        let mut range = |after, until| {
            let mut seen = Vec::new();
            let range = Range {
                collection: "a",
                after,
                until,
                ..Range::default()
            };
            tx.live(range, &mut |row| {
                assert_eq!(row.content, None);
                seen.push(format!("{}{}", row.id, row.version));
                ControlFlow::Continue(())
            })
            .unwrap();
            seen
        };
        assert_eq!(range(None, None), ["A1", "b3", "z1", "é1", "😀1"]);
        assert_eq!(range(Some("A"), Some("z")), ["b3", "z1"]);
        assert_eq!(range(Some("z"), None), ["é1", "😀1"]);
        assert_eq!(range(None, Some("A")), ["A1"]);
        assert_eq!(range(Some("z"), Some("a")), [""; 0]);
    });
}

pub fn visits_live_records_with_what_they_hold<S: ServerStore>(mut store: S) {
    let stamped = Record {
        stamps: [("/n".to_owned(), "s".to_owned())].into(),
        schema: 7,
        ..live(1, r#"{ "n": 1.0 }"#)
    };
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &stamped, 0).unwrap();
        tx.put(key("a", "2"), &live(1, "{}"), 1).unwrap();
        tx.put(key("a", "2"), &gone(2), 0).unwrap();
        tx.put(key("a", "3"), &live(3, "{}"), 0).unwrap();
        tx.put(key("b", "3"), &live(3, "{}"), 1).unwrap();
    });
    for backwards in [false, true] {
        let range = Range {
            collection: "a",
            documents: true,
            backwards,
            ..Range::default()
        };
        let mut seen = Vec::new();
        read(&mut store, |tx| {
            tx.live(range, &mut |row| {
                let content = row.content.expect("documents were asked for");
                seen.push((
                    (row.id.to_owned(), row.version, content.updated_ms),
                    (content.stamp.to_owned(), content.stamps.map(str::to_owned)),
                    (content.schema, content.document.to_owned()),
                ));
                ControlFlow::Continue(())
            })
            .unwrap();
        });
        let mut expected = [
            (
                ("1".to_owned(), 1, stamped.updated_ms),
                (stamped.stamp.clone(), Some(r#"{"/n":"s"}"#.to_owned())),
                (7, r#"{ "n": 1.0 }"#.to_owned()),
            ),
            (
                ("3".to_owned(), 3, live(3, "{}").updated_ms),
                (live(3, "{}").stamp, None),
                (0, "{}".to_owned()),
            ),
        ];
        if backwards {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

pub fn takes_any_id<S: ServerStore>(mut store: S) {
    let long = "x".repeat(tisync_protocol::limits::RECORD_ID_BYTES_MAX);
    let ids = [
        "'; DROP TABLE records; --",
        "\"",
        "%",
        "_",
        "1",
        "01",
        "1.0",
        "é",
        "😀",
        " ",
        "null",
        &long,
    ];
    write(&mut store, |tx| {
        for (position, id) in ids.iter().enumerate() {
            tx.put(key("a", id), &live(1, "{}"), position as u64)
                .unwrap();
        }
    });
    let scanned: Vec<String> = scan(&mut store, 0, &["a"])
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(scanned, ids.map(|id| format!("a/{id}")));
    for id in ids {
        assert!(
            read(&mut store, |tx| tx.head(key("a", id)).unwrap()).is_some(),
            "{id:?}"
        );
    }
}

pub fn keeps_large_documents<S: ServerStore>(mut store: S) {
    let filler = "x".repeat(tisync_json::limits::DOCUMENT_BYTES_MAX - 32);
    let record = live(1, &format!(r#"{{"filler":"{filler}"}}"#));
    write(&mut store, |tx| tx.put(key("a", "1"), &record, 0).unwrap());
    assert_eq!(
        read(&mut store, |tx| tx.record(key("a", "1")).unwrap()),
        Some(record)
    );
}

pub fn refuses_what_it_cannot_place<S: ServerStore>(mut store: S) {
    write(&mut store, |tx| {
        tx.put(key("a", "1"), &live(2, "{}"), 0).unwrap()
    });
    let mut tx = store.begin("main", Access::Write).unwrap();
    assert!(
        tx.put(key("a", "2"), &live(2, "{}"), 0).is_err(),
        "the place is taken"
    );
}
