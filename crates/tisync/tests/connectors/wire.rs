//! One connector, asked directly.
use std::rc::Rc;
use tisync::ReqwestHttp;
use tisync::connect::connectors::{self, Setup};
use tisync::connect::http::{Http, Request, Response, send};
use tisync::connect::{Connector, Hints, Session};
use tisync::model::{
    Change, Checkpoint, CollectionName, Failure, Fetched, Found, Image, Item, ListenRequest,
    Marked, MutationId, Page, PageEnd, Precondition, PullRequest, PushItem, RecordId, Stamp,
    Stamps, Verdict, Version, Wanted,
};
use tisync::{Document, Value};

/// A connector, its session, and what carries its requests.
pub struct Wire {
    pub connector: Box<dyn Connector>,
    pub session: Session,
    pub collection: CollectionName,
    http: Rc<dyn Http>,
    runtime: tokio::runtime::Runtime,
}

impl Wire {
    pub fn new(kind: &str, url: &str, options: &str, token: &str, collection: &str) -> Self {
        let mut setup = Setup::at(url);
        setup.options = serde_json::from_str(options).unwrap();
        Wire {
            connector: connectors::make(kind, &setup).unwrap()(),
            session: Session::with_token(token),
            collection: collection.parse().unwrap(),
            http: Rc::new(ReqwestHttp::new().unwrap()),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
        }
    }

    /// Sends a request that no connector makes.
    pub fn send(&self, request: Request) -> Response {
        self.runtime.block_on(send(&*self.http, request)).unwrap()
    }

    pub fn pull(&self, checkpoint: Option<Checkpoint>, items_max: usize) -> Result<Page, Failure> {
        let request = PullRequest {
            feed: self.connector.feed(&self.collection),
            collections: vec![self.collection.clone()],
            snapshot: checkpoint.is_none(),
            checkpoint,
            items_max,
            bytes_max: 1 << 20,
        };
        let (http, session) = (self.http.clone(), self.session.clone());
        self.runtime
            .block_on(self.connector.pull(http, session, request))
    }

    /// Walks to the end; what came, the last place, and how many pages it took.
    pub fn walk(
        &self,
        mut checkpoint: Option<Checkpoint>,
        items_max: usize,
    ) -> (Vec<Item>, Checkpoint, usize) {
        let mut items = Vec::new();
        for pages in 1..1_000 {
            let page = self.pull(checkpoint, items_max).unwrap();
            items.extend(page.items);
            checkpoint = page.checkpoint;
            if matches!(page.end, PageEnd::Complete { .. }) {
                return (items, checkpoint.unwrap(), pages);
            }
        }
        panic!("the feed has no end");
    }

    pub fn push(&self, batch: Vec<PushItem>) -> Result<Vec<(MutationId, Verdict)>, Failure> {
        let (http, session) = (self.http.clone(), self.session.clone());
        let pushed = self
            .runtime
            .block_on(self.connector.push(http, session, batch))?;
        Ok(pushed.verdicts)
    }

    /// Pushes one write.
    pub fn write(&self, item: PushItem) -> Verdict {
        let id = item.id;
        let mut verdicts = self.push(vec![item]).unwrap();
        assert_eq!(verdicts.len(), 1, "{verdicts:?}");
        let (of, verdict) = verdicts.remove(0);
        assert_eq!(of, id);
        verdict
    }

    pub fn fetch(&self, ids: &[&str]) -> Result<Fetched, Failure> {
        let ids = ids
            .iter()
            .map(|id| (self.collection.clone(), id.parse().unwrap()));
        self.ask(Wanted::Ids(ids.collect()))
    }

    pub fn ask(&self, wanted: Wanted) -> Result<Fetched, Failure> {
        let (http, session) = (self.http.clone(), self.session.clone());
        self.runtime
            .block_on(self.connector.fetch(http, session, wanted))
    }

    /// What the backend has of a record.
    pub fn found(&self, id: &str) -> Found {
        let fetched = self.fetch(&[id]).unwrap().found;
        let of: Vec<_> = fetched
            .into_iter()
            .filter(|(_, of, _)| of.as_str() == id)
            .collect();
        match &of[..] {
            [] => Found::Unknown,
            [(_, _, found)] => found.clone(),
            _ => panic!("{of:?}"),
        }
    }

