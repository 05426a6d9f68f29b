//! Both devices come back; one of them is killed on the way, and a person settles what only a person can.

use super::Demo;
use super::device::{Device, Network};
use super::gate::Gate;
use super::ledger::{Deed, Stage};
use super::offline::LANDINGS_MADE;
use super::scenario::{ANSWERS, Answer, POLICIES, RECORDS, Side, fields, promised};
use super::screen::{seconds, thousands};
use super::start::{LANDINGS, patch};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Pushes that get their answers before the device is killed.
const PUSHES_ANSWERED: usize = 2;
/// How long a device may take to get so far; it takes a second.
const KILL_MAX: Duration = Duration::from_secs(120);
/// Rounds of both devices until they are quiet: two are enough, and more would show a quarrel.
const ROUNDS_MAX: usize = 5;

/// What a sync did.
pub(super) struct Synced {
    pub(super) took: Duration,
    pulled: u64,
    pushed: u64,
}

impl Demo {
    /// Syncs a device and says what moved.
    pub(super) fn sync(&self, side: Side, codes: &[i32]) -> Result<Synced> {
        let device = self.device(side);
        let args = ["sync"];
        self.screen.command(side.name(), &args);
        let synced = sync(device, codes)?;
        self.screen.say(&format!(
            "sent {}, fetched {} in {}",
            thousands(synced.pushed),
            thousands(synced.pulled),
            seconds(synced.took)
        ));
        Ok(synced)
    }

    /// Counts the writes of a device that the server has not confirmed.
    pub(super) fn waiting(&self, device: &Device) -> Result<u64> {
        let (status, _) = device.row(&["status"])?;
        let counts = status["outbox"]
            .as_object()
            .with_context(|| format!("expected the outbox in the status, but {status} came"))?;
        Ok(counts.values().filter_map(Value::as_u64).sum())
    }

    /// A syncs first: nobody has changed anything on the server, so nothing is to be decided.
    pub(super) fn first_comes_back(&mut self) -> Result<()> {
        self.screen
            .step("The network is back. A syncs first, and meets no conflict");
        self.sync(Side::A, &[0])?;
        let waiting = self.waiting(&self.a)?;
        self.screen
            .check(waiting == 0, "the server has every write of A");
        Ok(())
    }

    /// Kills B in the middle of its sync, at the worst moment there is.
    pub(super) fn kill_the_second(&mut self) -> Result<()> {
        self.screen
            .step("B syncs, and is killed (kill -9) at the worst moment");
        self.screen.say(
            "The demo stands between B and the server, and holds back the server's answer to B's third push:\n\
             the server has carried it out, and B cannot know. Then it kills B's process.",
        );
        self.screen.command("B", &["sync"]);
        let before = self.waiting(&self.b)?;
        let gate = Gate::open(PUSHES_ANSWERED)?;
        let url = gate.url();
        let mut child = self.b.spawn(&["sync"], Network::Through(&url))?;
        let start = Instant::now();
        let met = loop {
            if gate.is_holding(Duration::from_millis(20)) {
                break Ok(());
            }
            if let Some(status) = child.try_wait()? {
                break Err(format!("B's sync ended too early: {status}"));
            }
            if start.elapsed() > KILL_MAX {
                break Err(format!("B's sync did not get so far in {KILL_MAX:?}"));
            }
        };
        child.kill()?;
        child.wait()?;
        if let Err(reason) = met {
            bail!(reason);
        }
        let after = self.waiting(&self.b)?;
        let [sent, unsent] = self.landings_waiting()?;
        let (on_server, _) = self.server.digest(LANDINGS)?;
        let confirmed = LANDINGS_MADE - sent - unsent;
        self.screen.say(&format!(
            "killed. Before: {} writes waited in B's outbox, now {}. Of the {} landings:",
            thousands(before),
            thousands(after),
            thousands(LANDINGS_MADE)
        ));
        self.screen.table(
            &["in B's outbox", "landings", "on the server"],
            &[
                row("confirmed, so no longer there", confirmed, "yes"),
                row("sent, without an answer", sent, "yes, but B cannot know"),
                row("not yet sent", unsent, "no"),
            ],
        );
        self.screen.check(
            confirmed > 0 && sent > 0 && unsent > 0,
            "the kill came in the middle",
        );
        self.screen.check(
            on_server == confirmed + sent,
            &format!(
                "the server has {} landings, {} more than it could tell B",
                thousands(on_server),
                thousands(on_server.saturating_sub(confirmed))
            ),
        );
        Ok(())
    }

    /// Counts B's landings that are sent without an answer, and those that are not sent.
    fn landings_waiting(&self) -> Result<[u64; 2]> {
        let entries = self.b.rows(&["outbox", "list", "--limit", "1000000"])?;
        let mut counts = [0, 0];
        for entry in entries.iter().map(entry) {
            if entry["collection"] == LANDINGS {
                let state = &entry["state"];
                let sent = state.get("in_flight").is_some() || state.get("unknown").is_some();
                counts[usize::from(!sent)] += 1;
            }
        }
        Ok(counts)
    }

