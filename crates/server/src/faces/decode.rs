//! Reads the bodies of requests.
use crate::service::{Batch, Entry};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::value::RawValue;
use tisync_protocol::{Problem, PushRequest};

/// Reads a body, or says what is wrong with it.
pub(super) fn body<R: DeserializeOwned>(bytes: &[u8]) -> Result<R, Box<Problem>> {
    serde_json::from_slice(bytes).map_err(|error| Box::new(problem(&error)))
}

/// Reads a push. If it cannot be read as a whole, each mutation is read by itself, so that one bad
/// mutation does not keep the others back.
pub(super) fn push(bytes: &[u8]) -> Result<Batch, Box<Problem>> {
    if let Ok(request) = serde_json::from_slice::<PushRequest>(bytes) {
        return Ok(request.into());
    }
    let raw: RawPush<'_> =
        serde_json::from_slice(bytes).map_err(|error| Box::new(problem(&error)))?;
    raw.mutations
        .into_iter()
        .enumerate()
        .map(entry)
        .collect::<Result<_, _>>()
        .map(Batch)
}

#[derive(Deserialize)]
struct RawPush<'a> {
    #[serde(borrow)]
    mutations: Vec<&'a RawValue>,
}

/// What must be readable of a mutation so that it can be answered.
#[derive(Deserialize)]
struct Name {
    id: String,
    #[serde(default)]
    group: Option<String>,
}

fn entry((index, raw): (usize, &RawValue)) -> Result<Entry, Box<Problem>> {
    match serde_json::from_str(raw.get()) {
        Ok(mutation) => Ok(Entry::Good(Box::new(mutation))),
        Err(error) => {
            let Name { id, group } = serde_json::from_str(raw.get()).map_err(|_| {
                let mut bad = problem(&error);
                bad.detail = format!(
                    "The mutation at index {index} has no readable id: {error}. Correct it."
                );
                Box::new(bad)
            })?;
            Ok(Entry::Bad {
                id,
                group,
                reason: format!("The mutation cannot be read: {error}."),
            })
        }
    }
}

fn problem(error: &serde_json::Error) -> Problem {
    let syntax = matches!(
        error.classify(),
        Category::Syntax | Category::Eof | Category::Io
    );
    let (kind, title, status) = match syntax {
        true => (Problem::BAD_JSON, "The body is not JSON", 400),
        false => (Problem::BAD_REQUEST, "The request is not understood", 422),
    };
    let detail = format!("The body could not be read: {error}. Correct the request.");
    Problem {
        kind: kind.into(),
        title: title.into(),
        status,
        detail,
        ..Problem::default()
    }
}
