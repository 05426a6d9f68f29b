//! Policy functions: the app's own rules, asked between steps.
use crate::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tisync_core::model::{CollectionConfig, Decide, FieldRule, Image, Question, Resolution, Rule};
use tisync_json::tree::BTreeMap;
use tisync_json::{Path, Value, get};

/// A field that changed on both sides, as a field function sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FieldConflict<'a> {
    /// The field.
    pub path: &'a Path,
    /// Its value in the common ancestor.
    pub base: Option<Value>,
    /// Our value.
    pub ours: Option<Value>,
    /// The server's value.
    pub theirs: Option<Value>,
    /// The whole dispute.
    pub whole: &'a Decide,
}

type RecordFunction = dyn Fn(&Decide) -> Resolution + Send + Sync;
type FieldFunction = dyn Fn(&FieldConflict<'_>) -> Value + Send + Sync;

#[derive(Clone)]
enum Function {
    Record(Arc<RecordFunction>),
    Field(Arc<FieldFunction>),
}

/// The registered functions by name.
#[derive(Clone, Default)]
pub(crate) struct Functions {
    by_name: BTreeMap<String, Function>,
}

impl Functions {
    pub(crate) fn add_record(
        &mut self,
        name: &str,
        function: impl Fn(&Decide) -> Resolution + Send + Sync + 'static,
    ) {
        self.by_name
            .insert(name.to_owned(), Function::Record(Arc::new(function)));
    }

    pub(crate) fn add_field(
        &mut self,
        name: &str,
        function: impl Fn(&FieldConflict<'_>) -> Value + Send + Sync + 'static,
    ) {
        self.by_name
            .insert(name.to_owned(), Function::Field(Arc::new(function)));
    }

    /// Refuses a collection whose policy names a function that nobody registered.
    pub(crate) fn check(&self, collection: &str, config: &CollectionConfig) -> Result<(), Error> {
        let rule = match &config.policy.rule {
            Rule::Function(name) => Some(name),
            _ => None,
        };
        let fields = config.policy.fields.values().filter_map(|rule| match rule {
            FieldRule::Function(name) => Some(name),
            _ => None,
        });
        for name in rule.into_iter().chain(fields) {
            if !self.by_name.contains_key(name) {
                return Err(Error::new(
                    crate::ErrorKind::BadConfig,
                    format!(
                        "expected the policy function {name:?} of the collection {collection} to be registered, but it is not; add it with record_policy or field_policy"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Asks the functions; a panic counts as no answer, so the fallback decides.
    pub(crate) fn decide(&self, decide: &Decide) -> Resolution {
        catch_unwind(AssertUnwindSafe(|| self.answer(decide)))
            .unwrap_or_else(|_| Resolution::Failed("the policy function panicked".to_owned()))
    }

    fn answer(&self, decide: &Decide) -> Resolution {
        let mut fields = BTreeMap::new();
        for Question { function, field } in &decide.questions {
            match (self.by_name.get(function), field) {
                (Some(Function::Record(ask)), None) => return ask(decide),
                (Some(Function::Field(ask)), Some(path)) => {
                    fields.insert(path.clone(), ask(&field_conflict(decide, path)));
                }
                (Some(_), _) => {
                    return Resolution::Failed(format!(
                        "the policy function {function:?} is registered for the other kind of question"
                    ));
                }
                (None, _) => {
                    return Resolution::Failed(format!(
                        "the policy function {function:?} is not registered"
                    ));
                }
            }
        }
        Resolution::Fields(fields)
    }
}

fn field_conflict<'a>(decide: &'a Decide, path: &'a Path) -> FieldConflict<'a> {
    FieldConflict {
        path,
        base: value(&decide.base, path),
        ours: value(&decide.ours, path),
        theirs: value(&decide.remote.image, path),
        whole: decide,
    }
}

fn value(image: &Image, path: &Path) -> Option<Value> {
    get(&image.document()?.object(), path).cloned()
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}
