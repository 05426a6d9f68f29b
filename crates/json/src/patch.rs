//! A change of some fields of a document.
use crate::{Object, Path, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
/// A change of some fields: never holds a path and its prefix.
///
/// On the wire: `{"set": {"/title": "x"}, "unset": ["/due"]}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Paths that get a value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Path, Value>,
    /// Paths that go away.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unset: BTreeSet<Path>,
}
impl Patch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }
    /// All paths that it names, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let mut paths: Vec<&Path> = self.set.keys().chain(&self.unset).collect();
        paths.sort();
        paths.into_iter()
    }
    /// Applies the change; objects on the way that are missing, or are not objects, are made.
    pub fn apply(&self, object: &mut Object) {
        let _ = object;
        todo!()
    }
    /// Adds a later change to this one: `(a then b)` applied is a applied, then b.
    pub fn then(&mut self, later: &Patch) {
        let _ = later;
        todo!()
    }
    /// Checks that no path is a prefix of another (for patches that come from outside).
    pub fn check(&self) -> Result<(), crate::Error> {
        todo!()
    }
}
/// The smallest patch by leaves that leads from `before` to `after`: recurses through objects on both
/// sides; arrays and scalars are replaced whole; equal values never enter; missing keys are unset.
pub fn diff(before: &Object, after: &Object) -> Patch {
    let _ = (before, after);
    todo!()
}
