//! Pages as a backend may give them at another time: fewer rows than asked for, rows of one moment, a wrong clock.
use super::feed::{several, shows};
use super::{Held, Result, Run, Stand, trouble, versioned};
use crate::certify::stand::Walk;
use crate::http::{Request, Response, date_ms, instant_ms, rfc3339};
use serde_json::{Map, Value as Json};
use std::cell::RefCell;
use std::rc::Rc;
use tisync_core::model::*;
use tisync_json::tree::{BTreeMap, BTreeSet};

const GROUP: &str = "feed";
/// Rows that a page holds at most, where fewer are given than asked for.
const CAP: u64 = 2;
/// Records of one moment: more than most connectors ask for at once.
const OF_ONE_MOMENT: usize = 25;
const HOUR_MS: u64 = 3_600_000;

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let name = "pages of fewer rows than asked for are no end";
    run.check(GROUP, name, capped(stand)).await;
    let name = "many records of one moment survive the edges of pages";
    run.check(GROUP, name, one_moment(stand)).await;
    for (what, shift) in [
        ("an hour ahead", Shift::Ahead),
        ("an hour behind", Shift::Behind),
        ("not told", Shift::Untold),
    ] {
        let name = format!("with the server's clock {what}, every later change is seen");
        run.check(GROUP, name, dated(stand, shift)).await;
    }
}

async fn capped(stand: &Stand) -> Result<Held> {
    let several = several(stand, 7).await?;
    let names = limits(stand).await;
    if names.is_empty() {
        return Ok(Held::Skipped(
            "the connector asks for no number of rows".to_owned(),
        ));
    }
    stand
        .http
        .bend_requests(move |request| cap(request, &names));
    let mut walk = Walk::default();
    let mut refused = None;
    loop {
        match stand.page(walk.checkpoint.clone(), 5).await {
            Ok(page) => {
                let stands = page.checkpoint == walk.checkpoint;
                walk.items.extend(page.items);
                walk.checkpoint = page.checkpoint;
                match page.end {
                    PageEnd::Complete { .. } => break,
                    PageEnd::More if stands => {
                        stand.http.straighten();
                        return trouble("a place further on", "the same place again");
                    }
                    PageEnd::More => {}
                }
            }
            Err(failure) => {
                refused = Some(failure);
                break;
            }
        }
    }
    stand.http.straighten();
    if let Some(failure) = refused {
        return Ok(Held::Noted(format!(
            "such a page is refused: {}",
            failure.message
        )));
    }
    let seen = stand.seen(&walk);
    for (made, document) in &several {
        shows(stand, &seen, &made.id, document)?;
    }
    Ok(Held::Passed)
}

/// The names of the numbers that say how many rows are asked for: what differs when more are.
async fn limits(stand: &Stand) -> BTreeSet<String> {
    let mut asked = Vec::new();
    for items_max in [3, 4] {
        stand.http.keep();
        let _ = stand.page(None, items_max).await;
        let requests = stand.http.kept();
        asked.push(requests.first().map(numbers).unwrap_or_default());
    }
    let differs: BTreeSet<String> = asked[0]
        .iter()
        .filter(|(name, number)| asked[1].get(*name).is_some_and(|other| other != *number))
        .map(|(name, _)| name.clone())
        .collect();
    if !differs.is_empty() {
        return differs;
    }
    // Where all pages are equally long it is the only number above one, beside the number of the page.
    let large = asked[0].iter().filter(|(_, number)| **number > 1);
    match &large.collect::<Vec<_>>()[..] {
        [(name, _)] => [(*name).clone()].into(),
        _ => BTreeSet::new(),
    }
}

/// The numbers of a request by their names: in its query, and at the top of its body.
fn numbers(request: &Request) -> BTreeMap<String, u64> {
    let query = request
        .url
        .split_once('?')
        .map_or("", |(_, query)| query)
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    let body: Map<String, Json> = serde_json::from_slice(&request.body).unwrap_or_default();
    let body = body
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_u64()?)));
    query.chain(body).collect()
}

fn cap(request: &mut Request, names: &BTreeSet<String>) {
    if let Some((place, query)) = request.url.split_once('?') {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value))
                if names.contains(name) && value.parse::<u64>().is_ok_and(|value| value > CAP) =>
            {
                format!("{name}={CAP}")
            }
            _ => pair.to_owned(),
        });
        request.url = format!("{place}?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    let Ok(mut body) = serde_json::from_slice::<Map<String, Json>>(&request.body) else {
        return;
    };
    for (name, value) in &mut body {
        if names.contains(name) && value.as_u64().is_some_and(|value| value > CAP) {
            *value = CAP.into();
        }
    }
    if let Ok(body) = serde_json::to_vec(&body) {
        request.body = body;
    }
}

