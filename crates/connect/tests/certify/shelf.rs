//! A plain backend that knows nothing of sync, with its connector: what the native one cannot show the kit.
//!
//! The two talk JSON through the HTTP seam, so that faults meet them like any other. The backend is in `rows`.
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::rc::Rc;
use tisync_connect::feed::{Listing, ListingAsk, ListingPage};
use tisync_connect::http::{Http, Request, classify};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::*;
use tisync_json::Document;

const ADDRESS: &str = "http://shelf.test";

/// What the backend and its connector do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connector pages by offset and does not look whether rows shifted.
    BlindOffset,
    /// The connector takes a page with fewer rows than it asked for as the last.
    ShortPageIsLast,
    /// The connector never finds a mark.
    BlindToMarks,
    /// The backend trims texts, and its connector promises that it does not.
    Trims,
    /// The backend marks deleted rows, and its connector shows them.
    ShowsDeleted,
    /// The backend finds a row whatever version is named.
    IgnoresVersions,
    /// The backend gives the id of a deleted row to another one.
    ReusesIds,
    /// The backend counts the versions of a row from one again when its id is used again.
    CountsAnew,
    /// The backend takes a write on a deleted row, and leaves it deleted.
    StaysDeleted,
    /// The backend makes ids of its own, though its connector says that the client does.
    MakesIds,
    /// The same, and the connector does not even see it.
    MakesIdsUnseen,
    /// The connector takes a walk that breaks for one that ends.
    BrokenIsEnd,
    /// The connector takes what it could not read, after it has read something, for gone.
    UnreadIsGone,
    /// The connector says of a batch that breaks that nothing of it was sent.
    BrokenIsNotSent,
    /// The connector writes field by field.
    FieldByField,
}

#[derive(Clone, Copy)]
pub(crate) struct Shelf {
    pub(crate) ids: Ids,
    pub(crate) idempotency: Idempotency,
    pub(crate) conditional: bool,
    pub(crate) deletes: Deletes,
    pub(crate) fault: Option<Fault>,
}

