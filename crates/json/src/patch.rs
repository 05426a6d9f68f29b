//! A change of some fields of a document.

use crate::tree::{BTreeMap, BTreeSet};
use crate::{Error, ErrorKind, Object, Path, Value};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A change of some fields: never holds a path and its prefix.
///
/// On the wire: `{"set": {"/a": 1}, "unset": ["/b"]}`; either may be missing.
///
/// ```
/// use tisync_json::{Document, Patch, diff};
/// let before = Document::parse(r#"{"title":"x","due":1}"#)?.object();
/// let after = Document::parse(r#"{"title":"y"}"#)?.object();
/// let patch: Patch = diff(&before, &after);
/// assert_eq!(patch.unset.len() + patch.set.len(), 2);
/// let mut object = before;
/// patch.apply(&mut object);
/// assert_eq!(object, after);
/// # Ok::<(), tisync_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Patch {
    /// Paths that get a value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<Path, Value>,
    /// Paths that go away.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
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

    /// Applies the change.
    ///
    /// A set makes the objects on its way, in the place of whatever else stands there. An unset of a
    /// path that is not there does nothing, and makes no objects.
    pub fn apply(&self, object: &mut Object) {
        for path in &self.unset {
            unset(object, path.keys());
        }
        for (path, value) in &self.set {
            set(object, path.keys(), value.clone());
        }
    }

    /// Adds a later change to this one: `(a then b)` applied is a applied, then b.
    ///
    /// That holds for every object, with one exception that sets and unsets cannot express: where `a`
    /// had to *make* an object on its way and `b` unsets what `a` put into it, the made object stays
    /// behind when they are applied one by one, and is never made by the sum. A patch from [`diff`]
    /// makes no objects on its way, so that changes of one document always add up exactly.
    pub fn then(&mut self, later: &Patch) {
        for path in &later.unset {
            self.then_unset(path);
        }
        for (path, value) in &later.set {
            self.then_set(path, value);
        }
    }

    /// Checks that no path is a prefix of another (for patches that are built by hand; one that is
    /// deserialised has been checked).
    ///
    /// # Errors
    /// `Path`, with the pair of paths.
    pub fn check(&self) -> Result<(), Error> {
        // What lies below a path follows directly after it, so that neighbours are enough.
        let paths: Vec<&Path> = self.paths().collect();
        for pair in paths.windows(2) {
            if pair[0].is_prefix_of(pair[1]) {
                return Err(Error::new(
                    ErrorKind::Path,
                    0,
                    format!(
                        "expected a patch of separate paths, came {} together with {}: keep one of them",
                        pair[0], pair[1]
                    ),
                ));
            }
        }
        Ok(())
    }

    fn then_unset(&mut self, path: &Path) {
        self.forget_below(path);
        match self.parent_of(path) {
            // The set value has no such field any more.
            Some(Parent::Set(length, value)) => {
                if let Value::Object(object) = value {
                    unset(object, &path.keys()[length..]);
                }
            }
            // All of it is gone already.
            Some(Parent::Unset(_)) => {}
            None => {
                self.unset.insert(path.clone());
            }
        }
    }

    fn then_set(&mut self, path: &Path, value: &Value) {
        self.forget_below(path);
        match self.parent_of(path) {
            Some(Parent::Set(length, whole)) => {
                set(whole.make_object(), &path.keys()[length..], value.clone());
            }
            // It went away as a whole, and now holds this one field.
            Some(Parent::Unset(parent)) => {
                let mut whole = Object::new();
                let rest = &path.keys()[parent.keys().len()..];
                set(&mut whole, rest, value.clone());
                self.unset.remove(&parent);
                self.set.insert(parent, Value::Object(whole));
            }
            None => {
                self.set.insert(path.clone(), value.clone());
            }
        }
    }

    /// Drops what it says about `path` and everything below.
    fn forget_below(&mut self, path: &Path) {
        let below = |other: &&Path| path.is_prefix_of(other);
        let sets = self.set.range(path.clone()..).map(|(path, _)| path);
        for path in sets.take_while(below).cloned().collect::<Vec<_>>() {
            self.set.remove(&path);
        }
        let unsets = self.unset.range(path.clone()..);
        for path in unsets.take_while(below).cloned().collect::<Vec<_>>() {
            self.unset.remove(&path);
        }
    }

    /// What it says about a path that leads to `path`; there is at most one.
    fn parent_of(&mut self, path: &Path) -> Option<Parent<'_>> {
        let parent = path
            .parents()
            .find(|parent| self.set.contains_key(parent) || self.unset.contains(parent))?;
        match self.set.get_mut(&parent) {
            Some(value) => Some(Parent::Set(parent.keys().len(), value)),
            None => Some(Parent::Unset(parent)),
        }
    }
}

