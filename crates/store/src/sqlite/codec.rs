//! Rows to nouns and back.
use super::seal::{self, OfBase};
use crate::driver::{SqlRow, SqlValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tisync_core::model::{
    Dirty, Entry, EntryState, Frozen, Image, JournalRow, JournalState, Record, RecordId,
    RecordState, Remote, Rid, Version,
};
use tisync_core::store::{StoreError, StoreErrorKind};
use tisync_json::Deserialize;
use tisync_json::Document;

/// Added to a record's state when its side row is (never seen, no remote), as for every new record: that row
/// is then not written.
pub(super) const BLANK: i64 = 8;

/// Added to a record's state when its base was brought to its schema here.
pub(super) const MIGRATED: i64 = 16;

/// Added to the kind of a side row's base when it is a guess.
pub(super) const PROVISIONAL: i64 = 4;

/// The state without [`BLANK`] and [`MIGRATED`].
pub(super) const STATE: i64 = 7;

pub(crate) fn state_code(state: RecordState) -> i64 {
    match state {
        RecordState::Clean => 0,
        RecordState::Dirty => 1,
        RecordState::Provisional => 2,
        RecordState::Unconfirmed => 3,
        RecordState::Tombstone => 4,
    }
}

/// A state with the flag of its base.
pub(super) fn flagged(state: RecordState, migrated: bool) -> i64 {
    state_code(state) | if migrated { MIGRATED } else { 0 }
}

pub(crate) fn state_of(code: i64) -> Result<RecordState, StoreError> {
    Ok(match code & STATE {
        0 => RecordState::Clean,
        1 => RecordState::Dirty,
        2 => RecordState::Provisional,
        3 => RecordState::Unconfirmed,
        4 => RecordState::Tombstone,
        _ => return Err(corrupt(format!("a record has the state {code}"))),
    })
}

/// The name of the state in a column `state`, in SQL: as JSON has it.
pub(crate) fn state_name() -> Result<String, StoreError> {
    let mut sql = format!("CASE state & {STATE}");
    for state in RecordState::ALL {
        let name = tisync_json::write(&state).replace('"', "'");
        sql.push_str(&format!(" WHEN {} THEN {name}", state_code(state)));
    }
    sql.push_str(" END");
    Ok(sql)
}

pub(crate) fn entry_code(state: &EntryState) -> i64 {
    match state {
        EntryState::Pending => 0,
        EntryState::InFlight { .. } => 1,
        EntryState::Unknown { .. } => 2,
        EntryState::Held(_) => 3,
        EntryState::Parked { .. } => 4,
    }
}

/// What has become of an entry since it was written whole.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stands {
    state: EntryState,
    frozen: Option<Frozen>,
}

impl Stands {
    pub(crate) fn of(entry: &Entry) -> Self {
        Stands {
            state: entry.state.clone(),
            frozen: entry.frozen.clone(),
        }
    }

    /// Gives it back to the entry.
    pub(crate) fn put(self, entry: &mut Entry) {
        entry.state = self.state;
        entry.frozen = self.frozen;
    }
}

/// Reads the columns `body, stands` of the outbox.
pub(crate) fn entry(row: &dyn SqlRow) -> Result<Entry, StoreError> {
    let sealed = seal::unsealed(text(row, 0)?)?;
    let Some((_, json)) = seal::entry_parts(sealed) else {
        return Err(corrupt("an entry of the outbox has no record".to_owned()));
    };
    let mut entry: Entry = from_json(json)?;
    if let Some(stands) = text_or_null(row, 1)? {
        from_json::<Stands>(seal::unsealed(stands)?)?.put(&mut entry);
    }
    Ok(entry)
}

/// Reads the columns `body, state, mutation` of the journal.
pub(crate) fn journal_row(row: &dyn SqlRow) -> Result<JournalRow, StoreError> {
    let mut journal: JournalRow = from_json(text(row, 0)?)?;
    journal.state = match integer(row, 1)? {
        0 => JournalState::Decided,
        1 => JournalState::Settled,
        2 => JournalState::Void,
        code => {
            return Err(corrupt(format!(
                "a row of the journal has the state {code}"
            )));
        }
    };
    let mutation = text_or_null(row, 2)?.map(str::parse);
    journal.mutation = mutation.transpose().map_err(wrong)?;
    journal.rid = Rid(integer(row, 3)?);
    Ok(journal)
}

pub(crate) fn journal_code(state: JournalState) -> i64 {
    match state {
        JournalState::Decided => 0,
        JournalState::Settled => 1,
        JournalState::Void => 2,
    }
}

pub(crate) fn image_code(image: &Image) -> i64 {
    match image {
        Image::Absent => 0,
        Image::Present(_) => 1,
        Image::Gone => 2,
    }
}

/// Whether the side row is that of a new record.
pub(crate) fn is_blank(dirty: &Dirty) -> bool {
    dirty.base == Image::Absent && dirty.remote.is_none() && !dirty.provisional
}

/// The condition of a record that is not a tombstone.
pub(super) fn live() -> String {
    format!("(c.state & {STATE}) <> 4")
}

/// The condition of a record with a side row.
pub(super) fn beside() -> String {
    format!("(d.rid IS NOT NULL OR (c.state & {BLANK}) <> 0)")
}

