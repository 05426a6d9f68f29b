//! Both devices work without a network.

use super::Demo;
use super::device::Network;
use super::ledger::{Deed, Stage};
use super::scenario::{Change, EDITS, Edit, POLICIES, Side, fields};
use super::screen::{seconds, thousands};
use super::start::{LANDINGS, patch};
use anyhow::{Context, Result};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};

/// Records that B makes while it is offline: several times what one push carries.
pub(super) const LANDINGS_MADE: u64 = 3_000;

impl Demo {
    /// Makes the early edits of both devices.
    pub(super) fn edit_offline(&mut self) -> Result<()> {
        self.screen.step(
            "Both devices are offline: they edit the same records, and nobody can ask anybody",
        );
        self.screen.say(
            "Nothing of Ti.Sync runs on either device but these commands. First the earlier edits:",
        );
        self.make_edits(false)
    }

    /// Makes B's long list, and then the late edits of both.
    pub(super) fn log_landings(&mut self) -> Result<()> {
        self.screen.say(&format!(
            "B also logs {} landings, all new records:",
            thousands(LANDINGS_MADE)
        ));
        let mut file = BufWriter::new(File::create(self.b.folder().join("landings.ndjson"))?);
        let airports: Vec<_> = self
            .base
            .keys()
            .filter(|(collection, _)| collection == POLICIES[0].collection)
            .map(|(_, id)| id)
            .collect();
        for (number, airport) in (1..=LANDINGS_MADE).zip(airports.iter().cycle()) {
            writeln!(file, "{}", json!({"number": number, "airport": airport}))?;
        }
        file.flush()?;
        let args = ["import", LANDINGS, "landings.ndjson", "--random-ids"];
        self.screen.command("B", &args);
        let done = self.b.do_it(&args)?;
        self.screen
            .say(&format!("written in {}", seconds(done.took)));
        // The ids are drawn by the device, so the ledger learns them from there.
        for row in self.b.rows(&["query", LANDINGS])? {
            let id = row["id"].as_str().context("expected an id")?;
            let document = serde_json::from_value(row["document"].clone())?;
            self.ledger
                .note(Stage::Offline, LANDINGS, id, Deed::Set(document));
        }
        self.screen.say("and then the later edits:");
        self.make_edits(true)?;
        self.say_what_waits()
    }

    fn make_edits(&mut self, late: bool) -> Result<()> {
        for edit in EDITS.iter().filter(|edit| edit.late == late) {
            for (number, policy) in POLICIES.iter().enumerate() {
                let args = command(policy.collection, edit);
                let args: Vec<_> = args.iter().map(String::as_str).collect();
                if number == 0 {
                    self.screen.command(edit.by.name(), &args);
                }
                self.device(edit.by).do_it(&args)?;
                let deed = match edit.change {
                    Change::Set(values) => Deed::Set(fields(values)),
                    Change::Delete => Deed::Delete,
                };
                self.ledger
                    .note(Stage::Offline, policy.collection, edit.record, deed);
            }
        }
        self.screen
            .say("each of them in all five collections, so that the same edits meet five policies");
        Ok(())
    }

    /// Shows that without a network nothing is lost, and nothing pretends.
    fn say_what_waits(&self) -> Result<()> {
        self.screen
            .say("Does a sync without a network lose anything?");
        for side in Side::BOTH {
            let device = self.device(side);
            let before = self.waiting(device)?;
            let args = ["sync"];
            self.screen.command(side.name(), &args);
            let done = device.run(&args, Network::Down)?;
            self.screen.say(done.stderr.trim_end());
            let after = self.waiting(device)?;
            self.screen.check(
                done.code == Some(4) && before == after,
                &format!(
                    "exit code 4 (cannot be reached), and all {} writes of {} wait as before",
                    thousands(after),
                    side.name()
                ),
            );
        }
        Ok(())
    }
}

fn command(collection: &str, edit: &Edit) -> Vec<String> {
    match edit.change {
        Change::Set(fields) => ["patch", collection, edit.record]
            .map(str::to_owned)
            .into_iter()
            .chain(patch(fields))
            .collect(),
        Change::Delete => ["delete", collection, edit.record]
            .map(str::to_owned)
            .into(),
    }
}
