//! Laws that hold for all documents: two edits of one base, creates and deletes, any rule.
//!
//! `PROPTEST_CASES` sets how many cases each law is tried with.
use crate::support::{Case, path, settled, stamps};
use proptest::prelude::*;
use tisync_core::model::{
    DeleteRule, Fallback, FieldRule, Image, Loser, Policy, RemoteStamps, Resolution, Rule, Stamp,
};
use tisync_core::reconcile::{Plan, Situation, check, undo};
use tisync_json::tree::BTreeMap;
use tisync_json::{Document, Object, Path, Value, diff, get};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |double| Value::try_from(double).ok()),
        Just(Value::parse("170141183460469231731687303715884105727").unwrap()),
        "[ab \\n]{0,8}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn a_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into())),
        ]
    })
}

/// Few keys, so that paths meet; and some that need escaping, or are empty.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "~/", "", "é"]).prop_map(str::to_owned)
}

fn a_path() -> impl Strategy<Value = Path> {
    prop::collection::vec(key(), 1..4).prop_map(|keys| {
        let (first, rest) = keys.split_first().unwrap();
        rest.iter()
            .fold(Path::key(first.as_str()), |path, key| path.child(key))
    })
}

fn object() -> impl Strategy<Value = Object> {
    prop::collection::btree_map(key(), a_value(), 0..5).prop_map(Object::from)
}

/// An edit of a document: paths set or unset.
type Edit = Vec<(Path, Option<Value>)>;

fn edit() -> impl Strategy<Value = Edit> {
    prop::collection::vec((a_path(), prop::option::weighted(0.7, a_value())), 0..4)
}

fn edited(object: &Object, edit: &Edit) -> Object {
    let mut object = object.clone();
    for (path, value) in edit {
        let mut patch = tisync_json::Patch::default();
        match value {
            Some(value) => patch.set.extend([(path.clone(), value.clone())]),
            None => patch.unset.extend([path.clone()]),
        }
        patch.apply(&mut object);
    }
    object
}

fn present(object: &Object) -> Image {
    Image::Present(Document::from_object(object))
}

/// What a side did with the record: an edit, nothing, or away with it.
fn side(base: Option<Object>) -> impl Strategy<Value = Image> {
    let before = base.clone().unwrap_or_default();
    prop_oneof![
        8 => edit().prop_map(move |edit| present(&edited(&before, &edit))),
        1 => Just(base.map_or(Image::Absent, |base| present(&base))),
        1 => Just(Image::Gone),
    ]
}

prop_compose! {
    fn images()(base in prop::option::weighted(0.85, object()))
        (ours in side(base.clone()), theirs in side(base.clone()), base in Just(base)) -> [Image; 3] {
        [base.map_or(Image::Absent, |base| present(&base)), ours, theirs]
    }
}

fn remote_stamps() -> impl Strategy<Value = RemoteStamps> {
    prop_oneof![
        Just(RemoteStamps::Fields),
        Just(RemoteStamps::Record),
        (0_u64..5).prop_map(|precision_ms| RemoteStamps::Arrival { precision_ms }),
        Just(RemoteStamps::None),
    ]
}

prop_compose! {
    fn cases()(
        [base, ours, theirs] in images(),
        our_ms in 0_u64..9, our_fields in prop::collection::btree_map(a_path(), 0_u64..9, 0..3),
        their_ms in prop::option::of(0_u64..9), their_fields in prop::option::of(0_u64..9),
        stamps_from in remote_stamps(),
        server_fields in prop::collection::vec(a_path(), 0..3),
    ) -> Case {
        let mut our_stamps = stamps(our_ms);
        our_stamps.fields = our_fields.into_iter().map(|(path, ms)| (path, Stamp::at(ms))).collect();
        Case {
            base, ours, theirs, our_stamps,
            their_stamp: their_ms.map(Stamp::at),
            their_stamps: their_fields.map(stamps),
            stamps: stamps_from,
            server_fields,
            equality: tisync_core::model::Equality::default(),
        }
    }
}

