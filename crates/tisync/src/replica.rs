//! The replica: one device's local database and its engine.
use crate::builder::ReplicaBuilder;
use crate::collection::Collection;
use crate::conflicts::Conflicts;
use crate::events::Events;
use crate::journal::Journal;
use crate::local::lock;
use crate::outbox::Outbox;
use crate::shared::Shared;
use crate::traffic::Totals;
use crate::typed::Typed;
use crate::watch::{Answer, Watch};
use crate::worker::{self, Command, Worker};
use crate::writes::Writes;
use crate::{Error, ErrorKind, SyncReport, host};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak, mpsc};
use tisync_core::model::{
    CollectionName, Config, ConnectorName, FeedKey, Input, NetworkState, Output, Planned, Written,
};
use tisync_json::Value;
use tisync_store::{SqlRows, Topic};
use tokio::sync::oneshot;

/// One device's local database and its engine; a handle that is cheap to clone and may be used from any
/// thread.
///
/// Reads and writes are local and blocking; they never wait for the network. A write is durable when the
/// call returns. [`Replica::sync`] and [`Replica::start`] exchange changes with the backends.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use tisync::Replica;
/// let replica = Replica::open(dir.path().join("notes.db"))
///     .collection("notes", "merge")
///     .open()?;
/// let notes = replica.collection("notes")?;
/// notes.put("n1", r#"{"title": "Milk"}"#)?;
/// assert_eq!(notes.get("n1")?.unwrap().text(), r#"{"title": "Milk"}"#);
/// # Ok::<(), tisync::Error>(())
/// ```
#[derive(Clone)]
pub struct Replica {
    inner: Arc<Inner>,
}

/// What all handles of a replica share.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    worker: Mutex<Option<Worker>>,
}

impl Inner {
    pub(crate) fn handle(shared: Arc<Shared>) -> Replica {
        Replica {
            inner: Arc::new(Inner {
                shared,
                worker: Mutex::new(None),
            }),
        }
    }

    /// Tells the worker, if it runs, that something was written.
    fn nudge(&self) {
        if let Some(worker) = lock(&self.worker).as_ref() {
            worker.nudge();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.watchers.close();
    }
}

impl Replica {
    /// Declares a replica that lives in the file at `path`.
    #[allow(clippy::new_ret_no_self)]
    pub fn open(path: impl AsRef<Path>) -> ReplicaBuilder {
        ReplicaBuilder::new(path.as_ref().to_owned())
    }

    /// A collection of JSON documents.
    pub fn collection(&self, name: &str) -> Result<Collection, Error> {
        let name = self.known(name)?;
        Ok(Collection::new(self.clone(), name))
    }

    /// A collection of values of a serde type. The type holds the document without the id.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use serde::{Deserialize, Serialize};
    /// use tisync::Replica;
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Note { title: String, done: bool }
    ///
    /// let replica = Replica::open(dir.path().join("notes.db")).collection("notes", "merge").open()?;
    /// let notes = replica.typed::<Note>("notes")?;
    /// notes.put("n1", &Note { title: "Milk".into(), done: false })?;
    /// assert!(!notes.get("n1")?.unwrap().done);
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn typed<T>(&self, name: &str) -> Result<Typed<T>, Error> {
        Ok(Typed::new(self.collection(name)?))
    }

    /// Makes several writes that stay together: here in one transaction, and on the server whole or not at
    /// all, where the backend can do that.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let replica = tisync::Replica::open(dir.path().join("a.db")).collection("notes", "merge").open()?;
    /// replica.group(|group| {
    ///     group.put("notes", "a", r#"{"next": "b"}"#)?;
    ///     group.put("notes", "b", r#"{"next": null}"#)
    /// })?;
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn group(
        &self,
        writes: impl FnOnce(&mut Writes) -> Result<(), Error>,
    ) -> Result<Vec<Written>, Error> {
        self.write_all(writes, true)
    }

    /// Makes many writes in one transaction here; on the server each stands for itself. For imports.
    pub fn bulk(
        &self,
        writes: impl FnOnce(&mut Writes) -> Result<(), Error>,
    ) -> Result<Vec<Written>, Error> {
        self.write_all(writes, false)
    }

    /// Syncs once: sends what waits, pulls what changed, and returns when nothing is under way any more.
    ///
    /// An error says why the exchange with a backend failed; everything that was settled before stays so.
    /// Works in any async runtime.
    pub async fn sync(&self) -> Result<SyncReport, Error> {
        let answer = self.ask_for_sync()?;
        answer.await.map_err(|_| worker::gone())?
    }

