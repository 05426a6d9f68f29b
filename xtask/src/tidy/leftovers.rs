//! What must not be left in a file: too many lines, unfinished work, traces of one machine.

/// A Rust file longer than this holds more than one noun.
const RUST_LINES_MAX: usize = 500;

/// Unfinished work, in Rust files.
const UNFINISHED: &[&str] = &[
    "todo!(",
    "unimplemented!(",
    "FIXME",
    "#[ignore",
    "```ignore",
];

/// Folders of one machine; they count only where a path begins.
const MACHINE_FOLDERS: &[&str] = &["/root/", "/work/", "/home/", "/Users/", "C:\\Users\\"];

/// Hosts of package registries, in two parts, so that no file spells one out: a package is named, never fetched
/// from an address.
const REGISTRY_HOSTS: &[(&str, &str)] = &[
    ("index", "crates.io"),
    ("static", "crates.io"),
    ("registry", "npmjs.org"),
    ("files", "pythonhosted.org"),
    ("pypi", "org"),
    ("deb", "debian.org"),
];

pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    // This folder spells out what it forbids.
    if path.starts_with("xtask/src/tidy/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let rust = path.ends_with(".rs");
    let count = text.lines().count();
    if rust && count > RUST_LINES_MAX {
        findings.push(format!(
            "{path}: {count} lines; split it before {RUST_LINES_MAX}"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        let mut found =
            |what: &str, why: &str| findings.push(format!("{path}:{}: {what:?} {why}", number + 1));
        if rust {
            UNFINISHED
                .iter()
                .filter(|word| line.contains(**word))
                .for_each(|word| found(word, "is unfinished work; finish it or remove it"));
        }
        MACHINE_FOLDERS
            .iter()
            .filter(|folder| begins_a_path(line, folder))
            .for_each(|folder| found(folder, "exists on one machine only"));
        REGISTRY_HOSTS
            .iter()
            .map(|(name, domain)| format!("{name}.{domain}"))
            .filter(|host| line.contains(host.as_str()))
            .for_each(|host| found(&host, "is a registry's address; name the package instead"));
    }
    findings
}

/// Tells whether the folder stands where an absolute path begins, not inside a longer path or address.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !"/.-_}~*$".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_rust_file_is_found_and_a_long_document_is_not() {
        let text = "//\n".repeat(501);
        assert_eq!(
            check("crates/core/src/a.rs", &text),
            ["crates/core/src/a.rs: 501 lines; split it before 500"]
        );
        assert!(check("crates/core/src/a.rs", &"//\n".repeat(500)).is_empty());
        assert!(check("docs/LONG.md", &text).is_empty());
    }

    #[test]
    fn unfinished_work_is_found_with_its_line() {
        for bad in [
            "    todo!(\"later\")",
            "// FIXME: wrong",
            "#[ignore = \"flaky\"]",
            "/// ```ignore",
        ] {
            let findings = check("crates/core/src/a.rs", &format!("fn a() {{}}\n{bad}\n"));
            assert_eq!(findings.len(), 1, "{bad}");
            assert!(
                findings[0].starts_with("crates/core/src/a.rs:2: "),
                "{}",
                findings[0]
            );
        }
    }

    #[test]
    fn a_path_of_one_machine_is_found_but_not_inside_another_path() {
        for bad in [
            "cd /home/me/app",
            "path = \"/home/me/x\"",
            "(/Users/a)",
            "/Users/me",
        ] {
            assert_eq!(check("docs/A.md", bad).len(), 1, "{bad}");
        }
        for good in [
            "see example.org/home/page",
            "crates/work/src",
            "$HOME/root/x",
            "GET {host}/home/items",
        ] {
            assert!(check("docs/A.md", good).is_empty(), "{good}");
        }
    }

    #[test]
    fn a_registry_address_is_found() {
        assert_eq!(
            check(
                "js/package-lock.json",
                &format!("\"resolved\": \"https://{}.npmjs.org/x\"", "registry")
            )
            .len(),
            1
        );
        assert!(check("README.md", "cargo add tisync").is_empty());
    }
}
