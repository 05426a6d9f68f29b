//! Records.
use super::*;

pub fn an_inserted_record_comes_back_whole<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    assert_eq!(load(store, "a"), Some((record(1, "a"), None)));
    assert_eq!(load(store, "b"), None);
}

pub fn every_state_version_and_stamp_comes_back<S: Store>(store: &mut S) {
    let mut records = Vec::new();
    for (index, state) in RecordState::ALL.into_iter().enumerate() {
        let rid = index as i64 + 1;
        let mut one = record(rid, &format!("n{rid}"));
        one.state = state;
        one.version = (rid % 2 == 0).then(|| Version::new(format!("é.{rid} \"'")).unwrap());
        one.stamp = (rid % 2 == 1).then(|| stamp(u64::from(u32::MAX) * 9));
        if state == RecordState::Tombstone {
            one.document = None;
        }
        records.push(one);
    }
    // A record that is deleted here, and not yet there.
    let mut deleted = record(6, "n6");
    deleted.state = RecordState::Dirty;
    deleted.document = None;
    records.push(deleted);
    given(store, records.iter().cloned().map(insert).collect());
    let found: Vec<_> = all(store).into_iter().map(|(record, _)| record).collect();
    assert_eq!(found, records);
}

pub fn the_text_of_a_document_is_kept_as_it_came<S: Store>(store: &mut S) {
    let texts = [
        r#"{ "b" : 1.0, "a" : [1 , 2] }"#,
        r#"{"n":123456789012345678901234567890,"e":1E2,"z":-0.0}"#,
        r#"{"s":"\u0000\u00e9 é 😀 \" \\ ' ; -- %"}"#,
        "{}",
    ];
    let mut changes = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let mut one = record(index as i64 + 1, &format!("n{index}"));
        one.document = Some(document(text));
        changes.push(insert(one));
    }
    given(store, changes);
    for ((record, _), text) in all(store).iter().zip(texts) {
        assert_eq!(record.document.as_ref().unwrap().text(), text);
    }
}

pub fn load_answers_in_the_order_of_the_keys<S: Store>(store: &mut S) {
    given(
        store,
        vec![
            insert(record(1, "b")),
            insert(record(2, "a")),
            insert(record(3, "c")),
        ],
    );
    let keys = [id("c"), id("missing"), id("a"), id("c")];
    let found = see(store, |tx| tx.load(&notes(), Keys::Ids(&keys), Load::Whole));
    let rids: Vec<_> = found
        .iter()
        .map(|row| row.as_ref().map(|(record, _)| record.rid.0))
        .collect();
    assert_eq!(rids, [Some(3), None, Some(2), Some(3)]);
    let keys = [Rid(9), Rid(2), Rid(1)];
    let found = see(store, |tx| {
        tx.load(&notes(), Keys::Rids(&keys), Load::Whole)
    });
    let names: Vec<_> = found
        .iter()
        .map(|row| row.as_ref().map(|(record, _)| record.id.to_string()))
        .collect();
    assert_eq!(names, [None, Some("a".to_owned()), Some("b".to_owned())]);
    assert!(see(store, |tx| tx.load(&notes(), Keys::Ids(&[]), Load::Whole)).is_empty());
}

pub fn load_by_rid_and_by_id_agree<S: Store>(store: &mut S) {
    given(store, vec![insert(record(7, "a")), dirty(7, Some(blank()))]);
    for how in [Load::Heads, Load::Whole] {
        let by_id = see(store, |tx| tx.load(&notes(), Keys::Ids(&[id("a")]), how));
        let by_rid = see(store, |tx| tx.load(&notes(), Keys::Rids(&[Rid(7)]), how));
        assert_eq!(by_id, by_rid);
    }
}

pub fn heads_leave_out_the_documents_of_clean_records_only<S: Store>(store: &mut S) {
    let mut changed = record(2, "b");
    changed.state = RecordState::Dirty;
    let mut guess = record(3, "c");
    guess.state = RecordState::Provisional;
    given(
        store,
        vec![
            insert(record(1, "a")),
            insert(changed),
            insert(guess),
            insert(tombstone(4, "d")),
        ],
    );
    let keys = [id("a"), id("b"), id("c"), id("d")];
    let heads = see(store, |tx| tx.load(&notes(), Keys::Ids(&keys), Load::Heads));
    let documents: Vec<_> = heads
        .iter()
        .map(|row| row.as_ref().unwrap().0.document.is_some())
        .collect();
    assert_eq!(documents, [false, true, true, false]);
    let mut bare = record(1, "a");
    bare.document = None;
    assert_eq!(
        heads[0].as_ref().unwrap().0,
        bare,
        "a head is whole but for its document"
    );
}

