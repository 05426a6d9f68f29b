//! The plain backend of `shelf`, without a socket.
use super::shelf::{Fault, Shelf};
use serde_json::{Value as Json, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, Request, Response};
use tisync_core::model::*;

/// Rows in a page at most, whatever is asked for.
const CAP: usize = 4;

/// The backend: rows in the order in which they were made.
#[derive(Default)]
pub(crate) struct Rows {
    rows: RefCell<Vec<Row>>,
    shelf: Option<Shelf>,
    made: Cell<usize>,
    version: Cell<u64>,
}

#[derive(Clone)]
struct Row {
    id: String,
    mark: String,
    version: u64,
    deleted: bool,
    text: String,
}

impl Row {
    fn json(&self) -> Json {
        json!({"id": self.id, "mark": self.mark, "version": self.version, "deleted": self.deleted, "text": self.text})
    }
}

impl Rows {
    pub(crate) fn of(shelf: Shelf) -> Rc<Self> {
        Rc::new(Rows {
            rows: RefCell::default(),
            shelf: Some(shelf),
            made: Cell::new(0),
            version: Cell::new(0),
        })
    }

    fn makes_ids(&self) -> bool {
        let shelf = self.shelf.unwrap();
        shelf.has(Fault::MakesIds) || shelf.has(Fault::MakesIdsUnseen)
    }

    fn answer(&self, asked: &Json) -> (u16, Json) {
        let shelf = self.shelf.unwrap();
        let mut rows = self.rows.borrow_mut();
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        self.version.set(self.version.get() + 1);
        match asked["do"].as_str().unwrap_or_default() {
            "about" => (200, json!({"shelf": true})),
            "list" => {
                let skip = asked["skip"].as_u64().unwrap() as usize;
                let limit = (asked["limit"].as_u64().unwrap() as usize).min(CAP);
                let page: Vec<_> = rows.iter().skip(skip).take(limit).map(Row::json).collect();
                (200, json!({"rows": page}))
            }
            "read" => match rows.iter().find(|row| row.id == text("id")) {
                Some(row) => (200, row.json()),
                None => (404, json!({"missing": text("id")})),
            },
            "marked" => match rows.iter().find(|row| row.mark == text("mark")) {
                Some(row) => (200, row.json()),
                None => (404, json!({"missing": text("mark")})),
            },
            "write" => {
                let mut id = text("id");
                let wanted = asked["version"].as_u64();
                let absent = asked["absent"].as_bool().unwrap_or(false);
                let creates = asked["creates"].as_bool().unwrap_or(false);
                if creates && (shelf.ids == Ids::Server || self.makes_ids()) {
                    self.made.set(self.made.get() + 1);
                    id = match shelf.has(Fault::ReusesIds) {
                        true => format!("row-{}", rows.len() + 1),
                        false => format!("row-{}", self.made.get()),
                    };
                }
                let stored = match shelf.has(Fault::Trims) {
                    true => text("text").replace("\\t", " "),
                    false => text("text"),
                };
                match rows.iter_mut().find(|row| row.id == id) {
                    Some(row) if !row.deleted => {
                        let fits = wanted.is_none_or(|wanted| wanted == row.version) && !absent;
                        if !fits && !shelf.has(Fault::IgnoresVersions) {
                            return (412, row.json());
                        }
                        row.version = match shelf.has(Fault::CountsAnew) {
                            true => row.version + 1,
                            false => self.version.get(),
                        };
                        row.text = stored;
                        (200, row.json())
                    }
                    Some(row) if shelf.has(Fault::StaysDeleted) => (200, row.json()),
                    _ if wanted.is_some() => (404, json!({"missing": id})),
                    _ => {
                        rows.retain(|row| row.id != id);
                        let row = Row {
                            id,
                            mark: text("mark"),
                            version: match shelf.has(Fault::CountsAnew) {
                                true => 1,
                                false => self.version.get(),
                            },
                            deleted: false,
                            text: stored,
                        };
                        rows.push(row.clone());
                        (200, row.json())
                    }
                }
            }
            "delete" => {
                let id = text("id");
                let Some(place) = rows.iter().position(|row| row.id == id && !row.deleted) else {
                    return (404, json!({"missing": id}));
                };
                let wanted = asked["version"].as_u64();
                let fits = wanted.is_none_or(|wanted| wanted == rows[place].version);
                if !fits && !shelf.has(Fault::IgnoresVersions) {
                    return (412, rows[place].json());
                }
                match shelf.deletes {
                    Deletes::Soft => rows[place].deleted = true,
                    _ => drop(rows.remove(place)),
                }
                (200, json!({"deleted": id}))
            }
            other => panic!("the shelf cannot {other}"),
        }
    }
}

impl Http for Rows {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let asked = serde_json::from_slice(&request.body).unwrap();
        let (status, body) = self.answer(&asked);
        let answer = Response {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
        };
        Box::pin(async move { Ok(answer) })
    }
}
