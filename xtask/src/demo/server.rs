//! The reference server, as a process of its own.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long the server may take to listen; it takes some milliseconds.
const READY_MAX: Duration = Duration::from_secs(30);

/// A running server; it is stopped when this is dropped, unless it is kept.
pub(super) struct Server {
    child: Child,
    url: String,
    keep: bool,
}

impl Server {
    /// Starts a server with an empty file in the folder, on a free port of this machine.
    pub(super) fn start(tisync: &Path, folder: &Path, args: &[&str]) -> Result<Server> {
        let log = File::create(folder.join("server.log"))?;
        let mut child = Command::new(tisync)
            .args(args)
            .arg("--json")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        let stdout = child.stdout.take().context("the server has no output")?;
        let mut server = Server {
            child,
            url: String::new(),
            keep: false,
        };
        let (lines, first) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Only the first is waited for; reading the others keeps the pipe empty.
                let _ = lines.send(line);
            }
        });
        let line = first
            .recv_timeout(READY_MAX)
            .context("the server did not say where it listens; see server.log")?;
        let ready: Value = serde_json::from_str(&line)
            .with_context(|| format!("expected where the server listens, but {line:?} came"))?;
        server.url = ready["listening"]
            .as_str()
            .with_context(|| format!("expected where the server listens, but {line:?} came"))?
            .to_owned();
        Ok(server)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets the server run on when this program ends.
    pub(super) fn keep(&mut self) {
        self.keep = true;
    }

    /// Asks the server what it holds: the number of a collection's records, and the digest of their ids and versions.
    pub(super) fn digest(&self, collection: &str) -> Result<(u64, String)> {
        let body = serde_json::json!({ "collections": [collection] });
        let answer = self.post("/v1/digest", &body.to_string())?;
        let digest = &answer["digests"][0];
        match (digest["count"].as_u64(), digest["hash"].as_str()) {
            (Some(count), Some(hash)) => Ok((count, hash.to_owned())),
            _ => bail!("expected a digest of {collection}, but {answer} came"),
        }
    }

    fn post(&self, path: &str, body: &str) -> Result<Value> {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).context("cannot reach the server")?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("expected an answer of HTTP, but something else came")?;
        ensure!(
            head.starts_with("HTTP/1.1 200 "),
            "expected the answer to {path}, but this came:\n{answer}"
        );
        serde_json::from_str(body).with_context(|| format!("expected JSON, but {body:?} came"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.keep {
            // It is gone already, or it goes now: both are what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
