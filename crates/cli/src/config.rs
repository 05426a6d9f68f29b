//! The configuration file.
use crate::args::Args;
use crate::exit::Failure;
use std::path::{Path, PathBuf};
use tisync::{ErrorKind, Replica, ReplicaBuilder, Settings};

/// The name of the configuration file.
pub(crate) const FILE: &str = "tisync.toml";

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
    Ok((settings.builder(folder)?, file))
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