/// Makes the times of several records one: as a backend with a coarse clock would have written them.
async fn one_moment(stand: &Stand) -> Result<Held> {
    if !matches!(stand.capability.feed, FeedKind::Timestamps { .. }) {
        return Ok(Held::Skipped("the feed does not go by time".to_owned()));
    }
    let several = several(stand, OF_ONE_MOMENT).await?;
    let heard: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let ear = heard.clone();
    stand
        .http
        .bend_answers(move |answer| ear.borrow_mut().push(answer.body.clone()));
    let walk = stand.walk(None, 1_000).await;
    stand.http.straighten();
    let ours = |item: &Item| match item {
        Item::Upsert {
            id,
            stamp: Some(stamp),
            ..
        } if several.iter().any(|(made, _)| made.id == *id) => Some(stamp.ms),
        _ => None,
    };
    let times: BTreeSet<u64> = walk?.items.iter().filter_map(ours).collect();
    let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
        return trouble("a stamp of each record", "none");
    };
    // The earliest time in the backend's own print.
    let mut printed = BTreeSet::new();
    for body in heard.borrow().iter() {
        let mut body = serde_json::from_slice(body).unwrap_or_default();
        each_time(&mut body, &mut |time, ms| {
            if (first..=last).contains(&ms) {
                printed.insert((ms, time.to_string()));
            }
        });
    }
    let Some((_, earliest)) = printed.into_iter().next() else {
        return trouble("the times of the rows in the answers", "none");
    };
    let earliest: Json = serde_json::from_str(&earliest).unwrap_or_default();
    stand.http.bend_answers(move |answer| {
        let Ok(mut body) = serde_json::from_slice(&answer.body) else {
            return;
        };
        each_time(&mut body, &mut |time, ms| {
            if (first..=last).contains(&ms) {
                *time = earliest.clone();
            }
        });
        if let Ok(body) = serde_json::to_vec(&body) {
            answer.body = body;
        }
    });
    let mut walks = Vec::new();
    for items_max in [2, 10] {
        walks.push(stand.walk(None, items_max).await);
    }
    stand.http.straighten();
    for walk in walks {
        let seen = stand.seen(&walk?);
        for (made, document) in &several {
            shows(stand, &seen, &made.id, document)?;
        }
    }
    Ok(Held::Passed)
}

/// Visits everything that may be a time, with its milliseconds since 1970.
fn each_time(value: &mut Json, visit: &mut dyn FnMut(&mut Json, u64)) {
    let ms = match &*value {
        Json::String(text) => instant_ms(text),
        Json::Number(number) => number.as_u64(),
        _ => None,
    };
    match (ms, value) {
        (Some(ms), value) => visit(value, ms),
        (None, Json::Array(values)) => values.iter_mut().for_each(|value| each_time(value, visit)),
        (None, Json::Object(fields)) => fields
            .values_mut()
            .for_each(|value| each_time(value, visit)),
        _ => {}
    }
}

/// What the server says of its clock.
#[derive(Clone, Copy)]
enum Shift {
    Ahead,
    Behind,
    Untold,
}

async fn dated(stand: &Stand, shift: Shift) -> Result<Held> {
    let now_ms = stand.now_ms;
    stand
        .http
        .bend_answers(move |answer| shifted(answer, shift, now_ms));
    let held = later(stand).await;
    stand.http.straighten();
    held
}

async fn later(stand: &Stand) -> Result<Held> {
    let mut known = versioned(stand, stand.make(&stand.text("before")).await?).await?;
    let mut walk = stand.walk(None, 1_000).await?;
    for _ in 0..2 {
        let text = stand.text("later");
        let made = stand.make(&text).await?;
        let document = stand.document(&stand.text("changed later"));
        known = stand.accept(stand.replace(&known, &document)).await?;
        walk = stand.walk(walk.checkpoint, 1_000).await?;
        let seen = stand.seen(&walk);
        shows(stand, &seen, &made.id, &stand.document(&text))?;
        shows(stand, &seen, &known.id, &document)?;
        known = versioned(stand, known).await?;
    }
    Ok(Held::Passed)
}

/// Changes the header `Date`.
fn shifted(answer: &mut Response, shift: Shift, now_ms: u64) {
    let told = answer.header("date").and_then(date_ms).unwrap_or(now_ms);
    answer.headers.retain(|(name, _)| name != "date");
    let ms = match shift {
        Shift::Ahead => told + HOUR_MS,
        Shift::Behind => told.saturating_sub(HOUR_MS),
        Shift::Untold => return,
    };
    answer.headers.push(("date".to_owned(), http_date(ms)));
}

/// A time as the header `Date` has it.
fn http_date(ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let day = DAYS[(ms / 86_400_000 % 7) as usize];
    let text = rfc3339(ms);
    let (year, rest) = text.split_at(4);
    let month = rest[1..3]
        .parse::<usize>()
        .map_or(MONTHS[0], |month| MONTHS[(month - 1) % 12]);
    format!("{day}, {} {month} {year} {} GMT", &rest[4..6], &rest[7..15])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_as_it_is_read() {
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(http_date(784_111_777_001), text);
        assert_eq!(date_ms(text), Some(784_111_777_000));
    }
}
