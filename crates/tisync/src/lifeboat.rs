//! Lifeboat files.
mod read;
mod write;

pub(crate) use read::{lines, read};
pub use tisync_connect::lifeboat::Returned;
pub(crate) use write::Boat;

use crate::{Error, ErrorKind};
use std::path::Path;

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "expected to use the lifeboat file {}, but {error}",
            path.display()
        ),
    )
}
