//! Who may use whom: the arrows of the house, held over `cargo metadata`.

use crate::workspace::{Workspace, output};
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;

/// What each crate may use of ours, tests and build scripts aside.
const MAY_USE: &[(&str, &[&str])] = &[
    ("tisync-json-derive", &[]),
    ("tisync-json", &["tisync-json-derive"]),
    ("tisync-core", &["tisync-json"]),
    ("tisync-protocol", &["tisync-json"]),
    ("tisync-store", &["tisync-core", "tisync-json"]),
    (
        "tisync-connect",
        &["tisync-core", "tisync-json", "tisync-protocol"],
    ),
    // Never core: the server decides nothing that a replica decides.
    ("tisync-server", &["tisync-json", "tisync-protocol"]),
    (
        "tisync",
        &[
            "tisync-connect",
            "tisync-core",
            "tisync-json",
            "tisync-store",
        ],
    ),
    (
        "tisync-abi",
        &[
            "tisync-connect",
            "tisync-core",
            "tisync-json",
            "tisync-store",
        ],
    ),
    (
        "tisync-cli",
        &["tisync", "tisync-connect", "tisync-json", "tisync-server"],
    ),
    ("tisync-sim", ANY),
    // xtask starts cargo for what needs the product.
    ("xtask", &["xtask-backends"]),
];

const ANY: &[&str] = &["*"];

/// Only these use the package directly; tests may too.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("reqwest", &["tisync"]),
    ("rusqlite", &["tisync-server", "tisync-store"]),
    ("axum", &["tisync-server"]),
];

/// Features that change how every document in the process is parsed and printed.
const FORBIDDEN_FEATURES: &[(&str, &[&str])] =
    &[("serde_json", &["preserve_order", "arbitrary_precision"])];

/// What must not be anywhere below a crate, itself built alone.
const NEVER_BELOW: &[(&str, &[&str])] = &[
    ("tisync-json", IO),
    ("tisync-core", IO),
    ("tisync-protocol", IO),
    (
        "tisync-abi",
        &[
            "rusqlite",
            "libsqlite3-sys",
            "reqwest",
            "tokio",
            "wasm-bindgen",
            "js-sys",
        ],
    ),
];

/// I/O, clocks, threads, chance, async runtimes, SQL.
const IO: &[&str] = &[
    "async-std",
    "axum",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "futures-executor",
    "getrandom",
    "hyper",
    "js-sys",
    "libc",
    "libsqlite3-sys",
    "mio",
    "nix",
    "parking_lot",
    "rand",
    "rayon",
    "reqwest",
    "rusqlite",
    "rustix",
    "smol",
    "socket2",
    "sqlx",
    "tempfile",
    "time",
    "tokio",
    "ureq",
    "wasm-bindgen",
    "windows-sys",
];

/// Gives the packages of this workspace.
pub(super) fn members(metadata: &Value) -> impl Iterator<Item = &Value> {
    let ids: Vec<&str> = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(move |package| package["id"].as_str().is_some_and(|id| ids.contains(&id)))
}

/// Checks the declared dependencies of our crates, and the features that the whole graph switches on.
pub(super) fn check(metadata: &Value) -> Vec<String> {
    let rules: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let ours: Vec<&str> = members(metadata)
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut findings = Vec::new();
    for package in members(metadata) {
        let name = package["name"].as_str().unwrap_or_default();
        // The developer's own programs, and examples, stand above all crates.
        let free = name.starts_with("xtask-") || !(name.starts_with("tisync") || name == "xtask");
        if !free && !rules.contains_key(name) {
            findings.push(format!(
                "{name}: is new; say in xtask/src/tidy/dependencies.rs what it may use"
            ));
        }
        for dependency in package["dependencies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        {
            let used = dependency["name"].as_str().unwrap_or_default();
            let allowed = rules.get(name).copied().unwrap_or(ANY);
            if ours.contains(&used) && allowed != ANY && !allowed.contains(&used) {
                findings.push(format!(
                    "{name}: must not use {used} (it may use: {})",
                    if allowed.is_empty() {
                        "none of ours".to_owned()
                    } else {
                        allowed.join(", ")
                    }
                ));
            }
            if ["tisync-cli", "tisync-sim"].contains(&used) && !name.starts_with("xtask") {
                findings.push(format!("{name}: must not use {used}; only xtask does"));
            }
            if let Some((_, users)) = KEPT_TO.iter().find(|(kept, _)| *kept == used)
                && !free
                && !users.contains(&name)
            {
                findings.push(format!(
                    "{name}: must not use {used} (only {} may)",
                    users.join(", ")
                ));
            }
        }
    }
    findings.extend(forbidden_features(metadata));
    findings
}

