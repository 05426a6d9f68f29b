//! Everything that a store shows, as text, to compare two stores or two moments.
use super::*;
use crate::model::{FeedKey, IdRange, JournalId};
use crate::store::JournalFilter;
use std::fmt::Write;

/// What to ask for by name, besides what can be listed.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub collections: Vec<CollectionName>,
    pub ids: Vec<RecordId>,
    pub feeds: Vec<FeedKey>,
    pub meta: Vec<String>,
    pub passes: Vec<u64>,
}

/// Asks every read of the seam.
pub fn snapshot<S: Store>(store: &mut S, names: &Names) -> String {
    see(store, |tx| read(tx, names))
}

fn read<T: Tx>(tx: &mut T, names: &Names) -> Result<String, StoreError> {
    let mut text = String::new();
    let mut show = |what: &str, value: &dyn std::fmt::Debug| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{what}: {value:?}");
    };
    for name in &names.collections {
        let rows = tx.scan(name, None, usize::MAX)?;
        let rids: Vec<Rid> = rows
            .iter()
            .map(|(record, _)| record.rid)
            .chain([Rid(99)])
            .collect();
        show("scan", &rows);
        show("scan on", &tx.scan(name, names.ids.first(), 2)?);
        for load in [Load::Heads, Load::Whole] {
            show("by id", &tx.load(name, Keys::Ids(&names.ids), load)?);
            show("by rid", &tx.load(name, Keys::Rids(&rids), load)?);
        }
        for pass in &names.passes {
            show("unseen", &tx.unseen(name, *pass, None, usize::MAX)?);
            show("unseen on", &tx.unseen(name, *pass, names.ids.first(), 1)?);
            show("count", &tx.count(name, Some(*pass))?);
        }
        show("count", &tx.count(name, None)?);
        let part = IdRange {
            collection: name.clone(),
            after: names.ids.first().cloned(),
            until: names.ids.last().cloned(),
        };
        for range in [IdRange::whole(name.clone()), part] {
            show("known", &tx.known(&range, true, usize::MAX)?);
            show("known on", &tx.known(&range, false, 2)?);
        }
        for rid in &rids {
            show("aliases", &tx.aliases(name, *rid)?);
            show("conflict", &tx.conflict(name, *rid)?);
            show(
                "journal",
                &tx.journal(JournalFilter::Record(name, *rid), None, 9)?,
            );
        }
        show(
            "chains",
            &tx.entries(EntryFilter::Chains(name, &rids), None, usize::MAX)?,
        );
        show(
            "chains on",
            &tx.entries(EntryFilter::Chains(name, &rids), Some(2), 2)?,
        );
        show("declared", &tx.declared(name)?);
        show(
            "outdated",
            &tx.outdated(name, 2, None, usize::MAX, usize::MAX)?,
        );
        show(
            "outdated on",
            &tx.outdated(name, 3, rids.first().copied(), 2, 12)?,
        );
        show("next rid", &tx.next_rid(name)?);
        show("suspicions", &tx.suspicions(name, usize::MAX)?);
        show("conflicts on", &tx.conflicts(Some((name, Rid(2))), 2)?);
    }
    let entries = tx.entries(EntryFilter::All, None, usize::MAX)?;
    show("entries", &entries);
    for entry in &entries {
        show("entry", &tx.entries(EntryFilter::Id(entry.id), None, 9)?);
        show(
            "journal",
            &tx.journal(JournalFilter::Mutation(entry.id), None, 9)?,
        );
        if let Some(group) = entry.group {
            show("group", &tx.entries(EntryFilter::Group(group), None, 9)?);
        }
    }
    let one = names.collections.get(..1).unwrap_or_default();
    for filter in [
        EntryFilter::Pending(&names.collections),
        EntryFilter::Pending(one),
        EntryFilter::Unknown(&names.collections),
        EntryFilter::Unknown(one),
        EntryFilter::InFlight,
        EntryFilter::Waiting,
    ] {
        show("filter", &tx.entries(filter, None, usize::MAX)?);
        show("filter on", &tx.entries(filter, Some(2), 2)?);
    }
    show("outbox", &tx.outbox()?);
    show("next seq", &tx.next_seq()?);
    show("conflicts", &tx.conflicts(None, usize::MAX)?);
    show(
        "journal",
        &tx.journal(JournalFilter::All, None, usize::MAX)?,
    );
    show(
        "journal on",
        &tx.journal(JournalFilter::All, Some(JournalId(3)), 1)?,
    );
    show("journal row", &tx.journal_row(JournalId(2))?);
    show("next journal", &tx.next_journal()?);
    for feed in &names.feeds {
        show("feed", &tx.feed(feed)?);
        show("connector", &tx.connector(&feed.connector)?);
    }
    show("quarantined", &tx.quarantined(None, usize::MAX)?);
    show("quarantined on", &tx.quarantined(Some(1), 1)?);
    for key in &names.meta {
        show("meta", &tx.meta(key)?);
    }
    show("clock", &tx.clock()?);
    Ok(text)
}
