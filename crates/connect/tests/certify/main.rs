//! Certify is itself tried: on the reference server, and with connectors and backends that are broken on purpose.
#![allow(clippy::unwrap_used)]
mod bent;
mod broken;
mod clockwork;
mod home;
mod plain;
mod rows;
mod shelf;
mod strangers;

use home::{ADDRESS, Home, NOW_MS, TOKEN, now};
use std::rc::Rc;
use tisync_connect::certify::{Kit, Report, certify};
use tisync_connect::connectors::Native;
use tisync_connect::http::Http;
use tisync_connect::{Connector, Session};
use tisync_json::{Document, Path};

fn try_out(connector: Rc<dyn Connector>, http: Rc<dyn Http>) -> Report {
    let kit = Kit {
        connector,
        http,
        session: Session::with_token(TOKEN),
        collection: "notes".parse().unwrap(),
        document: Document::parse(r#"{"title":"x","done":false}"#).unwrap(),
        field: Path::key("title"),
        seed: 7,
        now_ms: NOW_MS,
        wait: Rc::new(|_| Box::pin(std::future::pending())),
    };
    now(certify(kit, &mut |_| {}))
}

fn names(report: &Report) -> Vec<&str> {
    let failed = report.checks.iter().filter(|check| {
        matches!(
            check.outcome,
            tisync_connect::certify::Outcome::Failed { .. }
        )
    });
    failed.map(|check| check.name.as_str()).collect()
}

#[test]
fn the_native_connector_keeps_what_it_declares() {
    let report = try_out(Rc::new(Native::new(ADDRESS)), Home::new(|_, _| {}));
    println!("{report}");
    assert_eq!(names(&report), Vec::<&str>::new());
}
