//! What the server does, without a clock, a socket or a thread.
mod about;
mod digest;
mod epoch;
mod fetch;
#[cfg(feature = "acs")]
mod hidden;
mod page;
mod plan;
mod prune;
mod pull;
mod push;
mod snapshot;

pub use about::about;
pub use digest::digest;
pub use epoch::{ensure, new_epoch};
pub use fetch::fetch;
#[cfg(feature = "acs")]
pub(crate) use hidden::Hidden;
pub use prune::{Pruned, prune};
pub use pull::pull;
pub use push::{Batch, Entry, push};

use crate::store::{Meta, Record, ServerTx};
use crate::{ServiceError, StoreError};
use tisync_protocol::{Gone, Image, Present, Rejected, Verdict};

/// The tenant's history, which was set up before.
fn meta<T: ServerTx>(tx: &mut T) -> Result<Meta, ServiceError> {
    tx.meta()?.ok_or(ServiceError::NoTenant)
}

/// Refuses a request with more parts than the limit.
fn check_count(what: &str, count: usize, limit: u64) -> Result<(), ServiceError> {
    if count as u64 <= limit {
        return Ok(());
    }
    let detail = format!(
        "A request may name at most {limit} {what}; {count} came. Send them in several requests."
    );
    Err(ServiceError::TooLarge { limit, detail })
}

/// What a client is shown of a record.
fn image(meta: &Meta, record: Option<Record>) -> Image {
    match record {
        None => Image::Gone(Gone::default()),
        Some(Record {
            version,
            document: None,
            stamp,
            ..
        }) => Image::Gone(Gone {
            version: Some(meta.version(version)),
            stamp: Some(stamp),
        }),
        Some(Record {
            version,
            document: Some(document),
            stamp,
            stamps,
            schema,
            ..
        }) => Image::Present(Present {
            version: meta.version(version),
            stamp: Some(stamp),
            stamps,
            schema,
            document,
        }),
    }
}

/// A name that is refused makes the request one that is not understood.
fn bad_name(error: tisync_protocol::NameError) -> ServiceError {
    ServiceError::BadRequest(error.to_string())
}

/// The counter can run no further: a store failure, since nothing a client does can help.
fn used_up() -> ServiceError {
    ServiceError::Store(StoreError::failed("the counter of versions is used up"))
}

/// A mutation will never be taken.
fn rejected(code: &str, reason: String) -> Verdict {
    Verdict::Rejected(Rejected {
        code: code.into(),
        reason,
    })
}
