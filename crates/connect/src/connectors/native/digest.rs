//! Digests of ranges.
use super::{answer, names};
use crate::http::{Response, classify};
use tisync_core::model::{
    Digest, DigestAnswer, DigestRequest, Failure, IdRange, Listed, RecordId, Tally, Version, term,
};
use tisync_json::Quoted;

/// What is sent. Whole collections go as such: the server knows their digests without looking.
pub(super) fn body(request: &DigestRequest) -> tisync_protocol::DigestRequest {
    let is_whole = |range: &IdRange| range.after.is_none() && range.until.is_none();
    let text = |id: &RecordId| id.as_str().to_owned();
    // The answer has collections first: they go apart only if there is nothing else.
    let (whole, ranges): (Vec<_>, Vec<_>) = match request.ranges.iter().all(is_whole) {
        true => (request.ranges.iter().collect(), Vec::new()),
        false => (Vec::new(), request.ranges.iter().collect()),
    };
    let ranges = ranges
        .into_iter()
        .map(|range| tisync_protocol::DigestRange {
            collection: range.collection.as_str().to_owned(),
            after: range.after.as_ref().map(text),
            until: range.until.as_ref().map(text),
        });
    tisync_protocol::DigestRequest {
        collections: whole
            .into_iter()
            .map(|range| range.collection.as_str().to_owned())
            .collect(),
        ranges: ranges.collect(),
        at: Some(request.at.as_str().to_owned()),
        list_max: request.list_max.map(|max| max as u64),
        contents: request.contents,
    }
}

/// Reads an answer. What does not fit the question is a failure: a digest that was misread would look like drift.
pub(super) fn digests(
    response: &Response,
    request: &DigestRequest,
) -> Result<DigestAnswer, Failure> {
    let read: tisync_protocol::DigestAnswer = answer::read(response)?;
    let unreadable = |error: String| classify::not_this_protocol(&format!("the digests: {error}"));
    let at = names::read(&read.checkpoint).map_err(unreadable)?;
    let fits = at != request.at
        || read.digests.len() == request.ranges.len()
            && read.digests.iter().zip(&request.ranges).all(is_of);
    if !fits {
        return Err(unreadable(
            "they are not those that were asked for".to_owned(),
        ));
    }
    let digests = read
        .digests
        .into_iter()
        .map(|digest| known(digest, request.contents));
    Ok(DigestAnswer {
        at,
        digests: digests.collect::<Result<_, String>>().map_err(unreadable)?,
    })
}

fn is_of((digest, range): (&tisync_protocol::Digest, &IdRange)) -> bool {
    digest.collection == range.collection.as_str()
        && digest.after.as_deref() == range.after.as_ref().map(RecordId::as_str)
        && digest.until.as_deref() == range.until.as_ref().map(RecordId::as_str)
}

fn known(digest: tisync_protocol::Digest, contents: bool) -> Result<Digest, String> {
    let records = digest.records.map(|records| {
        let listed = records.into_iter().map(|record| listed(&record, contents));
        listed.collect::<Result<_, String>>()
    });
    Ok(Digest {
        tally: Tally {
            count: digest.count,
            hash: hash(&digest.hash)?,
        },
        records: records.transpose()?,
    })
}

fn listed(record: &tisync_protocol::Listed, contents: bool) -> Result<Listed, String> {
    let id: RecordId = names::read(&record.id)?;
    let version: Version = names::read(&record.version)?;
    let term = match (&record.hash, contents) {
        (Some(text), true) => hash(text)?,
        (None, true) => return Err(format!("a hash of {id} was expected, but none came")),
        (_, false) => term(&id, Some(&version), None),
    };
    let version = Some(version);
    Ok(Listed { id, version, term })
}

fn hash(text: &str) -> Result<u64, String> {
    let is_hash = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let read = is_hash
        .then(|| u64::from_str_radix(text, 16).ok())
        .flatten();
    read.ok_or_else(|| {
        format!(
            "16 hexadecimal digits were expected, but {} came",
            Quoted(text)
        )
    })
}
