//! The connector of the plain backend: it translates, as any connector does, and keeps nothing.
use super::query::{Query, Row, Rows, Which};
use crate::scenario::Mix;
use serde::de::DeserializeOwned;
use std::rc::Rc;
use tisync_connect::feed::{
    FeedError, Listing, ListingAsk, ListingPage, Next, Order, RowTime, Since, TimesPage, Timestamps,
};
use tisync_connect::http::{Http, Request, classify};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::limits::REQUEST_DEADLINE_MS;
use tisync_core::model::*;

/// Talks to the plain backend.
pub(in crate::world) struct PlainConnector {
    mix: Rc<Mix>,
}

impl PlainConnector {
    pub(in crate::world) fn new(mix: &Mix) -> Self {
        PlainConnector {
            mix: Rc::new(mix.clone()),
        }
    }
}

async fn ask<A: DeserializeOwned>(
    http: Rc<dyn Http>,
    session: Session,
    query: Query,
) -> Result<A, Failure> {
    let broken = |error: serde_json::Error| {
        classify::not_this_protocol(&format!("the answer cannot be read: {error}"))
    };
    let request = Request {
        method: "POST",
        url: "http://server.sim/plain".to_owned(),
        headers: vec![(
            "authorization".to_owned(),
            format!("Bearer {}", session.token().unwrap_or_default()),
        )],
        body: serde_json::to_vec(&query).map_err(broken)?,
        timeout_ms: REQUEST_DEADLINE_MS,
        answer_bytes_max: 1 << 24,
    };
    let response = http
        .send(request)
        .await
        .map_err(|error| classify::no_answer(&error))?;
    if response.status != 200 || !classify::is_json(&response) {
        return Err(match response.status {
            200 => classify::not_this_protocol("a page that is no JSON"),
            _ => classify::failure(&response),
        });
    }
    serde_json::from_slice(&response.body).map_err(broken)
}

impl Connector for PlainConnector {
    fn endpoint(&self) -> String {
        "http://server.sim".to_owned()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        self.mix.capability.clone()
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let mix = self.mix.clone();
        Box::pin(async move {
            let Some(collection) = request.collections.first().cloned() else {
                return Err(classify::not_this_protocol("a feed without a collection"));
            };
            let checkpoint = request.checkpoint.as_ref();
            let query = Query::Rows {
                collection: collection.clone(),
                which: which(&mix.capability.feed, checkpoint),
                limit: request.items_max,
            };
            let rows: Rows = ask(http, session, query).await?;
            let next = next(&mix.capability.feed, checkpoint, &rows)?;
            let stamps = mix.capability.stamps;
            let rest = rows.rows.into_iter().skip(next.repeated);
            Ok(Page {
                items: rest.map(|row| item(&collection, row, stamps)).collect(),
                checkpoint: Some(next.checkpoint),
                end: next.end,
                left: None,
                epoch: None,
                server_time_ms: Some(rows.now_ms),
            })
        })
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        Box::pin(ask(http, session, Query::Push(batch)))
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        session: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        Box::pin(ask(http, session, Query::Fetch(wanted)))
    }

    fn probe(&self, http: Rc<dyn Http>, session: Session) -> LocalFuture<Result<(), Failure>> {
        Box::pin(ask(http, session, Query::About))
    }
}

fn item(collection: &CollectionName, row: Row, stamps: RemoteStamps) -> Item {
    let stamp = (stamps != RemoteStamps::None).then_some(row.stamp);
    let (collection, id, version) = (collection.clone(), row.id, row.version);
    if row.hidden {
        return Item::OutOfScope { collection, id };
    }
    match row.document {
        Some(document) => Item::Upsert {
            collection,
            id,
            document,
            version,
            stamp,
            stamps: None,
            schema: None,
            migrated: false,
        },
        None => Item::Tombstone {
            collection,
            id,
            version,
            stamp,
        },
    }
}

fn times(precision_ms: u64, overlap_ms: u64) -> Timestamps {
    Timestamps {
        precision_ms,
        overlap_ms,
        order: Order::TimeAndId,
    }
}

fn which(feed: &FeedKind, checkpoint: Option<&Checkpoint>) -> Which {
    match feed {
        FeedKind::Commits => Which::After(
            checkpoint
                .and_then(|place| place.as_str().parse().ok())
                .unwrap_or(0),
        ),
        FeedKind::Timestamps {
            precision_ms,
            overlap_ms,
        } => match times(*precision_ms, *overlap_ms).ask(checkpoint).since {
            Since::Beginning => Which::Since {
                ms: 0,
                behind: None,
            },
            Since::Ms(ms) => Which::Since { ms, behind: None },
            Since::Time(time) => Which::Since {
                ms: time.parse().unwrap_or(0),
                behind: None,
            },
            Since::Row { time, id } => Which::Since {
                ms: time.parse().unwrap_or(0),
                behind: Some(id),
            },
        },
        FeedKind::Listing(paging) => match (Listing { paging: *paging }).ask(checkpoint) {
            ListingAsk::First if *paging == Paging::Keyset => Which::Behind(None),
            ListingAsk::First => Which::From(0),
            ListingAsk::Cursor(cursor) => Which::Behind(cursor.parse().ok()),
            ListingAsk::After(id) => Which::Behind(Some(id)),
            ListingAsk::Skip(rows) => Which::From(rows as usize),
        },
    }
}

fn next(feed: &FeedKind, checkpoint: Option<&Checkpoint>, rows: &Rows) -> Result<Next, FeedError> {
    match feed {
        FeedKind::Commits => {
            let last = rows.rows.last().map(|row| row.number.to_string());
            let place = last
                .and_then(|text| text.parse().ok())
                .or_else(|| checkpoint.cloned())
                .or_else(|| "0".parse().ok());
            Ok(Next {
                checkpoint: place.unwrap_or_else(|| unreachable!("a number is a place")),
                end: match rows.is_last {
                    true => PageEnd::Complete { total: None },
                    false => PageEnd::More,
                },
                left: None,
                repeated: 0,
            })
        }
        FeedKind::Timestamps {
            precision_ms,
            overlap_ms,
        } => {
            let times_of: Vec<RowTime> = rows
                .rows
                .iter()
                .map(|row| RowTime {
                    time: row.at_ms.to_string(),
                    ms: row.at_ms,
                    id: row.id.clone(),
                })
                .collect();
            let page = TimesPage {
                rows: &times_of,
                is_last: rows.is_last,
                server_time_ms: Some(rows.now_ms),
            };
            times(*precision_ms, *overlap_ms).next(checkpoint, &page)
        }
        FeedKind::Listing(paging) => {
            let ids: Vec<RecordId> = rows.rows.iter().map(|row| row.id.clone()).collect();
            let cursor = ids.last().map(|id| id.as_str().to_owned());
            let page = ListingPage {
                ids: &ids,
                cursor: cursor.as_deref().filter(|_| !rows.is_last),
                is_last: rows.is_last,
                total: None,
            };
            Listing { paging: *paging }.next(checkpoint, &page)
        }
    }
}
