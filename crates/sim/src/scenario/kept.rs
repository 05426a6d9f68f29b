//! Scenarios that are kept: each found a bug once, and must hold for ever.
//!
//! A seed is not enough: what is drawn from it changes with every fault and action that the simulator learns. So
//! the scenario itself is kept, shortened, as a file in `crates/sim/kept`.
use super::Scenario;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A scenario that found a bug.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The checker that saw the bug.
    pub checker: String,
    /// What was wrong.
    pub why: String,
    /// What happened.
    pub scenario: Scenario,
}

impl Kept {
    /// Where they are.
    pub fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("kept")
    }

    /// Reads one.
    pub fn read(path: &Path) -> Result<Kept, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is no kept scenario: {error}", path.display()))
    }

    /// Writes one.
    pub fn write(&self, path: &Path) -> Result<(), String> {
        let line = |value| serde_json::to_string(value).map_err(|error| error.to_string());
        let scenario = serde_json::to_string(&self.scenario).map_err(|error| error.to_string())?;
        // A person reads and writes the first lines only.
        let text = format!(
            "{{\n\"checker\": {},\n\"why\": {},\n\"scenario\": {scenario}\n}}\n",
            line(&self.checker)?,
            line(&self.why)?
        );
        std::fs::write(path, text)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// All of them, by name.
    pub fn all() -> Result<Vec<(String, Kept)>, String> {
        let folder = Kept::folder();
        let files = std::fs::read_dir(&folder)
            .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
        let mut all = Vec::new();
        for file in files {
            let path = file.map_err(|error| error.to_string())?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            all.push((name.into_owned(), Kept::read(&path)?));
        }
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(all)
    }
}
