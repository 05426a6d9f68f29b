//! Backends that are up: those of others, and our own.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use xtask_backends::{Backend, Running};

/// A backend that ends when it is dropped.
pub(crate) enum Server {
    Other(Running),
    Own { child: Child, url: String },
}

impl Server {
    /// Starts a server of others.
    pub(crate) fn other(backend: &Backend) -> Result<Self> {
        backend.start().map(Server::Other)
    }

    /// Starts `tisync serve`.
    pub(crate) fn own(tisync: &Path, folder: &Path, args: &[&str]) -> Result<Self> {
        let mut child = Command::new(tisync)
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--data"])
            .arg(folder.join("server.db"))
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start tisync serve")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("tisync serve has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let told: serde_json::Value =
            serde_json::from_str(&line).with_context(|| format!("tisync serve said {line:?}"))?;
        let url = told["listening"]
            .as_str()
            .context("tisync serve told no address")?;
        Ok(Server::Own {
            url: url.to_owned(),
            child,
        })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        match self {
            Server::Other(running) => running.url(),
            Server::Own { url, .. } => url.clone(),
        }
    }

    /// Sends a request that must be answered with a status from 200 to 299; gives the answer with its head.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<String> {
        let url = self.url();
        let address = url.trim_start_matches("http://");
        let json = match headers.contains("Content-Type") {
            true => "",
            false => "Content-Type: application/json\r\n",
        };
        let mut stream = TcpStream::connect(address)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{json}{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.get(9..10) {
            Some("2") => Ok(answer),
            _ => bail!("{method} {path} was answered: {answer}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Server::Own { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