fn field_rule() -> impl Strategy<Value = FieldRule> {
    use FieldRule::{Client, Counter, Function, Latest, Manual, Max, Min, Server, Set, Text};
    prop::sample::select(vec![
        Client,
        Server,
        Latest,
        Counter,
        Set,
        Max,
        Min,
        Text,
        Manual,
        Function("f".to_owned()),
    ])
}

fn fallback() -> impl Strategy<Value = Option<Fallback>> {
    use Fallback::{Client, Latest, Manual, Server};
    prop::sample::select(vec![
        None,
        Some(Client),
        Some(Server),
        Some(Latest),
        Some(Manual),
    ])
}

prop_compose! {
    fn policies()(
        rule in prop::sample::select(vec![
            Rule::ClientWins, Rule::ServerWins, Rule::LatestTimestampWins, Rule::Manual,
            Rule::Function("f".to_owned()), Rule::Merge, Rule::Merge, Rule::Merge, Rule::Merge,
        ]),
        deletes in prop::option::of(prop::sample::select(vec![
            DeleteRule::EditWins, DeleteRule::DeleteWins, DeleteRule::ClientWins,
            DeleteRule::ServerWins, DeleteRule::LatestTimestampWins, DeleteRule::Manual,
        ])),
        fields in prop::collection::btree_map(a_path(), field_rule(), 0..4),
        fallback in fallback(),
    ) -> Policy {
        Policy { rule, deletes, fields: fields.into(), fallback }
    }
}

/// Merge by rules that treat both sides alike, or take one side: those have a mirror.
fn mirrored_policies() -> impl Strategy<Value = (Policy, Policy)> {
    use FieldRule::{Client, Counter, Max, Min, Server, Set, Text};
    let rules = prop::sample::select(vec![Client, Server, Counter, Set, Max, Min, Text]);
    let rule = prop::sample::select(vec![
        Rule::ClientWins,
        Rule::ServerWins,
        Rule::Merge,
        Rule::Merge,
    ]);
    let fields = prop::collection::btree_map(a_path(), rules, 0..4);
    (rule, fields, any::<bool>()).prop_map(|(rule, fields, ours)| {
        let fallback = |ours: bool| {
            if ours {
                Fallback::Client
            } else {
                Fallback::Server
            }
        };
        let policy = Policy {
            rule,
            deletes: None,
            fields: fields.into(),
            fallback: Some(fallback(ours)),
        };
        let mut mirrored = policy.clone();
        mirrored.fallback = Some(fallback(!ours));
        mirrored.rule = match mirrored.rule {
            Rule::ClientWins => Rule::ServerWins,
            Rule::ServerWins => Rule::ClientWins,
            rule => rule,
        };
        for rule in mirrored.fields.values_mut() {
            *rule = match rule.clone() {
                Client => Server,
                Server => Client,
                rule => rule,
            };
        }
        (policy, mirrored)
    })
}

fn resolution() -> impl Strategy<Value = Resolution> {
    prop_oneof![
        Just(Resolution::Ours),
        Just(Resolution::Theirs),
        Just(Resolution::Delete),
        Just(Resolution::Failed("late".to_owned())),
        object().prop_map(|object| Resolution::Document(Document::from_object(&object))),
        prop::collection::btree_map(a_path(), a_value(), 0..3)
            .prop_map(|fields| Resolution::Fields(fields.into())),
    ]
}

fn mirror(loser: Loser) -> Loser {
    match loser {
        Loser::Ours => Loser::Theirs,
        Loser::Theirs => Loser::Ours,
        same => same,
    }
}

fn without(image: &Image, paths: &[Path]) -> Option<Object> {
    let mut object = image.document()?.object();
    // What is left of an object that only held server fields says nothing.
    for path in paths {
        for end in (1..=path.keys().len()).rev() {
            let keys = &path.keys()[..end];
            let (first, rest) = keys.split_first().unwrap();
            let at = rest
                .iter()
                .fold(Path::key(first.as_str()), |path, key| path.child(key));
            let empty =
                get(&object, &at).is_some_and(|v| v.as_object().is_some_and(Object::is_empty));
            if end == path.keys().len() || empty {
                let mut patch = tisync_json::Patch::default();
                patch.unset.insert(at);
                patch.apply(&mut object);
            }
        }
    }
    Some(object)
}

