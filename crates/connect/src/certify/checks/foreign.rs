//! Answers that are not the backend's, or say that it cannot answer: each is told for what it is.
use super::lost::base;
use super::{Held, Result, Run, Stand, failed, says_nothing, trouble, versioned};
use crate::certify::faults::{Fault, Instead};
use crate::certify::stand::kind;
use crate::certify::words::{Words, short};
use tisync_core::model::*;

const GROUP: &str = "foreign answers";

/// Well-formed answers of other protocols.
const STRANGERS: [(&str, &str); 6] = [
    (
        "a refusal of credentials, as JSON,",
        r#"{"status":401,"error":"invalid_token","message":"The session has expired."}"#,
    ),
    (
        "a refusal of credentials in an envelope",
        r#"{"meta":{"status":"fail","code":401,"message":"You need to sign in or sign up before continuing."}}"#,
    ),
    (
        "an answer of JSON-RPC",
        r#"{"jsonrpc":"2.0","id":null,"result":{"ok":true}}"#,
    ),
    (
        "an answer of GraphQL",
        r#"{"data":null,"errors":[{"message":"not signed in"}]}"#,
    ),
    (
        "an answer that only says that it is well",
        r#"{"success":true,"message":"OK"}"#,
    ),
    (
        "somebody else's record",
        r#"{"id":"of-another-collection","title":"x","version":1}"#,
    ),
];

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let busy = Instead::json(503, "{}").with("retry-after", "7");
    let name = "503 with Retry-After: 7 means to wait 7 s";
    run.check(GROUP, name, told(stand, busy, waits_7_s)).await;
    let dated = Instead::json(503, "{}")
        .with("date", "Fri, 01 Jan 2010 00:00:00 GMT")
        .with("retry-after", "Fri, 01 Jan 2010 00:00:07 GMT");
    let name = "a Retry-After that is a date is measured on the answer's own clock";
    run.check(GROUP, name, told(stand, dated, waits_7_s)).await;
    let name = "429 with Retry-After: 7 means to wait 7 s";
    let many = Instead::json(429, "{}").with("retry-after", "7");
    run.check(GROUP, name, told(stand, many, waits_7_s)).await;
    let name = "500 means to try again";
    run.check(GROUP, name, told(stand, Instead::json(500, "{}"), retries))
        .await;
    let name = "a gateway's page with 502 means to try again";
    run.check(GROUP, name, told(stand, Instead::html(502), retries))
        .await;
    let name = "401 means that the credentials are refused";
    run.check(GROUP, name, told(stand, Instead::json(401, "{}"), refuses))
        .await;
    let name = "a page of HTML with 200 is not the backend";
    run.check(GROUP, name, told(stand, Instead::html(200), is_other))
        .await;
    let name = "a page of HTML with 403 is not the backend";
    run.check(GROUP, name, told(stand, Instead::html(403), is_other))
        .await;
    let name = "a redirect to another origin is not the backend, and is not followed";
    let away = Instead::html(302).with("location", "https://elsewhere.invalid/");
    run.check(GROUP, name, told(stand, away, is_other)).await;
    let texts: [(&str, Vec<u8>); 8] = [
        ("an empty body", Vec::new()),
        ("`{}`", b"{}".to_vec()),
        ("`null`", b"null".to_vec()),
        ("a number", b"3".to_vec()),
        ("a text", b"\"hello\"".to_vec()),
        ("half an object", b"{\"a\":".to_vec()),
        ("bytes that are no UTF-8", vec![b'"', 0xff, 0xfe, b'"']),
        ("a hundred thousand brackets", vec![b'['; 100_000]),
    ];
    for (what, body) in texts {
        let instead = Instead {
            body,
            ..Instead::json(200, "")
        };
        let name = format!("{what} with 200 claims nothing");
        run.check(GROUP, name, told(stand, instead, |_| true)).await;
    }
    for (what, body) in STRANGERS {
        // Where the backend makes the ids, any record may be the one that it made.
        if stand.capability.ids == Ids::Server && body.starts_with(r#"{"id""#) {
            continue;
        }
        let name = format!("{what} with 200 claims nothing");
        let instead = Instead::json(200, body);
        run.check(GROUP, name, told(stand, instead, |_| true)).await;
    }
    let name = "credentials that nobody gave out are refused as such";
    run.check(GROUP, name, wrong_token(stand)).await;
    let name = "a session that is over is told as such, and takes no record for gone";
    run.check(GROUP, name, over(stand)).await;
}

fn waits_7_s(kind: &FailureKind) -> bool {
    *kind
        == FailureKind::Retry {
            after_ms: Some(7_000),
        }
}

fn retries(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Retry { .. } | FailureKind::Offline)
}

fn refuses(kind: &FailureKind) -> bool {
    *kind == FailureKind::Credentials
}

/// Whether a failure says that the backend did not begin.
fn refuses_all(kind: &FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Credentials | FailureKind::Retry { after_ms: Some(_) }
    )
}

fn is_other(kind: &FailureKind) -> bool {
    *kind == FailureKind::NotThisProtocol
}