fn forbidden_features(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for node in metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let package = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|package| package["id"] == node["id"]);
        let name = package
            .and_then(|package| package["name"].as_str())
            .unwrap_or_default();
        let forbidden = FORBIDDEN_FEATURES
            .iter()
            .find(|(crate_name, _)| *crate_name == name)
            .map_or(&[][..], |(_, features)| features);
        for feature in node["features"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|feature| forbidden.contains(feature))
        {
            findings.push(format!("{name}: the feature {feature:?} is on, and changes every document; find who asks with `cargo tree -e features -i {name}`"));
        }
    }
    findings
}

/// Checks what lies below a crate when it is built alone: the graph of the whole workspace would mix in the features of others.
pub(super) fn check_closures(workspace: &Workspace, metadata: &Value) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (name, never) in NEVER_BELOW {
        if members(metadata).any(|package| package["name"] == **name) {
            let tree = output(workspace.cargo(&[
                "tree",
                "--package",
                name,
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
            ]))?;
            findings.extend(check_tree(name, never, &tree));
        }
    }
    Ok(findings)
}

fn check_tree(name: &str, never: &[&str], tree: &str) -> Vec<String> {
    let mut below: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    below.sort_unstable();
    below.dedup();
    below
        .iter()
        .filter(|package| never.contains(package))
        .map(|package| {
            format!(
                "{name}: {package} must not be below it; see `cargo tree -p {name} -i {package}`"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn house(name: &str, uses: &str, kind: Value) -> Value {
        json!({
            "workspace_members": ["a", "b"],
            "packages": [
                {"id": "a", "name": name, "dependencies": [{"name": uses, "kind": kind}]},
                {"id": "b", "name": uses, "dependencies": []},
            ],
        })
    }

    #[test]
    fn an_arrow_that_the_house_does_not_have_is_found() {
        for (name, uses) in [
            ("tisync-server", "tisync-core"),
            ("tisync-core", "tisync-store"),
            ("tisync-json", "tisync-core"),
            ("tisync-abi", "tisync-server"),
            ("xtask", "tisync-core"),
        ] {
            let findings = check(&house(name, uses, Value::Null));
            assert_eq!(findings.len(), 1, "{name} -> {uses}: {findings:?}");
            assert!(
                findings[0].starts_with(&format!("{name}: must not use {uses}")),
                "{}",
                findings[0]
            );
        }
        assert!(check(&house("tisync-store", "tisync-core", Value::Null)).is_empty());
        assert!(check(&house("xtask-bench", "tisync-server", Value::Null)).is_empty());
    }

    #[test]
    fn tests_may_use_what_shipped_code_may_not() {
        assert!(check(&house("tisync-core", "tisync-store", json!("dev"))).is_empty());
        assert_eq!(
            check(&house("tisync-core", "tisync-store", json!("build"))).len(),
            1
        );
    }

    #[test]
    fn a_new_crate_has_to_be_placed() {
        let metadata = json!({"workspace_members": ["a"], "packages": [{"id": "a", "name": "tisync-extra", "dependencies": []}]});
        assert_eq!(check(&metadata).len(), 1);
    }

    #[test]
    fn a_package_that_is_kept_to_one_crate_is_found_elsewhere() {
        let metadata = |name: &str| json!({"workspace_members": ["a"], "packages": [{"id": "a", "name": name, "dependencies": [{"name": "reqwest", "kind": null}]}]});
        assert_eq!(
            check(&metadata("tisync-connect")),
            ["tisync-connect: must not use reqwest (only tisync may)"]
        );
        assert!(check(&metadata("tisync")).is_empty());
        assert!(check(&metadata("xtask-bench")).is_empty());
    }

    #[test]
    fn a_feature_that_changes_documents_is_found() {
        let metadata = |features: Value| json!({"packages": [{"id": "j", "name": "serde_json"}], "resolve": {"nodes": [{"id": "j", "features": features}]}});
        assert_eq!(
            check(&metadata(json!(["raw_value", "preserve_order"]))).len(),
            1
        );
        assert!(check(&metadata(json!(["raw_value", "float_roundtrip"]))).is_empty());
    }

    #[test]
    fn io_below_the_core_is_found() {
        let tree = "tisync-core v0.1.0\nserde v1.0.0\ntokio v1.0.0\nmio v1.0.0\ntokio v1.0.0\n";
        let findings = check_tree("tisync-core", IO, tree);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(check_tree("tisync-core", IO, "tisync-core v0.1.0\nserde v1.0.0\n").is_empty());
    }
}
