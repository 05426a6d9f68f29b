//! A server and replicas in temporary folders.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tempfile::TempDir;
use tisync::{Replica, ReplicaBuilder};
use tisync_protocol::Mutation;
use tisync_server::edge::{ServeConfig, serve};
use tisync_server::{Grant, Refusal, ServerNow};
use tokio::sync::oneshot;

/// A reference server in this process, on a free port.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    data: PathBuf,
    token: Option<String>,
    strict: bool,
    access: Option<Access>,
    /// The oldest schemas that it takes, from its next start on.
    pub schemas_min: Vec<(String, u32)>,
}

/// Who may come in: one token that the test replaces, and what its bearer may do.
#[derive(Clone, Default)]
pub struct Access {
    state: Arc<Mutex<AccessState>>,
}

#[derive(Default)]
struct AccessState {
    number: usize,
    requests: usize,
    refusals: usize,
    expires_after: Option<usize>,
    read_only: bool,
}

impl Access {
    /// The token that is good now.
    pub fn token(&self) -> String {
        format!("token-{}", self.state().number)
    }

    /// Refuses the token that was good until now.
    pub fn renew(&self) {
        self.state().number += 1;
    }

    /// Refuses the token after so many more requests.
    pub fn expire_after(&self, requests: usize) {
        self.state().expires_after = Some(requests);
    }

    /// Lets its bearer write, or not.
    pub fn read_only(&self, on: bool) {
        self.state().read_only = on;
    }

    /// Requests that came.
    pub fn requests(&self) -> usize {
        self.state().requests
    }

    /// Requests that were refused.
    pub fn refusals(&self) -> usize {
        self.state().refusals
    }

    fn state(&self) -> std::sync::MutexGuard<'_, AccessState> {
        self.state.lock().unwrap()
    }

    fn check(&self, token: Option<&str>) -> Result<Grant, String> {
        let mut state = self.state();
        state.requests += 1;
        if state.expires_after == Some(0) {
            state.number += 1;
        }
        state.expires_after = state.expires_after.and_then(|left| left.checked_sub(1));
        if token != Some(&format!("token-{}", state.number)) {
            state.refusals += 1;
            return Err("the token is not good, or no longer".into());
        }
        Ok(Grant {
            read_only: state.read_only,
            ..Grant::to("main")
        })
    }
}

impl Server {
    pub fn start(folder: &Path, token: Option<&str>, strict: bool) -> Self {
        let mut server = Server {
            address: ([127, 0, 0, 1], 0).into(),
            stop: None,
            thread: None,
            data: folder.join("server.db"),
            token: token.map(str::to_owned),
            strict,
            access: None,
            schemas_min: Vec::new(),
        };
        server.resume();
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the server; its file and its port stay.
    pub fn pause(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Serves again at the same address.
    pub fn resume(&mut self) {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = std::sync::mpsc::channel();
        let mut config = ServeConfig::new(&self.data);
        config.service.token = self.token.clone();
        if let Some(access) = self.access.clone() {
            config.service.authorise = Some(Arc::new(move |token: Option<&str>, _: &ServerNow| {
                access.check(token)
            }));
        }
        config.service.schemas_min = self.schemas_min.iter().cloned().collect();
        if self.strict {
            config.service.validate = Some(Arc::new(no_bad_notes));
        }
        let wanted = self.address;
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind(wanted).await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                serve(config, listener, stopped).await.unwrap();
            });
        });
        self.address = address.recv().unwrap();
        self.stop = Some(stop);
        self.thread = Some(thread);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.pause();
    }
}

fn no_bad_notes(mutation: &Mutation) -> Result<(), Refusal> {
    let text = serde_json::to_string(mutation).unwrap().replace(' ', "");
    if text.contains("bad\":true") || text.contains("bad\\\":true") {
        return Err(Refusal::rejected("bad", "no bad notes"));
    }
    Ok(())
}

/// A folder with a server.
pub struct World {
    pub server: Server,
    pub folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        World::with_token(None)
    }

    pub fn with_token(token: Option<&str>) -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(folder.path(), token, false);
        World { server, folder }
    }

    /// The server lets those in whom the test lets in.
    pub fn with_access() -> (Self, Access) {
        let mut world = World::new();
        let access = Access::default();
        world.server.pause();
        world.server.access = Some(access.clone());
        world.server.resume();
        (world, access)
    }

    /// The server refuses notes that are marked `bad`.
    pub fn strict() -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(folder.path(), None, true);
        World { server, folder }
    }

    /// A replica to be declared further.
    pub fn device(&self, name: &str) -> ReplicaBuilder {
        Replica::open(self.folder.path().join(format!("{name}.db"))).server(&self.server.url())
    }

    /// A replica with the collection `notes`.
    pub fn notes(&self, name: &str, policy: &str) -> Replica {
        self.device(name)
            .collection("notes", policy)
            .open()
            .unwrap()
    }
}

/// The text of a record, or `-`.
pub fn text(replica: &Replica, id: &str) -> String {
    let document = replica.collection("notes").unwrap().get(id).unwrap();
    document.map_or_else(|| "-".to_owned(), |document| document.canonical())
}
