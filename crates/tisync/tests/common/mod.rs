//! A server and replicas in temporary folders.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tisync::{Replica, ReplicaBuilder};
use tisync_protocol::Mutation;
use tisync_server::Refusal;
use tisync_server::edge::{ServeConfig, serve};
use tokio::sync::oneshot;

/// A reference server in this process, on a free port.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    data: PathBuf,
    token: Option<String>,
    strict: bool,
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
