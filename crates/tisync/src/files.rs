//! Files beside a replica's, and files for this user's eyes only.
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// A file with the same name and an ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The name of a file until it is complete.
pub(crate) fn partial(path: &Path) -> PathBuf {
    beside(path, ".partial")
}

/// Opens a file for writing, and makes it for this user's eyes only: it holds records. What is there stays.
pub(crate) fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// A rename is on the disk only once its folder is.
pub(crate) fn flush_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
