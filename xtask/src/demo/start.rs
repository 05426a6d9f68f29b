//! The beginning: a server, two devices, the data on all three.

use super::device::Device;
use super::ledger::{Deed, Ledger, Stage};
use super::scenario::{BEFORE, Fields, MERGE_FIELDS, POLICIES, Side, fields};
use super::screen::{Screen, seconds, thousands};
use super::server::Server;
use super::{Demo, Setup, Times};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The collection of B's long list; everything else is in the collections of the policies.
pub(super) const LANDINGS: &str = "landings";

/// Starts the server and makes both devices.
pub(super) fn server(setup: &Setup, screen: Screen, root: &Path) -> Result<Demo> {
    screen.step("A server on an empty SQLite file, and two devices");
    let args = ["serve", "--data", "server.db", "--listen", "127.0.0.1:0"];
    screen.command("server", &args);
    let server = Server::start(&setup.tisync, root, &args)?;
    screen.say(&format!("listening on {}", server.url()));
    let [a, b] = Side::BOTH.map(|side| Device::new(side.name(), root, &setup.tisync));
    let demo = Demo {
        screen,
        tisync: setup.tisync.clone(),
        root: root.to_owned(),
        server,
        a: a?,
        b: b?,
        ledger: Ledger::default(),
        base: BTreeMap::new(),
        times: Times::default(),
    };
    for side in Side::BOTH {
        demo.init(demo.device(side), side == Side::A)?;
    }
    demo.screen
        .say("In the collection `merge` two fields get a rule of their own, in tisync.toml:");
    demo.screen
        .say(&format!("   {}", MERGE_FIELDS.trim().replace('\n', "  ")));
    Ok(demo)
}

impl Demo {
    /// Makes the replica of a device.
    pub(super) fn init(&self, device: &Device, show: bool) -> Result<()> {
        let collections: Vec<_> = POLICIES
            .iter()
            .map(|policy| format!("{}:{}", policy.collection, policy.rule))
            .chain([format!("{LANDINGS}:merge")])
            .collect();
        let mut args = vec!["init", "--server", self.server.url()];
        for collection in &collections {
            args.extend(["--collection", collection]);
        }
        if show {
            self.screen.command(
                device.name(),
                &[&args[..5], &["--collection", "…"]].concat(),
            );
            let (first, second) = collections.split_at(3);
            self.screen.say(&format!(
                "with a collection for each policy, {},\n{}, the last for later. B is made in the same way.",
                first.join(", "),
                second.join(", ")
            ));
        }
        device.do_it(&args)?;
        let mut config = OpenOptions::new()
            .append(true)
            .open(device.folder().join("tisync.toml"))?;
        config.write_all(MERGE_FIELDS.as_bytes())?;
        Ok(())
    }

    /// Imports the airports on device A, once for each policy.
    pub(super) fn import(&mut self, airports: &Path) -> Result<()> {
        self.screen
            .step("Device A imports the airports of the United States, a copy for each policy");
        std::fs::copy(airports, self.a.folder().join("airports.csv"))
            .with_context(|| format!("expected the airports in {}", airports.display()))?;
        let text = std::fs::read_to_string(airports)?;
        let rows = read_csv(&text, "iata")?;
        let mut took = std::time::Duration::ZERO;
        for (number, policy) in POLICIES.iter().enumerate() {
            let args = ["import", policy.collection, "airports.csv", "--id", "iata"];
            if number == 0 {
                self.screen.command("A", &args);
            }
            took += self.a.do_it(&args)?.took;
            for (id, row) in &rows {
                let deed = Deed::Set(row.clone());
                self.ledger.note(Stage::Import, policy.collection, id, deed);
            }
        }
        let total = (rows.len() * POLICIES.len()) as u64;
        self.screen.say(&format!(
            "and so on: {} × {} = {} records, written durably on A in {}, without asking the server",
            POLICIES.len(),
            thousands(rows.len() as u64),
            thousands(total),
            seconds(took)
        ));
        let (record, values) = BEFORE;
        let args = patch(values);
        self.screen
            .say("A also gives one airport a counter and a set, in each of the five collections:");
        for (number, policy) in POLICIES.iter().enumerate() {
            let args: Vec<_> = ["patch", policy.collection, record]
                .into_iter()
                .chain(args.iter().map(String::as_str))
                .collect();
            if number == 0 {
                self.screen.command("A", &args);
            }
            self.a.do_it(&args)?;
            let deed = Deed::Set(fields(values));
            self.ledger
                .note(Stage::Before, policy.collection, record, deed);
        }
        Ok(())
    }

