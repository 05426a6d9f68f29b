//! The server: the shipped service over its store in memory, with an operator who breaks and mends it.
use super::plain::{Asked, Books, Plain};
use super::replica::{BASE_MS, collection};
use crate::check::{Archive, Checked, History, Key, Ledger, Live, Stored, Violation};
use crate::scenario::Settings;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tisync_core::model::{Epoch, EpochInfo, Version};
use tisync_protocol::{Change, Mutation, PushAnswer, PushRequest, Route};
use tisync_server::{
    Access, HttpRequest, HttpResponse, Key as RecordKey, MemoryServerStore, Refusal, ServerNow,
    ServerStore, ServerTx, ServiceConfig, faces, service,
};

/// The server.
pub(super) struct Server {
    store: MemoryServerStore,
    config: ServiceConfig,
    backup: Option<(MemoryServerStore, History)>,
    pub(super) history: History,
    pub(super) archive: Archive,
    pub(super) down_until_ms: u64,
    /// The oldest schema that it takes.
    pub(super) demanded: u32,
    deferring: Arc<AtomicBool>,
    tokens: u64,
    epochs: u8,
    collections: usize,
    /// The backend in its place, where it knows nothing of sync.
    pub(super) plain: Option<Plain>,
}

impl Server {
    pub(super) fn new(settings: &Settings, seed: u64) -> Self {
        let deferring = Arc::new(AtomicBool::new(false));
        let rule = deferring.clone();
        let mut config = ServiceConfig {
            token: Some("token-0".into()),
            tombstones_kept_ms: settings.tombstones_ms,
            validate: Some(Arc::new(move |mutation: &Mutation| judge(mutation, &rule))),
            ..ServiceConfig::default()
        };
        config.limits.pull_items_max = settings.page_items;
        config.limits.push_mutations_max = settings.push_items;
        let mut server = Server {
            store: MemoryServerStore::default(),
            config,
            backup: None,
            history: History::default(),
            archive: Archive::default(),
            down_until_ms: 0,
            demanded: 0,
            deferring,
            tokens: 0,
            epochs: 0,
            collections: settings.policies.len(),
            plain: settings
                .backend
                .as_ref()
                .map(|mix| Plain::new(mix, settings.page_items, seed)),
        };
        let now = server.now(0);
        // A store in memory cannot refuse.
        let _ = service::ensure(&mut server.store, "main", &now);
        server
    }

    /// The token that is good now.
    pub(super) fn token(&self) -> String {
        format!("token-{}", self.tokens)
    }

    /// The epoch's name and the latest number.
    pub(super) fn meta(&self) -> (String, u64) {
        self.store
            .meta("main")
            .map(|meta| (meta.epoch().to_owned(), meta.seq))
            .unwrap_or_default()
    }

    /// Answers a request, and checks what that did.
    pub(super) fn answer(
        &mut self,
        ledger: &mut Ledger,
        now_ms: u64,
        from: usize,
        request: &HttpRequest,
    ) -> Checked<HttpResponse> {
        let token = self.token();
        if let Some(plain) = &mut self.plain {
            let asked = Asked {
                now_ms,
                from,
                token: &token,
                defers: self.deferring.load(Ordering::Relaxed),
                request,
            };
            let mut books = Books {
                history: &mut self.history,
                archive: &mut self.archive,
                ledger,
            };
            return plain.answer(&asked, &mut books);
        }
        let now = self.now(now_ms);
        let answer = faces::handle(&mut self.store, &now, &self.config, request);
        if Route::at(&request.path) == Some(Route::Push) && answer.status == 200 {
            self.pushed(ledger, from, &request.body, &answer.body)?;
        }
        Ok(answer)
    }

