//! The configuration file.
use crate::args::Args;
use crate::exit::Failure;
use std::path::{Path, PathBuf};
use tisync::{ErrorKind, Replica, ReplicaBuilder, Settings};

/// The name of the configuration file.
pub(crate) const FILE: &str = "tisync.toml";

/// Opens the replica that the configuration file declares.
pub(crate) fn open(args: &Args) -> Result<Replica, Failure> {
    let (builder, path) = configured(args)?;
    builder.open().map_err(|error| {
        let is_newer = error.kind() == ErrorKind::Newer;
        let mut failure = Failure::from(error);
        if is_newer {
            let hint = format!(
                "; here the number is `schema` of the collection in {}",
                path.display()
            );
            failure.message.push_str(&hint);
        }
        failure
    })
}

/// The replica that the configuration file declares, not opened.
pub(crate) fn builder(args: &Args) -> Result<ReplicaBuilder, Failure> {
    Ok(configured(args)?.0)
}

/// The replica with the path of its configuration file.
fn configured(args: &Args) -> Result<(ReplicaBuilder, PathBuf), Failure> {
    let (settings, path) = load(args)?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    Ok((settings.builder(folder)?, path))
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
