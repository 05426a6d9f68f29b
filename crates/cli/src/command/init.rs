//! `tisync init`
use crate::args::{Args, Init};
use crate::config;
use crate::exit::{Code, Failure};
use crate::fields;
use crate::output::Out;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tisync::{CollectionSettings, ConnectorSettings, Settings};

const HEADER: &str = "\
# The configuration of a Ti.Sync replica; `tisync --help` tells more. Secrets stay out of it: name an
# environment variable (token_env), a file (token_file) or a program (token_command) that has the token.
";

/// Writes the configuration file and makes the replica.
pub(crate) fn run(args: &Args, options: &Init, out: &Out) -> Result<Code, Failure> {
    let path = config::path(args);
    if path.exists() {
        return Err(Failure::failed(format!(
            "expected to write {}, but it is there already; edit it, or move it away",
            path.display()
        )));
    }
    let settings = settings(options, key_file(args)?)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    // Checked before anything is written.
    let replica = config::keyed(settings.builder(folder)?, args)?.open()?;
    let text = toml::to_string(&settings)
        .map_err(|error| Failure::failed(format!("expected to write TOML, but {error}")))?;
    let mut file = std::fs::File::create_new(&path).map_err(|error| {
        Failure::failed(format!("expected to write {}, but {error}", path.display()))
    })?;
    write!(file, "{HEADER}{text}")?;
    out.line(format!(
        "wrote {} and made {}",
        path.display(),
        replica.path().display()
    ));
    if options.server.is_some() {
        out.line("next: `tisync sync`, then `tisync status`");
    } else {
        out.line("local only: add [connectors.main] with a url to sync");
    }
    out.object(&json!({"config": path, "replica": replica.path()}))?;
    Ok(Code::Ok)
}

/// The key's file as the configuration file names it, which may be in another folder.
fn key_file(args: &Args) -> Result<Option<PathBuf>, Failure> {
    let Some(file) = &args.key_file else {
        return Ok(None);
    };
    Ok(Some(match args.config {
        None => file.clone(),
        Some(_) => std::path::absolute(file)?,
    }))
}

fn settings(options: &Init, key_file: Option<PathBuf>) -> Result<Settings, Failure> {
    let mut collections = BTreeMap::new();
    for text in &options.collections {
        let (name, policy) = text.split_once(':').ok_or_else(|| {
            Failure::usage(format!(
                "expected --collection NAME:POLICY, for example notes:merge, but {text:?} came"
            ))
        })?;
        let settings = CollectionSettings {
            policy: policy.to_owned(),
            ..CollectionSettings::default()
        };
        collections.insert(name.to_owned(), settings);
    }
    let mut connectors = BTreeMap::new();
    if let Some(url) = &options.server {
        let settings = ConnectorSettings {
            kind: options.kind.clone(),
            url: url.clone(),
            token_env: options.token_env.clone(),
            options: fields::options(&options.options)?,
            ..ConnectorSettings::default()
        };
        connectors.insert("main".to_owned(), settings);
    }
    Ok(Settings {
        replica: options.replica.clone(),
        key_file,
        account: options.account.clone(),
        connectors,
        collections,
    })
}