proptest! {
    // A failure is kept as a row in a table, where it reads, and not as a seed in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// m(b, x, x) = x, m(b, b, x) = x, m(b, x, b) = x: who is alone is never in anybody's way.
    #[test]
    fn one_change_stands([base, x, _] in images(), case in cases(), policy in policies()) {
        let of = |ours: &Image, theirs: &Image| Case {
            base: base.clone(), ours: ours.clone(), theirs: theirs.clone(), server_fields: Vec::new(), ..case.clone()
        };
        for (ours, theirs) in [(&x, &x), (&base, &x), (&x, &base)] {
            let decision = settled(of(ours, theirs).plan(&policy));
            prop_assert!(decision.outcome.same(&x), "{:?}", decision.outcome);
            prop_assert_eq!((decision.loser, decision.whole), (Loser::None, false));
            // Nothing is sent when nobody but them changed anything.
            prop_assert!(ours != &base || decision.outcome == *theirs);
        }
    }

    /// Edits of different fields are both kept by `merge`, whatever its field rules and its fallback.
    #[test]
    fn disjoint_edits_are_both_kept(
        base in object(), ours in a_value(), theirs in a_value(), edit in edit(), case in cases(), policy in policies(),
    ) {
        let left = edited(&base, &vec![(path("/left"), Some(ours.clone()))]);
        let mut right: Object = edited(&base, &edit);
        right.insert("right".to_owned(), theirs.clone());
        let policy = Policy { rule: Rule::Merge, ..policy };
        for [first, second] in [[&left, &right], [&right, &left]] {
            let case = Case {
                base: present(&base), ours: present(first), theirs: present(second),
                server_fields: Vec::new(), ..case.clone()
            };
            prop_assert_eq!(case.situation(), Situation::Disjoint);
            let decision = settled(case.plan(&policy));
            let mut expected = right.clone();
            expected.insert("left".to_owned(), ours.clone());
            prop_assert_eq!(decision.outcome, present(&expected));
            prop_assert_eq!((decision.loser, decision.by.as_str()), (Loser::None, "merge"));
        }
    }

    /// The same sides give the same plan, whatever their texts look like and whichever engine plans.
    #[test]
    fn the_same_sides_give_the_same_plan(case in cases(), policy in policies()) {
        prop_assert_eq!(case.plan(&policy), case.clone().plan(&policy));
        let spaced = |image: &Image| match image {
            Image::Present(document) => {
                let text = document.text();
                let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap();
                Image::Present(Document::parse(&format!("{{ {inner}\n}}")).unwrap())
            }
            other => other.clone(),
        };
        let other = Case { base: spaced(&case.base), ours: spaced(&case.ours), theirs: spaced(&case.theirs), ..case.clone() };
        prop_assert_eq!(other.situation(), case.situation());
        match (case.plan(&policy), other.plan(&policy)) {
            (Plan::Open(a), Plan::Open(b)) => prop_assert_eq!(a, b),
            (Plan::Settled(a), Plan::Settled(b)) => {
                prop_assert!(a.outcome.same(&b.outcome));
                prop_assert_eq!((a.loser, a.whole, a.by), (b.loser, b.whole, b.by));
            }
            (a, b) => prop_assert!(false, "{a:?} {b:?}"),
        }
    }

    /// What one device calls ours the other calls theirs: with the mirrored policy the same image stands.
    #[test]
    fn sides_are_mirrored(case in cases(), (policy, mirrored) in mirrored_policies()) {
        let case = Case { server_fields: Vec::new(), ..case };
        let other = Case { ours: case.theirs.clone(), theirs: case.ours.clone(), ..case.clone() };
        let (a, b) = (settled(case.plan(&policy)), settled(other.plan(&mirrored)));
        prop_assert!(a.outcome.same(&b.outcome), "{:?} {:?}", a, b);
        prop_assert_eq!(a.loser, mirror(b.loser));
    }

    /// What is sent leads from their document to the outcome, and server fields are never in it.
    #[test]
    fn what_is_sent_leads_to_the_outcome(case in cases(), policy in policies(), resolution in resolution()) {
        let plans = [case.plan(&policy), Plan::Settled(case.resolve(&policy, &resolution))];
        for plan in plans {
            let Plan::Settled(decision) = plan else { continue };
            let (Some(theirs), Some(outcome)) = (case.theirs.document(), decision.outcome.document()) else { continue };
            let (theirs, outcome) = (theirs.object(), outcome.object());
            let patch = diff(&theirs, &outcome);
            let mut sent = theirs.clone();
            patch.apply(&mut sent);
            prop_assert_eq!(&sent, &outcome);
            for field in &case.server_fields {
                prop_assert!(!patch.paths().any(|path| field.is_prefix_of(path)), "{field}: {patch:?}");
            }
        }
    }

    /// Whoever is said to have lost nothing has all of its changes in the outcome, fields of rules that mix
    /// both aside; and what nobody changed stays.
    #[test]
    fn losers_are_named(case in cases(), policy in policies()) {
        let policy = Policy { fields: BTreeMap::new(), ..policy };
        let Plan::Settled(decision) = case.plan(&policy) else { return Ok(()) };
        let [base, ours, theirs, outcome] = [&case.base, &case.ours, &case.theirs, &decision.outcome]
            .map(|image| without(image, &case.server_fields));
        let lost = |side: &Option<Object>| {
            let (Some(side), Some(outcome)) = (side, &outcome) else {
                return *side != base && *side != outcome;
            };
            let empty = Object::new();
            let changes = diff(base.as_ref().unwrap_or(&empty), side);
            // A value that is an object may have grown by fields of the other side.
            let kept = changes.set.iter().all(|(path, value)| match (value, get(outcome, path)) {
                (Value::Object(a), Some(Value::Object(b))) => diff(a, b).unset.is_empty(),
                (value, found) => found == Some(value),
            });
            !kept || changes.unset.iter().any(|path| get(outcome, path).is_some())
        };
        if matches!(decision.loser, Loser::None | Loser::Theirs) {
            prop_assert!(!lost(&ours), "ours lost: {:?}", decision);
        }
        if matches!(decision.loser, Loser::None | Loser::Ours) {
            prop_assert!(!lost(&theirs), "theirs lost: {:?}", decision);
        }
    }

    /// It never panics, and always decides when it must: for any images, rules, times and answers.
    #[test]
    fn total(case in cases(), policy in policies(), resolution in resolution()) {
        let _ = check(&policy, &case.stamps);
        let _ = case.after_failure(&policy);
        let decision = case.resolve(&policy, &resolution);
        prop_assert!(!decision.by.is_empty());
        if let Plan::Settled(planned) = case.plan(&policy) {
            // A second look at what stands finds nothing to do.
            let again = Case { base: case.theirs.clone(), ours: planned.outcome.clone(), ..case.clone() };
            let again = settled(again.plan(&policy));
            prop_assert!(again.outcome.same(&planned.outcome), "{:?} {:?}", planned, again);
            prop_assert_eq!(again.loser, Loser::None);
        }
    }

    /// Undo of the last decision shows the losing image; what is no loss is left alone.
    #[test]
    fn undo_shows_the_loser(case in cases(), policy in policies()) {
        let Plan::Settled(decision) = case.plan(&policy) else { return Ok(()) };
        for image in [&case.ours, &case.theirs] {
            let shown = undo(&decision.outcome, &decision.outcome, image);
            prop_assert!(shown.same(image), "{:?}", shown);
            prop_assert!(undo(image, &case.ours, image).same(&case.ours));
        }
    }
}
