//! A server that runs for as long as someone holds it.
use crate::{Backend, Place, Settings, Start, loopback};
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Seconds until a server must answer: the slowest takes two on a quiet machine.
const READY_S_MAX: u64 = 120;
/// Ports that are tried: another program may take one before the server does.
const PORTS_MAX: usize = 5;

/// A server that ends when this is dropped, or when this process ends in any way.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    watch: Child,
    port: u16,
    /// Its data, gone with it.
    data: TempDir,
}

impl Backend {
    /// Whether it is a server, which can be started.
    pub fn is_server(&self) -> bool {
        self.start.is_some()
    }

    /// Starts the server with no data, on a free port of 127.0.0.1, and waits until it answers.
    ///
    /// # Errors
    /// When it is not installed, does not start, or listens elsewhere than on loopback.
    pub fn start(&self) -> Result<Running> {
        let place = Place::of_this_build()?;
        let Some(start) = &self.start else {
            bail!("{} is no server", self.name);
        };
        if !self.is_installed(&place)? {
            bail!(
                "{} is not installed below {}: run `cargo xtask backends`",
                self.name,
                place.installed(self).display()
            );
        }
        for _ in 0..PORTS_MAX {
            match self.start_on(free_port()?, start, &place)? {
                Some(running) => {
                    loopback::check(running.watch.id())
                        .with_context(|| format!("{} was stopped", self.name))?;
                    return Ok(running);
                }
                None => continue,
            }
        }
        bail!(
            "{} found none of {PORTS_MAX} ports free that were free just before",
            self.name
        )
    }

    /// `None` when the port was taken meanwhile.
    fn start_on(&self, port: u16, start: &Start, place: &Place) -> Result<Option<Running>> {
        let data = TempDir::new().context("cannot make a folder for data")?;
        let installed = place.installed(self);
        let manifest = place.manifest(self);
        let command = (start.command)(&Settings {
            installed: &installed,
            manifest: &manifest,
            data: data.path(),
            port,
        });
        let log = data.path().join("log.txt");
        let output = std::fs::File::create(&log)?;
        // The shell ends the server when its own input ends: so the server never outlives this process.
        let mut watch = Command::new("sh");
        watch
            .args([
                "-c",
                r#""$@" & server=$!; cat >/dev/null; kill -9 $server; wait $server"#,
            ])
            .arg("sh")
            .args(command)
            .envs(start.env.iter().copied())
            .current_dir(data.path())
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output);
        let watch = watch
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        let running = Running {
            name: self.name,
            watch,
            port,
            data,
        };
        let begun = Instant::now();
        let has_ended = || {
            // The shell needs a moment until it has started the server.
            begun.elapsed() > Duration::from_secs(1) && !loopback::has_children(running.watch.id())
        };
        while !answers(port, start.ready) {
            let printed = std::fs::read_to_string(&log).unwrap_or_default();
            if printed.contains("EADDRINUSE") || printed.contains("already in use") {
                return Ok(None);
            }
            if begun.elapsed() > Duration::from_secs(READY_S_MAX) || has_ended() {
                bail!("{} does not answer; it printed:\n{printed}", self.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(running))
    }
}

impl Running {
    /// The server's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder with its data and its log.
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Whether a path answers with 200.
fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        )?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(&head[9..] == b"200")
    };
    ask().unwrap_or(false)
}
