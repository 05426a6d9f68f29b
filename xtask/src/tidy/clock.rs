//! Time and chance are inputs: where the engine, the documents, the connectors, the wire types and the server's service live, nobody reads a clock or draws a random number.
//!
//! Clippy holds it by types, through a `clippy.toml` in each of these crates; here it is checked that the file is there and whole.
//! `server` has an edge that may read clocks, so its service is checked as text.

use super::files::TextFile;

/// Crates whose `clippy.toml` forbids ambient time and chance.
const PURE_CRATES: &[&str] = &["core", "json", "connect", "protocol"];

/// The file each of them carries.
const CONFIGURATION: &str = include_str!("pure_clippy.toml");

/// Code checked as text, since the rest of its crate may read clocks.
const PURE_FILES: &[&str] = &["crates/server/src/service.rs", "crates/server/src/service/"];

const AMBIENT: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "thread_rng",
    "rand::rng(",
    "rand::random",
    "OsRng",
    "getrandom",
    "thread::sleep",
    "time::sleep",
];

/// Finds ambient time and chance in the code that is checked as text.
pub(super) fn check_text(path: &str, text: &str) -> Vec<String> {
    if !PURE_FILES.iter().any(|pure| path.starts_with(pure)) {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    let found = lines.flat_map(|(number, line)| {
        AMBIENT
            .iter()
            .filter(|word| line.contains(**word))
            .map(move |word| (number, *word))
    });
    found
        .map(|(number, word)| {
            format!(
                "{path}:{}: {word:?} is ambient; take time and chance as arguments",
                number + 1
            )
        })
        .collect()
}

/// Finds pure crates whose `clippy.toml` is missing or differs.
pub(super) fn check_configurations(files: &[TextFile]) -> Vec<String> {
    let wanted = PURE_CRATES
        .iter()
        .map(|name| format!("crates/{name}/clippy.toml"));
    wanted
        .filter(|path| !files.iter().any(|file| file.path == *path && file.text == CONFIGURATION))
        .map(|path| format!("{path}: must be there and equal xtask/src/tidy/pure_clippy.toml, so that clippy forbids clocks and chance"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_the_service_is_found_and_one_at_the_edge_is_not() {
        let text = "fn now() -> Instant {\n    Instant::now()\n}\n";
        let findings = check_text("crates/server/src/service/push.rs", text);
        assert_eq!(
            findings,
            [
                "crates/server/src/service/push.rs:2: \"Instant::now\" is ambient; take time and chance as arguments"
            ]
        );
        assert!(check_text("crates/server/src/http.rs", text).is_empty());
    }

    #[test]
    fn a_missing_or_weakened_configuration_is_found() {
        let file = |name: &str, text: &str| TextFile {
            path: format!("crates/{name}/clippy.toml"),
            text: text.to_owned(),
        };
        let good: Vec<_> = PURE_CRATES
            .iter()
            .map(|name| file(name, CONFIGURATION))
            .collect();
        assert!(check_configurations(&good).is_empty());
        let mut weak: Vec<_> = PURE_CRATES[1..]
            .iter()
            .map(|name| file(name, CONFIGURATION))
            .collect();
        assert_eq!(check_configurations(&weak).len(), 1);
        weak.push(file(PURE_CRATES[0], "disallowed-methods = []\n"));
        assert_eq!(check_configurations(&weak).len(), 1);
    }
}
