//! What a commit tells of the records that it writes, which then need not be looked up for their seals.
use crate::sqlite::seal::OfBase;
use tisync_core::model::{CollectionName, RecordId, Rid, Version};
use tisync_core::store::Op;
use tisync_json::tree::BTreeMap;

/// By record: its id, where the commit tells it, and what belongs to its base.
pub(super) type Told<'a> = BTreeMap<(&'a CollectionName, Rid), Record<'a>>;

/// What is told of one record.
pub(super) struct Record<'a> {
    pub(super) id: Option<&'a RecordId>,
    pub(super) of: OfBase<'a>,
}

/// Finds it, if the commit writes anything that is sealed.
pub(super) fn told(changes: &[Op]) -> Told<'_> {
    let is_sealed = |op: &Op| matches!(op, Op::Entry(_) | Op::Dirty { .. });
    if !changes.iter().any(is_sealed) {
        return Told::new();
    }
    let mut told = Told::new();
    for op in changes {
        match op {
            Op::Insert { collection, record } | Op::Update { collection, record } => {
                let of = Record {
                    id: Some(&record.id),
                    of: OfBase {
                        version: record.version.as_ref().map(Version::as_str),
                        schema: record.schema,
                        migrated: record.migrated,
                    },
                };
                told.insert((collection, record.rid), of);
            }
            Op::Head {
                collection,
                rid,
                version,
                schema,
                migrated,
                ..
            } => {
                let of = OfBase {
                    version: version.as_ref().map(Version::as_str),
                    schema: *schema,
                    migrated: *migrated,
                };
                let record = told.entry((collection, *rid));
                let record = record.or_insert(Record { id: None, of });
                record.of = of;
            }
            _ => {}
        }
    }
    told
}
