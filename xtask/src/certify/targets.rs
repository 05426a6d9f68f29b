//! What is certified on what.

use super::server::Server;
use anyhow::{Context, Result};
use std::path::Path;

/// A connector on a backend.
pub(crate) struct Target {
    /// Its name, and that of its kept report.
    pub(crate) name: &'static str,
    /// The backend with its version.
    pub(crate) backend: &'static str,
    /// The connector's table in `tisync.toml`; `URL` is where the backend is.
    pub(crate) connector: &'static str,
    /// What `tisync certify` is told besides.
    pub(crate) args: &'static [&'static str],
    /// Starts the backend, makes the collection `notes`, and gives the token for the variable `CERTIFY_TOKEN`.
    pub(crate) start: fn(&Path, &Path) -> Result<(Server, String)>,
}

/// `ann:secret`
const BASIC: &str = "Authorization: Basic YW5uOnNlY3JldA==\r\n";

/// Everything that is certified.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "native",
        backend: concat!("tisync serve ", env!("CARGO_PKG_VERSION")),
        connector: "url = \"URL\"\ntoken_env = \"CERTIFY_TOKEN\"",
        args: &[],
        start: |tisync, folder| {
            let tokens = folder.join("tokens.toml");
            std::fs::write(
                &tokens,
                "[[token]]\ntoken = \"a-token-of-ann\"\ntenant = \"ann\"\n",
            )?;
            let tokens = tokens.to_string_lossy().into_owned();
            let server = Server::own(tisync, folder, &["--tokens", &tokens])?;
            Ok((server, "a-token-of-ann".to_owned()))
        },
    },
    Target {
        name: "couchdb",
        backend: xtask_backends::POUCHDB_SERVER.about,
        connector: "kind = \"couchdb\"\nurl = \"URL\"\n[connectors.main.options]\nstamp_field = \"written\"",
        args: &[],
        start: |_, _| {
            let server = Server::other(&xtask_backends::POUCHDB_SERVER)?;
            server.ask("PUT", "/notes", "", "")?;
            Ok((server, String::new()))
        },
    },
    Target {
        name: "kinto",
        backend: xtask_backends::KINTO.about,
        connector: "kind = \"kinto\"\nurl = \"URL/v1\"\ntoken_env = \"CERTIFY_TOKEN\"\n[connectors.main.options]\nbucket = \"certify\"",
        args: &[],
        start: |_, _| {
            let server = Server::other(&xtask_backends::KINTO)?;
            server.ask("PUT", "/v1/buckets/certify", BASIC, "{}")?;
            server.ask("PUT", "/v1/buckets/certify/collections/notes", BASIC, "{}")?;
            Ok((server, "ann:secret".to_owned()))
        },
    },
    Target {
        name: "acs",
        backend: concat!("tisync serve ", env!("CARGO_PKG_VERSION"), " --acs-key"),
        connector: "kind = \"acs\"\nurl = \"URL\"\ntoken_env = \"CERTIFY_TOKEN\"\n[connectors.main.options]\nkey = \"APPKEY\"",
        args: &[],
        start: |tisync, folder| {
            let server = Server::own(tisync, folder, &["--acs-key", "APPKEY"])?;
            let session = acs_session(&server)?;
            Ok((server, session))
        },
    },
    Target {
        name: "rest-json-server",
        backend: xtask_backends::JSON_SERVER.about,
        connector: concat!(
            "kind = \"rest\"\nurl = \"URL\"\n[connectors.main.options]\npaths = { notes = \"notes\" }\nauth = \"none\"\n",
            "paging = { by = \"page\", page = \"_page\", limit = \"_limit\" }\ntotal = { header = \"X-Total-Count\" }\nslash_in_ids = true\npage_items = 10"
        ),
        args: &[],
        start: |_, _| Ok((Server::other(&xtask_backends::JSON_SERVER)?, String::new())),
    },
    Target {
        name: "rest-django-rest",
        backend: xtask_backends::DJANGO_REST.about,
        connector: concat!(
            "kind = \"rest\"\nurl = \"URL\"\ntoken_env = \"CERTIFY_TOKEN\"\n[connectors.main.options]\n",
            "paths = { notes = \"guarded\" }\ntrailing_slash = true\nauth = \"basic\"\nrows = \"results\"\n",
            "paging = { by = \"page\", page = \"page\", limit = \"page_size\" }\ntotal = { field = \"count\" }\n",
            "page_items = 10\nversion_field = \"rev\"\nif_match = true\nhide = [\"rev\", \"updated_at\"]\n",
            "changes = { field = \"updated_at\", since = \"updated_at__gte\", sort = { ordering = \"updated_at,id\" } }"
        ),
        args: &[],
        start: |_, _| {
            let server = Server::other(&xtask_backends::DJANGO_REST)?;
            Ok((server, "ann:s3cret".to_owned()))
        },
    },
];

/// Signs a user up, and gives the id of the session.
fn acs_session(server: &Server) -> Result<String> {
    let user = "username=ann&password=a-secret&password_confirmation=a-secret";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = server.ask("POST", "/v1/users/create.json?key=APPKEY", form, user)?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("an answer without a body")?;
    let body: serde_json::Value = serde_json::from_str(body.trim())?;
    let session = body["meta"]["session_id"].as_str();
    Ok(session.context("an answer without a session")?.to_owned())
}