    /// [`Replica::sync`] for a plain thread.
    ///
    /// # Panics
    /// Inside an async runtime, which must not be blocked: use [`Replica::sync`] there.
    pub fn blocking_sync(&self) -> Result<SyncReport, Error> {
        let answer = self.ask_for_sync()?;
        answer.blocking_recv().map_err(|_| worker::gone())?
    }

    /// Starts to sync in the background: after each write, on hints, by polls, after failures with back-off.
    ///
    /// While another process syncs this file it waits to take over.
    pub fn start(&self) -> Result<(), Error> {
        self.tell(Command::Start)
    }

    /// Stops to sync in the background: no exchange begins after it has returned.
    pub fn stop(&self) -> Result<(), Error> {
        let worker = lock(&self.inner.worker);
        let Some(worker) = worker.as_ref() else {
            return Ok(());
        };
        let (answer, stopped) = mpsc::channel();
        worker.tell(Command::Stop(answer))?;
        stopped.recv().map_err(|_| worker::gone())
    }

    /// Passes on the host's network signal; it is only a hint that a probe of the backend follows up.
    pub fn network(&self, online: bool) -> Result<(), Error> {
        self.tell(Command::Network(online))
    }

    /// Passes on that something may have changed on a connector's backend, such as a push notification: its feeds
    /// are pulled soon, while sync runs.
    pub fn hint(&self, connector: &str) -> Result<(), Error> {
        self.tell(Command::Hint(connector.to_owned()))
    }

    /// How far requests get, since when, and why no further: of several backends, the one that is reached least.
    /// [`tisync_core::model::Health::connectors`] has each. Changes come as [`tisync_core::model::Event::Network`].
    ///
    /// Reads and writes never depend on it: they are local.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::{Replica, model::Reach};
    /// let replica = Replica::open(dir.path().join("notes.db"))
    ///     .server("http://127.0.0.1:9")
    ///     .collection("notes", "merge")
    ///     .open()?;
    /// assert_eq!(replica.network_state()?.reach, Reach::Unknown);
    /// replica.blocking_sync().unwrap_err();
    /// let state = replica.network_state()?;
    /// assert!(state.reach.is_cut_off());
    /// println!("since {} ms: {}", state.since_ms, state.why.unwrap());
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn network_state(&self) -> Result<NetworkState, Error> {
        let health = self.health()?;
        let states = health.connectors.into_iter().map(|one| one.network);
        Ok(states.max_by_key(|state| state.reach).unwrap_or_default())
    }

    /// Says that there are new credentials for a connector: its provider is asked again.
    pub fn credentials_changed(&self, connector: &str) -> Result<(), Error> {
        self.tell(Command::Credentials(connector.to_owned()))
    }

    /// Whether this replica syncs in the background.
    pub fn is_running(&self) -> bool {
        self.inner.shared.running.load(Ordering::Acquire)
    }

    /// What went over the wire since the replica was opened.
    pub fn traffic(&self) -> Totals {
        self.inner.shared.traffic.totals()
    }

    /// The same for each connector.
    pub fn traffic_by_connector(&self) -> BTreeMap<ConnectorName, Totals> {
        self.inner.shared.traffic.by_connector()
    }

    /// Receives what changes from now on. What other processes write shows as [`crate::Notice::Elsewhere`], and how far
    /// a pull is as [`crate::Notice::Progress`].
    ///
    /// ```no_run
    /// use tisync::{Notice, Replica};
    /// let replica = Replica::open("notes.db")
    ///     .server("http://127.0.0.1:7400")
    ///     .collection("notes", "merge")
    ///     .open()?;
    /// let mut events = replica.events();
    /// replica.start()?;
    /// while let Some(notice) = events.blocking_next() {
    ///     if let Notice::Progress(pull) = notice {
    ///         let of = pull.total.map_or(String::new(), |total| format!(" of {total}"));
    ///         println!("{}: {}{of}", pull.collection, pull.stored);
    ///         if pull.complete {
    ///             break;
    ///         }
    ///     }
    /// }
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn events(&self) -> Events {
        Events::new(self.inner.shared.watchers.clone())
    }

    /// Follows the answer to [`Replica::sql`].
    pub fn watch_sql(&self, sql: &str, values: &[Value]) -> Watch<SqlRows> {
        let (sql, values) = (sql.to_owned(), values.to_vec());
        Watch::new(self, Topic::Records, move |replica| {
            let rows = replica.sql(&sql, &values)?;
            Ok(Answer::seen_as(rows, |rows| {
                (rows.columns.clone(), rows.rows.clone())
            }))
        })
    }

    /// How many live queries and receivers of events there are: each is one until it is dropped.
    pub fn watchers(&self) -> usize {
        self.inner.shared.watchers.len()
    }

