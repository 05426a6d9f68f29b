//! `tisync serve`
use crate::exit::{Code, Failure};
use crate::output::Out;
use serde_json::json;
use std::path::Path;
use tisync_server::edge::{ServeConfig, serve};
use tokio::net::TcpListener;

/// Serves until interrupted.
pub(crate) fn run(
    data: &Path,
    listen: &str,
    token_env: Option<&str>,
    document_bytes_max: Option<u64>,
    out: &Out,
) -> Result<Code, Failure> {
    let mut config = ServeConfig::new(data);
    if let Some(name) = token_env {
        let token = std::env::var(name).map_err(|_| {
            Failure::failed(format!(
                "expected the token in the environment variable {name}, but it is not set"
            ))
        })?;
        config.service.token = Some(token);
    }
    if let Some(bytes) = document_bytes_max {
        config.service.limits.document_bytes_max = bytes;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::failed(format!(
                "expected to listen on {listen}, but {error}; choose another address with --listen"
            ))
        })?;
        let address = format!("http://{}", listener.local_addr()?);
        out.line(format!("listening on {address} (Ctrl-C ends it)"));
        out.object(&json!({"listening": address}))?;
        serve(config, listener, interrupted())
            .await
            .map_err(|error| Failure::failed(error.to_string()))
    })?;
    out.line("stopped");
    Ok(Code::Ok)
}

/// Resolves when the process is asked to end.
pub(crate) async fn interrupted() {
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                () = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await;
}
