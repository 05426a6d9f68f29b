//! The SQLite store against the one in memory: any changes, the same answers and the same errors.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use tisync_core::conformance::snapshot::{Names, snapshot};
use tisync_core::conformance::*;
use tisync_core::memory::MemoryStore;
use tisync_core::model::*;
use tisync_core::store::{Durability, Op, Store, StoreErrorKind, Tx};
use tisync_store::{Options, SqliteStore};

const IDS: [&str; 6] = ["a", "b", "c", "d", "é", "'x"];

fn names() -> Names {
    Names {
        collections: vec![notes(), tasks()],
        ids: IDS.map(id).to_vec(),
        feeds: vec![feed()],
        meta: ["clock", "key"].map(String::from).to_vec(),
        passes: vec![1, 2],
    }
}

fn feed() -> FeedKey {
    FeedKey {
        connector: ConnectorName::new("main").unwrap(),
        feed: FeedName::new("all").unwrap(),
    }
}

fn collections() -> impl Strategy<Value = CollectionName> {
    prop_oneof![3 => Just(notes()), 1 => Just(tasks())]
}

fn rids() -> impl Strategy<Value = Rid> {
    (1_i64..6).prop_map(Rid)
}

fn ids_() -> impl Strategy<Value = RecordId> {
    prop::sample::select(IDS.to_vec()).prop_map(id)
}

fn stamps() -> impl Strategy<Value = Stamp> {
    (0_u64..40).prop_map(stamp)
}

fn images() -> impl Strategy<Value = Image> {
    prop_oneof![
        Just(Image::Absent),
        Just(Image::Gone),
        documents().prop_map(Image::Present)
    ]
}

fn documents() -> impl Strategy<Value = tisync_json::Document> {
    prop::sample::select(vec![
        r#"{}"#,
        r#"{"title":"x"}"#,
        r#"{ "title" : 5, "n": 1.0 }"#,
        r#"{"n":12345678901234567890,"done":true}"#,
        r#"{"title":"\u0000'","deep":{"er":[1]}}"#,
    ])
    .prop_map(document)
}

fn states() -> impl Strategy<Value = RecordState> {
    prop::sample::select(RecordState::ALL.to_vec())
}

fn versions() -> impl Strategy<Value = Option<Version>> {
    prop::option::of("[a-c]{1,3}".prop_map(|text| Version::new(text).unwrap()))
}

/// The number of a schema, and whether the base was brought to it here.
fn forms() -> impl Strategy<Value = (u32, bool)> {
    (0_u32..3, any::<bool>())
}

fn records() -> impl Strategy<Value = Record> {
    (
        rids(),
        ids_(),
        versions(),
        states(),
        documents(),
        prop::option::of(stamps()),
        prop::bool::weighted(0.9),
        forms(),
    )
        .prop_map(
            |(rid, id, version, state, document, stamp, fits, form)| Record {
                rid,
                id,
                version,
                state,
                // Most fit their state, so that most commits are not refused.
                document: ((state != RecordState::Tombstone) == fits).then_some(document),
                stamp,
                schema: form.0,
                migrated: form.1,
            },
        )
}

fn remotes() -> impl Strategy<Value = Remote> {
    (images(), versions(), prop::option::of(stamps())).prop_map(|(image, version, stamp)| Remote {
        out_of_scope: false,
        image,
        version,
        stamp,
        stamps: None,
        schema: None,
        migrated: false,
    })
}

