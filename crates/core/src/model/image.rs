//! What one side has of a record.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;

/// What one side has of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    /// The record's document.
    Present(Document),
    /// Never seen.
    Absent,
    /// Known to be deleted.
    Gone,
}

impl Image {
    /// The document, when there is one.
    pub fn document(&self) -> Option<&Document> {
        match self {
            Image::Present(document) => Some(document),
            Image::Absent | Image::Gone => None,
        }
    }

    /// Whether there is a document.
    pub fn is_present(&self) -> bool {
        matches!(self, Image::Present(_))
    }

    /// Whether both show the same to a reader: equal documents, or none on both sides.
    pub fn same(&self, other: &Image) -> bool {
        match (self.document(), other.document()) {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl From<Option<Document>> for Image {
    fn from(document: Option<Document>) -> Self {
        document.map_or(Image::Gone, Image::Present)
    }
}
