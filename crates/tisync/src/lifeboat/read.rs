//! Brings the writes of a lifeboat file back.
use super::failed;
use crate::{Error, Replica, limits};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tisync_connect::lifeboat::{Line, Returned, Survey};

pub(crate) fn read(replica: &Replica, path: &Path) -> Result<Returned, Error> {
    let survey = Survey::of(&path.display().to_string(), lines(path)?)?;
    let local = &replica.shared().local;
    survey.bring_back(lines(path)?, limits::LIST_ROWS, |input| local.step(input))
}

/// The lines of a file; a damaged one is none.
pub(crate) fn lines(
    path: &Path,
) -> Result<impl Iterator<Item = Result<Option<Line>, Error>>, Error> {
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    Ok(std::iter::from_fn(move || {
        bytes.clear();
        match reader.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(Ok(Line::parse(&bytes))),
            Err(error) => Some(Err(failed(path, &error))),
        }
    }))
}