pub fn an_insert_over_a_taken_rid_is_refused<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    refused(store, vec![insert(record(1, "b"))]);
}

pub fn an_insert_over_a_taken_id_is_refused<S: Store>(store: &mut S) {
    given(store, vec![insert(tombstone(1, "a"))]);
    refused(store, vec![insert(record(2, "a"))]);
}

pub fn an_update_replaces_everything<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), insert(record(2, "b"))]);
    let mut changed = record(1, "a");
    changed.version = None;
    changed.state = RecordState::Dirty;
    changed.document = Some(document(r#"{"other":true}"#));
    changed.stamp = None;
    commit(store, vec![update(changed.clone())]);
    assert_eq!(load(store, "a"), Some((changed, None)));
    assert_eq!(load(store, "b"), Some((record(2, "b"), None)));
}

pub fn an_update_may_change_the_id<S: Store>(store: &mut S) {
    given(
        store,
        vec![insert(record(1, "local")), insert(record(2, "b"))],
    );
    // Among updates that keep theirs.
    commit(
        store,
        vec![
            update(record(2, "b")),
            update(record(1, "server")),
            alias("local", 1),
        ],
    );
    assert_eq!(ids(store), ["b", "server"]);
    assert_eq!(load(store, "server").unwrap().0.rid, Rid(1));
    commit(store, vec![insert(record(3, "local"))]);
    assert_eq!(
        load(store, "local").unwrap().0.rid,
        Rid(3),
        "the id is free again"
    );
}

pub fn an_update_may_not_take_the_id_of_another<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), insert(record(2, "b"))]);
    refused(store, vec![update(record(1, "b"))]);
}

pub fn an_update_of_a_record_that_is_not_there_is_refused<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a"))]);
    refused(store, vec![update(record(2, "b"))]);
    refused(store, vec![update(record(1, "a")), update(record(2, "b"))]);
}

pub fn a_head_changes_all_but_the_document<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), insert(record(2, "b"))]);
    let head = |rid| Op::Head {
        collection: notes(),
        rid: Rid(rid),
        version: version("9"),
        state: RecordState::Provisional,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    commit(store, vec![head(1), head(2)]);
    let mut expected = record(1, "a");
    expected.version = version("9");
    expected.state = RecordState::Provisional;
    expected.stamp = None;
    assert_eq!(load(store, "a"), Some((expected, None)));
}

pub fn a_head_of_a_record_that_is_not_there_is_refused<S: Store>(store: &mut S) {
    given(store, Vec::new());
    let head = Op::Head {
        collection: notes(),
        rid: Rid(1),
        version: None,
        state: RecordState::Dirty,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    refused(store, vec![head]);
}

pub fn a_clean_record_must_have_a_document<S: Store>(store: &mut S) {
    let mut bare = record(1, "a");
    bare.document = None;
    given(store, vec![insert(record(1, "a"))]);
    refused(store, vec![update(bare.clone())]);
    refused(store, vec![remove(1), insert(bare)]);
    let mut deleted = record(2, "b");
    deleted.state = RecordState::Dirty;
    deleted.document = None;
    commit(store, vec![insert(deleted)]);
    let head = Op::Head {
        collection: notes(),
        rid: Rid(2),
        version: None,
        state: RecordState::Clean,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    refused(store, vec![head]);
}

pub fn a_tombstone_must_have_none<S: Store>(store: &mut S) {
    let mut odd = record(1, "a");
    odd.state = RecordState::Tombstone;
    given(store, Vec::new());
    refused(store, vec![insert(odd)]);
}

pub fn a_head_makes_no_tombstone_of_a_document<S: Store>(store: &mut S) {
    let head = |rid| Op::Head {
        collection: notes(),
        rid: Rid(rid),
        version: version("2"),
        state: RecordState::Tombstone,
        stamp: None,
        schema: 1,
        migrated: false,
    };
    let mut deleted = record(2, "b");
    deleted.state = RecordState::Dirty;
    deleted.document = None;
    given(store, vec![insert(record(1, "a")), insert(deleted)]);
    refused(store, vec![head(1)]);
    commit(store, vec![head(2)]);
    assert_eq!(load(store, "b").unwrap().0.state, RecordState::Tombstone);
}

pub fn a_tombstone_stays_and_can_be_revived<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), alias("old", 1)]);
    commit(store, vec![update(tombstone(1, "a"))]);
    assert_eq!(load(store, "a"), Some((tombstone(1, "a"), None)));
    assert_eq!(load(store, "old"), Some((tombstone(1, "a"), None)));
    commit(store, vec![update(record(1, "a"))]);
    assert_eq!(load(store, "a"), Some((record(1, "a"), None)));
}

