//! `tisync export`
use crate::args::Format;
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tisync::{Collection, Document, Record, Replica, Value};

/// Writes records to a file.
pub(crate) fn run(
    replica: &Replica,
    collection: Option<&str>,
    file: &Path,
    id: &str,
    format: Option<Format>,
    out: &Out,
) -> Result<Code, Failure> {
    let collection = collection
        .ok_or_else(|| Failure::usage("expected a collection, or --replica FILE"))
        .and_then(|name| Ok(replica.collection(name)?))?;
    let to_output = file.as_os_str() == "-";
    let format = format
        .or_else(|| super::import::format_of(file))
        .unwrap_or(Format::Ndjson);
    if to_output {
        let mut stdout = BufWriter::new(std::io::stdout().lock());
        return match write(&collection, id, format, &mut stdout) {
            Err(failure) if failure.is_broken_pipe => Ok(Code::Ok),
            Err(failure) => Err(failure.failure),
            Ok(_) => Ok(Code::Ok),
        };
    }
    // A file that is there stays whole until the new one is complete.
    let partial = partial_name(file);
    let written = File::create(&partial)
        .map_err(WriteFailure::from)
        .and_then(|created| {
            let mut writer = BufWriter::new(created);
            write(&collection, id, format, &mut writer)
        });
    let rows = match written {
        Ok(rows) => rows,
        Err(failure) => {
            let _ = std::fs::remove_file(&partial);
            return Err(failure.failure);
        }
    };
    std::fs::rename(&partial, file)?;
    let records = count(rows, "record", "records");
    out.line(format!("exported {records} to {}", file.display()));
    out.object(&json!({"exported": rows, "file": file}))?;
    Ok(Code::Ok)
}

struct WriteFailure {
    failure: Failure,
    is_broken_pipe: bool,
}

impl From<std::io::Error> for WriteFailure {
    fn from(error: std::io::Error) -> Self {
        WriteFailure {
            is_broken_pipe: error.kind() == std::io::ErrorKind::BrokenPipe,
            failure: error.into(),
        }
    }
}

impl From<tisync::Error> for WriteFailure {
    fn from(error: tisync::Error) -> Self {
        WriteFailure {
            is_broken_pipe: false,
            failure: error.into(),
        }
    }
}

fn write(
    collection: &Collection,
    id: &str,
    format: Format,
    writer: &mut impl Write,
) -> Result<u64, WriteFailure> {
    let rows = match format {
        Format::Ndjson => each(collection, |_, record| {
            writeln!(writer, "{}", with_id(&record, id))
        })?,
        Format::Json => {
            writer.write_all(b"[")?;
            let rows = each(collection, |row, record| {
                let comma = if row == 0 { "\n" } else { ",\n" };
                write!(writer, "{comma}{}", with_id(&record, id))
            })?;
            writer.write_all(b"\n]\n")?;
            rows
        }
        Format::Csv => write_csv(collection, id, writer)?,
    };
    writer.flush()?;
    Ok(rows)
}

/// Calls `write` for each record in the order of the ids; the first error of the writer ends it.
fn each(
    collection: &Collection,
    mut write: impl FnMut(u64, Record) -> std::io::Result<()>,
) -> Result<u64, WriteFailure> {
    let mut rows = 0;
    let mut failed = None;
    let result = collection.query().for_each(|record| {
        write(rows, record).map_err(|error| {
            let stop = tisync::Error::new(tisync::ErrorKind::Storage, error.to_string());
            failed = Some(error);
            stop
        })?;
        rows += 1;
        Ok(())
    });
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(result.map(|()| rows)?),
    }
}

/// The document with the record's id in a field, before the others.
fn with_id(record: &Record, field: &str) -> String {
    let mut object = record.document.object();
    object.remove(field);
    let rest = Document::from_object(&object);
    let name = Value::String(field.to_owned()).canonical();
    let id = Value::String(record.id.to_string()).canonical();
    match &rest.text()[1..] {
        "}" => format!("{{{name}:{id}}}"),
        rest => format!("{{{name}:{id},{rest}"),
    }
}

/// Two walks: the first finds the headings, the second writes the rows.
fn write_csv(
    collection: &Collection,
    id: &str,
    writer: &mut impl Write,
) -> Result<u64, WriteFailure> {
    let mut names = BTreeSet::new();
    each(collection, |_, record| {
        names.extend(record.document.object().into_keys());
        Ok(())
    })?;
    names.remove(id);
    let mut csv = csv::Writer::from_writer(writer);
    let headings = [id].into_iter().chain(names.iter().map(String::as_str));
    csv.write_record(headings).map_err(std::io::Error::from)?;
    each(collection, |_, record| {
        let object = record.document.object();
        let cells = names.iter().map(|name| cell(object.get(name)));
        csv.write_record([record.id.to_string()].into_iter().chain(cells))
            .map_err(std::io::Error::from)
    })
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.canonical(),
    }
}

fn partial_name(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
