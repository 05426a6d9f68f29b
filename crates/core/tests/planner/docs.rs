//! `docs/POLICIES.md` cannot lie: its examples and its table of deletes are run.
use crate::support::{Case, case, image, text, told};
use std::collections::BTreeMap;
use tisync_core::model::{DeleteRule, Image, Policy, RemoteStamps, Resolution, Rule};
use tisync_core::reconcile::{Decision, Plan, check, undo};

const PAGE: &str = include_str!("../../../../docs/POLICIES.md");

/// The lines of one example, by their first word.
struct Example<'a> {
    line: usize,
    parts: BTreeMap<&'a str, &'a str>,
}

impl<'a> Example<'a> {
    fn get(&self, part: &str) -> &'a str {
        let found = self.parts.get(part);
        found.unwrap_or_else(|| panic!("line {}: no {part}", self.line))
    }

    fn image(&self, part: &str) -> Image {
        image(self.get(part))
    }

    fn policy(&self) -> Policy {
        serde_json::from_str(self.get("policy"))
            .unwrap_or_else(|error| panic!("line {}: {error}", self.line))
    }

    fn stamps(&self) -> RemoteStamps {
        match self
            .parts
            .get("stamps")
            .map(|stamps| stamps.split_once(' ').unwrap_or((stamps, "")))
        {
            None => RemoteStamps::None,
            Some(("record", "")) => RemoteStamps::Record,
            Some(("fields", "")) => RemoteStamps::Fields,
            Some(("arrival", ms)) => RemoteStamps::Arrival {
                precision_ms: ms.parse().unwrap(),
            },
            Some(other) => panic!("line {}: stamps {other:?}", self.line),
        }
    }

    fn case(&self) -> Case {
        let mut case =
            case(self.get("base"), self.get("ours"), self.get("theirs")).stamped_by(self.stamps());
        let mut times = self
            .parts
            .get("times")
            .copied()
            .unwrap_or_default()
            .split(", ");
        let mut time = |side: &str| {
            times
                .next()
                .and_then(|time| time.strip_prefix(side)?.parse().ok())
        };
        case = case.at(time("ours ").unwrap_or(0), time("theirs "));
        let server: Vec<&str> = self.parts.get("server").into_iter().copied().collect();
        case.server_fields(&server)
    }

    fn plan(&self, case: &Case, policy: &Policy) -> Plan {
        let Some(answer) = self.parts.get("answer") else {
            return case.plan(policy);
        };
        let answer: Resolution = serde_json::from_str(answer).unwrap();
        assert!(
            matches!(case.plan(policy), Plan::Open(_)),
            "line {}: nothing to answer",
            self.line
        );
        match answer {
            Resolution::Failed(_) => case.after_failure(policy),
            answer => Plan::Settled(case.resolve(policy, &answer)),
        }
    }

    fn run(&self) {
        if self.parts.contains_key("undone") {
            let shown = undo(
                &self.image("undone"),
                &self.image("now"),
                &self.image("lost"),
            );
            assert_eq!(
                text(&shown),
                text(&self.image("shown")),
                "line {}",
                self.line
            );
            return;
        }
        let (policy, line) = (self.policy(), self.line);
        let checked = check(&policy, &self.stamps());
        if let Some(reason) = self.parts.get("refused") {
            let error = checked.expect_err("a refusal");
            assert!(error.starts_with(reason), "line {line}: {error}");
            return;
        }
        assert_eq!(checked, Ok(()), "line {line}");
        match self.plan(&self.case(), &policy) {
            Plan::Settled(decision) => self.compare(decision),
            Plan::Open(asked) if asked.is_empty() => {
                assert_eq!(self.get("open"), "a person", "line {line}")
            }
            Plan::Open(asked) => {
                let asked: Vec<String> = asked
                    .into_iter()
                    .map(|question| match question.field {
                        Some(field) => format!("{} {field}", question.function),
                        None => question.function,
                    })
                    .collect();
                assert_eq!(self.get("open"), asked.join(", "), "line {line}");
            }
        }
    }

    fn compare(&self, decision: Decision) {
        let (outcome, loser, by) = told(decision);
        assert_eq!(outcome, text(&self.image("outcome")), "line {}", self.line);
        assert_eq!(
            format!("{loser:?}").to_lowercase(),
            self.get("loser"),
            "line {}",
            self.line
        );
        // Where nobody lost there is no row that could say what decided.
        if self.parts.contains_key("by") || self.get("loser") != "none" {
            assert_eq!(by, self.get("by"), "line {}", self.line);
        }
    }
}

