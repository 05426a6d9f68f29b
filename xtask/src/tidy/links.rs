//! Links between documents: the file is there, and so is the heading.

use std::collections::BTreeMap;
use std::path::Path;

pub(super) fn check(root: &Path, path: &str, text: &str) -> Vec<String> {
    if !path.ends_with(".md") {
        return Vec::new();
    }
    let folder = root.join(path).parent().unwrap_or(root).to_path_buf();
    let mut findings = Vec::new();
    for (number, line) in prose(text) {
        for target in targets(line) {
            let mut found =
                |why: &str| findings.push(format!("{path}:{number}: the link to {target:?} {why}"));
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if target.starts_with('/') {
                found("is absolute; write it relative to this file");
                continue;
            }
            let (file, anchor) = target
                .split_once('#')
                .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let linked = if file.is_empty() {
                root.join(path)
            } else {
                folder.join(file)
            };
            if !linked.exists() {
                found("leads nowhere");
            } else if let Some(anchor) = anchor.filter(|_| {
                linked
                    .extension()
                    .is_some_and(|extension| extension == "md")
            }) {
                let other = std::fs::read_to_string(&linked).unwrap_or_default();
                if !anchors(&other).iter().any(|known| known == anchor) {
                    found("names a heading that is not there");
                }
            }
        }
    }
    findings
}

/// Gives the lines outside code fences, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fence && !fenced).then_some((index + 1, line))
    })
}

/// Gives the targets of `[text](target)` in a line, outside inline code.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for outside_code in line.split('`').step_by(2) {
        let mut rest = outside_code;
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else { break };
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            found.push(target.trim_start_matches('<').trim_end_matches('>'));
            rest = &rest[end..];
        }
    }
    // `[`code`](target)`: the text in backticks was cut away, and the target begins the next piece.
    found
}

/// Gives the anchors that a reader's page makes of the headings.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    let headings = prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.to_lowercase().replace(' ', "-");
            let slug: String = kept
                .chars()
                .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
                .collect();
            let count = seen.entry(slug.clone()).or_default();
            *count += 1;
            if *count == 1 {
                slug
            } else {
                format!("{slug}-{}", *count - 1)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        std::fs::write(
            folder.path().join("README.md"),
            "# The two commands\n\n# Twice\n\n# Twice\n",
        )
        .unwrap();
        let path = "docs/A.md";
        std::fs::write(folder.path().join(path), text).unwrap();
        check(folder.path(), path, text)
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(
            findings("x\nsee [it](MISSING.md)"),
            ["docs/A.md:2: the link to \"MISSING.md\" leads nowhere"]
        );
        assert_eq!(findings("see [`it`](MISSING.md)").len(), 1);
        assert_eq!(findings("see [it](/README.md)").len(), 1);
        assert!(
            findings(
                "see [it](../README.md), [us](https://example.org/x), [you](mailto:a@example.org)"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_heading_that_is_not_there_is_found() {
        assert!(
            findings("[a](../README.md#the-two-commands) [b](../README.md#twice-1)").is_empty()
        );
        assert_eq!(findings("[a](../README.md#the-three-commands)").len(), 1);
        assert_eq!(findings("# Here\n[a](#here) [b](#there)").len(), 1);
    }

    #[test]
    fn code_is_not_read_as_links() {
        assert!(findings("`a[0](x)`\n```\n[it](MISSING.md)\n```\n").is_empty());
    }
}
