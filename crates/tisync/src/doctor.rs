//! Examines a replica's file: what is wrong with it, and how much of its pending writes can be read.
use crate::{Error, ErrorKind, Replica, ReplicaBuilder, host, limits, storage};
use serde::Serialize;
use std::time::{Duration, Instant};
use tisync_core::model::{Chain, FeedKey, Image, Input};
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Store, Tx};
use tisync_store::{Key, Part, Salvage};

/// What an examination found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// What is wrong, in words; nothing when all is well.
    pub faults: Vec<Fault>,
    /// Pending writes that can be read.
    pub writes: u64,
    /// Pending writes that there must be, but that cannot be read.
    pub unreadable: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: `file`, `pages`, `outbox`, `records`, `aliases` or `checkpoints`.
    pub part: &'static str,
    /// What.
    pub what: String,
}

impl ReplicaBuilder {
    /// Examines the file, beside whoever uses it, and changes nothing: its pages, the seals of the pending writes and
    /// of what they start from, that everything belongs to a record, and that each record with pending writes shows
    /// what they make of it. `progress` is told each part as it begins. What is wrong is mended by
    /// [`ReplicaBuilder::set_aside`].
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// let builder = tisync::Replica::open(dir.path().join("notes.db")).collection("notes", "merge");
    /// builder.clone().open()?.collection("notes")?.put("n1", "{}")?;
    /// let checkup = builder.examine(&mut |_part| {})?;
    /// assert!(checkup.faults.is_empty());
    /// assert_eq!(checkup.writes, 1);
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn examine(&self, progress: &mut dyn FnMut(&str)) -> Result<Checkup, Error> {
        progress("file");
        let key = self.key()?;
        match storage::look(self.path(), key.as_ref()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                return self.without_sqlite(key.as_ref(), "file", error.to_string());
            }
            Err(error) => return Err(error),
        }
        let mut checkup = Checkup::default();
        match self.with_sqlite(key.clone(), progress, &mut checkup) {
            Ok(()) => Ok(checkup),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.without_sqlite(key.as_ref(), "pages", error.to_string())
            }
            Err(error) => Err(error),
        }
    }

    fn with_sqlite(
        &self,
        key: Option<Key>,
        progress: &mut dyn FnMut(&str),
        checkup: &mut Checkup,
    ) -> Result<(), Error> {
        // Opened as its app does: whatever hinders that is found here.
        let replica = self.clone().keyed(key).open()?;
        let key = replica.shared().key.as_ref();
        let mut store = storage::open_reader(self.path(), key)?;
        let faults = store.examine(&mut |part| progress(name(part)))?;
        checkup.faults = faults
            .into_iter()
            .map(|fault| Fault {
                part: name(fault.part),
                what: fault.what,
            })
            .collect();
        let outbox = store.begin(Durability::Normal)?.outbox()?;
        checkup.writes = outbox.values().map(|one| one.counts.total()).sum();
        if !checkup.faults.is_empty() {
            // The rest would stumble over the same.
            return Ok(());
        }
        progress(name(Part::Records));
        let local = &replica.shared().local;
        let mut after = None;
        loop {
            let next = local.look(|engine, store| {
                let now = host::now()?;
                let (chains, next) = engine.chains(store, now, after, limits::LIST_ROWS)?;
                let mut tx = store.begin(Durability::Normal)?;
                for chain in chains {
                    if !shows(&mut tx, &chain)? {
                        checkup.faults.push(Fault {
                            part: name(Part::Records),
                            what: format!(
                                "{}/{} does not show what its pending writes make of it",
                                chain.collection, chain.id
                            ),
                        });
                    }
                }
                Ok(next)
            })?;
            match next {
                Some(_) => after = next,
                None => break,
            }
        }
        progress(name(Part::Checkpoints));
        let config = self.config()?;
        local.read(|tx| {
            for (connector, settings) in &config.connectors {
                tx.connector(connector)?;
                for feed in settings.feeds.keys() {
                    let (connector, feed) = (connector.clone(), feed.clone());
                    tx.feed(&FeedKey { connector, feed })?;
                }
            }
            Ok(())
        })
    }

    /// What can be told of a file that SQLite does not read.
    fn without_sqlite(
        &self,
        key: Option<&Key>,
        part: &'static str,
        what: String,
    ) -> Result<Checkup, Error> {
        let salvage = Salvage::read_with_key(self.path(), key)?;
        let checkup = Checkup {
            faults: vec![Fault { part, what }],
            writes: salvage.entries() as u64,
            unreadable: salvage.unreadable().len() as u64,
        };
        let is_unlocked = salvage.is_unlocked();
        // Closing the file would end the locks that another handle of this process may have on it.
        std::mem::forget(salvage);
        is_unlocked.map_err(|error| storage::explain(self.path(), error))?;
        Ok(checkup)
    }
}

/// What a comparison with the server found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Records that differed although nothing explains it, and were mended.
    pub mended: u64,
    /// Records that differ and could not be mended.
    pub left: u64,
}

impl Replica {
    /// Syncs, then compares every record of every feed with the server's digests, and fetches those that differ.
    /// Refused while another process syncs, and where a backend has no digests.
    ///
    /// # Panics
    /// Inside an async runtime, which must not be blocked.
    pub fn blocking_compare(&self) -> Result<Compared, Error> {
        self.blocking_sync()?;
        let shared = self.shared();
        for (connector, settings) in &shared.config.connectors {
            for feed in settings.feeds.keys() {
                let (connector, feed) = (connector.clone(), feed.clone());
                shared.local.step(Input::Verify {
                    feed: FeedKey { connector, feed },
                    contents: true,
                })?;
            }
        }
        self.start()?;
        let started = Instant::now();
        let compared = loop {
            let health = self.health()?;
            let verified = health
                .feeds
                .iter()
                .filter_map(|feed| feed.verified.as_ref());
            if !verified.clone().any(|verified| verified.comparing) {
                break verified.filter_map(|verified| verified.last.as_ref()).fold(
                    Compared::default(),
                    |all, last| Compared {
                        mended: all.mended + last.mended,
                        left: all.left + last.left,
                    },
                );
            }
            if started.elapsed() > Duration::from_millis(limits::COMPARE_MS_MAX) {
                self.stop()?;
                return Err(Error::new(
                    ErrorKind::Backend,
                    "expected to have compared everything with the server by now, but it goes on; see `tisync status`",
                ));
            }
            std::thread::sleep(Duration::from_millis(limits::OTHERS_RETRY_MS));
        };
        self.stop()?;
        Ok(compared)
    }
}

/// Whether a record shows what its pending writes make of their base. One that another process changed between two
/// looks is no fault.
fn shows<T: Tx>(tx: &mut T, chain: &Chain) -> Result<bool, Error> {
    let ids = [chain.id.clone()];
    let loaded = tx.load(&chain.collection, Keys::Ids(&ids), Load::Whole)?;
    let Some((record, Some(_))) = loaded.into_iter().flatten().next() else {
        return Ok(true);
    };
    let rids = [record.rid];
    let filter = EntryFilter::Chains(&chain.collection, &rids);
    if tx.entries(filter, None, usize::MAX)? != chain.entries {
        return Ok(true);
    }
    let base = chain.base.as_ref().and_then(Image::document).cloned();
    let made = chain.entries.iter().fold(base, |document, entry| {
        entry.change.apply(document.as_ref())
    });
    Ok(Image::from(made).same(&Image::from(record.document)))
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Pages => "pages",
        Part::Outbox => "outbox",
        Part::Records => "records",
        Part::Aliases => "aliases",
        Part::Checkpoints => "checkpoints",
    }
}
