//! A field or variant has one name in JSON.

/// How an attribute of `serde` gives a second name.
const ALIAS: &str = "alias = \"";

/// Finds second names: `tisync_json::read` finds a field by its place among the names of its type, and each alias would
/// move those that follow it.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("crates/") || !path.ends_with(".rs") {
        return Vec::new();
    }
    (text.lines().enumerate())
        .filter(|(_, line)| line.contains(ALIAS))
        .map(|(number, _)| {
            format!(
                "{path}:{}: a field is read by its number, which an alias would move; give it one name",
                number + 1
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_name_is_found() {
        let text = "struct A {\n    #[serde(default, alias = \"b\")]\n    a: u8,\n}\n";
        let findings = check("crates/core/src/a.rs", text);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("crates/core/src/a.rs:2: "));
        assert!(check("xtask/src/a.rs", text).is_empty());
        assert!(check("crates/core/src/a.rs", "let alias = 1;").is_empty());
    }
}