    /// B goes on as if nothing had happened.
    pub(super) fn second_resumes(&mut self) -> Result<()> {
        self.screen
            .step("B is started again: the same command, nothing to repair");
        // Something waits for a person afterwards: that is exit code 3.
        self.sync(Side::B, &[3])?;
        self.screen
            .say("exit code 3: all is sent that may be sent, and something waits for a person");
        let (on_server, _) = self.server.digest(LANDINGS)?;
        self.screen.check(
            on_server == LANDINGS_MADE && self.landings_waiting()? == [0, 0],
            &format!(
                "all {} landings are confirmed, and the server has {}: none lost, none twice",
                thousands(LANDINGS_MADE),
                thousands(on_server)
            ),
        );
        Ok(())
    }

    /// Settles the open conflicts by command, and lets both devices sync until they are quiet.
    pub(super) fn a_person_decides(&mut self) -> Result<()> {
        self.screen
            .step("Four policies have decided; under `manual` a person does");
        let open = self.b.rows(&["conflicts", "list"])?;
        let asked: Vec<_> = open.iter().map(|row| row["id"].as_str()).collect();
        self.screen.check(
            open.iter().all(|row| row["collection"] == "manual")
                && ANSWERS.iter().all(|(id, _)| asked.contains(&Some(*id)))
                && open.len() == ANSWERS.len(),
            &format!(
                "B has {} open conflicts, all of them in `manual`",
                open.len()
            ),
        );
        let args = ["conflicts", "show", "manual", "HNL"];
        self.screen.command("B", &args);
        let shown = self.b.do_it(&args)?.stdout;
        self.screen.say(shown.trim_end());
        for (record, answer) in ANSWERS {
            let args = self.answer(record, answer)?;
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            self.screen.command("B", &args);
            if let Answer::Document(values) = answer {
                let values = patch(values).join(", ");
                self.screen.say(&format!(
                    "   the file has both edits, {values}, and the rest as it was"
                ));
            }
            self.b.do_it(&args)?;
            let place = RECORDS.iter().position(|name| name == record);
            let outcome = promised(POLICIES.len() - 1, place.context("no such record")?);
            let deed = outcome.map_or(Deed::Delete, Deed::Set);
            self.ledger.note(Stage::Resolved, "manual", record, deed);
        }
        self.screen
            .say("Now both sync until neither has anything left:");
        self.settle()
    }

    fn answer(&self, record: &str, answer: &Answer) -> Result<Vec<String>> {
        let mut args = ["conflicts", "resolve", "manual", record]
            .map(str::to_owned)
            .to_vec();
        match answer {
            Answer::Side(option) => args.push((*option).to_owned()),
            Answer::Document(values) => {
                let key = ("manual".to_owned(), record.to_owned());
                let mut document = self.base.get(&key).context("no such record")?.clone();
                document.extend(fields(values));
                // By hand on the device, as one would.
                let file = format!("{}.json", record.to_lowercase());
                std::fs::write(
                    self.b.folder().join(&file),
                    serde_json::to_string(&document)?,
                )?;
                args.extend(["--document".to_owned(), format!("@{file}")]);
            }
        }
        Ok(args)
    }

    /// Lets both devices sync until neither has anything left.
    pub(super) fn settle(&self) -> Result<()> {
        for round in 1..=ROUNDS_MAX {
            let mut moved = 0;
            for side in [Side::B, Side::A] {
                let synced = sync(self.device(side), &[0])?;
                moved += synced.pulled + synced.pushed;
                if synced.pulled + synced.pushed > 0 {
                    self.screen.say(&format!(
                        "{}$ tisync sync    sent {}, fetched {}",
                        side.name(),
                        thousands(synced.pushed),
                        thousands(synced.pulled)
                    ));
                }
            }
            if moved == 0 {
                self.screen.check(
                    true,
                    &format!("quiet: in round {round} nothing moves any more"),
                );
                return Ok(());
            }
        }
        self.screen.check(
            false,
            &format!("the devices still exchange changes after {ROUNDS_MAX} rounds"),
        );
        Ok(())
    }
}

fn sync(device: &Device, codes: &[i32]) -> Result<Synced> {
    let start = Instant::now();
    let done = device.expect(&["sync", "--json"], codes)?;
    let took = start.elapsed();
    let report: Value = serde_json::from_str(&done.stdout)
        .with_context(|| format!("expected a report of the sync, but {:?} came", done.stdout))?;
    let count = |name: &str| {
        let count = report[name].as_u64();
        count.with_context(|| format!("expected the number {name}, but {report} came"))
    };
    let (pulled, pushed) = (count("pulled")?, count("pushed")?);
    ensure!(
        report["synced"] == (done.code == Some(0)),
        "the exit code {:?} does not fit the report {report}",
        done.code
    );
    Ok(Synced {
        took,
        pulled,
        pushed,
    })
}

/// The entry of a line of the outbox, which stands beside its record's id.
fn entry(line: &Value) -> &Value {
    line.get("entry").unwrap_or(line)
}

fn row(state: &str, count: u64, server: &str) -> Vec<String> {
    vec![
        state.to_owned(),
        format!("{:>8}", thousands(count)),
        server.to_owned(),
    ]
}
