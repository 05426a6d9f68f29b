//! The stand that a connector is tried on: short ways to write, read and walk, and what is remembered of a run.
use super::faults::Faults;
use super::words::{self, Words};
use crate::http::Http;
use crate::{Connector, LocalFuture, Session};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use tisync_core::model::*;
use tisync_json::tree::{BTreeMap, BTreeSet};
use tisync_json::{Document, Patch, Path, Value, hash64};

/// Why a check does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) expected: String,
    pub(super) came: String,
}

/// A failure in the place of what was expected.
pub(super) fn failed<T>(expected: impl Into<String>, failure: &Failure) -> Result<T, Trouble> {
    trouble(expected, failure)
}

/// That it does not hold.
pub(super) fn trouble<T>(expected: impl Into<String>, came: impl Words) -> Result<T, Trouble> {
    Err(Trouble {
        expected: expected.into(),
        came: words::short(&came.words()),
    })
}

/// A place to pull from on, with what was seen on the way.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) items: Vec<Item>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) total: Option<u64>,
    pub(super) pages: usize,
}

/// What a walk showed of a record at last.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    There(Document, Option<Version>),
    Gone,
}

/// A record that the kit made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) id: RecordId,
    pub(super) version: Option<Version>,
}

pub(super) struct Stand {
    pub(super) connector: Rc<dyn Connector>,
    pub(super) http: Rc<Faults>,
    pub(super) session: Session,
    pub(super) collection: CollectionName,
    pub(super) capability: Capability,
    template: Document,
    pub(super) field: Path,
    seed: u64,
    pub(super) now_ms: u64,
    numbers: Rc<Cell<u64>>,
    /// Everything that may be there because of the kit.
    made: RefCell<BTreeSet<RecordId>>,
    /// Every message that came.
    pub(super) heard: RefCell<Vec<String>>,
    /// Fields that came back though nobody sent them.
    pub(super) added: RefCell<BTreeSet<String>>,
}

/// Pages that one walk may take.
const PAGES_MAX: usize = 100_000;

impl Stand {
    pub(super) fn new(kit: &super::Kit) -> Self {
        let endpoint = kit.connector.endpoint();
        Stand {
            connector: kit.connector.clone(),
            http: Faults::new(kit.http.clone(), &endpoint),
            session: kit.session.clone(),
            collection: kit.collection.clone(),
            capability: kit.connector.capability(&kit.collection),
            template: kit.document.clone(),
            field: kit.field.clone(),
            seed: kit.seed,
            now_ms: kit.now_ms,
            numbers: Rc::default(),
            made: RefCell::default(),
            heard: RefCell::default(),
            added: RefCell::default(),
        }
    }

    /// The same stand with other credentials.
    pub(super) fn with_token(&self, token: &str) -> Self {
        Stand {
            connector: self.connector.clone(),
            http: self.http.clone(),
            session: Session::with_token(token),
            collection: self.collection.clone(),
            capability: self.capability.clone(),
            template: self.template.clone(),
            field: self.field.clone(),
            numbers: self.numbers.clone(),
            made: RefCell::default(),
            heard: RefCell::default(),
            added: RefCell::default(),
            ..*self
        }
    }

    fn http(&self) -> Rc<dyn Http> {
        self.http.clone()
    }

    fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// A mutation's id that nobody used before.
    pub(super) fn mutation(&self) -> MutationId {
        let number = self.number();
        let half = |salt: u8| {
            let mut bytes = [0; 17];
            bytes[..8].copy_from_slice(&self.seed.to_le_bytes());
            bytes[8..16].copy_from_slice(&number.to_le_bytes());
            bytes[16] = salt;
            u128::from(hash64(&bytes))
        };
        MutationId(half(1) << 64 | half(2))
    }

    /// A record's id that nobody used before.
    pub(super) fn id(&self, what: &str) -> Result<RecordId, Trouble> {
        let text = format!("certify-{:x}-{}{what}", self.seed, self.number());
        RecordId::new(&text).or_else(|error| trouble(format!("{text} is a record's id"), error))
    }

    /// A text that nobody wrote before.
    pub(super) fn text(&self, what: &str) -> String {
        format!("{what} {:x}.{}", self.seed, self.number())
    }

    /// The text that a document has in the field.
    pub(super) fn text_of(&self, document: &Document) -> Option<String> {
        let value = document.fields(std::slice::from_ref(&self.field));
        let text = value.first()?.as_ref()?.as_str()?;
        Some(text.to_owned())
    }

    /// Whether nobody but this run can have written the document.
    pub(super) fn is_ours(&self, document: &Document) -> bool {
        let text = self.text_of(document).unwrap_or_default();
        text.contains(&format!(" {:x}.", self.seed))
    }

