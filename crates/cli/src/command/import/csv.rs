//! Comma-separated values under a line of headings.
use super::{Row, Sink, Source};
use crate::exit::Failure;
use csv::{Position, Reader, ReaderBuilder, StringRecord};
use std::io::BufRead;
use tisync::json::{Number, Object};
use tisync::model::ColumnKind;
use tisync::{Collection, Document, Path, Value};

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Boolean,
}

/// Reads all rows: the first walk finds out what each column is, the second reads.
pub(super) fn read(
    source: &Source<'_>,
    collection: &Collection,
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let mut reader = reader(source.open()?);
    let headings = reader.headers().map_err(bad_file)?.clone();
    let kinds = kinds(&mut reader, &headings, collection, &sink.options.id)?;
    let mut reader = self::reader(source.open()?);
    reader.headers().map_err(bad_file)?;
    let mut record = StringRecord::new();
    loop {
        let row = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => row(&headings, &kinds, &record),
            Err(error) if error.is_io_error() => return Err(bad_file(error)),
            Err(error) => Err(reason(&error)),
        };
        let position = record.position().cloned().unwrap_or_else(Position::new);
        sink.row(position.line(), reader.position().byte(), row)?;
    }
}

fn reader(source: Box<dyn BufRead + '_>) -> Reader<Box<dyn BufRead + '_>> {
    // Rows of another length are reported one by one.
    ReaderBuilder::new().flexible(true).from_reader(source)
}

fn bad_file(error: csv::Error) -> Failure {
    Failure::failed(format!(
        "expected comma-separated values under a line of headings, but {error}"
    ))
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "expected text in UTF-8, but other bytes came".to_owned(),
        _ => format!("expected a row of values, but {error}"),
    }
}

/// A column is of a kind if each of its cells is; a declared column keeps its kind.
fn kinds(
    reader: &mut Reader<Box<dyn BufRead + '_>>,
    headings: &StringRecord,
    collection: &Collection,
    id: &str,
) -> Result<Vec<Kind>, Failure> {
    let mut guesses: Vec<Guess> = headings
        .iter()
        .map(|heading| Guess {
            // An id is a text, whatever it looks like.
            declared: if heading == id {
                Some(Kind::Text)
            } else {
                declared(heading, collection)
            },
            numbers: true,
            booleans: true,
            any: false,
        })
        .collect();
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) if error.is_io_error() => return Err(bad_file(error)),
            // The second walk reports it.
            Err(_) => continue,
        }
        for (guess, cell) in guesses.iter_mut().zip(&record) {
            if !cell.is_empty() {
                guess.any = true;
                guess.numbers = guess.numbers && number(cell).is_some();
                guess.booleans = guess.booleans && boolean(cell).is_some();
            }
        }
    }
    Ok(guesses.iter().map(Guess::kind).collect())
}

struct Guess {
    declared: Option<Kind>,
    numbers: bool,
    booleans: bool,
    any: bool,
}

impl Guess {
    fn kind(&self) -> Kind {
        match self.declared {
            Some(kind) => kind,
            None if self.any && self.numbers => Kind::Number,
            None if self.any && self.booleans => Kind::Boolean,
            None => Kind::Text,
        }
    }
}

fn declared(heading: &str, collection: &Collection) -> Option<Kind> {
    let config = collection
        .replica()
        .config()
        .collection(collection.name())?;
    let path = Path::key(heading);
    let column = config
        .schema
        .columns
        .iter()
        .find(|column| column.path == path)?;
    Some(match column.kind {
        ColumnKind::Text => Kind::Text,
        ColumnKind::Integer | ColumnKind::Real => Kind::Number,
        ColumnKind::Boolean => Kind::Boolean,
    })
}

fn row(headings: &StringRecord, kinds: &[Kind], record: &StringRecord) -> Row {
    if record.len() != headings.len() {
        return Err(format!(
            "expected {} values as in the headings, but {} came",
            headings.len(),
            record.len()
        ));
    }
    let mut object = Object::new();
    for ((heading, kind), cell) in headings.iter().zip(kinds).zip(record) {
        if !cell.is_empty() {
            let value = value(*kind, cell)
                .map_err(|expected| format!("{heading}: expected {expected}, but {cell:?} came"))?;
            object.insert(heading.to_owned(), value);
        }
    }
    Ok(Document::from_object(&object))
}

fn value(kind: Kind, cell: &str) -> Result<Value, &'static str> {
    match kind {
        Kind::Text => Ok(Value::String(cell.to_owned())),
        Kind::Number => number(cell).map(Value::Number).ok_or("a number"),
        Kind::Boolean => boolean(cell).map(Value::Bool).ok_or("true or false"),
    }
}

/// A number as JSON writes it: `007` and `+1` are texts.
fn number(cell: &str) -> Option<Number> {
    Number::parse(cell).ok()
}

fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
