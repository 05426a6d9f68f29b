//! App upgrades: documents of an older schema, and what the app's migrate function makes of them.
use super::{
    CollectionName, Config, Fetched, Found, Image, Item, JournalId, MutationId, Pushed, Remote,
    Reply, Rid, Task, Verdict,
};
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;

/// Documents of an older schema, for the app's migrate function.
///
/// The function gets a document with its schema's number, and the number that is wanted; it gives the document
/// in that schema, or says why it cannot. The same document must always lead to the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migrate {
    /// Their collection.
    pub collection: CollectionName,
    /// The number of the schema that is wanted.
    pub to: u32,
    /// What they belong to.
    pub of: MigrateOf,
    /// The documents, each once.
    pub documents: Vec<Outdated>,
}

/// A document of an older schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// The number of its schema.
    pub from: u32,
    /// The document.
    pub document: Document,
}

/// What the documents belong to that the migrate function is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrateOf {
    /// The collection's records behind this one, in the order of their keys.
    Records {
        /// The last one that is done.
        after: Option<Rid>,
    },
    /// The record of a parked entry that is to be sent again.
    Retry(MutationId),
    /// A decision that is to be undone.
    Undo(JournalId),
}

/// What the migrate function made of the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrateAnswer {
    /// Their collection.
    pub collection: CollectionName,
    /// The number of the schema that was wanted.
    pub to: u32,
    /// What they belong to.
    pub of: MigrateOf,
    /// Each document with what became of it. What has changed since is asked about again.
    pub answers: Vec<(Outdated, Result<Document, String>)>,
}

impl Migrate {
    /// Asks a function about each document.
    pub fn ask(
        self,
        mut function: impl FnMut(u32, u32, &Document) -> Result<Document, String>,
    ) -> MigrateAnswer {
        let to = self.to;
        let answers = self.documents.into_iter().map(|outdated| {
            let result = function(outdated.from, to, &outdated.document);
            (outdated, result)
        });
        MigrateAnswer {
            collection: self.collection,
            to,
            of: self.of,
            answers: answers.collect(),
        }
    }
}

impl Reply {
    /// Brings the documents of an answer that are of an older schema to the one that the app declares, before the
    /// engine sees it: a row that cannot be brought forward is bad, a write that met such a document is refused.
    ///
    /// Only documents whose schema the backend tells can be older; `task` is what was asked for.
    pub fn migrate(&mut self, config: &Config, task: &Task, function: &mut MigrateFunction<'_>) {
        let mut forward = |collection: &CollectionName, from: Option<u32>, document: &Document| {
            // First: most backends tell of no schema, and a page may be large.
            let from = from?;
            let to = config.collection(collection)?.schema.number;
            if from >= to {
                return None;
            }
            let result = function(collection, from, to, document);
            Some((to, result.map_err(|reason| not_migrated(from, to, &reason))))
        };
        match self {
            Reply::Pulled(Ok(page)) => {
                for item in &mut page.items {
                    migrate_item(item, &mut forward);
                }
            }
            Reply::Pushed(Ok(Pushed { verdicts, .. })) => {
                let Task::Push(items) = task else { return };
                let has_document = |verdict: &Verdict| match verdict {
                    Verdict::Accepted { image, .. } => image.is_some(),
                    Verdict::Conflict { remote } => remote.is_some(),
                    _ => false,
                };
                for (id, verdict) in verdicts {
                    if has_document(verdict)
                        && let Some(item) = items.iter().find(|item| item.id == *id)
                    {
                        migrate_verdict(verdict, &item.collection, &mut forward);
                    }
                }
            }
            Reply::Fetched(Ok(Fetched { found, .. })) => {
                for (collection, _, found) in found {
                    if let Found::Image(remote) = found
                        && migrate_remote(remote, collection, &mut forward).is_err()
                    {
                        *found = Found::Unknown;
                    }
                }
            }
            _ => {}
        }
    }
}

/// The app's migrate function: the collection, the document's schema, the one that is wanted, the document.
pub type MigrateFunction<'a> =
    dyn FnMut(&CollectionName, u32, u32, &Document) -> Result<Document, String> + 'a;

/// Brings one document forward; `None` when it needs not.
type Forward<'a> = dyn FnMut(&CollectionName, Option<u32>, &Document) -> Option<(u32, Result<Document, String>)>
    + 'a;

fn migrate_item(item: &mut Item, forward: &mut Forward<'_>) {
    let Item::Upsert {
        collection,
        id,
        document,
        schema,
        migrated,
        ..
    } = item
    else {
        return;
    };
    match forward(collection, *schema, document) {
        None => {}
        Some((to, Ok(new))) => (*document, *schema, *migrated) = (new, Some(to), true),
        Some((_, Err(reason))) => {
            *item = Item::Bad {
                collection: Some(collection.clone()),
                id: Some(id.clone()),
                text: tisync_json::write(item),
                reason,
            };
        }
    }
}

fn migrate_verdict(verdict: &mut Verdict, collection: &CollectionName, forward: &mut Forward<'_>) {
    match verdict {
        Verdict::Conflict {
            remote: Some(remote),
        } => {
            if let Err(reason) = migrate_remote(remote, collection, forward) {
                *verdict = Verdict::Rejected { reason };
            }
        }
        Verdict::Accepted {
            image,
            schema,
            migrated,
            ..
        } => {
            let document = image.as_ref().and_then(Image::document);
            match document.and_then(|document| forward(collection, *schema, document)) {
                None => {}
                Some((to, Ok(new))) => {
                    *image = Some(Image::Present(new));
                    (*schema, *migrated) = (Some(to), true);
                }
                // What we believe to have sent is nearer to it than what nobody here can read.
                Some((_, Err(_))) => *image = None,
            }
        }
        _ => {}
    }
}

fn migrate_remote(
    remote: &mut Remote,
    collection: &CollectionName,
    forward: &mut Forward<'_>,
) -> Result<(), String> {
    let Some(document) = remote.image.document() else {
        return Ok(());
    };
    let Some((to, result)) = forward(collection, remote.schema, document) else {
        return Ok(());
    };
    remote.image = Image::Present(result?);
    remote.schema = Some(to);
    remote.migrated = true;
    Ok(())
}

fn not_migrated(from: u32, to: u32, reason: &str) -> String {
    format!("the server's document of schema {from} could not be migrated to {to}: {reason}")
}
