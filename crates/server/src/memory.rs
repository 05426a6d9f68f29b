//! A store in memory, for the simulator and for tests.
use crate::StoreError;
use crate::store::{
    Access, Content, Head, Key, LiveRow, Meta, Range, Receipt, Record, Row, ServerStore, ServerTx,
    Tally,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

/// All tenants in memory. A clone is a backup; the same calls always lead to the same state.
///
/// ```
/// use tisync_server::{MemoryServerStore, ServerNow, service};
/// let mut store = MemoryServerStore::default();
/// service::ensure(&mut store, "main", &ServerNow::default()).unwrap();
/// assert_eq!(store.meta("main").unwrap().seq, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryServerStore {
    tenants: BTreeMap<String, Tenant>,
}

impl MemoryServerStore {
    /// A tenant's history.
    pub fn meta(&self, tenant: &str) -> Option<&Meta> {
        self.tenants.get(tenant)?.meta.as_ref()
    }
    /// All records of a tenant, deleted ones too, by collection and id.
    pub fn records(&self, tenant: &str) -> impl Iterator<Item = (Key<'_>, &Record)> {
        self.tenants.get(tenant).into_iter().flat_map(|tenant| {
            tenant.collections.iter().flat_map(|(collection, held)| {
                held.iter()
                    .map(move |(id, stored)| (Key { collection, id }, &stored.record))
            })
        })
    }
    /// All receipts of a tenant, by the mutation's id.
    pub fn receipts(&self, tenant: &str) -> impl Iterator<Item = (&[u8; 16], &Receipt)> {
        self.tenants
            .get(tenant)
            .into_iter()
            .flat_map(|tenant| tenant.receipts.iter())
    }
}

impl ServerStore for MemoryServerStore {
    type Tx<'a> = MemoryTx<'a>;

    fn begin(&mut self, tenant: &str, access: Access) -> Result<MemoryTx<'_>, StoreError> {
        let tenant = self.tenants.entry(tenant.to_owned()).or_default();
        Ok(MemoryTx {
            tenant,
            access,
            undo: Vec::new(),
        })
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tenant {
    meta: Option<Meta>,
    collections: BTreeMap<String, BTreeMap<String, Stored>>,
    tallies: BTreeMap<String, Tally>,
    /// (version, position) → collection and id.
    feed: BTreeMap<(u64, u64), (String, String)>,
    receipts: BTreeMap<[u8; 16], Receipt>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    record: Record,
    position: u64,
}

impl Tenant {
    fn stored(&self, key: Key<'_>) -> Option<&Stored> {
        self.collections.get(key.collection)?.get(key.id)
    }

    /// Puts `after` in the place of what is there, the feed with it.
    fn set(&mut self, collection: &str, id: &str, after: Option<Stored>) -> Option<Stored> {
        let held = self.collections.entry(collection.to_owned()).or_default();
        let before = match after {
            None => held.remove(id),
            Some(stored) => {
                let place = (stored.record.version, stored.position);
                self.feed
                    .insert(place, (collection.to_owned(), id.to_owned()));
                held.insert(id.to_owned(), stored)
            }
        };
        if let Some(stored) = &before {
            self.feed.remove(&(stored.record.version, stored.position));
        }
        before
    }
}

/// A transaction on one tenant in memory; what it did is undone when it is dropped.
#[derive(Debug)]
pub struct MemoryTx<'a> {
    tenant: &'a mut Tenant,
    access: Access,
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Meta(Option<Meta>),
    Record(String, String, Option<Stored>),
    Receipt([u8; 16], Option<Receipt>),
    Tally(String, Option<Tally>),
}

impl MemoryTx<'_> {
    fn may_write(&self) -> Result<(), StoreError> {
        match self.access {
            Access::Write => Ok(()),
            Access::Read => Err(StoreError::failed("the transaction may only read")),
        }
    }

    fn set(&mut self, collection: &str, id: &str, after: Option<Stored>) {
        let before = self.tenant.set(collection, id, after);
        self.undo
            .push(Undo::Record(collection.to_owned(), id.to_owned(), before));
    }
}

