//! A backend that tells its changes by time, with connectors that trust its times too much.
use super::{names, try_out};
use serde_json::{Value as Json, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tisync_connect::feed::{Order, RowTime, Since, TimesPage, Timestamps};
use tisync_connect::http::{Http, HttpError, Request, Response, classify, date_ms};
use tisync_connect::{Connector, LocalFuture, Session};
use tisync_core::model::*;
use tisync_json::Document;

const ADDRESS: &str = "http://clockwork.test";
/// When the backend was made: Fri, 25 Sep 2026 14:13:20 GMT.
const BEGIN_MS: u64 = 1_790_345_600_000;
const DATE: &str = "Fri, 25 Sep 2026 14:13:20 GMT";

/// What the connector does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// After a row it asks for later times only.
    AsksForLater,
    /// The next walk begins at the time that the server said of the last one.
    TrustsTheDate,
}

/// Rows in the order of their times, of which no two are alike.
#[derive(Default)]
struct Clockwork {
    rows: RefCell<Vec<Json>>,
    ticks: Cell<u64>,
}

impl Clockwork {
    fn answer(&self, asked: &Json) -> (u16, Json) {
        let mut rows = self.rows.borrow_mut();
        let place = rows.iter().position(|row| row["id"] == asked["id"]);
        match asked["do"].as_str().unwrap() {
            "list" => {
                let number = |name: &str| asked[name].as_u64().unwrap_or(0);
                let later = rows
                    .iter()
                    .filter(|row| row["at"].as_u64().unwrap() >= number("since"))
                    .skip(number("skip") as usize)
                    .take(number("limit") as usize);
                (200, json!({"rows": later.collect::<Vec<_>>()}))
            }
            "read" => match place {
                Some(place) => (200, rows[place].clone()),
                None => (404, json!({"missing": asked["id"]})),
            },
            "delete" => match place {
                Some(place) => (200, json!({"deleted": rows.remove(place)["id"]})),
                None => (404, json!({"missing": asked["id"]})),
            },
            _ => {
                if let Some(place) = place {
                    rows.remove(place);
                } else if asked["do"] == "change" {
                    return (404, json!({"missing": asked["id"]}));
                }
                self.ticks.set(self.ticks.get() + 1);
                let at = BEGIN_MS + self.ticks.get();
                rows.push(json!({"id": asked["id"], "at": at, "text": asked["text"]}));
                (200, rows[rows.len() - 1].clone())
            }
        }
    }
}

impl Http for Clockwork {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let asked = serde_json::from_slice(&request.body).unwrap();
        let (status, body) = self.answer(&asked);
        let answer = Response {
            status,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("date".into(), DATE.into()),
            ],
            body: body.to_string().into_bytes(),
        };
        Box::pin(async move { Ok(answer) })
    }
}

#[derive(Clone, Copy)]
struct Reader {
    fault: Option<Fault>,
}

const TIMES: Timestamps = Timestamps {
    precision_ms: 1,
    overlap_ms: 0,
    order: Order::Time,
};

async fn ask(http: &Rc<dyn Http>, asked: Json) -> Result<(Response, Json), Failure> {
    let request = Request::json("POST", ADDRESS.to_owned()).with_body(&asked);
    let answer = http.send(request).await;
    let answer = answer.map_err(|error| classify::no_answer(&error))?;
    let body: Json = match matches!(answer.status, 200 | 404) && classify::is_json(&answer) {
        true => serde_json::from_slice(&answer.body).unwrap_or_default(),
        false => return Err(classify::failure(&answer)),
    };
    let known = ["rows", "missing", "deleted", "at"];
    match known.iter().any(|key| body.get(key).is_some()) {
        true => Ok((answer, body)),
        false => Err(classify::not_this_protocol("the answer is not the clock's")),
    }
}

fn id(row: &Json) -> RecordId {
    RecordId::new(row["id"].as_str().unwrap()).unwrap()
}

fn remote(row: &Json) -> Remote {
    Image::Present(Document::parse(row["text"].as_str().unwrap()).unwrap()).into()
}

impl Reader {
    /// What to ask for, as one does who thinks that no two times are alike, or that all clocks agree.
    fn naive(&self, checkpoint: Option<&Checkpoint>) -> (u64, u64) {
        let place = checkpoint.and_then(|place| place.as_str().parse().ok());
        match (self.fault, place) {
            (Some(Fault::AsksForLater), Some(at)) => (at + 1, 0),
            (_, place) => (place.unwrap_or(0), 0),
        }
    }

    fn next(
        &self,
        checkpoint: Option<&Checkpoint>,
        rows: &[RowTime],
        answer: &Response,
    ) -> Result<(usize, Checkpoint, PageEnd), Failure> {
        let server_time_ms = answer.header("date").and_then(date_ms);
        let Some(fault) = self.fault else {
            let page = TimesPage {
                rows,
                is_last: false,
                server_time_ms,
            };
            let next = TIMES.next(checkpoint, &page)?;
            return Ok((next.repeated, next.checkpoint, next.end));
        };
        let before = checkpoint.and_then(|place| place.as_str().parse().ok());
        let last = rows.last().map(|row| row.ms).or(before).unwrap_or(0);
        let (last, end) = match rows.is_empty() {
            true if fault == Fault::TrustsTheDate => (
                server_time_ms.unwrap_or(last),
                PageEnd::Complete { total: None },
            ),
            true => (last, PageEnd::Complete { total: None }),
            false => (
                last + u64::from(fault == Fault::TrustsTheDate),
                PageEnd::More,
            ),
        };
        Ok((0, Checkpoint::new(last.to_string()).unwrap(), end))
    }
}

