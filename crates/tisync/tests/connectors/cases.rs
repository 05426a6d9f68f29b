//! What two devices go through on every backend. A connector's own file names its backend, and how it differs.
use crate::devices::{
    Backend, Devices, agree, all, begin, converge, converge_behind, delete, ledger, outcome, put,
    resync, sync, sync_behind, text,
};
use crate::lossy::Network;
use std::sync::atomic::Ordering;
use xtask_backends::Running;

/// A connector on a backend.
pub struct Case {
    pub kind: &'static str,
    pub token: &'static str,
    /// Makes a place that no other test uses.
    pub place: fn() -> Place,
    /// Whether deletions are told.
    pub tells_deletes: bool,
    /// The policies that the backend can serve.
    pub policies: &'static [&'static str],
    /// Whether writes carry preconditions.
    pub compares: bool,
    /// Whether the stamp of a write is its writer's, so that it is known which is the latest.
    pub keeps_stamps: bool,
}

/// Where a test's records are.
pub struct Place {
    pub url: String,
    pub options: String,
    /// The server, when it is this test's own.
    pub server: Option<Running>,
}

pub const ALL_POLICIES: &[&str] = &[
    "client-wins",
    "server-wins",
    "latest-timestamp-wins",
    "merge",
    "manual",
];
/// Those that need no times.
pub const WITHOUT_TIMES: &[&str] = &["client-wins", "server-wins", "merge", "manual"];

impl Case {
    pub fn devices<'a>(&self, place: &'a Place, policy: &'a str) -> Devices<'a> {
        let backend = Backend {
            kind: self.kind,
            url: &place.url,
            options: &place.options,
            token: self.token,
            tells_deletes: self.tells_deletes,
        };
        Devices::new(backend, policy)
    }

    /// Does the same under every policy, at the same time: most of it is waiting.
    fn each_policy(&self, test: impl Fn(&Devices<'_>, &str) + Sync) {
        std::thread::scope(|scope| {
            for policy in self.policies {
                let test = &test;
                scope.spawn(move || {
                    let place = (self.place)();
                    test(&self.devices(&place, policy), policy);
                });
            }
        });
    }
}

macro_rules! cases {
    ($($name:ident: $case:expr),* $(,)?) => {
        $(
        mod $name {
            #[test]
            fn two_devices_converge_under_every_policy() {
                super::converges(&$case);
            }

            #[test]
            fn two_devices_converge_over_a_network_that_loses_repeats_and_cuts() {
                super::converges_behind(&$case);
            }
        }
    )*

        /// All at once: each waits for a minute.
        #[test]
        fn updates_and_deletes_whose_answers_are_lost_happen_once() {
            std::thread::scope(|scope| {
                $(scope.spawn(|| lost_answers(&$case));)*
            });
        }
    };
}

cases! {
    couchdb: crate::couchdb::CASE,
    kinto: crate::kinto::CASE,
    json_server: crate::rest_json_server::CASE,
    django_guarded: crate::rest_drf::GUARDED,
    django_loose: crate::rest_drf::LOOSE,
}

fn converges(case: &Case) {
    case.each_policy(|devices, policy| {
        let (a, _) = converge(devices);
        if case.keeps_stamps || policy != "latest-timestamp-wins" {
            outcome(policy, &a);
        }
    });
}

fn converges_behind(case: &Case) {
    case.each_policy(|devices, _| {
        converge_behind(devices, case.compares);
    });
}

/// The answers to a create, an update and a delete are lost, and to another update on which the other device goes on before this
/// one has found out. What became of them is looked up when their requests can no longer be under way, a minute later.
fn lost_answers(case: &Case) {
    case.each_policy(|devices, policy| {
        let network = Network::new(1);
        network.calm.store(true, Ordering::Relaxed);
        let (a, b) = (devices.open_behind("a", &network), devices.open("b"));
        begin(&a, &b, &sync);

        put(&a, "both-edit", r#"{"title": "of a", "stars": 1}"#);
        delete(&a, "a-deletes");
        put(&a, "other-fields", r#"{"title": "of a", "stars": 1}"#);
        put(&a, "only-a", r#"{"title": "of a", "stars": 1}"#);
        network.loses_answers.store(4, Ordering::Relaxed);
        let first = policy.len();
        network.lost_as.store(first, Ordering::Relaxed);
        std::thread::scope(|scope| {
            scope.spawn(|| sync_behind(&a, &network));
            // As soon as nothing of it is on its way, the other device goes on.
            while network.lost_as.load(Ordering::Relaxed) == first
                || network.loses_answers.load(Ordering::Relaxed) > 0 && !sees(&b, "other-fields")
            {
                sync(&b);
            }
            network.loses_answers.store(0, Ordering::Relaxed);
            sync(&b);
            if sees(&b, "other-fields") {
                put(&b, "other-fields", r#"{"title": "of a", "stars": 2}"#);
                sync(&b);
            }
        });
        assert!(network.faults() > 0);
        for replica in [&a, &b, &a, &b] {
            sync(replica);
        }
        if !case.tells_deletes {
            resync(&b);
            resync(&a);
        }
        agree(devices, &[&a, &b]);
        assert_eq!(text(&b, "both-edit"), r#"{"stars":1,"title":"of a"}"#);
        assert_eq!(text(&b, "only-a"), r#"{"stars":1,"title":"of a"}"#);
        assert_eq!(text(&b, "a-deletes"), "-", "{:?}", all(&b));
        ledger(
            &[&a, &b],
            &[("other-fields", "of a"), ("other-fields", r#""stars":2"#)],
        );
        // A write is no rival of itself.
        for replica in [&a, &b] {
            let rows = replica.journal().list(None, 100).unwrap();
            let of_itself = rows
                .iter()
                .find(|row| row.record.as_str() != "other-fields");
            assert_eq!(of_itself, None);
        }
    });
}

/// Whether a device has what the other wrote.
fn sees(replica: &tisync::Replica, id: &str) -> bool {
    text(replica, id).contains("of a")
}
