//! Scripted answers.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, Request, Response};
use tisync_core::model::{Change, MutationId, Precondition, PullRequest, PushItem, Stamp, Stamps};
use tisync_json::Document;

/// Answers requests one after the other, the last answer for ever, and keeps what was sent.
pub struct Script {
    answers: RefCell<VecDeque<Response>>,
    sent: RefCell<Vec<Request>>,
}

impl Script {
    pub fn new(status: u16, media: &str, body: &str) -> Rc<Self> {
        Script::of(vec![answer(status, media, body)])
    }

    pub fn json(status: u16, body: &str) -> Rc<Self> {
        Script::new(status, "application/json", body)
    }

    pub fn of(answers: Vec<Response>) -> Rc<Self> {
        Rc::new(Script {
            answers: RefCell::new(answers.into()),
            sent: RefCell::default(),
        })
    }

    pub fn sent(&self) -> Vec<Request> {
        self.sent.borrow().clone()
    }

    pub fn sent_json(&self, number: usize) -> serde_json::Value {
        serde_json::from_slice(&self.sent.borrow()[number].body).unwrap()
    }
}

pub fn answer(status: u16, media: &str, body: &str) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), media.into())],
        body: body.into(),
    }
}

impl Http for Script {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        self.sent.borrow_mut().push(request);
        let mut answers = self.answers.borrow_mut();
        let answer = match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop_front().unwrap(),
        };
        Box::pin(async move { Ok(answer) })
    }
}

/// The value of a future that waits for nothing.
pub fn wait<T>(mut future: LocalFuture<T>) -> T {
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a connector awaits nothing but Http"),
    }
}

pub fn pull_request(collection: &str, checkpoint: Option<&str>) -> PullRequest {
    PullRequest {
        feed: collection.parse().unwrap(),
        collections: vec![collection.parse().unwrap()],
        checkpoint: checkpoint.map(|text| text.parse().unwrap()),
        snapshot: checkpoint.is_none(),
        items_max: 10,
        bytes_max: 1_000,
    }
}

/// A write of the document `{"title":"whole"}`.
pub fn item(number: u128, id: &str, precondition: Precondition) -> PushItem {
    let document = Document::parse(r#"{"title":"whole"}"#).unwrap();
    PushItem {
        id: MutationId(number),
        collection: "notes".parse().unwrap(),
        record: id.parse().unwrap(),
        change: match precondition {
            Precondition::Absent => Change::Create(document.clone()),
            _ => Change::Replace(document.clone()),
        },
        document: Some(document),
        precondition,
        stamps: Stamps {
            latest: Stamp::at(5),
            fields: [].into(),
        },
        group: None,
        schema: 1,
    }
}
