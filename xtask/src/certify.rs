//! Every connector, certified on its real backend.

use crate::product::{self, Progress};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod server;
mod targets;

pub(crate) use targets::{TARGETS, Target};

/// What came of one connector on one backend.
pub(crate) struct Certified {
    /// The connector's name, and what it was tried on.
    pub(crate) target: &'static Target,
    /// One check each.
    checks: Vec<Value>,
    /// The guarantee line, the counts, what would be needed for more.
    summary: Value,
}

impl Certified {
    /// Starts the backend, and certifies the connector on it.
    pub(crate) fn of(target: &'static Target, tisync: &Path) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let (backend, token) = (target.start)(tisync, folder.path())
            .with_context(|| format!("{} cannot be tried", target.name))?;
        let config = folder.path().join("tisync.toml");
        let connector = target.connector.replace("URL", &backend.url());
        let text = format!(
            "replica = \"certify.db\"\n\n[connectors.main]\n{connector}\n\n[collections.notes]\npolicy = \"merge\"\n"
        );
        std::fs::write(&config, text)?;
        let output = Command::new(tisync)
            .args(["certify", "notes", "--json"])
            .args(target.args)
            .env("CERTIFY_TOKEN", token)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .context("cannot start tisync")?;
        let printed = String::from_utf8(output.stdout)?;
        let mut lines = printed
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()?;
        match lines.pop() {
            Some(summary) if summary.get("guarantee").is_some() => Ok(Certified {
                target,
                checks: lines,
                summary,
            }),
            _ => bail!(
                "{} printed no report: {printed}{}",
                target.name,
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    pub(crate) fn guarantee(&self) -> &str {
        self.summary["guarantee"].as_str().unwrap_or_default()
    }

    /// Checks that passed, failed, were not tried.
    pub(crate) fn counts(&self) -> [u64; 3] {
        ["passed", "failed", "skipped"].map(|name| self.summary[name].as_u64().unwrap_or(0))
    }

    /// One object for programs.
    pub(crate) fn json(&self) -> Value {
        let [passed, failed, skipped] = self.counts();
        serde_json::json!({
            "connector": self.target.name,
            "backend": self.target.backend,
            "guarantee": self.guarantee(),
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
            "next_level": self.summary["next_level"],
            "checks": self.checks,
        })
    }

    /// The report as it is kept: the same for every run.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("{} on {}\n", self.target.name, self.target.backend);
        let mut group = "";
        for check in &self.checks {
            let now = check["group"].as_str().unwrap_or_default();
            if now != group {
                group = now;
                let _ = writeln!(text, "\n{group}");
            }
            let name = check["name"].as_str().unwrap_or_default();
            let outcome = check["outcome"].as_str().unwrap_or_default();
            let _ = writeln!(text, "  {outcome:<8}{name}");
            if let Some(why) = check["why"].as_str() {
                let _ = writeln!(text, "          {why}");
            }
        }
        let _ = writeln!(text, "\nguarantee: {}", self.guarantee());
        for need in self.summary["next_level"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "for more:  {}", need.as_str().unwrap_or_default());
        }
        text
    }

    /// The failed checks, in full.
    pub(crate) fn failures(&self) -> String {
        let mut text = String::new();
        let failed = self
            .checks
            .iter()
            .filter(|check| check["outcome"] == "failed");
        for check in failed {
            let part = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            let _ = writeln!(
                text,
                "{} on {}: {}: expected {}, came {}",
                self.target.name,
                self.target.backend,
                part("name"),
                part("expected"),
                part("came")
            );
        }
        text
    }
}

/// Certifies the connectors of which the names are asked for, or all, and compares the reports with those that are
/// kept; `told` hears of each.
pub(crate) fn run(
    workspace: &Workspace,
    names: &[String],
    update: bool,
    told: &mut dyn FnMut(&Certified),
) -> Result<()> {
    let tisync = product::build(workspace, "dev", Progress::Hidden)?;
    let mut wrong = String::new();
    for target in chosen(names)? {
        let certified = Certified::of(target, &tisync)?;
        told(&certified);
        wrong.push_str(&certified.failures());
        let kept = kept(workspace, target);
        let report = certified.report();
        if update {
            std::fs::create_dir_all(kept.parent().unwrap_or(&kept))?;
            std::fs::write(&kept, report)?;
        } else if std::fs::read_to_string(&kept).unwrap_or_default() != report {
            let _ = writeln!(
                wrong,
                "{}: the report differs from {}; `cargo xtask certify --update` writes it, and `git diff` shows how",
                target.name,
                kept.display()
            );
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => bail!("{wrong}"),
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Target>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |name: &String| {
        TARGETS
            .iter()
            .find(|target| target.name == name)
            .with_context(|| {
                let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                format!("expected one of {}, but {name} came", known.join(", "))
            })
    };
    names.iter().map(find).collect()
}

fn kept(workspace: &Workspace, target: &Target) -> PathBuf {
    workspace
        .root()
        .join("docs/connectors/certified")
        .join(format!("{}.txt", target.name))
}