    /// The template with another text.
    pub(super) fn document(&self, text: &str) -> Document {
        self.document_with(&[(self.field.clone(), Value::String(text.to_owned()))])
    }

    /// The template with other values.
    pub(super) fn document_with(&self, values: &[(Path, Value)]) -> Document {
        let mut object = self.template.object();
        let patch = Patch {
            set: values.iter().cloned().collect(),
            unset: BTreeSet::new(),
        };
        patch.apply(&mut object);
        Document::from_object(&object)
    }

    /// One write, which is sent by [`Stand::push`].
    pub(super) fn item(
        &self,
        id: &RecordId,
        change: Change,
        document: Option<Document>,
        precondition: Precondition,
    ) -> PushItem {
        // Whoever takes no preconditions gets none, as from the engine.
        let precondition = match self.capability.conditional {
            true => precondition,
            false => Precondition::None,
        };
        PushItem {
            id: self.mutation(),
            collection: self.collection.clone(),
            record: id.clone(),
            document: document.or_else(|| change.apply(None)),
            change,
            precondition,
            stamps: Stamps {
                latest: Stamp {
                    ms: self.now_ms,
                    counter: self.number() as u16,
                    node: 7,
                },
                fields: BTreeMap::new(),
            },
            group: None,
            schema: 0,
        }
    }

    pub(super) fn create(&self, id: &RecordId, document: &Document) -> PushItem {
        let change = Change::Create(document.clone());
        self.item(id, change, None, Precondition::Absent)
    }

    pub(super) fn replace(&self, made: &Made, document: &Document) -> PushItem {
        let change = Change::Replace(document.clone());
        self.item(&made.id, change, None, seen(made))
    }

    pub(super) fn delete(&self, made: &Made) -> PushItem {
        self.item(&made.id, Change::Delete, None, seen(made))
    }

    /// Begins to send a batch.
    pub(super) fn start(&self, batch: Vec<PushItem>) -> LocalFuture<Result<Pushed, Failure>> {
        for item in &batch {
            self.remember(&item.record);
        }
        self.connector
            .push(self.http(), self.session.clone(), batch)
    }

    /// Sends a batch as it is.
    pub(super) async fn push(&self, batch: Vec<PushItem>) -> Result<Pushed, Failure> {
        for item in &batch {
            self.made.borrow_mut().insert(item.record.clone());
        }
        let asked = self
            .connector
            .push(self.http(), self.session.clone(), batch);
        let answer = self.listen(asked).await?;
        for (_, verdict) in &answer.verdicts {
            match verdict {
                Verdict::Accepted { id: Some(id), .. } => {
                    self.made.borrow_mut().insert(id.clone());
                }
                Verdict::Rejected { reason } => self.hear(reason),
                _ => {}
            }
        }
        Ok(answer)
    }

    /// Sends one write, and gives its verdict.
    pub(super) async fn send(&self, item: PushItem) -> Result<Verdict, Trouble> {
        let id = item.id;
        let what = format!("a verdict on the {}", kind(&item.change));
        match self.push(vec![item]).await {
            Ok(pushed) => match pushed.verdicts.into_iter().find(|(other, _)| *other == id) {
                Some((_, verdict)) => Ok(verdict),
                None => trouble(what, "none came"),
            },
            Err(failure) => failed(what, &failure),
        }
    }

    /// Sends one write that must be accepted.
    pub(super) async fn accept(&self, item: PushItem) -> Result<Made, Trouble> {
        let record = item.record.clone();
        let what = kind(&item.change);
        match self.send(item).await? {
            Verdict::Accepted { id, version, .. } => Ok(Made {
                id: id.unwrap_or(record),
                version,
            }),
            verdict => trouble(format!("the {what} is accepted"), verdict),
        }
    }

    /// Makes a record with a text of its own.
    pub(super) async fn make(&self, text: &str) -> Result<Made, Trouble> {
        self.accept(self.create(&self.id("")?, &self.document(text)))
            .await
    }

    /// Reads a record by its id; `None` when the connector does not say.
    pub(super) async fn fetch(&self, id: &RecordId) -> Result<Option<Remote>, Trouble> {
        match self.look(id).await {
            Ok(found) => Ok(found),
            Err(failure) => failed(format!("{id} can be read"), &failure),
        }
    }

    pub(super) async fn look(&self, id: &RecordId) -> Result<Option<Remote>, Failure> {
        let wanted = Wanted::Ids(vec![(self.collection.clone(), id.clone())]);
        let fetched = self.ask(wanted).await?;
        Ok(fetched
            .found
            .into_iter()
            .find_map(|(_, other, found)| match found {
                Found::Image(remote) if other == *id => Some(remote),
                _ => None,
            }))
    }

