//! `tisync doctor`
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use serde_json::json;
use std::path::Path;
use tisync::{Checkup, ReplicaBuilder, SetAside};

/// Examines the file, and mends it when asked.
pub(crate) fn run(
    builder: &ReplicaBuilder,
    file: &Path,
    mend: bool,
    server: bool,
    out: &Out,
) -> Result<Code, Failure> {
    if !file.exists() {
        return Err(Failure::failed(format!(
            "expected the replica {}, but there is no such file; `tisync sync` makes it",
            file.display()
        )));
    }
    let spinner = out.spinner();
    spinner.enable_steady_tick(std::time::Duration::from_millis(100));
    let checkup = builder.examine(&mut |part| spinner.set_message(format!("looking at: {part}")));
    spinner.finish_and_clear();
    let checkup = checkup?;
    if checkup.faults.is_empty() {
        out.line(format!(
            "nothing is wrong with {}: {} pending",
            file.display(),
            count(checkup.writes, "write is", "writes are")
        ));
        let compared = match server {
            true => Some(builder.clone().open()?.blocking_compare()?),
            false => None,
        };
        if let Some(compared) = &compared {
            out.line(match (compared.mended, compared.left) {
                (0, 0) => "every record agrees with the server".to_owned(),
                (mended, 0) => format!(
                    "{} from the server: fetched again",
                    count(mended, "record differed", "records differed")
                ),
                (_, left) => format!(
                    "{} from the server and could not be mended: tisync status",
                    count(left, "record differs", "records differ")
                ),
            });
        }
        let is_left = compared.is_some_and(|compared| compared.left > 0);
        out.object(&json!({"file": file, "checkup": checkup, "compared": compared}))?;
        return Ok(if is_left { Code::Person } else { Code::Ok });
    }
    tell(&checkup, out);
    if !mend {
        out.line("`tisync doctor --mend` moves the file aside, with these writes in a lifeboat file, and makes a new one; close the app first");
        out.object(&json!({"file": file, "checkup": checkup}))?;
        return Ok(Code::Person);
    }
    let aside = builder.set_aside()?;
    builder.clone().open()?;
    told(&aside, out);
    out.object(&json!({"file": file, "checkup": checkup, "aside": aside}))?;
    Ok(Code::Ok)
}

fn tell(checkup: &Checkup, out: &Out) {
    for fault in &checkup.faults {
        out.line(format!("{:<12} {}", fault.part, fault.what));
    }
    out.line(format!(
        "{} can be read",
        count(checkup.writes, "pending write", "pending writes")
    ));
    if checkup.unreadable > 0 {
        out.line(format!(
            "{} cannot be read",
            count(checkup.unreadable, "pending write", "pending writes")
        ));
    }
}

fn told(aside: &SetAside, out: &Out) {
    for file in &aside.files {
        out.line(format!("moved aside: {}", file.display()));
    }
    out.line("made a new replica: `tisync sync` fills it from the server");
    if let Some(lifeboat) = &aside.lifeboat {
        out.line(format!(
            "{} saved: after the sync, `tisync import --lifeboat {}` brings them back",
            count(aside.writes, "pending write is", "pending writes are"),
            lifeboat.display()
        ));
    }
    if aside.unreadable > 0 {
        out.line(format!(
            "{} lost: not a copy of it can be read",
            count(aside.unreadable, "pending write is", "pending writes are")
        ));
    }
    if aside.may_miss_some {
        out.line("the list of the pending writes is damaged itself: there may have been more");
    }
}