    /// Sends everything from A, and fetches it on B.
    pub(super) fn first_sync(&mut self) -> Result<()> {
        self.screen.step("First sync: A sends, B fetches");
        let sent = self.sync(Side::A, &[0])?;
        self.times.up = sent.took;
        let fetched = self.sync(Side::B, &[0])?;
        self.times.down = fetched.took;
        let (of_a, of_b) = (self.shown(&self.a)?, self.shown(&self.b)?);
        self.screen.check(
            of_a == of_b && !of_a.is_empty(),
            &format!("B has what A has: {} records", thousands(of_b.len() as u64)),
        );
        self.base = of_a;
        Ok(())
    }

    /// Reads all that a device shows, by collection and id.
    pub(super) fn shown(&self, device: &Device) -> Result<BTreeMap<(String, String), Fields>> {
        let mut shown = BTreeMap::new();
        for collection in collections() {
            let export = device.do_it(&["export", collection])?.stdout;
            add_rows(&mut shown, collection, &export)?;
        }
        Ok(shown)
    }
}

/// All collections.
pub(super) fn collections() -> impl Iterator<Item = &'static str> {
    let policies = POLICIES.iter().map(|policy| policy.collection);
    policies.chain([LANDINGS])
}

/// Reads the lines of an export.
pub(super) fn add_rows(
    shown: &mut BTreeMap<(String, String), Fields>,
    collection: &str,
    export: &str,
) -> Result<()> {
    for line in export.lines() {
        let mut fields: Fields = serde_json::from_str(line)
            .with_context(|| format!("expected a record of {collection}, but {line:?} came"))?;
        let id = fields.remove("id");
        let id = id.as_ref().and_then(Value::as_str);
        let id = id.with_context(|| format!("expected an id, but {line:?} came"))?;
        let twice = shown.insert((collection.to_owned(), id.to_owned()), fields);
        ensure!(twice.is_none(), "{collection} {id} is exported twice");
    }
    Ok(())
}

/// The arguments of `tisync patch` that set these fields.
pub(super) fn patch(fields: &[(&str, &str)]) -> Vec<String> {
    let args = fields.iter().map(|(name, value)| {
        let text = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        match text {
            Some(text) => format!("{name}={text}"),
            None => format!("{name}:={value}"),
        }
    });
    args.collect()
}

/// Reads comma-separated values independently of the product, so that the ledger knows what was in the file.
fn read_csv(text: &str, id: &str) -> Result<Vec<(String, Fields)>> {
    let mut lines = text.lines().map(cells);
    let headings = lines.next().context("expected a line of headings")?;
    lines
        .map(|cells| {
            ensure!(
                cells.len() == headings.len(),
                "expected a full row, but {cells:?} came"
            );
            let mut row = BTreeMap::new();
            let mut key = String::new();
            for (heading, cell) in headings.iter().zip(cells) {
                if heading == id {
                    key = cell;
                } else {
                    let number = ["latitude", "longitude"].contains(&heading.as_str());
                    let value = match number {
                        true => serde_json::from_str(&cell)?,
                        false => Value::String(cell),
                    };
                    row.insert(heading.clone(), value);
                }
            }
            Ok((key, row))
        })
        .collect()
}

/// Splits a line at its commas; a cell in quotes may hold commas and doubled quotes.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cells[last].push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells[last].push(c),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_hold_commas_and_quotes() {
        assert_eq!(
            cells(r#"S40,"W. H. ""Bud"" Barron","a,b",1.5"#),
            ["S40", "W. H. \"Bud\" Barron", "a,b", "1.5"]
        );
    }

    #[test]
    fn a_patch_is_spelled_as_the_command_line_takes_it() {
        let args = patch(&[("name", r#""Sea-Tac""#), ("visits", "13")]);
        assert_eq!(args, ["name=Sea-Tac", "visits:=13"]);
    }
}
