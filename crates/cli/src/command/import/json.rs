//! One array of JSON objects, read item by item.
use super::Sink;
use crate::exit::Failure;
use serde::Deserializer;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::io::BufRead;
use tisync::Document;

/// Reads all items; an item's number stands for its line.
pub(super) fn read(source: Box<dyn BufRead + '_>, sink: &mut Sink<'_>) -> Result<(), Failure> {
    let mut failure = None;
    let mut deserializer = serde_json::Deserializer::from_reader(source);
    let items = Items {
        sink,
        failure: &mut failure,
    };
    let result = deserializer
        .deserialize_seq(items)
        .and_then(|()| deserializer.end());
    match (failure, result) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(Failure::failed(format!(
            "expected one JSON array of objects, but {error}; rows before it may be imported already, and importing them again changes nothing"
        ))),
        (None, Ok(())) => Ok(()),
    }
}

struct Items<'a, 'b> {
    sink: &'a mut Sink<'b>,
    failure: &'a mut Option<Failure>,
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (mut number, mut end) = (0, 0);
        while let Some(item) = items.next_element::<Box<RawValue>>()? {
            number += 1;
            end += item.get().len() as u64;
            let row = Document::parse(item.get())
                .map_err(|error| format!("expected a JSON object, but {error}"));
            if let Err(failure) = self.sink.row(number, end, row) {
                *self.failure = Some(failure);
                return Err(A::Error::custom("the import stopped"));
            }
        }
        Ok(())
    }
}
