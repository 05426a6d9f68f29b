//! What the server holds of one record.
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::Document;
use tisync_json::tree::BTreeMap;

/// The server's image of a record: `{"present": {…}}` or `{"gone": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// It is there.
    Present(Present),
    /// It is deleted, or never was: the server is the authority on both.
    Gone(Gone),
}

/// A record that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// The version that holds now.
    pub version: String,
    /// The latest stamp of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// Stamps by path; the stamp of a field is that of the longest path that leads to it, `""` being the
    /// whole record. Absent when `stamp` holds for every field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: BTreeMap<String, String>,
    /// The number of the schema of the newest app that wrote the document.
    #[serde(default, skip_serializing_if = "crate::mutation::is_zero")]
    pub schema: u32,
    /// The document.
    #[serde(rename = "doc")]
    pub document: Document,
}

/// A record that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The version of the deletion, while the server remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The stamp of the deletion, while the server remembers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
}
