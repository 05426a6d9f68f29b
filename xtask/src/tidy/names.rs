//! Every crate is named after its folder.

use super::dependencies::members;
use serde_json::Value;
use std::path::Path;

pub(super) fn check(root: &Path, metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in members(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let folder = manifest
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok())
            .unwrap_or(manifest);
        let folder = folder.to_string_lossy().replace('\\', "/");
        let wanted = expected(&folder);
        if wanted.as_deref() != Some(name) {
            let wanted = wanted.unwrap_or_else(|| "no crate at all".to_owned());
            findings.push(format!(
                "{folder}: the crate is named {name:?}, expected {wanted}"
            ));
        }
    }
    findings
}

fn expected(folder: &str) -> Option<String> {
    match folder.split('/').collect::<Vec<_>>()[..] {
        ["crates", "tisync"] => Some("tisync".to_owned()),
        ["crates", name] => Some(format!("tisync-{name}")),
        ["xtask"] => Some("xtask".to_owned()),
        ["xtask", name] => Some(format!("xtask-{name}")),
        ["examples", name] => Some(name.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(name: &str, folder: &str) -> Vec<String> {
        let manifest = Path::new("/house").join(folder).join("Cargo.toml");
        let metadata = json!({
            "workspace_members": ["it"],
            "packages": [{"id": "it", "name": name, "manifest_path": manifest}],
        });
        check(Path::new("/house"), &metadata)
    }

    #[test]
    fn a_crate_not_named_after_its_folder_is_found() {
        assert_eq!(
            findings("tisync-docs", "crates/json"),
            ["crates/json: the crate is named \"tisync-docs\", expected tisync-json"]
        );
        assert_eq!(findings("tisync-tool", "tools").len(), 1);
    }

    #[test]
    fn the_names_of_the_house_are_fine() {
        for (name, folder) in [
            ("tisync", "crates/tisync"),
            ("tisync-json", "crates/json"),
            ("xtask", "xtask"),
            ("xtask-bench", "xtask/bench"),
        ] {
            assert!(findings(name, folder).is_empty(), "{name}");
        }
    }
}