/// Puts the answer in the place of the first one of each call.
async fn told(
    stand: &Stand,
    instead: Instead,
    fits: impl Fn(&FailureKind) -> bool,
) -> Result<Held> {
    let plan = || stand.http.plan(0, Fault::Instead(instead.clone()));
    plan();
    let pulled = stand.page(None, 10).await;
    stand.http.lift();
    match pulled {
        Err(failure) if fits(&failure.kind) => {}
        other => return trouble("a fitting failure of the pull", other),
    }
    plan();
    let probed = stand.probe().await;
    stand.http.lift();
    match probed {
        Err(failure) if fits(&failure.kind) => {}
        other => return trouble("a fitting failure of the probe", other),
    }
    let item = stand.create(&stand.id("")?, &stand.document(&stand.text("unheard")));
    push(stand, item, &plan, &fits).await?;
    // Many backends say next to nothing of a delete.
    if !instead.is_nothing() {
        let made = stand.make(&stand.text("not to go")).await?;
        let item = stand.delete(&versioned(stand, made).await?);
        push(stand, item, &plan, &fits).await?;
    }
    if !stand.capability.fetch {
        return Ok(Held::Passed);
    }
    let made = stand.make(&stand.text("asked for")).await?;
    plan();
    let wanted = Wanted::Ids(vec![(stand.collection.clone(), made.id)]);
    let fetched = stand.ask(wanted).await;
    stand.http.lift();
    match &fetched {
        Err(failure) if !fits(&failure.kind) => failed("a fitting failure of the fetch", failure),
        _ => says_nothing(fetched),
    }
}

async fn push(
    stand: &Stand,
    item: PushItem,
    plan: &impl Fn(),
    fits: &impl Fn(&FailureKind) -> bool,
) -> Result<()> {
    plan();
    let pushed = stand.push(vec![item]).await;
    stand.http.lift();
    match pushed {
        Err(failure) if failure.not_sent && !refuses_all(&failure.kind) => {
            failed("nobody knows whether it was carried out", &failure)
        }
        Err(failure) if fits(&failure.kind) => Ok(()),
        Ok(pushed) => {
            let vague = |verdict: &Verdict| match verdict {
                Verdict::Unknown => true,
                Verdict::Deferred { after_ms } => fits(&FailureKind::Retry {
                    after_ms: Some(*after_ms),
                }),
                _ => false,
            };
            match pushed.verdicts.iter().all(|(_, verdict)| vague(verdict)) {
                true => Ok(()),
                false => trouble("no definite verdict on the push", pushed),
            }
        }
        Err(failure) => failed("a fitting failure of the push", &failure),
    }
}

async fn wrong_token(stand: &Stand) -> Result<Held> {
    let wrong = stand.with_token("certify:a-token-that-nobody-gave-out");
    // Some backends let anybody read.
    let item = wrong.create(&wrong.id("")?, &wrong.document(&wrong.text("of nobody")));
    let refused = match wrong.page(None, 1).await {
        Err(failure) => failure,
        Ok(_) => match wrong.push(vec![item]).await {
            Err(failure) => failure,
            Ok(pushed) => {
                let accepted = pushed
                    .verdicts
                    .iter()
                    .any(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
                for id in wrong.made() {
                    stand.remember(&id);
                }
                return match accepted {
                    true => Ok(Held::Skipped("the backend lets anybody in".to_owned())),
                    false => Ok(Held::Noted(format!("told as: {}", short(&pushed.words())))),
                };
            }
        },
    };
    match refused.kind {
        FailureKind::Credentials => Ok(Held::Passed),
        // Some take them for another user's, who may not see this.
        FailureKind::Retry { .. } => Ok(Held::Noted(refused.message.clone())),
        _ => failed("refused credentials", &refused),
    }
}

/// As [`wrong_token`], of every call on a record that is there.
async fn over(stand: &Stand) -> Result<Held> {
    let over = stand.with_token("certify:a-session-that-is-over");
    let made = base(stand).await?;
    let document = over.document(&over.text("of a session that is over"));
    let mut let_in = false;
    for item in [over.replace(&made, &document), over.delete(&made)] {
        let what = kind(&item.change);
        match over.push(vec![item]).await {
            Err(failure) if is_refusal(&failure.kind) => {}
            Err(failure) => return failed(format!("the {what} is refused"), &failure),
            Ok(pushed) => {
                for (_, verdict) in &pushed.verdicts {
                    match verdict {
                        Verdict::Accepted { .. } => let_in = true,
                        Verdict::Conflict {
                            remote: Some(remote),
                        } if !remote.image.is_present() && !let_in => {
                            return trouble(format!("the {what} is refused"), verdict);
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    if let_in {
        return Ok(Held::Skipped("the backend lets anybody in".to_owned()));
    }
    let wanted = Wanted::Ids(vec![(stand.collection.clone(), made.id.clone())]);
    let fetched = over.ask(wanted).await;
    let found = fetched.map_or_else(|_| Vec::new(), |fetched| fetched.found);
    let gone = found
        .iter()
        .find(|(_, _, found)| matches!(found, Found::Image(remote) if !remote.image.is_present()));
    match gone {
        Some(gone) => trouble("the record, or nothing of it", gone),
        None => Ok(Held::Passed),
    }
}

/// Whether a failure says that this user may not, or not with these credentials.
fn is_refusal(kind: &FailureKind) -> bool {
    matches!(kind, FailureKind::Credentials | FailureKind::Retry { .. })
}