impl Drop for MemoryTx<'_> {
    fn drop(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Meta(meta) => self.tenant.meta = meta,
                Undo::Record(collection, id, before) => {
                    self.tenant.set(&collection, &id, before);
                }
                Undo::Receipt(id, Some(before)) => {
                    self.tenant.receipts.insert(id, before);
                }
                Undo::Tally(collection, Some(before)) => {
                    self.tenant.tallies.insert(collection, before);
                }
                Undo::Tally(collection, None) => {
                    self.tenant.tallies.remove(&collection);
                }
                Undo::Receipt(id, None) => {
                    self.tenant.receipts.remove(&id);
                }
            }
        }
        self.tenant.collections.retain(|_, held| !held.is_empty());
    }
}

impl ServerTx for MemoryTx<'_> {
    fn meta(&mut self) -> Result<Option<Meta>, StoreError> {
        Ok(self.tenant.meta.clone())
    }

    fn put_meta(&mut self, meta: &Meta) -> Result<(), StoreError> {
        self.may_write()?;
        self.undo
            .push(Undo::Meta(self.tenant.meta.replace(meta.clone())));
        Ok(())
    }

    fn head(&mut self, key: Key<'_>) -> Result<Option<Head>, StoreError> {
        let head = |stored: &Stored| Head {
            version: stored.record.version,
            deleted: stored.record.document.is_none(),
        };
        Ok(self.tenant.stored(key).map(head))
    }

    fn record(&mut self, key: Key<'_>) -> Result<Option<Record>, StoreError> {
        Ok(self.tenant.stored(key).map(|stored| stored.record.clone()))
    }

    fn put(&mut self, key: Key<'_>, record: &Record, position: u64) -> Result<(), StoreError> {
        self.may_write()?;
        let last = self.tenant.feed.last_key_value().map(|(place, _)| *place);
        if last.is_some_and(|last| last >= (record.version, position)) {
            return Err(StoreError::failed(
                "a record was written at a version that is not the latest",
            ));
        }
        self.set(
            key.collection,
            key.id,
            Some(Stored {
                record: record.clone(),
                position,
            }),
        );
        Ok(())
    }

    fn receipt(&mut self, id: &[u8; 16]) -> Result<Option<Receipt>, StoreError> {
        Ok(self.tenant.receipts.get(id).cloned())
    }

    fn put_receipt(&mut self, id: &[u8; 16], receipt: &Receipt) -> Result<(), StoreError> {
        self.may_write()?;
        if self.tenant.receipts.contains_key(id) {
            return Err(StoreError::failed("the mutation has a receipt already"));
        }
        self.tenant.receipts.insert(*id, receipt.clone());
        self.undo.push(Undo::Receipt(*id, None));
        Ok(())
    }

    fn scan(
        &mut self,
        after: u64,
        collections: &BTreeSet<&str>,
        visit: &mut dyn FnMut(u64, Option<Row<'_>>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let from = (Bound::Excluded((after, u64::MAX)), Bound::Unbounded);
        for ((version, _), (collection, id)) in self.tenant.feed.range(from) {
            let key = Key { collection, id };
            let wanted = self
                .tenant
                .stored(key)
                .filter(|_| collections.contains(collection.as_str()));
            let stamps = wanted.map(|stored| stamps_of(&stored.record)).transpose()?;
            let stamps = stamps.flatten();
            let row = wanted.map(|stored| Row {
                collection,
                id,
                document: stored
                    .record
                    .document
                    .as_ref()
                    .map(|document| document.text()),
                stamp: &stored.record.stamp,
                stamps: stamps.as_deref(),
                schema: wanted.map_or(0, |stored| stored.record.schema),
            });
            if visit(*version, row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn tally(&mut self, collection: &str) -> Result<Tally, StoreError> {
        Ok(self
            .tenant
            .tallies
            .get(collection)
            .copied()
            .unwrap_or_default())
    }

    fn put_tally(&mut self, collection: &str, tally: &Tally) -> Result<(), StoreError> {
        self.may_write()?;
        let before = self.tenant.tallies.insert(collection.to_owned(), *tally);
        self.undo.push(Undo::Tally(collection.to_owned(), before));
        Ok(())
    }

    fn live(
        &mut self,
        range: Range<'_>,
        visit: &mut dyn FnMut(LiveRow<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let Some(records) = self.tenant.collections.get(range.collection) else {
            return Ok(());
        };
        let mut row = |(id, stored): (&String, &Stored)| {
            let record = &stored.record;
            let Some(document) = &record.document else {
                return Ok(ControlFlow::Continue(()));
            };
            let stamps = stamps_of(record)?;
            let content = range.documents.then(|| Content {
                updated_ms: record.updated_ms,
                stamp: &record.stamp,
                stamps: stamps.as_deref(),
                schema: record.schema,
                document: document.text(),
            });
            Ok(visit(LiveRow {
                id,
                version: record.version,
                content,
            }))
        };
        let after = range.after.map_or(Bound::Unbounded, Bound::Excluded);
        // Only the beginning bounds the map: it would panic at a range that ends before it.
        if range.backwards {
            let until = |id: &str| range.until.is_none_or(|until| id >= until);
            let rows = records.range::<str, _>((Bound::Unbounded, after)).rev();
            each(rows.take_while(|(id, _)| until(id)), &mut row)
        } else {
            let until = |id: &str| range.until.is_none_or(|until| id <= until);
            let rows = records.range::<str, _>((after, Bound::Unbounded));
            each(rows.take_while(|(id, _)| until(id)), &mut row)
        }
    }

    fn prune_tombstones(&mut self, until_ms: u64) -> Result<Option<u64>, StoreError> {
        self.may_write()?;
        let old = |record: &Record| record.document.is_none() && record.updated_ms <= until_ms;
        let gone: Vec<_> = self
            .tenant
            .collections
            .iter()
            .flat_map(|(collection, held)| {
                held.iter()
                    .map(move |(id, stored)| (collection, id, stored))
            })
            .filter(|(_, _, stored)| old(&stored.record))
            .map(|(collection, id, stored)| (collection.clone(), id.clone(), stored.record.version))
            .collect();
        for (collection, id, _) in &gone {
            self.set(collection, id, None);
        }
        Ok(gone.iter().map(|(_, _, version)| *version).max())
    }

    fn prune_receipts(&mut self, until_ms: u64) -> Result<u64, StoreError> {
        self.may_write()?;
        let old = |receipt: &Receipt| receipt.at_ms <= until_ms;
        let gone: Vec<_> = self
            .tenant
            .receipts
            .iter()
            .filter(|(_, receipt)| old(receipt))
            .map(|(id, _)| *id)
            .collect();
        for id in &gone {
            let before = self.tenant.receipts.remove(id);
            self.undo.push(Undo::Receipt(*id, before));
        }
        Ok(gone.len() as u64)
    }

    fn commit(mut self) -> Result<(), StoreError> {
        self.undo.clear();
        Ok(())
    }
}

/// Stamps by path as a row carries them.
fn stamps_of(record: &Record) -> Result<Option<String>, StoreError> {
    let stamps = Some(&record.stamps).filter(|stamps| !stamps.is_empty());
    stamps.map(crate::store::stamps_text).transpose()
}

/// Visits rows until the visitor breaks or fails.
fn each<'a>(
    rows: impl Iterator<Item = (&'a String, &'a Stored)>,
    visit: &mut dyn FnMut((&'a String, &'a Stored)) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    for row in rows {
        if visit(row)?.is_break() {
            break;
        }
    }
    Ok(())
}