impl Connector for Reader {
    fn endpoint(&self) -> String {
        ADDRESS.to_owned()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability {
            feed: FeedKind::Timestamps {
                precision_ms: 1,
                overlap_ms: 0,
            },
            stamps: RemoteStamps::Arrival { precision_ms: 1 },
            ..Capability::plain()
        }
    }

    fn pull(
        &self,
        http: Rc<dyn Http>,
        _: Session,
        request: PullRequest,
    ) -> LocalFuture<Result<Page, Failure>> {
        let reader = *self;
        Box::pin(async move {
            let checkpoint = request.checkpoint.as_ref();
            let (since, skip) = match reader.fault {
                Some(_) => reader.naive(checkpoint),
                None => {
                    let ask = TIMES.ask(checkpoint);
                    let since = match ask.since {
                        Since::Ms(ms) => ms,
                        Since::Time(time) => time.parse().unwrap(),
                        _ => 0,
                    };
                    (since, ask.skip)
                }
            };
            let limit = request.items_max.max(2);
            let asked = json!({"do": "list", "since": since, "skip": skip, "limit": limit});
            let (answer, body) = ask(&http, asked).await?;
            let rows = body["rows"].as_array().cloned();
            let rows = rows.ok_or_else(|| classify::not_this_protocol("no rows"))?;
            let times: Vec<RowTime> = rows
                .iter()
                .map(|row| RowTime {
                    time: row["at"].to_string(),
                    ms: row["at"].as_u64().unwrap(),
                    id: id(row),
                })
                .collect();
            let (repeated, checkpoint, end) = reader.next(checkpoint, &times, &answer)?;
            let item = |(row, time): (&Json, &RowTime)| Item::Upsert {
                collection: request.collections[0].clone(),
                id: id(row),
                document: remote(row).image.document().unwrap().clone(),
                version: None,
                stamp: Some(Stamp::at(time.ms)),
                stamps: None,
                schema: None,
                migrated: false,
            };
            Ok(Page {
                items: rows.iter().zip(&times).skip(repeated).map(item).collect(),
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
        Box::pin(async move {
            let mut verdicts = Vec::new();
            for item in &batch {
                let what = match item.change {
                    Change::Delete => "delete",
                    Change::Create(_) => "make",
                    _ => "change",
                };
                let text = item.document.as_ref().map(Document::text);
                let asked = json!({"do": what, "id": item.record.as_str(), "text": text});
                let verdict = match ask(&http, asked).await {
                    Ok((_, body)) if body.get("missing").is_some() => Verdict::Conflict {
                        remote: Some(Image::Gone.into()),
                    },
                    Ok((_, body)) if body.get("rows").is_none() => Verdict::accepted(None),
                    Ok(_) => Verdict::Unknown,
                    Err(failure) if verdicts.is_empty() => return Err(failure),
                    Err(_) => break,
                };
                verdicts.push((item.id, verdict));
            }
            Ok(Pushed::from(verdicts))
        })
    }

    fn fetch(
        &self,
        http: Rc<dyn Http>,
        _: Session,
        wanted: Wanted,
    ) -> LocalFuture<Result<Fetched, Failure>> {
        Box::pin(async move {
            let mut fetched = Fetched::default();
            let Wanted::Ids(ids) = wanted else {
                return Ok(fetched);
            };
            for (collection, record) in ids {
                let asked = json!({"do": "read", "id": record.as_str()});
                let (_, body) = ask(&http, asked).await?;
                let found = match body.get("at") {
                    Some(_) => Found::Image(remote(&body)),
                    None if body.get("missing").is_some() => Found::Image(Image::Gone.into()),
                    None => Found::Unknown,
                };
                fetched.found.push((collection, record, found));
            }
            Ok(fetched)
        })
    }

    fn probe(&self, http: Rc<dyn Http>, _: Session) -> LocalFuture<Result<(), Failure>> {
        Box::pin(async move {
            let asked = json!({"do": "list", "limit": 1});
            let (_, body) = ask(&http, asked).await?;
            match body.get("rows") {
                Some(_) => Ok(()),
                None => Err(classify::not_this_protocol("no rows")),
            }
        })
    }
}

fn failed(fault: Option<Fault>) -> Vec<String> {
    let report = try_out(Rc::new(Reader { fault }), Rc::new(Clockwork::default()));
    names(&report).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_backend_that_tells_its_changes_by_time() {
    assert_eq!(failed(None), Vec::<String>::new());
}

#[test]
fn times_that_are_thought_to_be_all_different() {
    let found = failed(Some(Fault::AsksForLater));
    assert_eq!(
        found,
        ["many records of one moment survive the edges of pages"]
    );
}

#[test]
fn a_walk_that_begins_at_the_time_that_the_server_tells() {
    let found = failed(Some(Fault::TrustsTheDate));
    let check = "with the server's clock an hour ahead, every later change is seen";
    assert!(found.iter().any(|name| name == check), "{found:?}");
}
