//! Licences and sources of every package in the graph, from `cargo metadata`: it holds where cargo-deny is not installed.

use super::files::TextFile;
use super::spdx;
use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Reads the allowed licences from `deny.toml`, the one place where they are listed.
pub(super) fn allowed(files: &[TextFile]) -> Result<Vec<String>> {
    let file = files
        .iter()
        .find(|file| file.path == "deny.toml")
        .context("deny.toml is missing; it lists the allowed licences")?;
    parse_allowed(&file.text)
}

fn parse_allowed(text: &str) -> Result<Vec<String>> {
    let list = text
        .split_once("[licenses]")
        .and_then(|(_, rest)| rest.split_once("allow = ["))
        .and_then(|(_, rest)| rest.split_once(']'));
    let (list, _) =
        list.context("deny.toml: expected `allow = [` with one licence a line below [licenses]")?;
    let names: Vec<String> = list
        .lines()
        .map(|line| {
            line.trim()
                .trim_end_matches(',')
                .trim_matches('"')
                .to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        bail!("deny.toml: the list of allowed licences is empty");
    }
    Ok(names)
}

/// Finds packages under a licence that is not allowed, or from anywhere but the registry of Rust's crates.
pub(super) fn check(metadata: &Value, allowed: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = format!(
            "{} {}",
            package["name"].as_str().unwrap_or_default(),
            package["version"].as_str().unwrap_or_default()
        );
        match package["license"].as_str() {
            None => findings.push(format!(
                "{name}: states no licence; read its files and decide"
            )),
            Some(expression) => match spdx::is_allowed(expression, &|licence| {
                allowed.iter().any(|known| known == licence)
            }) {
                Ok(true) => {}
                Ok(false) => findings.push(format!(
                    "{name}: {expression:?} is not met by the licences that deny.toml allows"
                )),
                Err(error) => findings.push(format!("{name}: {error}")),
            },
        }
        // A path has no source; cargo calls a replaced registry by the name of the real one.
        if let Some(source) = package["source"]
            .as_str()
            .filter(|source| !is_crates_registry(source))
        {
            findings.push(format!(
                "{name}: comes from {source}; only the registry of Rust's crates is allowed"
            ));
        }
    }
    findings
}

fn is_crates_registry(source: &str) -> bool {
    source == "registry+https://github.com/rust-lang/crates.io-index"
        || source.starts_with("sparse+") && source.ends_with(".crates.io/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const GOOD: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn findings(licence: Value, source: Value) -> Vec<String> {
        let metadata = json!({"packages": [{"name": "it", "version": "1.0.0", "license": licence, "source": source}]});
        check(&metadata, &["MIT".to_owned()])
    }

    #[test]
    fn a_licence_that_is_not_allowed_or_not_stated_is_found() {
        assert!(findings(json!("MIT OR GPL-3.0"), json!(GOOD)).is_empty());
        assert_eq!(
            findings(json!("GPL-3.0"), json!(GOOD)),
            ["it 1.0.0: \"GPL-3.0\" is not met by the licences that deny.toml allows"]
        );
        assert_eq!(findings(Value::Null, json!(GOOD)).len(), 1);
    }

    #[test]
    fn a_package_from_elsewhere_is_found() {
        assert!(findings(json!("MIT"), Value::Null).is_empty());
        assert_eq!(
            findings(json!("MIT"), json!("git+https://example.org/it")).len(),
            1
        );
    }

    #[test]
    fn the_list_is_read_and_an_empty_one_is_refused() {
        let text = "[graph]\n[licenses]\nallow = [\n    \"MIT\",\n    \"Apache-2.0 WITH LLVM-exception\",\n]\n";
        assert_eq!(
            parse_allowed(text).unwrap(),
            ["MIT", "Apache-2.0 WITH LLVM-exception"]
        );
        assert!(parse_allowed("[licenses]\nallow = [\n]\n").is_err());
        assert!(parse_allowed("[bans]\n").is_err());
    }
}
