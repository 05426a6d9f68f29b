//! `tisync status` and `tisync confirm`
mod live;
mod rates;
mod rows;
mod seen;
mod words;

pub(crate) use live::watch;
pub(crate) use words::{line, reach, words};

use crate::exit::{Code, Failure};
use crate::output::Out;
use seen::Seen;
use serde_json::json;
use tisync::model::{ConnectorName, FeedKey, FeedName};
use tisync::{Replica, needs_person};

/// Tells what waits, since when, and why.
pub(crate) fn once(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    let seen = Seen::of(replica)?;
    out.object(&seen.object()?)?;
    rows::rows(&seen, None, out)
        .iter()
        .for_each(|row| out.line(row));
    Ok(if needs_person(&seen.health) {
        Code::Person
    } else {
        Code::Ok
    })
}

/// Answers a shrink confirmation.
pub(crate) fn confirm(
    replica: &Replica,
    feed: &str,
    delete: bool,
    out: &Out,
) -> Result<Code, Failure> {
    let key = feed.split_once('/').and_then(|(connector, feed)| {
        Some(FeedKey {
            connector: ConnectorName::new(connector).ok()?,
            feed: FeedName::new(feed).ok()?,
        })
    });
    let key = key.ok_or_else(|| {
        Failure::usage(format!(
            "expected a feed as CONNECTOR/FEED, as `tisync status` shows it, but {feed:?} came"
        ))
    })?;
    replica.confirm_shrink(key, delete)?;
    out.line(if delete {
        "the missing records go at the next sync"
    } else {
        "the missing records stay"
    });
    out.object(&json!({"feed": feed, "delete": delete}))?;
    Ok(Code::Ok)
}