fn entries() -> impl Strategy<Value = Entry> {
    let states = prop_oneof![
        3 => Just(EntryState::Pending),
        1 => Just(EntryState::InFlight { request: RequestId(4), generation: Generation(1), again: false, tries: 0 }),
        1 => (0_u32..3).prop_map(|tries| EntryState::Unknown { since_ms: 5, tries }),
        1 => Just(EntryState::Held(Blocker::Conflict)),
        1 => any::<bool>().prop_map(|unmigrated| EntryState::Parked { reason: "no".into(), at_ms: 5, unmigrated }),
    ];
    let changes = prop_oneof![
        documents().prop_map(Change::Create),
        documents().prop_map(Change::Replace),
        Just(Change::Delete)
    ];
    (
        1_i64..8,
        0_u128..2,
        collections(),
        rids(),
        changes,
        stamps(),
        prop::option::of(0_u128..2),
        states,
        0_u64..9,
    )
        .prop_map(
            |(seq, turn, collection, rid, change, latest, group, state, created_ms)| Entry {
                seq,
                // No two entries share a key: the caller draws them at random.
                id: MutationId(seq as u128 * 10 + turn),
                collection,
                rid,
                change,
                stamps: Stamps {
                    latest,
                    ..Stamps::default()
                },
                group: group.map(GroupId),
                state,
                created_ms,
                ..entry(seq, 1)
            },
        )
}

fn amendments() -> impl Strategy<Value = Op> {
    let changes = prop_oneof![
        prop::sample::select(vec![JournalState::Settled, JournalState::Void])
            .prop_map(JournalChange::State),
        (10_u128..40).prop_map(|id| JournalChange::Carrier(MutationId(id))),
    ];
    (10_u128..40, changes).prop_map(|(carrier, change)| Op::AmendJournal {
        carrier: MutationId(carrier),
        change,
    })
}

fn journal_rows() -> impl Strategy<Value = JournalRow> {
    let states = prop::sample::select(vec![
        JournalState::Decided,
        JournalState::Settled,
        JournalState::Void,
    ]);
    (
        1_i64..7,
        0_u64..50,
        collections(),
        rids(),
        images(),
        prop::option::of(10_u128..40),
        states,
    )
        .prop_map(
            |(number, at_ms, collection, rid, theirs, mutation, state)| JournalRow {
                id: JournalId(number),
                at_ms,
                collection,
                rid,
                record: id("a"),
                situation: "s".into(),
                policy: "p".into(),
                base: Image::Absent,
                ours: Image::Gone,
                theirs,
                outcome: Image::Absent,
                loser: Loser::Both,
                mutation: mutation.map(MutationId),
                decided: Vec::new(),
                state,
                undoes: None,
                schema: 1,
            },
        )
}

