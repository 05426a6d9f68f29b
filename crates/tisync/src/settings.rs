//! Settings: a replica declared in a configuration file.
use crate::address;
use crate::builder::ReplicaBuilder;
use crate::credentials::Credentials;
use crate::migrations::MigrateFunction;
use crate::options::CollectionOptions;
use crate::{Error, ErrorKind, Replica};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tisync_connect::connectors::{self, Make, Setup, SetupError};
use tisync_connect::settings::CollectionSettings;
use tisync_json::Object;

/// A replica declared in a configuration file (`tisync.toml`); it holds no secrets, only where to find them.
///
/// ```
/// let settings: tisync::Settings = serde_json::from_str(r#"{
///     "replica": "notes.db",
///     "connectors": {"main": {"url": "http://127.0.0.1:7400", "token_env": "TISYNC_TOKEN"}},
///     "collections": {"notes": {"policy": "merge", "fields": {"tags": "set"}}}
/// }"#).unwrap();
/// # let dir = tempfile::tempdir().unwrap();
/// let replica = settings.builder(dir.path())?.open()?;
/// # let _ = replica;
/// # Ok::<(), tisync::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The replica's file, relative to the configuration file.
    pub replica: PathBuf,
    /// The file that holds the key of the replica, relative to the configuration file; without one the replica is not
    /// encrypted. See [`ReplicaBuilder::encryption_key_file`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whose data this is, where several accounts of one server are used on one device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The backends by name.
    #[serde(default)]
    pub connectors: BTreeMap<String, ConnectorSettings>,
    /// The collections by name.
    #[serde(default)]
    pub collections: BTreeMap<String, CollectionSettings>,
}

/// A backend in a configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorSettings {
    /// What it speaks, one of [`tisync_connect::connectors::KINDS`]; `native` by default.
    #[serde(default = "native")]
    pub kind: String,
    /// The server's address.
    pub url: String,
    /// The server's address before it moved: a replica that belongs there follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// The environment variable that holds the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// The file that holds the token, relative to the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The program, with its arguments, that prints the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_command: Option<Vec<String>>,
    /// Seconds between two polls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_s: Option<u64>,
    /// Whether to keep a connection open for hints; yes by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<bool>,
    /// What only this kind of connector understands: see its page in `docs/connectors/`.
    #[serde(
        default,
        with = "tisync_json::any",
        skip_serializing_if = "Object::is_empty"
    )]
    pub options: Object,
}

fn native() -> String {
    "native".to_owned()
}

impl Default for ConnectorSettings {
    fn default() -> Self {
        ConnectorSettings {
            kind: native(),
            url: String::new(),
            moved_from: None,
            token_env: None,
            token_file: None,
            token_command: None,
            poll_s: None,
            hints: None,
            options: Object::new(),
        }
    }
}

impl Settings {
    /// Turns the settings into a builder; paths are relative to `folder`.
    pub fn builder(&self, folder: &Path) -> Result<ReplicaBuilder, Error> {
        let mut builder = Replica::open(folder.join(&self.replica));
        if let Some(file) = &self.key_file {
            builder = builder.encryption_key_file(folder.join(file));
        }
        if let Some(account) = &self.account {
            builder = builder.account(account);
        }
        for (name, connector) in &self.connectors {
            builder = connector.add_to(builder, name, folder)?;
        }
        for (name, collection) in &self.collections {
            builder = builder.collection(name, options(collection));
        }
        Ok(builder)
    }
}

impl ConnectorSettings {
    /// What makes the connector.
    ///
    /// # Errors
    /// When there is no such kind, or it cannot use these settings.
    pub fn make(&self) -> Result<Make, SetupError> {
        let setup = Setup {
            url: self.url.clone(),
            options: self.options.clone(),
        };
        connectors::make(&self.kind, &setup)
    }

    fn add_to(
        &self,
        builder: ReplicaBuilder,
        name: &str,
        folder: &Path,
    ) -> Result<ReplicaBuilder, Error> {
        address::has_no_secret(name, &self.url)?;
        address::is_http(name, &self.url)?;
        let make = self.make().map_err(|error| {
            Error::new(ErrorKind::BadConfig, format!("connector {name}: {error}"))
        })?;
        let mut builder = builder.connector(name, move || make());
        if let Some(credentials) = self.credentials(folder) {
            builder = builder.credentials(credentials);
        }
        if let Some(poll_s) = self.poll_s {
            builder = builder.poll_ms(name, poll_s.saturating_mul(1_000));
        }
        if let Some(address) = &self.moved_from {
            builder = builder.moved_from(name, address);
        }
        if let Some(hints) = self.hints {
            builder = builder.hints(name, hints);
        }
        Ok(builder)
    }

    /// The token is looked up anew each time that it is asked for, so that a refreshed one is found.
    fn credentials(&self, folder: &Path) -> Option<Credentials> {
        if let Some(variable) = self.token_env.clone() {
            return Some(Credentials::from_fn(move |_| {
                let token = std::env::var(&variable).map_err(|_| {
                    format!("expected the token in the environment variable {variable}, but it is not set")
                })?;
                Ok(token.into())
            }));
        }
        if let Some(file) = &self.token_file {
            let file = folder.join(file);
            return Some(Credentials::from_fn(move |_| {
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    format!("expected the token in {}, but {error}", file.display())
                })?;
                Ok(text.trim().into())
            }));
        }
        let command = self.token_command.clone()?;
        Some(Credentials::from_fn(move |_| run(&command).map(Into::into)))
    }
}

/// What settings that have become a file declare.
fn options(settings: &CollectionSettings) -> Result<CollectionOptions, Error> {
    let options = CollectionOptions::declared(settings.declared()?);
    Ok(match settings.migrations.as_slice() {
        [] => options,
        migrations => options.migrate_by(MigrateFunction::of_settings(migrations)?),
    })
}

/// Runs a program that prints a token.
fn run(command: &[String]) -> Result<String, String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("expected a program in token_command, but it is empty".to_owned());
    };
    let output = std::process::Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("expected to run {program} for the token, but {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "expected {program} to print the token, but it ended with {}",
            output.status
        ));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| format!("expected {program} to print the token as text"))?;
    Ok(text.trim().to_owned())
}
