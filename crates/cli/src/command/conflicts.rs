//! `tisync conflicts`
use crate::args::{Choice, ConflictsCommand};
use crate::command::follow::follow;
use crate::command::journal;
use crate::exit::{Code, Failure};
use crate::input;
use crate::output::Out;
use crate::table::Table;
use crate::text::ago;
use serde_json::json;
use std::collections::BTreeSet;
use tisync::model::{Image, Resolution};
use tisync::{OpenConflict, Replica, Value};

/// Conflicts that are listed at most.
const CONFLICTS_MAX: usize = 1_000;

/// Runs a subcommand.
pub(crate) fn run(
    replica: &Replica,
    command: &ConflictsCommand,
    out: &Out,
) -> Result<Code, Failure> {
    match command {
        ConflictsCommand::List { watch } => list(replica, *watch, out),
        ConflictsCommand::Show { collection, id } => {
            let conflict = replica.conflicts().get(collection, id)?;
            let images = [
                ("base", &conflict.base),
                ("ours", &conflict.ours),
                ("theirs", &conflict.theirs),
            ];
            side_by_side(&images, out);
            out.line(format!(
                "settle it: tisync conflicts resolve {collection} {id} --ours | --theirs | --document JSON | --delete"
            ));
            out.object(&conflict)?;
            Ok(Code::Ok)
        }
        ConflictsCommand::Resolve {
            collection,
            id,
            choice,
        } => {
            replica
                .conflicts()
                .resolve(collection, id, resolution(choice)?)?;
            out.line(format!(
                "{collection} {id} is settled; `tisync sync` sends it"
            ));
            out.object(&json!({"collection": collection, "id": id}))?;
            Ok(Code::Ok)
        }
        ConflictsCommand::Undo { row } => journal::undo(replica, *row, out),
    }
}

fn list(replica: &Replica, watch: bool, out: &Out) -> Result<Code, Failure> {
    if watch {
        return follow(replica.conflicts().watch(CONFLICTS_MAX), out, |conflicts| {
            show(conflicts, out);
            out.object(&json!({"conflicts": conflicts}))
        });
    }
    let conflicts = replica.conflicts().list(CONFLICTS_MAX)?;
    show(&conflicts, out);
    for conflict in &conflicts {
        out.object(conflict)?;
    }
    Ok(Code::Ok)
}

fn show(conflicts: &[OpenConflict], out: &Out) {
    if conflicts.is_empty() {
        return out.line("no open conflicts");
    }
    let mut table = Table::new(["collection", "id", "since", "ours", "theirs"]);
    for conflict in conflicts {
        table.row([
            conflict.collection.to_string(),
            conflict.id.to_string(),
            ago(conflict.since_ms),
            image(&conflict.ours),
            image(&conflict.theirs),
        ]);
    }
    table.print(out);
}

fn resolution(choice: &Choice) -> Result<Resolution, Failure> {
    Ok(match choice {
        Choice { ours: true, .. } => Resolution::Ours,
        Choice { theirs: true, .. } => Resolution::Theirs,
        Choice { delete: true, .. } => Resolution::Delete,
        Choice { document, .. } => {
            Resolution::Document(input::document(document.as_deref().unwrap_or("-"))?)
        }
    })
}

/// An image in one line.
pub(crate) fn image(image: &Image) -> String {
    match image {
        Image::Present(document) => document.text().to_owned(),
        Image::Absent => "never seen".to_owned(),
        Image::Gone => "deleted".to_owned(),
    }
}

/// Prints images beside each other, field by field; a `*` marks the fields that differ.
pub(crate) fn side_by_side(images: &[(&str, &Image)], out: &Out) {
    let objects: Vec<_> = images
        .iter()
        .map(|(_, image)| image.document().map(tisync::Document::object))
        .collect();
    let mut table = Table::new(
        ["", "field"]
            .into_iter()
            .chain(images.iter().map(|(name, _)| *name)),
    );
    if objects.iter().any(Option::is_none) {
        let states = images.iter().map(|(_, image)| match image {
            Image::Present(_) => "present",
            Image::Absent => "never seen",
            Image::Gone => "deleted",
        });
        table.row(["*", "(record)"].into_iter().chain(states));
    }
    let names: BTreeSet<&String> = objects
        .iter()
        .flatten()
        .flat_map(|object| object.keys())
        .collect();
    for name in names {
        let values: Vec<Option<&Value>> = objects
            .iter()
            .map(|object| object.as_ref().and_then(|object| object.get(name)))
            .collect();
        let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
        let cells = values
            .iter()
            .map(|value| value.map_or_else(|| "-".to_owned(), Value::canonical));
        table.row(
            [if differs { "*" } else { "" }.to_owned(), name.clone()]
                .into_iter()
                .chain(cells),
        );
    }
    table.print(out);
}
