//! Whose file it is: the account and the backends that it belongs to, and the end of a session.
use super::decide::journal_of;
use super::given_up::{self, GivenUp};
use super::slot::Slot;
use super::verbs::state;
use super::work::Work;
use super::{lifeboat, listen, schedule};
use crate::error::{Error, ErrorKind};
use crate::model::*;
use crate::planted::{self, Bug};
use crate::store::{EntryFilter, Op, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

const ACCOUNT: &str = "account";
const ENDPOINTS: &str = "endpoints";
const LOGGED_OUT: &str = "logged_out";

/// Refuses a configuration of another account, or of other backends, than the file's.
pub(super) fn check<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    if let Some(account) = work.config.account.clone() {
        own(work, &account)?;
    }
    let known = endpoints(work)?;
    let mut all = known.clone();
    for (connector, config) in &work.config.connectors {
        let Some(now) = &config.endpoint else {
            continue;
        };
        match known.get(connector) {
            Some(before) if before != now && config.moved_from.as_ref() != Some(before) => {
                return Err(Error::new(
                    ErrorKind::WrongAccount,
                    format!(
                        "this file belongs to {before} (the connector {connector}), but {now} was configured: \
                         open another file for it; or, if the same backend has moved, say so with `moved_from`"
                    ),
                ));
            }
            _ => {
                all.insert(connector.clone(), now.clone());
            }
        }
    }
    if all != known {
        let text = tisync_json::write(&all);
        set(work, ENDPOINTS, Some(text));
    }
    Ok(())
}

/// The file is this account's from now on, or was before; another one's file stays as it is.
pub(super) fn own<T: Tx>(work: &mut Work<'_, T>, account: &Account) -> Result<(), Error> {
    match work.tx.meta(ACCOUNT)? {
        Some(owner) if owner == account.as_str() => Ok(()),
        Some(owner) => Err(Error::new(
            ErrorKind::WrongAccount,
            format!(
                "this file belongs to the account {owner}, but {account} came: open another file for {account}, \
                 or use the credentials of {owner}"
            ),
        )),
        None => {
            set(work, ACCOUNT, Some(account.to_string()));
            Ok(())
        }
    }
}

/// Refuses writes of another account, or for other backends, than the file's. What is not known is no hindrance.
pub(super) fn is_for<T: Tx>(
    work: &mut Work<'_, T>,
    account: Option<&Account>,
    endpoints: &BTreeMap<ConnectorName, String>,
) -> Result<(), Error> {
    let of = ownership(work)?;
    if let (Some(owner), Some(account)) = (&of.account, account)
        && owner != account
    {
        return Err(Error::new(
            ErrorKind::WrongAccount,
            format!(
                "expected writes of the account {owner}, but these are those of {account}: bring them back into a \
                 replica of that account"
            ),
        ));
    }
    for (connector, written_for) in endpoints {
        let has_moved = work
            .config
            .connectors
            .get(connector)
            .is_some_and(|config| config.moved_from.as_ref() == Some(written_for));
        if let Some(here) = of.endpoints.get(connector)
            && here != written_for
            && !has_moved
        {
            return Err(Error::new(
                ErrorKind::WrongAccount,
                format!(
                    "expected writes for {here} (the connector {connector}), but these are for {written_for}: bring \
                     them back into a replica of it; or, if the same backend has moved, say so with `moved_from`"
                ),
            ));
        }
    }
    Ok(())
}

/// Whose file it is.
pub(super) fn ownership<T: Tx>(work: &mut Work<'_, T>) -> Result<Ownership, Error> {
    let account = work.tx.meta(ACCOUNT)?;
    Ok(Ownership {
        account: account.and_then(|text| Account::new(text).ok()),
        endpoints: endpoints(work)?,
        logged_out_ms: logged_out_ms(work)?,
    })
}

/// Ends the session: nothing is exchanged until someone logs in.
pub(super) fn log_out<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    end_requests(work)?;
    listen::forget(work)?;
    work.memory.logged_out = true;
    let now_ms = work.now.wall_ms;
    set(work, LOGGED_OUT, Some(now_ms.to_string()));
    work.event(Event::Health);
    Ok(())
}

/// Begins a session: credentials that were refused in the last one get a new chance.
pub(super) fn log_in<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    work.memory.logged_out = false;
    set(work, LOGGED_OUT, None);
    for connector in work.config.connectors.keys() {
        work.set_connector(connector, |state| {
            state.revision = state.revision.max(state.refused.unwrap_or(0)) + 1;
        })?;
        schedule::hurry(work, connector)?;
    }
    work.event(Event::Health);
    Ok(())
}

/// Wall time at which the last session ended, if none has begun since.
pub(super) fn logged_out_ms<T: Tx>(work: &mut Work<'_, T>) -> Result<Option<u64>, Error> {
    let text = work.tx.meta(LOGGED_OUT)?;
    Ok(text.map(|text| text.parse().unwrap_or(0)))
}