    pub(super) async fn ask(&self, wanted: Wanted) -> Result<Fetched, Failure> {
        let asked = self
            .connector
            .fetch(self.http(), self.session.clone(), wanted);
        self.listen(asked).await
    }

    pub(super) async fn probe(&self) -> Result<(), Failure> {
        let asked = self.connector.probe(self.http(), self.session.clone());
        self.listen(asked).await
    }

    /// Reads one page.
    pub(super) async fn page(
        &self,
        checkpoint: Option<Checkpoint>,
        items_max: usize,
    ) -> Result<Page, Failure> {
        let request = PullRequest {
            feed: self.connector.feed(&self.collection),
            collections: vec![self.collection.clone()],
            checkpoint,
            snapshot: false,
            items_max,
            bytes_max: 1 << 20,
        };
        let asked = self
            .connector
            .pull(self.http(), self.session.clone(), request);
        self.listen(asked).await
    }

    /// Reads from a place to the end.
    pub(super) async fn walk(
        &self,
        from: Option<Checkpoint>,
        items_max: usize,
    ) -> Result<Walk, Trouble> {
        let mut walk = Walk {
            checkpoint: from,
            ..Walk::default()
        };
        while self.step(&mut walk, items_max).await? {}
        Ok(walk)
    }

    /// Reads the next page of a walk; says whether more follow.
    pub(super) async fn step(&self, walk: &mut Walk, items_max: usize) -> Result<bool, Trouble> {
        let page = match self.page(walk.checkpoint.clone(), items_max).await {
            Ok(page) => page,
            Err(failure) => return failed("a page", &failure),
        };
        walk.items.extend(page.items);
        walk.pages += 1;
        let stands = page.checkpoint.is_none() || page.checkpoint == walk.checkpoint;
        walk.checkpoint = page.checkpoint.or(walk.checkpoint.take());
        match page.end {
            PageEnd::Complete { total } => {
                walk.total = total;
                Ok(false)
            }
            PageEnd::More if stands => trouble(
                "a page that names a place further on",
                "the same place again",
            ),
            PageEnd::More if walk.pages >= PAGES_MAX => {
                trouble(format!("an end within {PAGES_MAX} pages"), "none")
            }
            PageEnd::More => Ok(true),
        }
    }

    /// What a walk showed of the kit's own records at last.
    pub(super) fn seen(&self, walk: &Walk) -> BTreeMap<RecordId, Seen> {
        let mut seen = BTreeMap::new();
        for item in &walk.items {
            match item {
                Item::Upsert {
                    id,
                    document,
                    version,
                    ..
                } => {
                    seen.insert(id.clone(), Seen::There(document.clone(), version.clone()));
                }
                Item::Tombstone { id, .. } => {
                    seen.insert(id.clone(), Seen::Gone);
                }
                Item::OutOfScope { .. } | Item::Bad { .. } => {}
            }
        }
        seen
    }

    /// Whether what came is what was sent, to the backend's own measure. Fields that only came are noted.
    pub(super) fn same(&self, sent: &Document, came: &Document) -> bool {
        let (sent, came) = (sent.object(), came.object());
        if sent.is_empty() {
            // Whatever it is, it is there.
            return true;
        }
        for key in came.keys().filter(|key| !sent.contains_key(key.as_str())) {
            self.added.borrow_mut().insert(key.clone());
        }
        sent.iter().all(|(key, value)| match came.get(key) {
            Some(other) => value == other,
            None => self.capability.equality.absent_is_null && value.is_null(),
        })
    }

    /// Everything that may be there because of the kit.
    pub(super) fn made(&self) -> Vec<RecordId> {
        self.made.borrow().iter().cloned().collect()
    }

    /// Notes that a record may be there.
    pub(super) fn remember(&self, id: &RecordId) {
        self.made.borrow_mut().insert(id.clone());
    }

    /// Forgets that a record may be there.
    pub(super) fn forget(&self, id: &RecordId) {
        self.made.borrow_mut().remove(id);
    }

    pub(super) fn hear(&self, message: &str) {
        self.heard.borrow_mut().push(message.to_owned());
    }

    async fn listen<T>(&self, answer: LocalFuture<Result<T, Failure>>) -> Result<T, Failure> {
        let answer = answer.await;
        if let Err(failure) = &answer {
            self.hear(&failure.message);
        }
        answer
    }
}

/// The precondition of who saw this.
pub(super) fn seen(made: &Made) -> Precondition {
    match &made.version {
        Some(version) => Precondition::Version(version.clone()),
        None => Precondition::None,
    }
}

pub(super) fn kind(change: &Change) -> &'static str {
    match change {
        Change::Create(_) => "create",
        Change::Patch(_) => "patch",
        Change::Replace(_) => "replace",
        Change::Delete => "delete",
    }
}