/// What a patch says about a path that leads to another.
enum Parent<'a> {
    /// The number of its keys, and the value that it sets.
    Set(usize, &'a mut Value),
    Unset(Path),
}

/// The smallest patch by leaves that leads from `before` to `after`: recurses through objects on both
/// sides; arrays and scalars are replaced whole; equal values never enter; missing keys are unset.
pub fn diff(before: &Object, after: &Object) -> Patch {
    let mut patch = Patch::default();
    diff_into(before, after, None, &mut patch);
    patch
}

fn diff_into(before: &Object, after: &Object, at: Option<&Path>, patch: &mut Patch) {
    let path = |key: &String| at.map_or_else(|| Path::key(key), |at| at.child(key));
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.unset.insert(path(key));
    }
    for (key, after) in after {
        match (before.get(key), after) {
            (Some(Value::Object(before)), Value::Object(after)) => {
                diff_into(before, after, Some(&path(key)), patch);
            }
            (Some(before), after) if before == after => {}
            _ => {
                patch.set.insert(path(key), after.clone());
            }
        }
    }
}

fn set(object: &mut Object, keys: &[String], value: Value) {
    match keys {
        [] => {}
        [key] => {
            object.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = object.entry(key.clone()).or_default().make_object();
            set(inner, rest, value);
        }
    }
}

fn unset(object: &mut Object, keys: &[String]) {
    match keys {
        [] => {}
        [key] => {
            object.remove(key);
        }
        [key, rest @ ..] => {
            if let Some(Value::Object(inner)) = object.get_mut(key) {
                unset(inner, rest);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PatchVisitor)
    }
}

/// Reads an object and nothing else. A member that this version does not know is an error: to skip it
/// would lose a change.
struct PatchVisitor;

impl<'de> Visitor<'de> for PatchVisitor {
    type Value = Patch;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(r#"a patch such as {"set": {"/a": 1}, "unset": ["/b"]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Patch, A::Error> {
        let (mut set, mut unset) = (None, None);
        while let Some(member) = map.next_key::<String>()? {
            match member.as_str() {
                "set" if set.is_none() => set = Some(map.next_value::<Pairs>()?),
                "unset" if unset.is_none() => unset = Some(map.next_value::<Vec<Path>>()?),
                "set" => return Err(A::Error::duplicate_field("set")),
                "unset" => return Err(A::Error::duplicate_field("unset")),
                other => return Err(A::Error::unknown_field(other, &["set", "unset"])),
            }
        }
        let twice = |path| A::Error::custom(format!("expected each path once, came {path} again"));
        let mut patch = Patch::default();
        for (path, value) in set.unwrap_or_default().0 {
            if patch.set.contains_key(&path) {
                return Err(twice(path));
            }
            patch.set.insert(path, value);
        }
        for path in unset.unwrap_or_default() {
            if patch.unset.contains(&path) {
                return Err(twice(path));
            }
            patch.unset.insert(path);
        }
        patch.check().map_err(A::Error::custom)?;
        Ok(patch)
    }
}

/// The members of an object as a list: a map would hide that a path came twice.
#[derive(Default)]
struct Pairs(Vec<(Path, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of paths and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}