pub fn scan_goes_by_id_and_shows_tombstones<S: Store>(store: &mut S) {
    let names = ["b", "B", "é", "a", "10", "9", "aa"];
    let mut changes = vec![insert(tombstone(100, "gone"))];
    changes.extend(
        names
            .iter()
            .enumerate()
            .map(|(index, name)| insert(record(index as i64 + 1, name))),
    );
    given(store, changes);
    assert_eq!(
        ids(store),
        ["10", "9", "B", "a", "aa", "b", "gone", "é"],
        "by the bytes of the id"
    );
}

pub fn scan_goes_on_after_an_id<S: Store>(store: &mut S) {
    given(
        store,
        ["a", "b", "c", "d"]
            .iter()
            .enumerate()
            .map(|(i, name)| insert(record(i as i64 + 1, name)))
            .collect(),
    );
    let page = |store: &mut S, after: &str, limit| {
        let after = id(after);
        let rows = see(store, |tx| tx.scan(&notes(), Some(&after), limit));
        rows.into_iter()
            .map(|(record, _)| record.id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(store, "a", 2), ["b", "c"]);
    assert_eq!(
        page(store, "bb", 9),
        ["c", "d"],
        "after an id that is not there"
    );
    assert!(page(store, "d", 9).is_empty());
    assert!(page(store, "a", 0).is_empty());
}

pub fn the_next_rid_is_one_above_the_highest<S: Store>(store: &mut S) {
    given(store, Vec::new());
    assert_eq!(see(store, |tx| tx.next_rid(&notes())), Rid(1));
    commit(
        store,
        vec![
            insert(record(5, "a")),
            insert(tombstone(9, "b")),
            insert(record(2, "c")),
        ],
    );
    assert_eq!(
        see(store, |tx| tx.next_rid(&notes())),
        Rid(10),
        "tombstones count"
    );
}

pub fn removing_the_highest_record_frees_its_rid<S: Store>(store: &mut S) {
    given(store, vec![insert(record(1, "a")), insert(record(2, "b"))]);
    commit(store, vec![remove(2)]);
    assert_eq!(see(store, |tx| tx.next_rid(&notes())), Rid(2));
    commit(store, vec![insert(record(2, "c"))]);
    assert_eq!(ids(store), ["a", "c"]);
}

pub fn ids_of_any_characters_work<S: Store>(store: &mut S) {
    let names = [
        "'; DROP TABLE notes; --",
        "a\"b",
        "%_*?[",
        "😀",
        "null",
        "0",
        " ",
        "https://x/?a=b&c",
    ];
    given(
        store,
        names
            .iter()
            .enumerate()
            .map(|(i, name)| insert(record(i as i64 + 1, name)))
            .collect(),
    );
    for (index, name) in names.iter().enumerate() {
        assert_eq!(load(store, name).unwrap().0.rid, Rid(index as i64 + 1));
    }
    assert_eq!(ids(store).len(), names.len());
}

pub fn a_page_of_many_records_comes_back<S: Store>(store: &mut S) {
    let names: Vec<RecordId> = (0..1_500)
        .map(|n| id(&format!("n{:04}", n * 7919 % 1_500)))
        .collect();
    let records = |text: &str| -> Vec<Record> {
        let rows = names.iter().enumerate().map(|(index, name)| Record {
            document: Some(document(&format!(r#"{{"title":"{text} {index}"}}"#))),
            ..record(index as i64 + 1, name.as_str())
        });
        rows.collect()
    };
    given(store, records("first").into_iter().map(insert).collect());
    let changed = records("second");
    commit(store, changed.iter().cloned().map(update).collect());
    let found = see(store, |tx| {
        tx.load(&notes(), Keys::Ids(&names), Load::Whole)
    });
    let found: Vec<_> = found.into_iter().map(|row| row.unwrap().0).collect();
    assert_eq!(found, changed);
    assert_eq!(see(store, |tx| tx.next_rid(&notes())), Rid(1_501));
}