/// Gives up the first entries of the outbox, at least so many, each with a row in the journal: also those that the
/// server may have, and those of open conflicts.
pub(super) fn give_up<T: Tx>(work: &mut Work<'_, T>, entries: usize) -> Result<(), Error> {
    end_requests(work)?;
    let first = work.tx.entries(EntryFilter::All, None, entries)?;
    let records: BTreeSet<(CollectionName, Rid)> = first
        .into_iter()
        .map(|entry| (entry.collection, entry.rid))
        .collect();
    for (collection, rid) in records {
        let slot = work.take(&collection, rid)?;
        give_up_chain(work, slot)?;
    }
    Ok(())
}

/// Gives up the chains of a lifeboat that are pending as they are in it, whole groups only.
pub(super) fn give_up_saved<T: Tx>(work: &mut Work<'_, T>, saved: &[Chain]) -> Result<(), Error> {
    end_requests(work)?;
    let mut leaving = BTreeMap::new();
    for (place, chain) in saved.iter().enumerate() {
        let known = work.load_ids(&chain.collection, std::slice::from_ref(&chain.id))?;
        if let Some(rid) = known[0]
            && is_as_saved(&work.peek(&chain.collection, rid)?.chain, &chain.entries)
        {
            leaving.insert((chain.collection.clone(), rid), place);
        }
    }
    keep_torn_groups(work, &mut leaving, saved)?;
    let gone: BTreeSet<usize> = leaving.values().copied().collect();
    for (collection, rid) in leaving.into_keys() {
        let slot = work.take(&collection, rid)?;
        give_up_chain(work, slot)?;
    }
    let stay = (0..saved.len()).filter(|place| !gone.contains(place));
    work.outputs.push(Output::Stay(stay.collect()));
    Ok(())
}

/// Whether a chain is what was saved, wherever its entries stand.
fn is_as_saved(chain: &[Entry], saved: &[Entry]) -> bool {
    planted::on(Bug::LogoutUnsaved)
        || chain.len() == saved.len()
            && chain
                .iter()
                .zip(saved)
                .all(|(entry, saved)| entry.differs_in_state_only(saved))
}

/// Lets nothing of a group go that has another member which stays.
fn keep_torn_groups<T: Tx>(
    work: &mut Work<'_, T>,
    leaving: &mut BTreeMap<(CollectionName, Rid), usize>,
    saved: &[Chain],
) -> Result<(), Error> {
    let mut members: BTreeMap<GroupId, BTreeSet<(CollectionName, Rid)>> = BTreeMap::new();
    for place in leaving.values() {
        for group in saved[*place].entries.iter().filter_map(|entry| entry.group) {
            if !members.contains_key(&group) {
                let entries = work
                    .tx
                    .entries(EntryFilter::Group(group), None, usize::MAX)?;
                let records = entries
                    .into_iter()
                    .map(|entry| (entry.collection, entry.rid));
                members.insert(group, records.collect());
            }
        }
    }
    // What stays because of one group may belong to another.
    let is_torn = |records: &BTreeSet<_>, leaving: &BTreeMap<_, _>| {
        records.iter().any(|record| leaving.contains_key(record))
            && records.iter().any(|record| !leaving.contains_key(record))
    };
    while let Some(torn) = members.values().find(|records| is_torn(records, leaving)) {
        leaving.retain(|record, _| !torn.contains(record));
    }
    Ok(())
}

/// Gives up what is pending of a record: from the last entry to the first, so that each row of the journal shows
/// what its entry made of what was before it.
fn give_up_chain<T: Tx>(work: &mut Work<'_, T>, mut slot: Slot) -> Result<(), Error> {
    let conflict = slot.conflict.take().map(|conflict| conflict.remote);
    let remote = conflict.or(slot.remote.take());
    loop {
        let schema = slot.schema();
        let Some(entry) = slot.chain.pop() else {
            break;
        };
        let before = slot.image_before(slot.chain.len());
        let after = entry.apply(before.as_ref());
        let theirs = match &remote {
            Some(remote) => remote.image.clone(),
            None => Image::from(before.clone()),
        };
        journal_of(work, &entry, JournalChange::State(JournalState::Void));
        lifeboat::forget(work, entry.id)?;
        work.touch_group(entry.group);
        if planted::on(Bug::LogoutForgets) {
            continue;
        }
        let of = GivenUp {
            entry: entry.id,
            situation: state(&entry).to_owned(),
            policy: "discarded at logout".to_owned(),
            before: Image::from(before),
            ours: Image::from(after),
            stands: theirs,
            schema,
        };
        given_up::journal(work, &slot, of)?;
    }
    if let Some(remote) = &remote {
        slot.rebase(remote);
    }
    slot.show();
    work.put(slot);
    Ok(())
}

fn end_requests<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    schedule::give_up(
        work,
        |_| true,
        "the session ended while an answer was awaited",
    )
}

fn endpoints<T: Tx>(work: &mut Work<'_, T>) -> Result<BTreeMap<ConnectorName, String>, Error> {
    let Some(text) = work.tx.meta(ENDPOINTS)? else {
        return Ok(BTreeMap::new());
    };
    tisync_json::read(&text).map_err(|error| {
        Error::new(
            ErrorKind::Store(crate::store::StoreErrorKind::Corrupt),
            format!("expected the backends that this file belongs to, but {error}"),
        )
    })
}

fn set<T: Tx>(work: &mut Work<'_, T>, key: &str, value: Option<String>) {
    work.ops.push(Op::Meta {
        key: key.to_owned(),
        value,
    });
}