fn schemas() -> impl Strategy<Value = Schema> {
    let kinds = prop::sample::select(vec![
        ColumnKind::Text,
        ColumnKind::Integer,
        ColumnKind::Real,
        ColumnKind::Boolean,
    ]);
    let names = prop::sample::select(vec!["title", "n", "done"]);
    let columns = prop::collection::btree_map(names, (kinds, any::<bool>()), 0..4);
    (columns, 0_u32..3).prop_map(|(columns, number)| Schema {
        number,
        columns: columns
            .into_iter()
            .map(|(name, (kind, indexed))| column(name, kind, indexed))
            .collect(),
        ..Schema::default()
    })
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => (collections(), schemas(), any::<bool>())
            .prop_map(|(collection, schema, migrating)| Op::Declare { collection, schema, migrating }),
        6 => (collections(), records()).prop_map(|(collection, record)| Op::Insert { collection, record }),
        6 => (collections(), records()).prop_map(|(collection, record)| Op::Update { collection, record }),
        2 => (collections(), rids(), versions(), states(), prop::option::of(stamps()), forms())
            .prop_map(|(collection, rid, version, state, stamp, (schema, migrated))| Op::Head { collection, rid, version, state, stamp, schema, migrated }),
        2 => (collections(), rids()).prop_map(|(collection, rid)| Op::Remove { collection, rid }),
        3 => (collections(), rids(), prop::option::of((images(), prop::option::of(remotes()), any::<bool>()))).prop_map(|(collection, rid, dirty)| {
            let dirty = dirty.map(|(base, remote, provisional)| Dirty { base, remote, provisional });
            Op::Dirty { collection, rid, dirty }
        }),
        2 => (collections(), ids_(), rids()).prop_map(|(collection, alias, rid)| Op::Alias { collection, alias, rid }),
        5 => entries().prop_map(put),
        3 => (1_i64..8).prop_map(Op::RemoveEntry),
        3 => entries().prop_map(|entry| Op::EntryState(Box::new(entry))),
        2 => amendments(),
        2 => (collections(), rids(), remotes()).prop_map(|(collection, rid, remote)| Op::Conflict(Box::new(Conflict {
            collection, rid, id: id("a"), remote, asked: Vec::new(), deadline: None, since_ms: 1,
        }))),
        1 => (collections(), rids()).prop_map(|(collection, rid)| Op::RemoveConflict { collection, rid }),
        3 => journal_rows().prop_map(|row| Op::Journal(Box::new(row))),
        1 => (collections(), rids(), rids()).prop_map(|(collection, from, to)| Op::MoveJournal { collection, from, to }),
        1 => (0_u64..60, 0_u64..1_500).prop_map(|(before_ms, bytes_max)| Op::PruneJournal { before_ms, bytes_max }),
        1 => any::<bool>().prop_map(|behind| Op::Feed { key: feed(), state: Box::new(FeedState { behind, ..FeedState::default() }) }),
        1 => (0_u32..3).prop_map(|attempts| Op::Connector { name: feed().connector, state: Box::new(ConnectorState { attempts, ..ConnectorState::default() }) }),
        2 => (collections(), 1_u64..3, prop::collection::vec(rids(), 0..4)).prop_map(|(collection, pass, rids)| Op::Seen { collection, pass, rids }),
        1 => (collections(), 1_u64..3).prop_map(|(collection, pass)| Op::ForgetPass { collection, pass }),
        1 => (collections(), rids(), 0_u32..3).prop_map(|(collection, rid, passes)| Op::Suspect(Suspicion { collection, rid, id: id("a"), pass: 1, passes })),
        1 => (collections(), rids()).prop_map(|(collection, rid)| Op::RemoveSuspicion { collection, rid }),
        1 => (0_i64..4).prop_map(|number| Op::Quarantine(Box::new(Quarantined { number, feed: feed(), collection: None, text: "t".into(), reason: "r".into(), at_ms: 1, schema: None }))),
        1 => (1_i64..5).prop_map(Op::RemoveQuarantined),
        1 => prop::option::of(stamps()).prop_map(|stamp| Op::Meta { key: "clock".into(), value: stamp.map(|stamp| stamp.to_string()) }),
        1 => prop::option::of("[a-b]").prop_map(|value| Op::Meta { key: "key".into(), value }),
    ]
}

fn apply<S: Store>(
    store: &mut S,
    durability: Durability,
    changes: Vec<Op>,
) -> Result<(), StoreErrorKind> {
    let tx = store.begin(durability).unwrap();
    tx.commit(changes).map_err(|error| error.kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_answer_alike(
        declared in any::<bool>(),
        commits in prop::collection::vec((any::<bool>(), prop::collection::vec(ops(), 1..6)), 1..14),
    ) {
        let mut memory = MemoryStore::with_power_cuts(3);
        let mut sqlite = SqliteStore::in_memory(&Options::default()).unwrap();
        let mut all = commits;
        if declared {
            let schema = vec![column("title", ColumnKind::Text, true)];
            all.insert(0, (true, vec![declare(notes(), schema), declare(tasks(), Vec::new())]));
        }
        for (full, changes) in all {
            let durability = if full { Durability::Full } else { Durability::Normal };
            let before = memory.state_hash();
            let one = apply(&mut memory, durability, changes.clone());
            let other = apply(&mut sqlite, durability, changes.clone());
            prop_assert_eq!(one, other, "{:?}", changes);
            if one.is_err() {
                prop_assert_eq!(memory.state_hash(), before);
            }
            prop_assert_eq!(snapshot(&mut memory, &names()), snapshot(&mut sqlite, &names()), "{:?}", changes);
        }
        sqlite.check().unwrap();
    }
}