    /// The outbox: what waits to be sent, and what was refused.
    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.clone())
    }

    /// The open conflicts.
    pub fn conflicts(&self) -> Conflicts {
        Conflicts::new(self.clone())
    }

    /// The journal of decisions.
    pub fn journal(&self) -> Journal {
        Journal::new(self.clone())
    }

    /// Runs one `SELECT` over the views of the collections: each has the collection's name, with the column
    /// `id`, the declared columns, and `document` with the whole text.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// use tisync::{CollectionOptions, Replica};
    /// let replica = Replica::open(dir.path().join("notes.db"))
    ///     .collection("notes", CollectionOptions::policy("merge")?.column("stars", "integer"))
    ///     .open()?;
    /// replica.collection("notes")?.put("a", r#"{"stars": 2}"#)?;
    /// let answer = replica.sql("SELECT id, stars FROM notes WHERE stars > ?", &[1.into()])?;
    /// assert_eq!(answer.columns, ["id", "stars"]);
    /// assert_eq!(answer.rows, [["a".into(), 2.into()]]);
    /// # Ok::<(), tisync::Error>(())
    /// ```
    pub fn sql(&self, sql: &str, values: &[Value]) -> Result<SqlRows, Error> {
        self.inner.shared.readers.sql(sql, values)
    }

    /// What a sync would do, as far as this replica can know, without doing it.
    pub fn plan(&self, limit: usize) -> Result<Vec<Planned>, Error> {
        self.inner
            .shared
            .local
            .look(|engine, store| Ok(engine.plan(store, host::now()?, limit)?))
    }

    /// Answers the blocker `shrink confirmation` of a feed: whether the missing records may go.
    pub fn confirm_shrink(&self, feed: FeedKey, delete: bool) -> Result<(), Error> {
        self.step(Input::ConfirmShrink { feed, delete }).map(drop)
    }

    /// Walks a feed from the beginning again.
    pub fn resync(&self, feed: FeedKey) -> Result<(), Error> {
        self.step(Input::Resync(feed)).map(drop)
    }

    /// The configuration as the engine has it.
    pub fn config(&self) -> &Config {
        &self.inner.shared.config
    }

    /// The file.
    pub fn path(&self) -> &PathBuf {
        &self.inner.shared.path
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    /// The handle of a replica that is still open.
    pub(crate) fn upgrade(inner: &Weak<Inner>) -> Option<Replica> {
        Some(Replica {
            inner: inner.upgrade()?,
        })
    }

    /// A handle that does not keep the replica open.
    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
    }

    /// Checks that a collection is configured.
    pub(crate) fn known(&self, name: &str) -> Result<CollectionName, Error> {
        let collection = CollectionName::new(name)?;
        let collections = &self.inner.shared.config.collections;
        if collections.contains_key(&collection) {
            return Ok(collection);
        }
        let known: Vec<&str> = collections.keys().map(CollectionName::as_str).collect();
        Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "expected one of the collections {}, but {name:?} came; declare it in the configuration",
                known.join(", ")
            ),
        ))
    }

    /// Steps a local input, and lets the worker send what came of it.
    pub(crate) fn step(&self, input: Input) -> Result<Vec<Output>, Error> {
        let outputs = self.inner.shared.local.step(input)?;
        self.inner.nudge();
        Ok(outputs)
    }

    pub(crate) fn write_all(
        &self,
        fill: impl FnOnce(&mut Writes) -> Result<(), Error>,
        group: bool,
    ) -> Result<Vec<Written>, Error> {
        let mut writes = Writes::new(self.clone());
        fill(&mut writes)?;
        let writes = writes.into_inner();
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let outputs = self.step(Input::Write { writes, group })?;
        Ok(outputs
            .into_iter()
            .find_map(|output| match output {
                Output::Written(written) => Some(written),
                _ => None,
            })
            .unwrap_or_default())
    }

    fn ask_for_sync(&self) -> Result<oneshot::Receiver<Result<SyncReport, Error>>, Error> {
        let (answer, report) = oneshot::channel();
        self.tell(Command::Sync(answer))?;
        Ok(report)
    }

    /// Tells the worker something; it starts when it is needed first.
    pub(crate) fn tell(&self, command: Command) -> Result<(), Error> {
        let mut worker = lock(&self.inner.worker);
        if worker.is_none() {
            *worker = Some(Worker::spawn(self.inner.shared.clone())?);
        }
        match worker.as_ref() {
            Some(worker) => worker.tell(command),
            None => Err(worker::gone()),
        }
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replica").field(self.path()).finish()
    }
}