/// Reads the columns `rid, id, version, state, stamp, doc, kind, base, remote, schema`. `wanted` is the id that was
/// asked for: most often it is the one that is found, and need not be made again.
pub(crate) fn whole(
    row: &dyn SqlRow,
    wanted: Option<&RecordId>,
) -> Result<(Record, Option<Dirty>), StoreError> {
    let code = integer(row, 3)?;
    let id = text(row, 1)?;
    let id = match wanted {
        Some(wanted) if wanted.as_str() == id => wanted.clone(),
        _ => parsed(RecordId::new(id))?,
    };
    let stamp = text_or_null(row, 4)?.map(str::parse);
    let record = Record {
        rid: Rid(integer(row, 0)?),
        id,
        version: version(row, 2)?,
        state: state_of(code)?,
        document: document(row, 5)?,
        stamp: stamp.transpose().map_err(wrong)?,
        schema: number(row, 9)?,
        migrated: code & MIGRATED != 0,
    };
    let dirty = match integer_or_null(row, 6)? {
        Some(kind) => Some(Dirty {
            base: base(kind & !PROVISIONAL, text(row, 7)?)?,
            provisional: kind & PROVISIONAL != 0,
            remote: text_or_null(row, 8)?
                .map(|remote| from_json::<Remote>(seal::unsealed(remote)?))
                .transpose()?,
        }),
        None => (code & BLANK != 0).then_some(Dirty {
            base: Image::Absent,
            remote: None,
            provisional: false,
        }),
    };
    Ok((record, dirty))
}

fn base(kind: i64, sealed: &str) -> Result<Image, StoreError> {
    match seal::base_parts(seal::unsealed(sealed)?) {
        Some(base) if image_code(&base.image) == kind => Ok(base.image),
        _ => Err(corrupt(format!(
            "a base of kind {kind} does not fit its document"
        ))),
    }
}

/// Reads the columns `version, schema, state` of a record from one on.
pub(super) fn of_base(row: &dyn SqlRow, column: usize) -> Result<OfBase<'_>, StoreError> {
    Ok(OfBase {
        version: text_or_null(row, column)?,
        schema: number(row, column + 1)?,
        migrated: integer(row, column + 2)? & MIGRATED != 0,
    })
}

/// A number of a schema.
fn number(row: &dyn SqlRow, column: usize) -> Result<u32, StoreError> {
    u32::try_from(integer(row, column)?).map_err(wrong)
}

pub(crate) fn version(row: &dyn SqlRow, column: usize) -> Result<Option<Version>, StoreError> {
    text_or_null(row, column)?
        .map(|text| parsed(Version::new(text)))
        .transpose()
}

pub(crate) fn document(row: &dyn SqlRow, column: usize) -> Result<Option<Document>, StoreError> {
    let text = text_or_null(row, column)?;
    text.map(|text| parsed(Document::parse(text))).transpose()
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    tisync_json::read(text).map_err(wrong)
}

/// What a value is. Not the value itself: a double would bring another printer of doubles into the module for hosts
/// without native code.
fn kind(value: SqlValue<'_>) -> &'static str {
    match value {
        SqlValue::Null => "NULL",
        SqlValue::Integer(_) => "an integer",
        SqlValue::Real(_) => "a double",
        SqlValue::Text(_) => "text",
    }
}

pub(crate) fn text_or_null(row: &dyn SqlRow, column: usize) -> Result<Option<&str>, StoreError> {
    match row.value(column)? {
        SqlValue::Null => Ok(None),
        SqlValue::Text(text) => Ok(Some(text)),
        other => Err(corrupt(format!("expected text, found {}", kind(other)))),
    }
}

pub(crate) fn text(row: &dyn SqlRow, column: usize) -> Result<&str, StoreError> {
    text_or_null(row, column)?.ok_or_else(|| corrupt("expected text, found NULL".to_owned()))
}

pub(crate) fn integer_or_null(row: &dyn SqlRow, column: usize) -> Result<Option<i64>, StoreError> {
    match row.value(column)? {
        SqlValue::Null => Ok(None),
        SqlValue::Integer(value) => Ok(Some(value)),
        // Hosts without integers answer with doubles.
        SqlValue::Real(value) if value.fract() == 0.0 && value.abs() < 9.1e15 => {
            Ok(Some(value as i64))
        }
        other => Err(corrupt(format!(
            "expected an integer, found {}",
            kind(other)
        ))),
    }
}

pub(crate) fn integer(row: &dyn SqlRow, column: usize) -> Result<i64, StoreError> {
    integer_or_null(row, column)?
        .ok_or_else(|| corrupt("expected an integer, found NULL".to_owned()))
}

/// An unsigned number as SQLite keeps it; beyond its range it is cut, which no clock and counter reaches.
pub(crate) fn unsigned(value: u64) -> SqlValue<'static> {
    SqlValue::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A limit as SQLite takes it.
pub(crate) fn limit(limit: usize) -> SqlValue<'static> {
    unsigned(limit as u64)
}

pub(crate) fn parsed<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, StoreError> {
    result.map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> StoreError {
    corrupt(format!(
        "the file holds what was never written to it: {error}"
    ))
}

pub(crate) fn corrupt(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}
