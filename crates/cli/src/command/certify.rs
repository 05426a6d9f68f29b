//! `tisync certify`
use crate::exit::{Code, Failure};
use crate::fields;
use crate::input;
use crate::output::{Look, Out};
use tisync::connect::certify::{Check, Outcome};
use tisync::{ReplicaBuilder, Sample};

/// Tries the connector of a collection on its live backend.
pub(crate) fn run(
    builder: &ReplicaBuilder,
    collection: &str,
    document: &str,
    field: &str,
    out: &Out,
) -> Result<Code, Failure> {
    let sample = Sample {
        document: input::document(document)?,
        field: fields::path(field)?,
    };
    let spinner = out.spinner();
    spinner.enable_steady_tick(std::time::Duration::from_millis(100));
    let mut group = "";
    let mut broken = Ok(());
    let mut told = |check: &Check| {
        spinner.suspend(|| {
            if check.group != group {
                group = check.group;
                out.line(group);
            }
            out.line(line(check, out));
            if broken.is_ok() {
                broken = out.object(check);
            }
        });
        spinner.set_message(format!("after: {}", check.name));
    };
    let report = builder.blocking_certify(collection, sample, &mut told);
    spinner.finish_and_clear();
    broken?;
    let report = report?;
    out.line("");
    out.line(report.summary());
    out.object(&serde_json::json!({
        "collection": report.collection,
        "endpoint": report.endpoint,
        "guarantee": report.guarantee,
        "passed": report.passed(),
        "failed": report.failed(),
        "skipped": report.skipped(),
        "next_level": report.next_level,
    }))?;
    let is_unreachable = report
        .checks
        .last()
        .is_some_and(|last| last.group == "reach" && report.failed() > 0);
    Ok(match report.failed() {
        0 => Code::Ok,
        _ if is_unreachable => Code::Offline,
        _ => Code::Failed,
    })
}

fn line(check: &Check, out: &Out) -> String {
    let text = check.to_string();
    match check.outcome {
        Outcome::Failed { .. } => text.replacen("FAIL", &out.look(Look::Bad, "FAIL"), 1),
        Outcome::Skipped { .. } => out.look(Look::Dim, text),
        _ => text.replacen("ok", &out.look(Look::Good, "ok"), 1),
    }
}
