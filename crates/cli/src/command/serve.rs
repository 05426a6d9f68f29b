//! `tisync serve`
use crate::args::Serve;
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::tokens::TokenFile;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tisync_server::edge::{ServeConfig, serve};
use tisync_server::faces::acs::{Admin, OAuth, Settings};
use tokio::net::TcpListener;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Serves until interrupted.
pub(crate) fn run(options: &Serve, out: &Out) -> Result<Code, Failure> {
    let config = config(options)?;
    let listen = &options.listen;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::failed(format!(
                "expected to listen on {listen}, but {error}; choose another address with --listen"
            ))
        })?;
        let local = listener.local_addr()?;
        check_open(&config, local)?;
        let address = format!("http://{local}");
        out.line(format!("listening on {address} (Ctrl-C ends it)"));
        out.object(&json!({"listening": address}))?;
        serve(config, listener, interrupted())
            .await
            .map_err(|error| Failure::failed(error.to_string()))
    })?;
    out.line("stopped");
    Ok(Code::Ok)
}

fn config(options: &Serve) -> Result<ServeConfig, Failure> {
    let mut config = ServeConfig::new(&options.data);
    if let Some(name) = &options.token_env {
        config.service.token = Some(secret("the token", name)?);
    }
    if let Some(file) = &options.tokens {
        config.service.authorise = Some(Arc::new(TokenFile::open(file)?));
    }
    if let Some(bytes) = options.document_bytes_max {
        config.service.limits.document_bytes_max = bytes;
    }
    for text in &options.schema_min {
        let (collection, number) = schema_min(text)?;
        config.service.schemas_min.insert(collection, number);
    }
    let acs = &options.acs;
    if let Some(key) = &acs.key {
        let mut settings = Settings::new(key);
        settings.session_ms = u64::from(acs.session_days) * DAY_MS;
        if let (Some(key), Some(name)) = (&acs.oauth_key, &acs.oauth_secret_env) {
            settings.oauth = Some(OAuth {
                key: key.clone(),
                secret: secret("the OAuth secret", name)?,
            });
        }
        config.service.acs = Some(settings);
    }
    if let (Some(username), Some(name)) = (&acs.admin, &acs.admin_password_env) {
        config.acs_admin = Some(Admin {
            username: username.clone(),
            password: secret("the admin's password", name)?,
        });
    }
    Ok(config)
}

fn schema_min(text: &str) -> Result<(String, u32), Failure> {
    let parts = text.split_once('=');
    let read = parts.and_then(|(name, number)| Some((name.to_owned(), number.parse().ok()?)));
    read.ok_or_else(|| {
        Failure::usage(format!(
            "expected --schema-min COLLECTION=NUMBER, for example notes=2, but {text:?} came"
        ))
    })
}

fn secret(what: &str, name: &str) -> Result<String, Failure> {
    let secret = std::env::var(name).ok().filter(|secret| !secret.is_empty());
    secret.ok_or_else(|| {
        Failure::failed(format!(
            "expected {what} in the environment variable {name}, but it is not set"
        ))
    })
}

/// Whether a token is needed to come in.
fn is_guarded(config: &ServeConfig) -> bool {
    config.service.token.is_some() || config.service.authorise.is_some()
}

/// Refuses to serve apps with users beside a native protocol that is open to everybody who can reach it.
fn check_open(config: &ServeConfig, local: SocketAddr) -> Result<(), Failure> {
    let open = config.service.acs.is_some() && !is_guarded(config) && !local.ip().is_loopback();
    if !open {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "expected --token-env or --tokens beside --acs-key, since others can reach {local}: without a token everybody may read and write \
         all records by the native protocol, whatever the apps' users and ACLs say"
    )))
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
