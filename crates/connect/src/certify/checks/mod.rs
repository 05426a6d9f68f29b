//! The checks, by what they try.
pub(super) mod documents;
pub(super) mod extras;
pub(super) mod feed;
pub(super) mod foreign;
pub(super) mod late;
pub(super) mod lost;
pub(super) mod manners;
pub(super) mod pages;
pub(super) mod reach;
pub(super) mod requests;
pub(super) mod writers;
pub(super) mod writes;

use super::stand::{Made, Stand, failed, seen, trouble};
use super::{Held, Result, Run};
use tisync_core::model::*;
use tisync_json::Document;

/// That a record is there with this document, as far as the connector can say.
async fn is_there(stand: &Stand, id: &RecordId, document: &Document) -> Result<Option<Version>> {
    if !stand.capability.fetch {
        return match stand.seen(&stand.walk(None, 100).await?).remove(id) {
            Some(super::stand::Seen::There(came, version)) if stand.same(document, &came) => {
                Ok(version)
            }
            other => trouble(format!("{id} with {}", document.text()), other),
        };
    }
    match stand.fetch(id).await? {
        Some(Remote {
            image: Image::Present(came),
            version,
            ..
        }) if stand.same(document, &came) => Ok(version),
        other => trouble(format!("{id} with {}", document.text()), other),
    }
}

/// A record with its version, also where its write told none.
async fn versioned(stand: &Stand, made: Made) -> Result<Made> {
    Ok(match made.version {
        Some(_) => made,
        None => Made {
            version: is_there(stand, &made.id, &Document::empty()).await?,
            ..made
        },
    })
}

/// That a record is gone, as far as the connector can say.
async fn is_gone(stand: &Stand, id: &RecordId) -> Result<()> {
    if !stand.capability.fetch {
        return match stand.seen(&stand.walk(None, 100).await?).remove(id) {
            None | Some(super::stand::Seen::Gone) => Ok(()),
            other => trouble(format!("{id} is not listed any more"), other),
        };
    }
    match stand.fetch(id).await? {
        Some(Remote {
            image: Image::Gone, ..
        }) => Ok(()),
        other => trouble(format!("{id} is gone"), other),
    }
}

/// That the connector says nothing of it: neither that it is there nor that it is gone.
fn says_nothing(fetched: Result<Fetched, Failure>) -> Result<Held> {
    match fetched {
        Err(_) => Ok(Held::Passed),
        Ok(fetched) => {
            let told = fetched
                .found
                .iter()
                .find(|(_, _, found)| *found != Found::Unknown);
            match told {
                None => Ok(Held::Passed),
                Some(told) => trouble("a failure, or nothing found", told),
            }
        }
    }
}