    /// The records that carry marks; `None` where the backend says that no record does.
    pub fn marked(&self, marks: &[MutationId]) -> Vec<(MutationId, Option<RecordId>)> {
        let marks = marks.iter().map(|mark| (self.collection.clone(), *mark));
        let wanted = Wanted::Marks(marks.collect());
        let (http, session) = (self.http.clone(), self.session.clone());
        let fetched = self
            .runtime
            .block_on(self.connector.fetch(http, session, wanted));
        let of = |marked| match marked {
            Marked::Record { id, .. } => Some(id),
            Marked::Nowhere => None,
        };
        let marked = fetched.unwrap().marked.into_iter();
        marked.map(|(mark, marked)| (mark, of(marked))).collect()
    }

    pub fn probe(&self) -> Result<(), Failure> {
        let (http, session) = (self.http.clone(), self.session.clone());
        self.runtime.block_on(self.connector.probe(http, session))
    }

    pub fn listen(&self) -> Hints {
        let feed = self.connector.feed(&self.collection);
        let request = ListenRequest {
            feeds: [(feed, vec![self.collection.clone()])].into(),
        };
        // A host opens streams inside its runtime.
        let _inside = self.runtime.enter();
        let (http, session) = (self.http.clone(), self.session.clone());
        self.connector.listen(http, session, request).unwrap()
    }

    /// The next thing that a stream tells.
    pub fn next<T>(&self, stream: &mut tisync::connect::LocalStream<T>) -> Option<T> {
        self.runtime.block_on(std::future::poll_fn(|context| {
            stream.as_mut().poll_next(context)
        }))
    }

    /// A write of this collection; `document` is what the record is then.
    pub fn item(
        &self,
        number: u128,
        id: &str,
        change: Change,
        document: Option<&str>,
        precondition: Precondition,
    ) -> PushItem {
        PushItem {
            id: MutationId(number),
            collection: self.collection.clone(),
            record: id.parse().unwrap(),
            change,
            document: document.map(doc),
            precondition,
            stamps: Stamps {
                latest: Stamp::at(1_000 + number as u64),
                fields: [].into(),
            },
            group: None,
            schema: 1,
        }
    }

    pub fn create(&self, number: u128, id: &str, document: &str) -> PushItem {
        let change = Change::Create(doc(document));
        self.item(number, id, change, Some(document), Precondition::Absent)
    }

    pub fn replace(&self, number: u128, id: &str, document: &str, on: &Version) -> PushItem {
        let change = Change::Replace(doc(document));
        let precondition = Precondition::Version(on.clone());
        self.item(number, id, change, Some(document), precondition)
    }

    pub fn delete(&self, number: u128, id: &str, on: &Version) -> PushItem {
        let precondition = Precondition::Version(on.clone());
        self.item(number, id, Change::Delete, None, precondition)
    }

    /// Creates a record; the version that it has then.
    pub fn made(&self, number: u128, id: &str, document: &str) -> Version {
        version(&self.write(self.create(number, id, document)))
    }
}

pub fn doc(text: &str) -> Document {
    Document::parse(text).unwrap()
}

/// The version of an accepted write.
pub fn version(verdict: &Verdict) -> Version {
    match verdict {
        Verdict::Accepted {
            version: Some(version),
            ..
        } => version.clone(),
        other => panic!("{other:?}"),
    }
}

/// The reason of a refusal.
pub fn reason(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Rejected { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

/// What a conflict shows of the record: its document, or `gone`.
pub fn theirs(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Conflict {
            remote: Some(remote),
        } => shown(&remote.image),
        other => panic!("{other:?}"),
    }
}

/// What was found of a record: its document, `gone` or `unknown`.
pub fn seen(found: &Found) -> String {
    match found {
        Found::Image(remote) => shown(&remote.image),
        Found::Unknown => "unknown".to_owned(),
    }
}

fn shown(image: &Image) -> String {
    match image {
        Image::Present(document) => document.canonical(),
        Image::Absent => "absent".to_owned(),
        Image::Gone => "gone".to_owned(),
    }
}

/// The items of a feed in short: `id=document`, `-id`, `!reason`.
pub fn listed(items: &[Item]) -> Vec<String> {
    let line = |item: &Item| match item {
        Item::Upsert { id, document, .. } => format!("{id}={}", document.canonical()),
        Item::Tombstone { id, .. } => format!("-{id}"),
        Item::OutOfScope { id, .. } => format!("~{id}"),
        Item::Bad { reason, .. } => format!("!{reason}"),
    };
    items.iter().map(line).collect()
}

/// A document of many bytes.
pub fn large(bytes: usize) -> String {
    let text = "ü\u{1F600}\"\\".repeat(bytes / 8);
    let value = Value::Object([("text".to_owned(), Value::String(text))].into());
    value.to_string()
}
