//! Migrations in a configuration: how documents of older schemas come forward.
use super::collection::parsed;
use crate::connectors::SetupError;
use serde::Serialize;
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object, Patch, Path, Value, get};

/// The steps of a collection's migrations, in the order of their numbers.
///
/// ```
/// use tisync_connect::settings::{MigrationSettings, Steps};
/// use tisync_json::Document;
/// let step: MigrationSettings = serde_json::from_str(r#"{"to": 1, "rename": {"title": "name"}}"#)?;
/// let steps = Steps::of(&[step])?;
/// let old = Document::parse(r#"{"title":"Milk"}"#)?;
/// assert_eq!(steps.forward(0, 1, &old)?.text(), r#"{"name":"Milk"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// Reads the steps.
    ///
    /// # Errors
    /// When a path or a value is not one.
    pub fn of(settings: &[MigrationSettings]) -> Result<Self, SetupError> {
        let steps = settings.iter().map(MigrationSettings::step);
        let mut steps = steps.collect::<Result<Vec<Step>, SetupError>>()?;
        steps.sort_by_key(|step| step.to);
        Ok(Steps(steps))
    }

    /// Takes each step that lies between the two schemas.
    ///
    /// # Errors
    /// When the document would be beyond the limits of documents.
    pub fn forward(&self, from: u32, to: u32, document: &Document) -> Result<Document, String> {
        let between = |step: &&Step| step.to > from && step.to <= to;
        let mut document = document.clone();
        for step in self.0.iter().filter(between) {
            document = step.take(&document)?;
        }
        Ok(document)
    }
}

/// One step of a migration in a configuration. Fields are named as in `fields`; first they are renamed, then
/// dropped, then filled. A step that says nothing leaves documents as they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationSettings {
    /// The number of the schema that it leads to, from the one before.
    pub to: u32,
    /// Old names with new ones; a field whose new name is taken stays.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Fields that go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Values of fields that are not there.
    #[serde(
        default,
        with = "tisync_json::any",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub default: Object,
}

impl MigrationSettings {
    fn step(&self) -> Result<Step, SetupError> {
        let path = |text: &String| parsed(text);
        Document::checked_from_object(&self.default)
            .map_err(|error| SetupError::new(error.to_string()))?;
        Ok(Step {
            to: self.to,
            rename: (self.rename.iter())
                .map(|(from, to)| Ok((path(from)?, path(to)?)))
                .collect::<Result<_, SetupError>>()?,
            drop: self.drop.iter().map(path).collect::<Result<_, _>>()?,
            default: (self.default.iter())
                .map(|(field, given)| Ok((path(field)?, given.clone())))
                .collect::<Result<_, SetupError>>()?,
        })
    }
}

/// One step of a migration, ready to be taken.
#[derive(Clone, Debug)]
struct Step {
    to: u32,
    rename: Vec<(Path, Path)>,
    drop: Vec<Path>,
    default: Vec<(Path, Value)>,
}

impl Step {
    fn take(&self, document: &Document) -> Result<Document, String> {
        let mut object = document.object();
        for (from, to) in &self.rename {
            if let (Some(value), None) = (get(&object, from).cloned(), get(&object, to)) {
                unset(&mut object, from);
                set(&mut object, to, value);
            }
        }
        for path in &self.drop {
            unset(&mut object, path);
        }
        for (path, value) in &self.default {
            if get(&object, path).is_none() {
                set(&mut object, path, value.clone());
            }
        }
        Document::checked_from_object(&object).map_err(|error| error.to_string())
    }
}

fn set(object: &mut Object, path: &Path, value: Value) {
    let patch = Patch {
        set: [(path.clone(), value)].into(),
        ..Patch::default()
    };
    patch.apply(object);
}

fn unset(object: &mut Object, path: &Path) {
    let patch = Patch {
        unset: [path.clone()].into(),
        ..Patch::default()
    };
    patch.apply(object);
}
