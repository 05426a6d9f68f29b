//! `tisync import`
mod csv;
mod json;
mod ndjson;

use crate::args::{Format, Import};
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use indicatif::ProgressBar;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use tisync::model::RecordId;
use tisync::{Collection, Document, Replica, Value};

/// Rows that are written in one transaction: enough to make its cost disappear.
const BATCH_ROWS: usize = 1_000;
/// Bad rows that are reported one by one.
const BAD_SHOWN_MAX: usize = 20;

/// A row, or what is wrong with it.
type Row = Result<Document, String>;

/// Reads records from a file.
pub(crate) fn run(replica: &Replica, options: &Import, out: &Out) -> Result<Code, Failure> {
    if let Some(lifeboat) = &options.lifeboat {
        return super::session::bring_back(replica, lifeboat, out);
    }
    let (Some(name), Some(file)) = (&options.collection, &options.file) else {
        return Err(Failure::usage(
            "expected a collection and a file, or --lifeboat",
        ));
    };
    let collection = replica.collection(name)?;
    let from_input = file.as_os_str() == "-";
    let format = options
        .format
        .or_else(|| format_of(file))
        .ok_or_else(|| {
            Failure::usage(format!(
                "expected a file that ends in .ndjson, .jsonl, .json or .csv, but {} came; name its --format",
                file.display()
            ))
        })?;
    let source = if from_input {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        Source::Bytes(bytes)
    } else {
        Source::File(file)
    };
    let bar = out.bar(source.len());
    if options.strict {
        let mut check = Sink::new(&collection, options, out, bar.clone(), false);
        read(&source, format, &collection, &mut check)?;
        if check.bad > 0 {
            bar.finish_and_clear();
            return Err(Failure::failed(format!(
                "expected only good rows, but {} came; nothing was imported",
                count(check.bad, "bad one", "bad ones")
            )));
        }
    }
    let mut sink = Sink::new(&collection, options, out, bar.clone(), true);
    let result = read(&source, format, &collection, &mut sink).and_then(|()| sink.flush());
    bar.finish_and_clear();
    report(&sink, options, out)?;
    result?;
    Ok(if sink.bad > 0 { Code::Failed } else { Code::Ok })
}

/// The format that a file's ending stands for.
pub(crate) fn format_of(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

fn report(sink: &Sink<'_>, options: &Import, out: &Out) -> Result<(), Failure> {
    let rows = count(sink.imported, "record", "records");
    let mut line = format!(
        "imported {rows} into {}",
        options.collection.as_deref().unwrap_or_default()
    );
    if sink.unchanged > 0 {
        line.push_str(&format!(", {} of them as they were", sink.unchanged));
    }
    if sink.bad > 0 {
        let bad = count(sink.bad, "bad row", "bad rows");
        line.push_str(&format!("; left out {bad}"));
    }
    out.line(line);
    out.object(&json!({
        "imported": sink.imported,
        "unchanged": sink.unchanged,
        "bad": sink.bad,
    }))
}

fn read(
    source: &Source<'_>,
    format: Format,
    collection: &Collection,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    match format {
        Format::Ndjson => ndjson::read(source.open()?, sink),
        Format::Json => json::read(source.open()?, sink),
        Format::Csv => csv::read(source, collection, sink),
    }
}

/// Where rows come from; may be read several times.
enum Source<'a> {
    File(&'a Path),
    Bytes(Vec<u8>),
}

impl Source<'_> {
    fn open(&self) -> Result<Box<dyn BufRead + '_>, Failure> {
        match self {
            Source::File(path) => {
                let file = File::open(path).map_err(|error| {
                    Failure::failed(format!("expected to read {}, but {error}", path.display()))
                })?;
                Ok(Box::new(BufReader::new(file)))
            }
            Source::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes))),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Source::File(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            Source::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// Takes rows and writes them in batches.
struct Sink<'a> {
    collection: &'a Collection,
    options: &'a Import,
    out: &'a Out,
    bar: ProgressBar,
    /// Whether rows are written, or only checked.
    writes: bool,
    batch: Vec<(Option<RecordId>, Document)>,
    imported: u64,
    unchanged: u64,
    bad: u64,
}

impl<'a> Sink<'a> {
    fn new(
        collection: &'a Collection,
        options: &'a Import,
        out: &'a Out,
        bar: ProgressBar,
        writes: bool,
    ) -> Self {
        Sink {
            collection,
            options,
            out,
            bar,
            writes,
            batch: Vec::new(),
            imported: 0,
            unchanged: 0,
            bad: 0,
        }
    }

    /// Takes a row that ends at a byte of the file.
    fn row(&mut self, line: u64, end: u64, row: Row) -> Result<(), Failure> {
        match row.and_then(|document| self.split(&document)) {
            Ok(row) => self.batch.push(row),
            Err(reason) => {
                self.bad += 1;
                // A strict import checks first, and reports what it finds then.
                let shown = self.bad <= BAD_SHOWN_MAX as u64;
                if shown {
                    self.bar
                        .suspend(|| self.out.warn(format!("line {line}: {reason}")));
                } else if self.bad == BAD_SHOWN_MAX as u64 + 1 {
                    self.bar
                        .suspend(|| self.out.warn("more bad rows are only counted"));
                }
            }
        }
        if self.batch.len() >= BATCH_ROWS {
            self.flush()?;
            self.bar.set_position(end);
        }
        Ok(())
    }

    /// Takes the id out of the document.
    fn split(&self, document: &Document) -> Result<(Option<RecordId>, Document), String> {
        if self.options.random_ids {
            return Ok((None, document.clone()));
        }
        let field = &self.options.id;
        let mut object = document.object();
        let id = match object.remove(field) {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(other) => {
                return Err(format!(
                    "expected an id in the field {field}, but {} came",
                    other.canonical()
                ));
            }
            None => {
                return Err(format!(
                    "expected an id in the field {field}, but the row has none; name the field with --id, or use --random-ids"
                ));
            }
        };
        let id = RecordId::new(&id).map_err(|error| error.to_string())?;
        Ok((Some(id), Document::from_object(&object)))
    }

    /// Writes the batch in one transaction.
    fn flush(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        let rows = batch.len() as u64;
        if self.writes && rows > 0 {
            let name = self.collection.name().as_str();
            let written = self.collection.replica().bulk(|writes| {
                for (id, document) in batch {
                    match id {
                        Some(id) => writes.put(name, id, document)?,
                        None => writes.insert(name, document)?,
                    }
                }
                Ok(())
            })?;
            let unchanged = written.iter().filter(|written| written.mutation.is_none());
            self.unchanged += unchanged.count() as u64;
            self.imported += rows;
        }
        Ok(())
    }
}
