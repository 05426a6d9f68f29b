//! The certify kit: tries whether a connector and its live backend keep what the connector declares.
//!
//! What is declared must hold; what is not declared must be answered as unsupported. Lost, repeated and foreign
//! answers are made at the [`Http`] seam, so the backend is the real one. The kit writes records of its own (their ids
//! begin with `certify-`, where the client makes ids), touches no others, and deletes its own at the end.
mod checks;
mod faults;
mod report;
mod stand;
mod words;

pub use report::{Check, Outcome, Report};

use crate::http::Http;
use crate::{Connector, LocalFuture, Session};
use faults::Faults;
use stand::{Stand, Trouble};
use std::rc::Rc;
use tisync_core::model::CollectionName;
use tisync_json::{Document, Path};

/// A connector on a backend, and what the kit may use.
pub struct Kit {
    /// The connector.
    pub connector: Rc<dyn Connector>,
    /// The host's HTTP client.
    pub http: Rc<dyn Http>,
    /// The credentials.
    pub session: Session,
    /// The collection that is written to; best one that holds nothing else.
    pub collection: CollectionName,
    /// A document that the backend accepts.
    pub document: Document,
    /// A field of it that takes any text.
    pub field: Path,
    /// A random number: no two runs on one backend may share it.
    pub seed: u64,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Waits so many milliseconds.
    pub wait: Rc<dyn Fn(u64) -> LocalFuture<()>>,
}

/// Why nothing could happen to the requests of a check.
const BY_ITSELF: &str = "no request went through the `http` that the connector is given: what it sends by itself cannot \
                         be lost, repeated or answered by others here";

/// What came of a check that did not fail.
enum Held {
    Passed,
    Noted(String),
    Skipped(String),
}

type Result<T, E = Trouble> = std::result::Result<T, E>;

/// The checks so far, and who is told of each.
struct Run<'a> {
    checks: Vec<Check>,
    http: Rc<Faults>,
    told: &'a mut dyn FnMut(&Check),
}

impl Run<'_> {
    /// Tries something; says whether it held.
    async fn check(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        trial: impl Future<Output = Result<Held>>,
    ) -> bool {
        self.http.begin();
        let held = trial.await;
        let outcome = match held {
            Ok(Held::Skipped(why)) => Outcome::Skipped { why },
            _ if self.http.is_passed_by() => Outcome::Skipped {
                why: BY_ITSELF.into(),
            },
            Ok(Held::Passed) => Outcome::Passed,
            Ok(Held::Noted(note)) => Outcome::Noted { note },
            Err(Trouble { expected, came }) => Outcome::Failed { expected, came },
        };
        let holds = !matches!(outcome, Outcome::Failed { .. });
        let check = Check {
            group,
            name: name.into(),
            outcome,
        };
        (self.told)(&check);
        self.checks.push(check);
        holds
    }
}

/// Tries everything, and tells of each check as it is done.
///
/// Where the backend cannot be reached or takes no record at all, only that is told.
pub async fn certify(kit: Kit, told: &mut dyn FnMut(&Check)) -> Report {
    let stand = Stand::new(&kit);
    let mut run = Run {
        checks: Vec::new(),
        http: stand.http.clone(),
        told,
    };
    if checks::reach::all(&mut run, &stand).await {
        checks::writes::all(&mut run, &stand).await;
        checks::writers::all(&mut run, &stand).await;
        checks::feed::all(&mut run, &stand).await;
        checks::pages::all(&mut run, &stand).await;
        checks::lost::all(&mut run, &stand).await;
        checks::requests::all(&mut run, &stand).await;
        checks::late::all(&mut run, &stand).await;
        checks::foreign::all(&mut run, &stand).await;
        checks::documents::all(&mut run, &stand).await;
        checks::extras::all(&mut run, &stand, &kit).await;
        checks::manners::all(&mut run, &stand).await;
    }
    Report {
        collection: stand.collection.to_string(),
        endpoint: stand.connector.endpoint(),
        guarantee: stand.capability.guarantee(),
        checks: run.checks,
        next_level: report::next_level(&stand.capability),
    }
}
