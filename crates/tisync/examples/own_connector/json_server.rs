//! A connector for json-server: plain REST, which lists a whole collection at once.
use std::rc::Rc;
use tisync::connect::http::{Http, Request, classify, path_segment, send};
use tisync::connect::{Connector, LocalFuture, Session};
use tisync::model::*;
use tisync::{Document, Value};

type Asked<T> = LocalFuture<Result<T, Failure>>;

#[derive(Clone)]
pub(crate) struct JsonServer {
    pub(crate) url: String,
}

/// Sends a request. An answer of this server is JSON with one of these statuses; all else is a failure.
async fn ask(http: &dyn Http, request: Request) -> Result<(u16, Value), Failure> {
    let answer = send(http, request).await?;
    let text = String::from_utf8_lossy(&answer.body);
    // A create under an id that is taken: its own way to say 409.
    if answer.status == 500 && text.contains("duplicate id") {
        return Ok((409, Value::Null));
    }
    match Value::parse(&text) {
        Ok(value) if matches!(answer.status, 200 | 201 | 404) => Ok((answer.status, value)),
        _ => Err(classify::failure(&answer)),
    }
}

/// The id is a field of a row, and no part of the document.
fn record(row: &Value) -> Option<(RecordId, Document)> {
    let mut object = row.as_object()?.clone();
    let id = RecordId::new(object.remove("id")?.as_str()?).ok()?;
    Some((id, Document::from_object(&object)))
}

impl JsonServer {
    fn at(&self, method: &'static str, collection: &CollectionName, id: &RecordId) -> Request {
        let id = path_segment(id.as_str()).unwrap_or_default();
        Request::json(method, format!("{}/{collection}/{id}", self.url))
    }

    /// Whether the list is there: a wrong address answers 404 too, and is no evidence.
    async fn lists(&self, http: &dyn Http, collection: &CollectionName) -> Result<bool, Failure> {
        let request = Request::json("GET", format!("{}/{collection}?_limit=1", self.url));
        Ok(ask(http, request).await?.0 == 200)
    }

    async fn write(&self, http: &dyn Http, item: &PushItem) -> Result<Verdict, Failure> {
        let row = item.document.as_ref().map(|document| {
            let mut row = document.object();
            row.insert("id".into(), Value::String(item.record.to_string()));
            row
        });
        let request = match (&item.change, &row) {
            (Change::Create(_), Some(row)) => {
                Request::json("POST", format!("{}/{}", self.url, item.collection)).with_body(row)
            }
            (_, Some(row)) => self
                .at("PUT", &item.collection, &item.record)
                .with_body(row),
            (_, None) => self.at("DELETE", &item.collection, &item.record),
        };
        let (status, answer) = ask(http, request).await?;
        match (status, record(&answer)) {
            (404 | 409, _) => Ok(Verdict::Conflict { remote: None }),
            (_, Some((id, document))) if id == item.record => {
                Ok(Verdict::accepted(Some(Image::Present(document))))
            }
            // What this server says of a delete; another JSON may come from something in between.
            _ if row.is_none() && answer.canonical() == "{}" => Ok(Verdict::accepted(None)),
            _ => Err(classify::not_this_protocol(
                "not the record that was written",
            )),
        }
    }
}

impl Connector for JsonServer {
    fn endpoint(&self) -> String {
        self.url.clone()
    }

    fn capability(&self, _: &CollectionName) -> Capability {
        Capability::plain()
    }

    fn feed(&self, collection: &CollectionName) -> FeedName {
        FeedName::of(collection)
    }

    fn pull(&self, http: Rc<dyn Http>, _: Session, pull: PullRequest) -> Asked<Page> {
        let this = self.clone();
        Box::pin(async move {
            let collection = &pull.collections[0];
            let request = Request::json("GET", format!("{}/{collection}", this.url));
            let (200, Value::Array(rows)) = ask(&*http, request).await? else {
                return Err(classify::not_this_protocol(
                    "no list: is the collection there?",
                ));
            };
            let item = |row: &Value| match record(row) {
                Some((id, document)) => Item::upsert(collection.clone(), id, document),
                None => Item::Bad {
                    collection: Some(collection.clone()),
                    id: None,
                    text: row.canonical(),
                    reason: "expected a text in the field `id`".into(),
                },
            };
            Ok(Page::whole(rows.iter().map(item).collect()))
        })
    }

    fn push(&self, http: Rc<dyn Http>, _: Session, batch: Vec<PushItem>) -> Asked<Pushed> {
        let this = self.clone();
        Box::pin(async move {
            // One in a batch, as the capability says: a failure leaves this one unknown, and no other.
            let verdict = this.write(&*http, &batch[0]).await?;
            Ok(vec![(batch[0].id, verdict)].into())
        })
    }

    fn fetch(&self, http: Rc<dyn Http>, _: Session, wanted: Wanted) -> Asked<Fetched> {
        let this = self.clone();
        Box::pin(async move {
            let mut found = Vec::new();
            let Wanted::Ids(ids) = wanted else {
                return Ok(found.into());
            };
            for (collection, id) in ids {
                let (status, row) = ask(&*http, this.at("GET", &collection, &id)).await?;
                let image = if let Some((of, document)) = record(&row)
                    && of == id
                {
                    Image::Present(document)
                } else if status == 404 && this.lists(&*http, &collection).await? {
                    Image::Gone
                } else {
                    return Err(classify::not_this_protocol("expected a record"));
                };
                found.push((collection, id, Found::Image(image.into())));
            }
            Ok(found.into())
        })
    }

    fn probe(&self, http: Rc<dyn Http>, _: Session) -> Asked<()> {
        // Everything there is: an object of lists.
        let request = Request::json("GET", format!("{}/db", self.url)).with_limits_of_probe();
        let is_list = |list: &Value| matches!(list, Value::Array(_));
        Box::pin(async move {
            match ask(&*http, request).await? {
                (200, Value::Object(db)) if !db.is_empty() && db.values().all(is_list) => Ok(()),
                _ => Err(classify::not_this_protocol(
                    "expected the lists of json-server",
                )),
            }
        })
    }
}