impl Shelf {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

async fn ask(http: &Rc<dyn Http>, asked: Json) -> Result<(u16, Json), Failure> {
    let sent = http.send(Request {
        method: "POST",
        url: ADDRESS.to_owned(),
        headers: Vec::new(),
        body: asked.to_string().into_bytes(),
        timeout_ms: 1_000,
        answer_bytes_max: 1 << 24,
    });
    let answer = sent.await.map_err(|error| classify::no_answer(&error))?;
    if !matches!(answer.status, 200 | 404 | 412) || !classify::is_json(&answer) {
        return Err(classify::failure(&answer));
    }
    let body: Json = serde_json::from_slice(&answer.body)
        .map_err(|_| classify::not_this_protocol("the answer is no JSON"))?;
    let known = ["shelf", "rows", "missing", "deleted", "mark"];
    match known.iter().any(|key| body.get(key).is_some()) {
        true => Ok((answer.status, body)),
        false => Err(classify::not_this_protocol("the answer is not the shelf's")),
    }
}

/// Writes all fields of a record but the last, each by itself; the text that the last one makes of it.
async fn field_by_field(http: &Rc<dyn Http>, item: &PushItem) -> Result<String, Failure> {
    let whole = item.document.as_ref().unwrap();
    let mut last = whole.text().to_owned();
    for (number, (name, value)) in whole.object().iter().enumerate() {
        if number > 0 {
            let asked = json!({"do": "write", "id": item.record.as_str(), "text": last});
            ask(http, asked).await?;
        }
        let (_, row) = ask(http, json!({"do": "read", "id": item.record.as_str()})).await?;
        let Some(text) = row["text"].as_str() else {
            return Ok(last);
        };
        let mut fields = Document::parse(text).unwrap().object();
        fields.insert(name.clone(), value.clone());
        last = Document::from_object(&fields).text().to_owned();
    }
    Ok(last)
}

fn remote(row: &Json) -> Remote {
    let text = row["text"].as_str().unwrap();
    let deleted = row["deleted"].as_bool().unwrap();
    Remote {
        out_of_scope: false,
        image: match deleted {
            true => Image::Gone,
            false => Image::Present(Document::parse(text).unwrap()),
        },
        version: Some(row["version"].to_string().parse().unwrap()),
        stamp: None,
        stamps: None,
        schema: None,
        migrated: false,
    }
}

fn id(row: &Json) -> RecordId {
    RecordId::new(row["id"].as_str().unwrap()).unwrap()
}

impl Connector for Shelf {
    fn endpoint(&self) -> String {
        ADDRESS.to_owned()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability {
            feed: FeedKind::Listing(Paging::Offset),
            deletes: self.deletes,
            conditional: self.conditional,
            idempotency: self.idempotency,
            ids: self.ids,
            batch_items_max: 10,
            ..Capability::plain()
        }
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        _: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let shelf = *self;
        Box::pin(async move {
            let listing = Listing {
                paging: Paging::Offset,
            };
            let place = request.checkpoint.as_ref();
            let blind = place.and_then(|place| place.as_str().strip_prefix("blind:"));
            let skip = match (blind, listing.ask(place)) {
                (Some(skip), _) => skip.parse().unwrap(),
                (None, ListingAsk::Skip(rows)) => rows,
                (None, _) => 0,
            };
            // Room for the row that the page before ended with.
            let limit = request.items_max + 1;
            let asked = json!({"do": "list", "skip": skip, "limit": limit});
            let (_, body) = match ask(&http, asked).await {
                Err(_) if shelf.has(Fault::BrokenIsEnd) && skip > 0 => {
                    return Ok(Page::whole(Vec::new()));
                }
                answer => answer?,
            };
            let rows = body["rows"]
                .as_array()
                .ok_or_else(|| classify::not_this_protocol("the answer holds no rows"))?;
            let ids: Vec<_> = rows.iter().map(id).collect();
            let is_last = shelf.has(Fault::ShortPageIsLast) && rows.len() < limit;
            let next = listing.next(
                place,
                &ListingPage {
                    ids: &ids,
                    cursor: None,
                    is_last,
                    total: None,
                },
            )?;
            let (mut repeated, mut checkpoint, mut end) =
                (next.repeated, next.checkpoint, next.end);
            if shelf.has(Fault::BlindOffset) {
                let rows = skip + ids.len() as u64;
                checkpoint = Checkpoint::new(format!("blind:{rows}")).unwrap();
                repeated = 0;
                end = match ids.is_empty() {
                    true => PageEnd::Complete { total: None },
                    false => PageEnd::More,
                };
                if ids.is_empty() {
                    checkpoint = Checkpoint::new("blind:0").unwrap();
                }
            }
            let item = |row: &Json| {
                let remote = remote(row);
                let collection = request.collections[0].clone();
                match remote.image {
                    Image::Present(document) => Item::Upsert {
                        collection,
                        id: id(row),
                        document,
                        version: remote.version,
                        stamp: None,
                        stamps: None,
                        schema: None,
                        migrated: false,
                    },
                    _ if shelf.has(Fault::ShowsDeleted) => Item::Upsert {
                        collection,
                        id: id(row),
                        document: Document::parse(row["text"].as_str().unwrap()).unwrap(),
                        version: remote.version,
                        stamp: None,
                        stamps: None,
                        schema: None,
                        migrated: false,
                    },
                    _ => Item::Tombstone {
                        collection,
                        id: id(row),
                        version: remote.version,
                        stamp: None,
                    },
                }
            };
            Ok(Page {
                items: rows.iter().skip(repeated).map(item).collect(),
                checkpoint: Some(checkpoint),
                end,
                left: None,
                epoch: None,
                server_time_ms: None,
            })
        })
    }

