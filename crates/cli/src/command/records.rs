//! `tisync get`, `insert`, `put`, `patch` and `delete`
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::{fields, input};
use tisync::Replica;
use tisync::model::Written;

/// Prints a record's document.
pub(crate) fn get(
    replica: &Replica,
    collection: &str,
    id: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let record = replica.collection(collection)?.record(id)?.ok_or_else(|| {
        Failure::failed(format!(
            "expected the record {id} of {collection}, but there is none; `tisync why {collection} {id}` may tell what became of it"
        ))
    })?;
    out.line(pretty(record.document.text())?);
    out.object(&record)?;
    Ok(Code::Ok)
}

/// Makes a record with a random id.
pub(crate) fn insert(
    replica: &Replica,
    collection: &str,
    document: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let collection = replica.collection(collection)?;
    let written = collection.insert(input::document(document)?)?;
    report("made", &written, out)
}

/// Stores a whole document.
pub(crate) fn put(
    replica: &Replica,
    collection: &str,
    id: &str,
    document: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let collection = replica.collection(collection)?;
    let written = collection.put(id, input::document(document)?)?;
    report("stored", &written, out)
}

/// Changes some fields.
pub(crate) fn patch(
    replica: &Replica,
    collection: &str,
    id: &str,
    set: &[String],
    unset: &[String],
    out: &Out,
) -> Result<Code, Failure> {
    let collection = replica.collection(collection)?;
    let written = collection.patch(id, fields::patch(set, unset)?)?;
    report("changed", &written, out)
}

/// Deletes a record.
pub(crate) fn delete(
    replica: &Replica,
    collection: &str,
    id: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let written = replica.collection(collection)?.delete(id)?;
    report("deleted", &written, out)
}

fn report(verb: &str, written: &Written, out: &Out) -> Result<Code, Failure> {
    let Written { collection, id, .. } = written;
    out.line(match written.mutation {
        Some(_) => format!("{verb} {collection} {id}"),
        None => format!("{collection} {id} is as it was: nothing to send"),
    });
    out.object(written)?;
    Ok(Code::Ok)
}

fn pretty(text: &str) -> Result<String, Failure> {
    // `RawValue` keeps each number as it is written.
    let fields: std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> =
        serde_json::from_str(text)?;
    Ok(serde_json::to_string_pretty(&fields)?)
}