    fn pushed(
        &mut self,
        ledger: &mut Ledger,
        from: usize,
        request: &[u8],
        answer: &[u8],
    ) -> Checked {
        let unreadable = |error: serde_json::Error| {
            Violation::new("order", format!("a push cannot be read: {error}"))
        };
        let request: PushRequest = serde_json::from_slice(request).map_err(unreadable)?;
        let answer: PushAnswer = serde_json::from_slice(answer).map_err(unreadable)?;
        let Ok(mut tx) = self.store.begin("main", Access::Read) else {
            return Ok(());
        };
        let Ok(Some(meta)) = tx.meta() else {
            return Ok(());
        };
        let read = |key: &Key| {
            let record = tx
                .record(RecordKey {
                    collection: key.0.as_str(),
                    id: key.1.as_str(),
                })
                .ok()??;
            let version = Version::new(meta.version(record.version)).ok()?;
            Some(Stored {
                version,
                document: record.document,
                schema: record.schema,
            })
        };
        self.history
            .pushed(&mut self.archive, ledger, from, &request, &answer, read)
    }

    pub(super) fn defer(&mut self, on: bool) {
        self.deferring.store(on, Ordering::Relaxed);
    }

    /// Takes no writes of older schemas from now on.
    pub(super) fn demand(&mut self, schema: u32) {
        self.demanded = self.demanded.max(schema);
        for number in 0..self.collections {
            let name = collection(number).to_string();
            self.config.schemas_min.insert(name, self.demanded);
        }
    }

    pub(super) fn expire_credentials(&mut self) {
        self.tokens += 1;
        self.config.token = Some(self.token());
    }

    pub(super) fn back_up(&mut self) {
        self.backup = Some((self.store.clone(), self.history.clone()));
    }

    /// Restores the last backup; `false` when there is none.
    pub(super) fn restore(&mut self, now_ms: u64) -> bool {
        let Some((store, history)) = self.backup.clone() else {
            return false;
        };
        self.store = store;
        let before = std::mem::replace(&mut self.history, history);
        self.epochs += 1;
        let now = self.now(now_ms);
        if let Ok(mut tx) = self.store.begin("main", Access::Write)
            && service::new_epoch(&mut tx, &now).is_ok()
        {
            let _ = tx.commit();
        }
        if let Some(epochs) = self.epochs_now() {
            self.archive.restored(&before, &self.history, epochs);
        }
        true
    }

    /// The server's history, as a feed tells of it.
    fn epochs_now(&self) -> Option<EpochInfo> {
        let epochs = self.store.meta("main")?.epochs.clone();
        let history: Vec<(Epoch, u64)> = epochs
            .into_iter()
            .filter_map(|(name, start)| Some((name.parse().ok()?, start)))
            .collect();
        let (epoch, _) = history.last()?.clone();
        Some(EpochInfo { epoch, history })
    }

    pub(super) fn prune(&mut self, now_ms: u64) {
        let now = self.now(now_ms);
        if let Ok(mut tx) = self.store.begin("main", Access::Write)
            && service::prune(&mut tx, &now, &self.config).is_ok()
        {
            let _ = tx.commit();
        }
    }

    /// All that is there.
    pub(super) fn live(&self, of: Option<usize>) -> Live {
        if let Some(plain) = &self.plain {
            return plain.live(of);
        }
        let mut live = Live::new();
        for (key, record) in self.store.records("main") {
            if let (Some(document), Ok(collection)) = (&record.document, key.collection.parse()) {
                live.entry(collection)
                    .or_default()
                    .insert(key.id.to_owned(), (document.clone(), record.schema));
            }
        }
        live
    }

    fn now(&self, now_ms: u64) -> ServerNow {
        ServerNow {
            wall_ms: BASE_MS + now_ms,
            entropy: [self.epochs + 1; 32],
        }
    }
}

/// The rules of the application on the server.
fn judge(mutation: &Mutation, deferring: &AtomicBool) -> Result<(), Refusal> {
    let has = |field: &str| match &mutation.change {
        Change::Create(document) | Change::Replace(document) => document.text().contains(field),
        Change::Patch(patch) => patch
            .set
            .keys()
            .any(|path| path.keys()[0] == field.trim_matches('"')),
        Change::Delete => false,
    };
    if has("\"forbidden\"") {
        return Err(Refusal::rejected(
            "forbidden",
            "nobody may write this field",
        ));
    }
    if has("\"scope\"") {
        return Err(Refusal::OutOfScope);
    }
    if has("\"later\"") && deferring.load(Ordering::Relaxed) {
        return Err(Refusal::Deferred { after_ms: 3_000 });
    }
    Ok(())
}
