//! The proof: all replicas and the server are equal, and every acknowledged write is somewhere.

use super::Demo;
use super::device::Device;
use super::hash64::hash64;
use super::ledger::Evidence;
use super::offline::LANDINGS_MADE;
use super::scenario::Fields;
use super::screen::{seconds, thousands};
use super::start::{LANDINGS, add_rows, collections};
use super::tables::losers;
use anyhow::{Context, Result};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Instant;

impl Demo {
    /// Compares everything with everything, and looks for every write.
    pub(super) fn prove(&mut self) -> Result<()> {
        self.screen
            .step("The proof: A, B and the server hold the same, to the last byte");
        let fresh = Device::new("C", &self.root, &self.tisync)?;
        self.init(&fresh, false)?;
        self.screen.say(
            "A third device, C, which has never seen any of this, asks the server for all of it:",
        );
        self.screen.command("C", &["sync"]);
        let start = Instant::now();
        let (report, _) = fresh.row(&["sync"])?;
        self.screen.say(&format!(
            "fetched {} in {}",
            thousands(report["pulled"].as_u64().unwrap_or_default()),
            seconds(start.elapsed())
        ));
        let shown = self.compare(&fresh)?;
        self.say_what_is_left(&fresh)?;
        self.count_landings(&shown);
        self.account_for_writes(shown)
    }

    /// Compares the exports of three devices byte by byte, and their versions with the server's own digest.
    fn compare(&self, fresh: &Device) -> Result<BTreeMap<(String, String), Fields>> {
        let devices = [&self.a, &self.b, fresh];
        let mut shown = BTreeMap::new();
        let mut lines = Vec::new();
        let (mut same_bytes, mut same_digests, mut total) = (true, true, 0);
        for collection in collections() {
            let mut exports = Vec::new();
            let mut digests = vec![self.server.digest(collection)?];
            for device in devices {
                exports.push(device.do_it(&["export", collection])?.stdout);
                digests.push(digest(device, collection)?);
            }
            let (count, hash) = digests[0].clone();
            let bytes_fit = exports.iter().all(|export| *export == exports[0])
                && exports[0].lines().count() as u64 == count;
            let digests_fit = digests.iter().all(|digest| *digest == digests[0]);
            total += count;
            same_bytes &= bytes_fit;
            same_digests &= digests_fit;
            let hashes = exports.iter().map(|export| hash64(export.as_bytes()));
            lines.push(vec![
                collection.to_owned(),
                format!("{:>7}", thousands(count)),
                format!("{:>9}", thousands(exports[0].len() as u64)),
                sides(
                    bytes_fit,
                    "A = B = C",
                    hashes.map(|hash| format!("{hash:016x}")),
                ),
                sides(
                    digests_fit,
                    "A = B = C = server",
                    digests
                        .iter()
                        .skip(1)
                        .chain([&(count, hash)])
                        .map(|digest| digest.1.clone()),
                ),
            ]);
            add_rows(&mut shown, collection, &exports[2])?;
        }
        let headings = [
            "collection",
            "records",
            "bytes",
            "hash of all records as NDJSON",
            "hash of all ids with their versions",
        ];
        self.screen.table(&headings, &lines);
        self.screen.check(
            same_bytes,
            &format!(
                "A, B and C show the same {} records, byte for byte",
                thousands(total)
            ),
        );
        self.screen.check(
            same_digests,
            "all three stand at the server's own versions, by the digest that the server computed",
        );
        Ok(shown)
    }

    /// Checks that nothing waits anywhere, and that every decision reached the server.
    fn say_what_is_left(&self, fresh: &Device) -> Result<()> {
        let mut synced = true;
        for device in [&self.a, &self.b, fresh] {
            synced &= device.row(&["status"])?.0["synced"] == json!(true);
        }
        self.screen.check(
            synced,
            "nothing is pending, unknown, held, refused or in conflict on any device",
        );
        let decisions = self.decisions()?;
        let undone = decisions.iter().filter(|row| row.undoes).count();
        self.screen.check(
            decisions.iter().all(|row| row.state != "decided"),
            &format!(
                "each of the {} decisions in the journals ({undone} of them undo another) has reached the server",
                decisions.len()
            ),
        );
        Ok(())
    }

    fn count_landings(&self, shown: &BTreeMap<(String, String), Fields>) {
        let landings = shown
            .iter()
            .filter(|((collection, _), _)| collection == LANDINGS);
        let mut numbers: Vec<_> = landings
            .filter_map(|(_, fields)| fields.get("number")?.as_u64())
            .collect();
        numbers.sort_unstable();
        self.screen.check(
            numbers.iter().copied().eq(1..=LANDINGS_MADE),
            &format!(
                "the landings of the killed device are numbered 1 to {}, each once",
                thousands(LANDINGS_MADE)
            ),
        );
    }

    /// Looks for every write that a device acknowledged.
    fn account_for_writes(&self, shown: BTreeMap<(String, String), Fields>) -> Result<()> {
        let key = ("merge".to_owned(), "ORD".to_owned());
        // 10 before they parted, 13 on A and 15 on B; and what each put into the set.
        let together = [
            ("visits", json!(18)),
            ("tags", json!(["hub", "rail", "taxi"])),
        ];
        let evidence = Evidence {
            shown,
            journals: losers(&self.decisions()?),
            together: together
                .into_iter()
                .map(|(field, value)| ((key.clone(), field.to_owned()), value))
                .collect(),
        };
        let found = self.ledger.find(&evidence);
        self.screen.blank();
        self.screen.say(&format!(
            "The demo kept a book of all {} writes that A and B acknowledged. Where are they now?",
            thousands(self.ledger.len())
        ));
        let line =
            |number: u64, place: &str| vec![format!("{:>7}", thousands(number)), place.to_owned()];
        self.screen.table(
            &[" writes", "where"],
            &[
                line(found.visible, "visible on every device"),
                line(
                    found.journalled,
                    "lost a decision: in the journal, one `tisync conflicts undo` away",
                ),
                line(
                    found.overwritten,
                    "changed later by somebody who had seen them",
                ),
                line(found.missing.len() as u64, "missing"),
            ],
        );
        for missing in &found.missing {
            self.screen.say(&format!("missing: {missing}"));
        }
        self.screen
            .check(found.missing.is_empty(), "no acknowledged write is missing");
        Ok(())
    }
}

/// One hash when all are the same, else all of them.
fn sides(same: bool, names: &str, hashes: impl Iterator<Item = String>) -> String {
    let mut hashes: Vec<_> = hashes.collect();
    if same {
        hashes.truncate(1);
        return format!("{}  {names}", hashes.join(""));
    }
    format!("DIFFERENT: {}", hashes.join(" "))
}

/// Counts a device's records, and computes the digest of their ids and versions as docs/PROTOCOL.md defines it.
fn digest(device: &Device, collection: &str) -> Result<(u64, String)> {
    let rows = device.rows(&["query", collection])?;
    let mut sum = 0_u64;
    for row in &rows {
        let text = |name: &str| {
            let text = row[name].as_str();
            text.with_context(|| format!("expected the {name} of a record, but {row} came"))
        };
        let bytes = [text("id")?.as_bytes(), &[0], text("version")?.as_bytes()].concat();
        sum = sum.wrapping_add(hash64(&bytes));
    }
    Ok((rows.len() as u64, format!("{sum:016x}")))
}
