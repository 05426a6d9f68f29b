//! Configuration: checked as a whole, and stored where the file must agree with it.
use super::memory::Taken;
use super::migrate;
use super::work::Work;
use crate::error::{Error, ErrorKind};
use crate::model::*;
use crate::reconcile;
use crate::store::{Op, Tx};
use tisync_json::Quoted;

/// Checks a configuration against itself.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let bad = |message: String| Err(Error::new(ErrorKind::BadConfig, message));
    for (connector, settings) in &config.connectors {
        for (feed, collections) in &settings.feeds {
            for collection in collections {
                match config.collections.get(collection) {
                    Some(declared) if declared.connector.as_ref() == Some(connector) => {}
                    Some(_) => {
                        return bad(format!(
                            "the feed {connector}/{feed} names {collection}, which belongs to another connector"
                        ));
                    }
                    None => {
                        return bad(format!(
                            "the feed {connector}/{feed} names {collection}, which is not declared"
                        ));
                    }
                }
            }
        }
    }
    for (collection, settings) in &config.collections {
        if let Some(connector) = &settings.connector
            && config.feed_of(collection).is_none()
        {
            return bad(format!(
                "{collection} names the connector {connector}, but no feed of it carries the collection"
            ));
        }
        if settings.connector.is_some()
            && let Some(lacks) = lacks(&settings.capability)
        {
            return bad(format!(
                "the backend of {collection} makes the ids of new records, but {lacks}"
            ));
        }
        reconcile::check(&settings.policy, &settings.capability.stamps)
            .or_else(|message| bad(format!("policy of {collection}: {message}")))?;
        for (path, reference) in &settings.schema.references {
            if !config.collections.contains_key(&reference.collection) {
                return bad(format!(
                    "{collection}{path} refers to {}, which is not declared",
                    reference.collection
                ));
            }
        }
        let mut names = tisync_json::tree::BTreeSet::new();
        for column in &settings.schema.columns {
            let plain = !column.name.is_empty()
                && column
                    .name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let taken = ["rid", "id", "version", "state", "stamp", "doc"]
                .contains(&column.name.to_ascii_lowercase().as_str());
            if !plain || taken || !names.insert(column.name.to_ascii_lowercase()) {
                return bad(format!(
                    "column {} of {collection}: expected a name of letters, digits and _, used once, other than rid, id, version, state, stamp, doc",
                    Quoted(&column.name)
                ));
            }
        }
    }
    Ok(())
}

/// The configuration with what the backends say of every record.
pub(super) fn complete(config: &Config) -> Config {
    let mut config = config.clone();
    for settings in config.collections.values_mut() {
        for field in &settings.capability.server_fields {
            let declared = &mut settings.schema.server_fields;
            if !declared.contains(field) {
                declared.push(field.clone());
            }
        }
    }
    config
}

/// What does not go together with ids that the server makes.
fn lacks(capability: &Capability) -> Option<&'static str> {
    if capability.ids == Ids::Client {
        return None;
    }
    match capability.idempotency {
        Idempotency::ClientIds => Some(
            "a repeated create is to be known by the app's id: expected a mark, keys that it remembers, or none",
        ),
        Idempotency::Refuses { .. } => Some(
            "a repeated create is refused without a word of its id: expected a mark, keys that it answers again, or none",
        ),
        _ if capability.atomic => Some(
            "groups are to be taken whole: expected them item by item, since a member may wait for the id of another",
        ),
        _ => None,
    }
}

/// Makes the file agree with the configuration, or refuses.
pub(super) fn apply<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    super::account::check(work)?;
    for (collection, settings) in &work.config.collections {
        declare(work, collection, settings)?;
    }
    Ok(())
}

/// Declares a collection where the file does not agree with it yet, and begins to migrate what is of an older
/// schema.
fn declare<T: Tx>(
    work: &mut Work<'_, T>,
    collection: &CollectionName,
    settings: &CollectionConfig,
) -> Result<(), Error> {
    let key = format!("schema:{collection}");
    let text = tisync_json::write(&settings.schema);
    let declared = work.tx.declared(collection)?;
    let migrating = match declared {
        Some(declared) => migrate::begin(work, collection, declared)?,
        None => false,
    };
    if declared.is_none() {
        join(work, collection)?;
    }
    let is_same = work.tx.meta(&key)?.as_deref() == Some(&text);
    if !is_same || declared.is_none_or(|declared| declared.migrating != migrating) {
        work.ops.push(Op::Declare {
            collection: collection.clone(),
            schema: settings.schema.clone(),
            migrating,
        });
        work.ops.push(Op::Meta {
            key,
            value: Some(text),
        });
    }
    Ok(())
}

/// A collection that joins a feed on its way: what the feed has passed is shown again, with the records of this one.
fn join<T: Tx>(work: &mut Work<'_, T>, collection: &CollectionName) -> Result<(), Error> {
    let Some(key) = work.feed_key(collection) else {
        return Ok(());
    };
    match work.feed(&key)?.checkpoint {
        Some(_) => super::pull::restart(work, &key, PassReason::Asked, None),
        None => Ok(()),
    }
}

/// Takes the lease: older hand-outs become unknown.
pub(super) fn take_lease<T: Tx>(work: &mut Work<'_, T>) -> Result<(), Error> {
    let last = generation(work)?;
    let next = Generation(last.0 + 1);
    work.ops.push(Op::Meta {
        key: "generation".to_owned(),
        value: Some(next.0.to_string()),
    });
    work.memory.generation = Some(next);
    work.memory.logged_out = super::account::logged_out_ms(work)?.is_some();
    work.memory.taken = Some(Taken {
        wall_ms: work.now.wall_ms,
        monotonic_ms: work.now.monotonic_ms,
    });
    work.memory.open.clear();
    work.memory.asked.clear();
    work.memory.checked.clear();
    work.memory.listeners.clear();
    work.memory.hinted.clear();
    for connector in work.config.connectors.keys() {
        // It may be the newer app that the server asked for.
        work.set_connector(connector, |state| state.upgrade_required = false)?;
    }
    super::schedule::orphan(work)?;
    super::ids::look_again(work)?;
    super::schedule::carry_over(work)?;
    super::verbs::ask_again(work)?;
    let limits = work.config.journal;
    work.ops.push(Op::PruneJournal {
        before_ms: work.now.wall_ms.saturating_sub(limits.days * 86_400_000),
        bytes_max: limits.bytes_max,
    });
    Ok(())
}

/// The lease's generation in the store.
pub(super) fn generation<T: Tx>(work: &mut Work<'_, T>) -> Result<Generation, Error> {
    Ok(Generation(
        work.tx
            .meta("generation")?
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
    ))
}
