//! What the tests of the planner share.
use tisync_core::model::{
    Equality, Fallback, FieldRule, Image, Loser, Policy, RemoteStamps, Resolution, Rule, Stamp,
    Stamps,
};
use tisync_core::reconcile::{self, Decision, Plan, Sides, Situation};
use tisync_json::{Document, Path, Value};

/// Three images and their times, owned. Times are in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) base: Image,
    pub(crate) ours: Image,
    pub(crate) theirs: Image,
    pub(crate) our_stamps: Stamps,
    pub(crate) their_stamp: Option<Stamp>,
    pub(crate) their_stamps: Option<Stamps>,
    pub(crate) stamps: RemoteStamps,
    pub(crate) server_fields: Vec<Path>,
    pub(crate) equality: Equality,
}

/// A case of three images; we wrote at 200, they at 100, and the backend has stamps by record.
pub(crate) fn case(base: &str, ours: &str, theirs: &str) -> Case {
    Case {
        base: image(base),
        ours: image(ours),
        theirs: image(theirs),
        our_stamps: stamps(200),
        their_stamp: Some(Stamp::at(100)),
        their_stamps: None,
        stamps: RemoteStamps::Record,
        server_fields: Vec::new(),
        equality: Equality::default(),
    }
}

impl Case {
    pub(crate) fn at(mut self, ours: u64, theirs: Option<u64>) -> Self {
        self.our_stamps = stamps(ours);
        self.their_stamp = theirs.map(Stamp::at);
        self
    }

    pub(crate) fn stamped_by(mut self, stamps: RemoteStamps) -> Self {
        self.stamps = stamps;
        self
    }

    pub(crate) fn server_fields(mut self, paths: &[&str]) -> Self {
        self.server_fields = paths.iter().map(|path| self::path(path)).collect();
        self
    }

    pub(crate) fn equal_by(mut self, equality: Equality) -> Self {
        self.equality = equality;
        self
    }

    pub(crate) fn sides(&self) -> Sides<'_> {
        Sides {
            base: &self.base,
            ours: &self.ours,
            theirs: &self.theirs,
            our_stamps: &self.our_stamps,
            their_stamp: self.their_stamp,
            their_stamps: self.their_stamps.as_ref(),
            stamps: &self.stamps,
            server_fields: &self.server_fields,
            equality: self.equality,
        }
    }

    pub(crate) fn situation(&self) -> Situation {
        reconcile::classify(&self.sides())
    }

    pub(crate) fn plan(&self, policy: &Policy) -> Plan {
        reconcile::plan(&self.sides(), policy)
    }

    pub(crate) fn resolve(&self, policy: &Policy, resolution: &Resolution) -> Decision {
        reconcile::resolve(&self.sides(), policy, resolution)
    }

    pub(crate) fn after_failure(&self, policy: &Policy) -> Plan {
        reconcile::after_failure(&self.sides(), policy)
    }

    /// The decision, which must have been made, in a form that reads well in a table.
    pub(crate) fn settled(&self, policy: &Policy) -> (String, Loser, String) {
        told(settled(self.plan(policy)))
    }
}

pub(crate) fn settled(plan: Plan) -> Decision {
    match plan {
        Plan::Settled(decision) => decision,
        Plan::Open(asked) => {
            panic!("expected a decision, came an open conflict that asks {asked:?}")
        }
    }
}

pub(crate) fn told(decision: Decision) -> (String, Loser, String) {
    (text(&decision.outcome), decision.loser, decision.by)
}

/// `gone`, `absent`, or a document.
pub(crate) fn image(text: &str) -> Image {
    match text {
        "gone" => Image::Gone,
        "absent" => Image::Absent,
        text => Image::Present(Document::parse(text).unwrap()),
    }
}

pub(crate) fn text(image: &Image) -> String {
    match image {
        Image::Gone => "gone".to_owned(),
        Image::Absent => "absent".to_owned(),
        Image::Present(document) => document.canonical(),
    }
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

pub(crate) fn value(text: &str) -> Value {
    Value::parse(text).unwrap()
}

pub(crate) fn stamps(ms: u64) -> Stamps {
    Stamps {
        latest: Stamp::at(ms),
        fields: Default::default(),
    }
}

/// The rule `merge` with these field rules.
pub(crate) fn merge(rules: &[(&str, FieldRule)], fallback: Option<Fallback>) -> Policy {
    Policy {
        fields: rules
            .iter()
            .map(|(at, rule)| (path(at), rule.clone()))
            .collect(),
        fallback,
        ..Policy::of(Rule::Merge)
    }
}
