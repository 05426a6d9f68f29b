//! Lost, late and repeated messages: a write happens once, and nothing is claimed that nobody knows.
use super::{Held, Result, Run, Stand, failed, is_gone, is_there, trouble, versioned};
use crate::certify::faults::Fault;
use crate::certify::stand::{Made, Seen, kind};
use tisync_core::model::*;
use tisync_json::tree::BTreeMap;

/// Requests of one push that are tried, each by itself.
const REQUESTS_MAX: usize = 8;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let faults = [
        (Fault::NotSent, "that cannot be sent"),
        (Fault::LostBefore, "that is lost on its way"),
        (Fault::LostAfter, "whose answer is lost"),
        (Fault::SlowAfter, "whose answer comes too late"),
        (Fault::TwiceLast, "that arrives twice"),
        (Fault::TwiceFirst, "that arrives once more after its answer"),
        (Fault::Truncated, "whose answer is cut off"),
        (
            Fault::LargeAfter,
            "whose answer is larger than what is read",
        ),
        (Fault::GatewayAfter, "whose answer a gateway replaces"),
    ];
    for write in [Write::Create, Write::Replace, Write::Delete] {
        for (fault, what) in &faults {
            let name = format!("a {} {what} happens once", write.name());
            run.check("lost messages", name, every(stand, write, fault))
                .await;
        }
    }
}

#[derive(Clone, Copy)]
enum Write {
    Create,
    Replace,
    Delete,
}

impl Write {
    fn name(self) -> &'static str {
        match self {
            Write::Create => "create",
            Write::Replace => "replace",
            Write::Delete => "delete",
        }
    }
}

/// Tries the fault on each request that a push makes.
async fn every(stand: &Stand, write: Write, fault: &Fault) -> Result<Held> {
    let mut held = Held::Passed;
    for pass in 0..REQUESTS_MAX {
        match one(stand, write, pass, fault).await? {
            None if pass == 0 => return trouble("a push makes a request", "none"),
            None => break,
            Some(found) => held = found,
        }
    }
    Ok(held)
}

/// Tries the fault on one request; `None` when the push makes none so late.
async fn one(stand: &Stand, write: Write, pass: usize, fault: &Fault) -> Result<Option<Held>> {
    let text = stand.text("once");
    let document = stand.document(&text);
    let item = match write {
        Write::Create => stand.create(&stand.id("")?, &document),
        Write::Replace => stand.replace(&base(stand).await?, &document),
        Write::Delete => stand.delete(&base(stand).await?),
    };
    stand.http.plan(pass, fault.clone());
    let first = stand.push(vec![item.clone()]).await;
    if !stand.http.lift() {
        return Ok(None);
    }
    let verdict = match &first {
        Ok(pushed) => verdict(pushed, &item),
        Err(_) => None,
    };
    let effect = effect(stand, &item, &text).await?;
    match (&first, &verdict) {
        (Err(failure), _) if failure.not_sent && effect => {
            return failed("`not sent` only of what took no effect", failure);
        }
        (_, Some(Verdict::Accepted { .. })) if !effect => {
            return trouble("`accepted` only of what took effect", verdict);
        }
        (_, Some(Verdict::Conflict { remote })) if effect => {
            // The second arrival found the first: what it shows is our own write.
            if let Some(Remote {
                image: Image::Present(told),
                ..
            }) = remote
                && !stand.same(&document, told)
            {
                return trouble("the conflict shows what was written", told.text());
            }
        }
        (_, Some(Verdict::Accepted { .. })) => {}
        (_, Some(told)) if !matches!(told, Verdict::Unknown | Verdict::Deferred { .. }) => {
            return trouble("an accepted write, or no definite verdict", told);
        }
        _ => {}
    }
    let is_settled = matches!(
        verdict,
        Some(Verdict::Accepted { .. } | Verdict::Conflict { .. })
    );
    if !is_settled {
        settle(stand, &item, &text).await?;
    }
    let twice = matches!(fault, Fault::TwiceLast | Fault::TwiceFirst);
    once(stand, &item, &text, twice).await.map(Some)
}