    fn push(
        &self,
        http: Rc<dyn Http>,
        _: Session,
        batch: Vec<PushItem>,
    ) -> LocalFuture<Result<Pushed, Failure>> {
        let shelf = *self;
        Box::pin(async move {
            let mut verdicts = BTreeMap::new();
            for item in &batch {
                let mut text = item.document.as_ref().map(|whole| whole.text().to_owned());
                if shelf.has(Fault::FieldByField) && matches!(item.change, Change::Replace(_)) {
                    text = Some(field_by_field(&http, item).await?);
                }
                let what = match item.change {
                    Change::Delete => "delete",
                    _ => "write",
                };
                let version = match &item.precondition {
                    Precondition::Version(version) => version.as_str().parse::<u64>().ok(),
                    _ => None,
                };
                let asked = json!({
                    "do": what,
                    "id": item.record.as_str(),
                    "creates": matches!(item.change, Change::Create(_)),
                    "absent": item.precondition == Precondition::Absent,
                    "version": version,
                    "mark": format!("{:x}", item.id.0),
                    "text": text,
                });
                let verdict = match ask(&http, asked).await {
                    Ok((200, row)) if row.get("id").is_some() => {
                        let remote = remote(&row);
                        Verdict::Accepted {
                            id: Some(id(&row)).filter(|id| {
                                *id != item.record && !shelf.has(Fault::MakesIdsUnseen)
                            }),
                            version: remote.version,
                            image: Some(remote.image).filter(|_| !shelf.has(Fault::Trims)),
                            stamp: None,
                            schema: None,
                            migrated: false,
                        }
                    }
                    Ok((200, body)) if body.get("deleted").is_some() => Verdict::Accepted {
                        id: None,
                        version: None,
                        image: None,
                        stamp: None,
                        schema: None,
                        migrated: false,
                    },
                    Ok((412, row)) => Verdict::Conflict {
                        remote: Some(remote(&row)),
                    },
                    Ok((404, _)) => Verdict::Conflict {
                        remote: Some(Image::Gone.into()),
                    },
                    Ok(_) => Verdict::Unknown,
                    Err(failure) if shelf.has(Fault::BrokenIsNotSent) => {
                        return Err(failure.not_sent(true));
                    }
                    // What was answered before it stands.
                    Err(failure) if verdicts.is_empty() => return Err(failure),
                    Err(_) => break,
                };
                verdicts.insert(item.id, verdict);
            }
            Ok(verdicts.into_iter().collect())
        })
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        _: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        let shelf = *self;
        Box::pin(async move {
            let mut fetched = Fetched::default();
            match wanted {
                Wanted::Ids(ids) => {
                    for (collection, record) in ids {
                        let asked = json!({"do": "read", "id": record.as_str()});
                        let answer = match ask(&http, asked).await {
                            Err(_)
                                if shelf.has(Fault::UnreadIsGone) && !fetched.found.is_empty() =>
                            {
                                (404, Json::Null)
                            }
                            answer => answer?,
                        };
                        let found = match answer {
                            (200, row) if row.get("id").is_some() => Found::Image(remote(&row)),
                            (404, _) => Found::Image(Image::Gone.into()),
                            _ => Found::Unknown,
                        };
                        fetched.found.push((collection, record, found));
                    }
                }
                Wanted::Marks(marks) if shelf.idempotency == Idempotency::Mark => {
                    for (_, mark) in marks {
                        let asked = json!({"do": "marked", "mark": format!("{:x}", mark.0)});
                        let marked = match ask(&http, asked).await? {
                            (200, row) if !shelf.has(Fault::BlindToMarks) => Marked::Record {
                                id: id(&row),
                                remote: remote(&row),
                            },
                            _ => Marked::Nowhere,
                        };
                        fetched.marked.push((mark, marked));
                    }
                }
                Wanted::Marks(_) => {}
            }
            Ok(fetched)
        })
    }

    fn probe(&self, http: Rc<dyn Http>, _: Session) -> LocalFuture<Result<(), Failure>> {
        Box::pin(async move {
            match ask(&http, json!({"do": "about"})).await? {
                (200, body) if body.get("shelf").is_some() => Ok(()),
                _ => Err(classify::not_this_protocol("the answer is not the shelf's")),
            }
        })
    }
}
