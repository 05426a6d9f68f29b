//! The configuration file.
use crate::args::Args;
use crate::exit::Failure;
use std::env::VarError;
use std::path::{Path, PathBuf};
use tisync::{ErrorKind, Key, Replica, ReplicaBuilder, Settings};

/// The name of the configuration file.
pub(crate) const FILE: &str = "tisync.toml";
/// The environment variable that may hold the key of an encrypted replica.
const KEY: &str = "TISYNC_KEY";

/// Opens the replica that the configuration file declares.
pub(crate) fn open(args: &Args) -> Result<Replica, Failure> {
    builder(args)?.0.open().map_err(|error| {
        let is_newer = error.kind() == ErrorKind::Newer;
        let mut failure = Failure::from(error);
        if is_newer {
            let hint = format!(
                "; here the number is `schema` of the collection in {}",
                path(args).display()
            );
            failure.message.push_str(&hint);
        }
        failure
    })
}

/// What the configuration file declares, and the replica's file.
pub(crate) fn builder(args: &Args) -> Result<(ReplicaBuilder, PathBuf), Failure> {
    let (settings, path) = load(args)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let file = folder.join(&settings.replica);
    Ok((keyed(settings.builder(folder)?, args)?, file))
}

/// Gives the builder the key that the arguments or the environment name, before that of the configuration.
pub(crate) fn keyed(builder: ReplicaBuilder, args: &Args) -> Result<ReplicaBuilder, Failure> {
    if let Some(file) = &args.key_file {
        return Ok(builder.encryption_key_file(file));
    }
    let key = match std::env::var(KEY) {
        Ok(text) => Key::parse(&text),
        Err(VarError::NotPresent) => return Ok(builder),
        Err(VarError::NotUnicode(_)) => Key::parse(""),
    };
    let key = key.map_err(|_| {
        Failure::failed(format!(
            "expected a key in the environment variable {KEY}, but it is empty, or no text; set it, or unset it"
        ))
    })?;
    Ok(builder.encryption_key(move || Ok(key.clone())))
}

/// Reads the configuration file.
pub(crate) fn load(args: &Args) -> Result<(Settings, PathBuf), Failure> {
    let path = path(args);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::failed(format!(
            "expected the configuration file {}, but {error}; make one with `tisync init`, or name a folder with -C",
            path.display()
        ))
    })?;
    let settings = toml::from_str(&text).map_err(|error| {
        Failure::failed(format!(
            "expected a configuration in {}, but {}",
            path.display(),
            error.to_string().trim()
        ))
    })?;
    Ok((settings, path))
}

/// Where the configuration file is.
pub(crate) fn path(args: &Args) -> PathBuf {
    args.config.clone().unwrap_or_else(|| PathBuf::from(FILE))
}
