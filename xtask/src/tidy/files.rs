//! The text files of the checkout.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// One file: its path below the root, with `/` everywhere, and its text.
pub(super) struct TextFile {
    pub(super) path: String,
    pub(super) text: String,
}

/// Folders that hold what was built or fetched.
const SKIPPED: &[&str] = &["target", "node_modules", ".git"];

/// Files that people write; all others (data, locks, pictures) are left alone.
const WRITTEN: &[&str] = &[
    "rs", "md", "toml", "js", "mjs", "ts", "sh", "yml", "yaml", "html", "css", "sql", "json",
];

pub(super) fn read_all(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_symlink() || SKIPPED.contains(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if is_written(&path) {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                files.push(TextFile {
                    path: below(root, &path),
                    text,
                });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn is_written(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| WRITTEN.contains(&extension)) || path.ends_with(".ci/run")
}

fn below(root: &Path, path: &Path) -> String {
    let relative: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    relative.to_string_lossy().replace('\\', "/")
}
