//! `tisync logout`, `tisync login` and `tisync import --lifeboat`
use crate::args::Logout;
use crate::exit::{Code, Failure};
use crate::output::Out;
use crate::text::count;
use serde_json::json;
use std::path::Path;
use tisync::{ErrorKind, Pending, Replica};

/// Ends the session.
pub(crate) fn logout(replica: &Replica, options: &Logout, out: &Out) -> Result<Code, Failure> {
    let pending = match options {
        Logout { keep: true, .. } => Some(Pending::Keep),
        Logout { discard: true, .. } => Some(Pending::Discard),
        Logout { export, .. } => export.clone().map(Pending::Export),
    };
    let done = replica
        .logout(pending)
        .map_err(|error| match error.kind() {
            ErrorKind::Pending => Failure {
                code: Code::Person,
                message: format!("{error} (--keep, --export FILE or --discard)"),
            },
            _ => error.into(),
        })?;
    out.line("logged out; `tisync login` begins again");
    let are = |number| {
        let verb = if number == 1 { "is" } else { "are" };
        format!("{} {verb}", count(number, "write", "writes"))
    };
    if done.kept > 0 {
        out.line(format!(
            "{} kept in the file for the next login",
            are(done.kept)
        ));
    }
    if let Some(file) = options.export.as_ref().filter(|_| done.exported > 0) {
        out.line(format!(
            "{} in {}: tisync import --lifeboat {}",
            are(done.exported),
            file.display(),
            file.display()
        ));
    }
    if done.discarded > 0 {
        out.line(format!(
            "{} given up, and in the journal: tisync journal",
            are(done.discarded)
        ));
    }
    out.object(&done)?;
    Ok(Code::Ok)
}

/// Begins a session.
pub(crate) fn login(replica: &Replica, out: &Out) -> Result<Code, Failure> {
    replica.login()?;
    out.line("logged in; `tisync sync` sends what waited");
    out.object(&json!({"logged_in": true}))?;
    Ok(Code::Ok)
}

/// Brings the writes of a lifeboat file back.
pub(crate) fn bring_back(replica: &Replica, file: &Path, out: &Out) -> Result<Code, Failure> {
    let returned = replica.bring_back(file)?;
    let number = |writes| count(writes, "write", "writes");
    out.line(format!(
        "brought back {} from {}",
        number(returned.back),
        file.display()
    ));
    let told = |writes, rest: &str| {
        if writes > 0 {
            out.line(format!("{} {rest}", number(writes)));
        }
    };
    told(returned.already, "came back before");
    told(
        returned.parked,
        "parked: what they stand on was lost, and their records are not here (tisync outbox list --waiting)",
    );
    told(
        returned.waiting,
        "left in the file: their records have newer writes here, or are not here yet; sync, then import it again",
    );
    if !returned.damaged_lines.is_empty() {
        let lines: Vec<String> = returned.damaged_lines.iter().map(u64::to_string).collect();
        out.line(format!(
            "damaged, and left out: line {} of the file",
            lines.join(", ")
        ));
    }
    if returned.is_cut {
        out.line("the end of the file is missing: there may have been more");
    }
    out.object(&json!({"file": file, "returned": returned}))?;
    Ok(if returned.is_complete() && returned.parked == 0 {
        Code::Ok
    } else {
        Code::Person
    })
}
