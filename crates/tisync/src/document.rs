//! What a call takes as an id and as a document, and what a read gives back.
use crate::Error;
use serde::Serialize;
use tisync_core::model::{RecordId, RecordState, Version};
use tisync_json::Document;
use tisync_store::{Visible, VisibleRow};

/// Anything that can be a record's document: JSON text, a `serde_json::Value`, a [`Document`].
pub trait IntoDocument {
    /// Checks that it is a JSON object within the limits.
    fn into_document(self) -> Result<Document, Error>;
}

impl IntoDocument for Document {
    fn into_document(self) -> Result<Document, Error> {
        Ok(self)
    }
}

impl IntoDocument for &Document {
    fn into_document(self) -> Result<Document, Error> {
        Ok(self.clone())
    }
}

impl IntoDocument for &str {
    fn into_document(self) -> Result<Document, Error> {
        Ok(Document::parse(self)?)
    }
}

impl IntoDocument for &String {
    fn into_document(self) -> Result<Document, Error> {
        self.as_str().into_document()
    }
}

impl IntoDocument for String {
    fn into_document(self) -> Result<Document, Error> {
        self.as_str().into_document()
    }
}

impl IntoDocument for serde_json::Value {
    fn into_document(self) -> Result<Document, Error> {
        of_serde(&self)
    }
}

impl IntoDocument for &serde_json::Value {
    fn into_document(self) -> Result<Document, Error> {
        of_serde(self)
    }
}

/// The document of any value that serialises to a JSON object.
pub(crate) fn of_serde(value: &impl Serialize) -> Result<Document, Error> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::invalid(format!("expected a value that is JSON, but {error}")))?;
    Ok(Document::parse(&text)?)
}

/// Anything that can be a record's id.
pub trait IntoId {
    /// Checks its length and characters.
    fn into_id(self) -> Result<RecordId, Error>;
}

impl IntoId for RecordId {
    fn into_id(self) -> Result<RecordId, Error> {
        Ok(self)
    }
}

impl IntoId for &RecordId {
    fn into_id(self) -> Result<RecordId, Error> {
        Ok(self.clone())
    }
}

impl IntoId for &str {
    fn into_id(self) -> Result<RecordId, Error> {
        Ok(RecordId::new(self)?)
    }
}

impl IntoId for &String {
    fn into_id(self) -> Result<RecordId, Error> {
        Ok(RecordId::new(self)?)
    }
}

impl IntoId for String {
    fn into_id(self) -> Result<RecordId, Error> {
        Ok(RecordId::new(self)?)
    }
}

/// One entry of a collection, as the app sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record<D = Document> {
    /// Its id.
    pub id: RecordId,
    /// Its document.
    pub document: D,
    /// How it stands to the server.
    pub state: RecordState,
    /// The server's token of the last state that it showed.
    pub version: Option<Version>,
}

impl Record {
    /// A record of the file with its document.
    pub(crate) fn read(row: VisibleRow<'_>) -> Result<Self, Error> {
        Ok(row.visible()?.into())
    }
}

impl From<Visible> for Record {
    fn from(visible: Visible) -> Self {
        Record {
            id: visible.id,
            document: visible.document,
            state: visible.state,
            version: visible.version,
        }
    }
}

impl<D> Record<D> {
    /// Whether the server has not confirmed all of it yet.
    pub fn is_pending(&self) -> bool {
        self.state != RecordState::Clean
    }
}