fn examples() -> Vec<Example<'static>> {
    const PARTS: [&str; 17] = [
        "policy", "stamps", "times", "server", "base", "ours", "theirs", "answer", "outcome",
        "loser", "by", "open", "refused", "undone", "now", "lost", "shown",
    ];
    let mut examples = Vec::new();
    let mut lines = PAGE.lines().enumerate();
    while let Some((line, text)) = lines.next() {
        if text != "```policy" {
            continue;
        }
        let inside = lines
            .by_ref()
            .map(|(_, text)| text)
            .take_while(|text| *text != "```");
        let parts: BTreeMap<&str, &str> = inside
            .map(|text| {
                text.split_once(' ')
                    .map(|(part, rest)| (part, rest.trim_start()))
                    .unwrap()
            })
            .collect();
        for part in parts.keys() {
            assert!(PARTS.contains(part), "line {}: {part}", line + 1);
        }
        examples.push(Example {
            line: line + 1,
            parts,
        });
    }
    examples
}

#[test]
fn examples_are_true() {
    let examples = examples();
    assert!(examples.len() >= 30, "{} examples", examples.len());
    for example in examples {
        example.run();
    }
}

#[test]
fn the_table_of_deletes_is_true() {
    let rows = PAGE
        .lines()
        .skip_while(|line| !line.starts_with("| rule | we edited"))
        .skip(2);
    let mut seen = 0;
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].split('`').nth(1).unwrap_or("function");
        let rule: Result<DeleteRule, _> = serde_json::from_str(&format!("\"{name}\""));
        // As a delete rule of its own, and as the default of the rule of that name.
        let mut policies: Vec<Policy> = rule
            .into_iter()
            .map(|deletes| Policy {
                deletes: Some(deletes),
                ..Policy::of(Rule::ClientWins)
            })
            .collect();
        policies.extend(match name {
            "edit-wins" => Some(Policy::of(Rule::Merge)),
            "delete-wins" => None,
            "function" => Some(Policy::of(Rule::Function("f".to_owned()))),
            name => serde_json::from_str(&format!(r#"{{"rule": "{name}"}}"#)).ok(),
        });
        for policy in policies {
            for (cell, ours, theirs) in [
                (cells[1], r#"{"a":2}"#, "gone"),
                (cells[2], "gone", r#"{"a":3}"#),
            ] {
                deletes(cell, case(r#"{"a":1}"#, ours, theirs), &policy);
                seen += 1;
            }
        }
    }
    // Seven rows of two cells, five of them under two policies.
    assert_eq!(seen, 2 * (7 + 5));
}

fn deletes(cell: &str, case: Case, policy: &Policy) {
    let stands = |case: &Case| case.settled(policy).0;
    let (ours, theirs) = (text(&case.ours), text(&case.theirs));
    match cell {
        "our edit stands" | "our delete stands" => assert_eq!(stands(&case), ours, "{policy:?}"),
        "their edit stands" | "their delete stands" => {
            assert_eq!(stands(&case), theirs, "{policy:?}")
        }
        "the later stands" => {
            assert_eq!(stands(&case.clone().at(2, Some(1))), ours, "{policy:?}");
            assert_eq!(stands(&case.clone().at(1, Some(2))), theirs, "{policy:?}");
        }
        "a person decides" => assert_eq!(case.plan(policy), Plan::Open(Vec::new())),
        "the function decides" => {
            let Plan::Open(asked) = case.plan(policy) else {
                panic!("{policy:?}")
            };
            assert_eq!(asked[0].field, None);
        }
        other => panic!("the table says {other:?}"),
    }
    let edited = case.ours.is_present();
    assert!(!cell.starts_with("our edit") || edited, "{cell}");
    assert!(!cell.starts_with("our delete") || !edited, "{cell}");
}
