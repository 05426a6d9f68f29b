//! A connector of one's own, certified on a running backend:
//!
//! `cargo run -p tisync --example own_connector -- http://127.0.0.1:3000 notes`
mod json_server;

use json_server::JsonServer;
use tisync::{Replica, Sample};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("expected the address of a json-server")?;
    let collection = args.next().ok_or("expected the name of a collection")?;
    let report = Replica::open("unused.db")
        .connector("main", move || Box::new(JsonServer { url: url.clone() }))
        .collection(&collection, "merge")
        .blocking_certify(&collection, Sample::default(), &mut |check| {
            println!("{check}")
        })?;
    println!("{report}");
    match report.failed() {
        0 => Ok(()),
        failed => Err(format!("{failed} checks failed").into()),
    }
}
