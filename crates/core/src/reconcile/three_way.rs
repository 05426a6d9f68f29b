//! Walks three documents at once.
use tisync_json::tree::BTreeSet;
use tisync_json::{Object, Path, Value};

/// A field that both sides changed, differently. `None` is a field that is not there.
pub(super) struct Clash<'a> {
    pub(super) path: Path,
    pub(super) base: Option<&'a Value>,
    pub(super) ours: Option<&'a Value>,
    pub(super) theirs: Option<&'a Value>,
}

/// Merges by field: what one side changed is taken from it, what both changed differently is asked for.
///
/// Where both sides hold objects their fields are merged, against an empty object where the base has none.
/// Everything else is a leaf. So a change of a whole object on one side and of a field inside it on the
/// other clash at the object.
pub(super) fn three_way<'a>(
    base: &'a Object,
    ours: &'a Object,
    theirs: &'a Object,
    settle: &mut dyn FnMut(&Clash<'a>) -> Option<Value>,
) -> Object {
    walk(None, [base, ours, theirs], settle)
}

/// Whether any field clashes.
pub(super) fn clash(base: &Object, ours: &Object, theirs: &Object) -> bool {
    let mut clash = false;
    three_way(base, ours, theirs, &mut |_| {
        clash = true;
        None
    });
    clash
}

/// Whether a side's changes of the base are missing in the outcome, at least one of them.
pub(super) fn lost(base: Option<&Object>, side: Option<&Object>, outcome: Option<&Object>) -> bool {
    if side == base || side == outcome {
        return false;
    }
    match (side, outcome) {
        (Some(side), Some(outcome)) => !kept(base.unwrap_or(&EMPTY), side, outcome),
        _ => true,
    }
}

/// The same for the top-level field that a path lies in.
pub(super) fn lost_at(path: &Path, documents: [&Object; 3]) -> bool {
    let [base, side, outcome] = documents.map(|object| {
        let key = path.keys().first();
        let field = key.and_then(|key| object.get_key_value(key));
        field
            .map(|(key, value)| (key.clone(), value.clone()))
            .into_iter()
            .collect::<Object>()
    });
    !kept(&base, &side, &outcome)
}

static EMPTY: Object = Object::new();

fn walk<'a>(
    at: Option<&Path>,
    [base, ours, theirs]: [&'a Object; 3],
    settle: &mut dyn FnMut(&Clash<'a>) -> Option<Value>,
) -> Object {
    let mut merged = Object::new();
    for key in keys(ours, theirs) {
        let (b, o, t) = (base.get(key), ours.get(key), theirs.get(key));
        let path = || at.map_or_else(|| Path::key(key), |at| at.child(key));
        let value = match (o, t) {
            _ if o == t || t == b => o.cloned(),
            _ if o == b => t.cloned(),
            (Some(Value::Object(o)), Some(Value::Object(t))) => {
                let inner = [inside(b), o, t];
                Some(Value::Object(walk(Some(&path()), inner, settle)))
            }
            _ => settle(&Clash {
                path: path(),
                base: b,
                ours: o,
                theirs: t,
            }),
        };
        if let Some(value) = value {
            merged.insert(key.clone(), value);
        }
    }
    merged
}

fn kept(base: &Object, side: &Object, outcome: &Object) -> bool {
    keys(base, side).into_iter().all(|key| {
        let (b, s, o) = (base.get(key), side.get(key), outcome.get(key));
        match (s, o) {
            _ if s == b || s == o => true,
            (Some(Value::Object(s)), Some(Value::Object(o))) => kept(inside(b), s, o),
            _ => false,
        }
    })
}

fn inside(value: Option<&Value>) -> &Object {
    match value {
        Some(Value::Object(object)) => object,
        _ => &EMPTY,
    }
}

fn keys<'a>(a: &'a Object, b: &'a Object) -> BTreeSet<&'a String> {
    a.keys().chain(b.keys()).collect()
}
