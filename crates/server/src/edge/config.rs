//! What a served file is told from outside.
use super::limits;
use crate::ServiceConfig;
use std::net::IpAddr;
use std::path::PathBuf;

/// What to serve and how.
#[derive(Clone, Debug)]
pub struct ServeConfig {
    /// The SQLite file; made if there is none.
    pub path: PathBuf,
    /// Token, limits and rules.
    pub service: ServiceConfig,
    /// Connections for reading.
    pub readers: usize,
    /// When to pack answers.
    pub compress: Compress,
    /// A user of the ACS face who is an administrator from the start.
    #[cfg(feature = "acs")]
    pub acs_admin: Option<crate::faces::acs::Admin>,
}

impl ServeConfig {
    /// The defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        ServeConfig {
            path: path.into(),
            service: ServiceConfig::default(),
            readers: limits::READERS,
            compress: Compress::Remote,
            #[cfg(feature = "acs")]
            acs_admin: None,
        }
    }
}

/// When to pack answers with gzip, if the client takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// Never.
    Never,
    /// Unless the client is on the same machine: there packing only costs time.
    Remote,
    /// Always.
    Always,
}

impl Compress {
    pub(super) fn wants(self, peer: IpAddr) -> bool {
        match self {
            Compress::Never => false,
            Compress::Remote => !peer.to_canonical().is_loopback(),
            Compress::Always => true,
        }
    }
}
