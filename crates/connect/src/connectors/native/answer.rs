//! What every answer of the server has in common.
use crate::http::{Response, classify};
use serde::de::Deserialize;
use tisync_core::model::{Epoch, EpochInfo, Failure, FailureKind};
use tisync_protocol::Problem;

/// Reads the body of a successful answer; anything else is a failure.
pub(super) fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, Failure> {
    if response.status != 200 {
        return Err(failure(response));
    }
    if !classify::is_json(response) {
        let came = response.header("content-type").unwrap_or("none");
        return Err(classify::not_this_protocol(&format!(
            "an answer of the type application/json was expected, but {came} came: check the address; or is \
             something between this device and the server, such as a sign-in page of the network?"
        )));
    }
    crate::http::parse(&response.body).map_err(|error| {
        // The error's own text can quote the body, which may hold records.
        classify::not_this_protocol(&format!(
            "the answer could not be read at line {} column {}: it is cut off, or not of this protocol",
            error.line(),
            error.column()
        ))
    })
}

/// Reads the answer of a server that says who it is.
pub(super) fn about(response: &Response) -> Result<(), Failure> {
    #[derive(tisync_json::Deserialize)]
    struct About {
        protocol: u64,
    }
    let about: About = read(response)?;
    if about.protocol == 1 {
        return Ok(());
    }
    Err(classify::not_this_protocol(&format!(
        "a server of the protocol 1 was expected, but one of the protocol {} answered; update this app",
        about.protocol
    )))
}

/// Classifies an answer other than 200, with what the server's problem document adds.
pub(super) fn failure(response: &Response) -> Failure {
    let mut failure = classify::failure(response);
    let Some(problem) = problem(response) else {
        // Without a problem document nothing shows that our server said so: a proxy's 410 must not start a
        // complete pass.
        if matches!(failure.kind, FailureKind::ExpiredCheckpoint { .. }) {
            failure.kind = FailureKind::NotThisProtocol;
        }
        return failure;
    };
    failure.message = classify::cut(&format!(
        "{}: {} ({})",
        problem.kind, problem.title, response.status
    ));
    if problem.kind == Problem::UPGRADE_REQUIRED {
        // Our server says that it has carried nothing out, and what it takes.
        failure.not_sent = true;
        failure.message = classify::cut(&problem.detail);
    }
    if let FailureKind::ExpiredCheckpoint { epoch } = &mut failure.kind {
        if problem.kind != Problem::EXPIRED_CHECKPOINT {
            failure.kind = FailureKind::NotThisProtocol;
            return failure;
        }
        *epoch = history(&problem.epochs).ok();
    }
    failure
}

/// The problem document of an answer, when it has one.
pub(super) fn problem(response: &Response) -> Option<Problem> {
    if !classify::is_json(response) {
        return None;
    }
    crate::http::parse(&response.body).ok()
}

/// The identity of the history that an answer was given in.
pub(super) fn epoch(text: &str) -> Result<Epoch, Failure> {
    super::names::read(text)
        .map_err(|error| classify::not_this_protocol(&format!("the answer's epoch: {error}")))
}

/// The server's history: its epochs, the last of which is the current one.
pub(super) fn history(epochs: &[(String, u64)]) -> Result<EpochInfo, String> {
    if epochs.len() > crate::limits::EPOCHS_MAX {
        return Err("the server's history is too long".to_owned());
    }
    let history = epochs
        .iter()
        .map(|(epoch, start)| Ok((super::names::read::<Epoch>(epoch)?, *start)))
        .collect::<Result<Vec<_>, String>>()?;
    match history.last() {
        Some((epoch, _)) => Ok(EpochInfo {
            epoch: epoch.clone(),
            history,
        }),
        None => Err("the server names no epoch".to_owned()),
    }
}