/// A record to write on.
pub(super) async fn base(stand: &Stand) -> Result<Made> {
    versioned(stand, stand.make(&stand.text("base")).await?).await
}

fn verdict(pushed: &Pushed, item: &PushItem) -> Option<Verdict> {
    let mine = pushed.verdicts.iter().find(|(id, _)| *id == item.id);
    mine.map(|(_, verdict)| verdict.clone())
}

/// Records that hold the text.
pub(super) async fn holders(stand: &Stand, text: &str) -> Result<usize> {
    let seen = stand.seen(&stand.walk(None, 1_000).await?);
    Ok(count(stand, &seen, text))
}

/// Records of a walk that hold the text.
pub(super) fn count(stand: &Stand, seen: &BTreeMap<RecordId, Seen>, text: &str) -> usize {
    let holds = |seen: &&Seen| match seen {
        Seen::There(document, _) => stand.text_of(document).as_deref() == Some(text),
        Seen::Gone => false,
    };
    seen.values().filter(holds).count()
}

/// Whether the write took effect.
async fn effect(stand: &Stand, item: &PushItem, text: &str) -> Result<bool> {
    match (&item.change, &item.document) {
        (Change::Delete, _) => Ok(is_gone(stand, &item.record).await.is_ok()),
        (Change::Create(_), _) if stand.capability.ids == Ids::Server => {
            Ok(holders(stand, text).await? > 0)
        }
        (_, Some(document)) => Ok(is_there(stand, &item.record, document).await.is_ok()),
        (_, None) => Ok(false),
    }
}

/// Does what the engine does with a write whose fate is unknown.
async fn settle(stand: &Stand, item: &PushItem, text: &str) -> Result<()> {
    let is_create = matches!(item.change, Change::Create(_));
    match stand.capability.idempotency {
        Idempotency::Replays { .. } | Idempotency::Refuses { .. } => {}
        Idempotency::Mark if is_create => {
            let wanted = Wanted::Marks(vec![(item.collection.clone(), item.id)]);
            let fetched = match stand.ask(wanted).await {
                Ok(fetched) => fetched,
                Err(failure) => return failed("the mark can be looked up", &failure),
            };
            let effect = effect(stand, item, text).await?;
            match (fetched.marked.as_slice(), effect) {
                ([(id, Marked::Record { .. })], true) if *id == item.id => return Ok(()),
                ([(id, Marked::Nowhere)], false) if *id == item.id => {}
                (told, _) => {
                    return trouble(format!("the mark tells that it is there: {effect}"), told);
                }
            }
        }
        Idempotency::ClientIds if is_create => {}
        _ => {
            if effect(stand, item, text).await? {
                return Ok(());
            }
        }
    }
    match stand.send(item.clone()).await? {
        Verdict::Accepted { .. } => Ok(()),
        // The first one arrived after all.
        Verdict::Conflict { .. } if effect(stand, item, text).await? => Ok(()),
        verdict => trouble(
            format!(
                "the {} is accepted when it is sent again",
                kind(&item.change)
            ),
            verdict,
        ),
    }
}

/// That the write took effect, once.
async fn once(stand: &Stand, item: &PushItem, text: &str, twice: bool) -> Result<Held> {
    if !effect(stand, item, text).await? {
        return trouble(
            format!("the {} took effect", kind(&item.change)),
            "it did not",
        );
    }
    if !matches!(item.change, Change::Create(_)) {
        return Ok(Held::Passed);
    }
    match (holders(stand, text).await?, stand.capability.idempotency) {
        (1, _) => Ok(Held::Passed),
        (2, Idempotency::None) => Ok(Held::Noted(
            "the backend offers no way to avoid a duplicate: it is reported to the user".to_owned(),
        )),
        // Nobody looks a mark up before a first attempt.
        (2, Idempotency::Mark) if twice => Ok(Held::Noted(
            "a request that the network repeats by itself makes two records, since the backend takes a mark twice"
                .to_owned(),
        )),
        (count, _) => trouble("one record", count),
    }
}
