//! What is certified on what.

use super::server::Server;
use anyhow::Result;
use std::path::Path;

/// A connector on a backend.
pub(crate) struct Target {
    /// Its name, and that of its kept report.
    pub(crate) name: &'static str,
    /// The backend with its version.
    pub(crate) backend: &'static str,
    /// The connector's table in `tisync.toml`; `URL` is where the backend is.
    pub(crate) connector: &'static str,
    /// The token, in the variable `CERTIFY_TOKEN`.
    pub(crate) token: &'static str,
    /// What `tisync certify` is told besides.
    pub(crate) args: &'static [&'static str],
    /// Starts the backend and makes the collection `notes`.
    pub(crate) start: fn(&Path, &Path) -> Result<Server>,
}

/// `ann:secret`
const BASIC: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";

/// Everything that is certified.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "native",
        backend: concat!("tisync serve ", env!("CARGO_PKG_VERSION")),
        connector: "url = \"URL\"\ntoken_env = \"CERTIFY_TOKEN\"",
        token: "a-token-of-ann",
        args: &[],
        start: |tisync, folder| {
            let tokens = folder.join("tokens.toml");
            std::fs::write(
                &tokens,
                "[[token]]\ntoken = \"a-token-of-ann\"\ntenant = \"ann\"\n",
            )?;
            let tokens = tokens.to_string_lossy().into_owned();
            Server::own(tisync, folder, &["--tokens", &tokens])
        },
    },
    Target {
        name: "couchdb",
        backend: xtask_backends::POUCHDB_SERVER.about,
        connector: "kind = \"couchdb\"\nurl = \"URL\"\n[connectors.main.options]\nstamp_field = \"written\"",
        token: "",
        args: &[],
        start: |_, _| {
            let server = Server::other(&xtask_backends::POUCHDB_SERVER)?;
            server.ask("PUT", "/notes", "", "")?;
            Ok(server)
        },
    },
    Target {
        name: "kinto",
        backend: xtask_backends::KINTO.about,
        connector: "kind = \"kinto\"\nurl = \"URL/v1\"\ntoken_env = \"CERTIFY_TOKEN\"\n[connectors.main.options]\nbucket = \"certify\"",
        token: "ann:secret",
        args: &[],
        start: |_, _| {
            let server = Server::other(&xtask_backends::KINTO)?;
            server.ask("PUT", "/v1/buckets/certify", BASIC, "{}")?;
            server.ask("PUT", "/v1/buckets/certify/collections/notes", BASIC, "{}")?;
            Ok(server)
        },
    },
];
