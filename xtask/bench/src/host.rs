//! A server on a thread of its own, on a free port of the loopback.
use anyhow::{Context, Result, anyhow};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use tisync_server::edge::{ServeConfig, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Host {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// Our server over a file.
    pub(crate) fn ours(path: &Path) -> Result<Self> {
        let config = ServeConfig::new(path);
        Host::start(move |listener, stopped| async move {
            let stopped = async { drop(stopped.await) };
            serve(config, listener, stopped)
                .await
                .map_err(|error| anyhow!("{error}"))
        })
    }

    /// Runs `serve` until the handle is dropped.
    pub(crate) fn start<F, Fut>(serve: F) -> Result<Self>
    where
        F: FnOnce(TcpListener, oneshot::Receiver<()>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>>,
    {
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let run = || -> Result<()> {
                let runtime = tokio::runtime::Runtime::new()?;
                runtime.block_on(async {
                    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                    // Fails only when the starter has gone.
                    let _ = ready.send(listener.local_addr()?);
                    serve(listener, stopped).await
                })
            };
            if let Err(error) = run() {
                eprintln!("a server failed: {error:#}");
            }
        });
        let address = address.recv().context("the server did not start")?;
        Ok(Host {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address, with the scheme.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
