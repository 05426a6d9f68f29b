//! Documents and ids that backends stumble over: stored as they were sent, or told to be different, or refused.
use super::{Held, Result, Run, Stand, is_there, trouble};
use crate::certify::stand::Seen;
use tisync_core::model::*;
use tisync_json::{Document, Object, Path, Value};

pub(in crate::certify) async fn all(run: &mut Run<'_>, stand: &Stand) {
    let group = "documents";
    let long = "long ".repeat(20_000);
    let texts = [
        (
            "letters of many scripts",
            "Grüße, Ελληνικά, Кириллица, 日本語, עברית, العربية",
        ),
        (
            "emoji and combined letters",
            "👩‍👩‍👧 e\u{301} 🇮🇹 \u{1F469}\u{200D}\u{1F52C}",
        ),
        (
            "quotes, brackets and backslashes",
            r#"'";--<script>&amp;{{x}}%00\u0000\"#,
        ),
        ("line ends and tabs", "one\ntwo\r\nthree\tfour\u{2028}five"),
        ("a text that looks like a date", "2026-01-01T00:00:00.000Z"),
        ("a text that looks like a number", "007.50"),
        ("an empty text", ""),
        ("100,000 bytes of text", long.as_str()),
    ];
    for (what, text) in texts {
        let document = stand.document(text);
        let name = format!("stored as the answer told: {what}");
        run.check(group, name, stored(stand, document)).await;
    }
    let name = "stored as the answer told: an empty document";
    run.check(group, name, stored(stand, Document::empty()))
        .await;
    let fields = [
        (
            "whole numbers beyond 2^53",
            r#"{"v":[9007199254740993,-9223372036854775808]}"#,
        ),
        (
            "fractions and exponents",
            r#"{"v":[0.1,1e300,5e-324,-0.0,123456789.125]}"#,
        ),
        (
            "null, booleans and nested values",
            r#"{"v":{"a":[null,true,[],{}],"b":null}}"#,
        ),
        (
            "awkward names of fields",
            r#"{"v":{"a b":1,"é":2,"~/":3,"$x.y":4}}"#,
        ),
    ];
    for (what, text) in fields {
        let name = format!("stored as the answer told: {what}");
        run.check(group, name, field(stand, text)).await;
    }
    let ids = [
        ("a space", " x y"),
        ("a slash", "/x"),
        ("a dot segment", "/../certify-x"),
        ("a percent sign", "%2Fx%"),
        ("letters of many scripts", "-ü-日本-ع"),
        ("signs of an address", "?x=1&y#z;+:@"),
        ("quotes", "'\"`"),
        (
            "180 bytes",
            "-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-l",
        ),
    ];
    for (what, suffix) in ids {
        let name = format!("an id with {what} names one record, or is refused");
        run.check("ids", name, id(stand, suffix)).await;
    }
    run.check(
        "ids",
        "ids that differ in case name two records",
        case(stand),
    )
    .await;
}

async fn stored(stand: &Stand, document: Document) -> Result<Held> {
    let item = stand.create(&stand.id("")?, &document);
    let sent = item.record.clone();
    let (id, image) = match stand.send(item).await? {
        Verdict::Accepted { id, image, .. } => (id.unwrap_or(sent), image),
        Verdict::Rejected { reason } => return Ok(Held::Noted(format!("refused: {reason}"))),
        verdict => return trouble("accepted, or refused with a reason", verdict),
    };
    if !stand.capability.fetch {
        is_there(stand, &id, &document).await?;
        return Ok(Held::Passed);
    }
    let Some(Remote {
        image: Image::Present(came),
        ..
    }) = stand.fetch(&id).await?
    else {
        return trouble("the record is there", "nothing");
    };
    let told = image
        .as_ref()
        .and_then(Image::document)
        .unwrap_or(&document);
    if stand.capability.answers == Answers::Image && !told.same(&came) {
        return trouble(
            format!(
                "stored as told: {}",
                told.text().chars().take(200).collect::<String>()
            ),
            came.text(),
        );
    }
    if stand.same(&document, &came) {
        return Ok(Held::Passed);
    }
    let came: String = came.text().chars().take(200).collect();
    Ok(Held::Noted(format!(
        "the backend stores it differently, and says so: {came}"
    )))
}

/// The template with another field beside its own.
async fn field(stand: &Stand, text: &str) -> Result<Held> {
    let Ok(Value::Object(object)) = Value::parse(text) else {
        return trouble("an object", text);
    };
    let object: Object = object;
    let values: Vec<_> = object
        .into_iter()
        .map(|(key, value)| (Path::key(key), value))
        .collect();
    stored(stand, stand.document_with(&values)).await
}

async fn id(stand: &Stand, suffix: &str) -> Result<Held> {
    if stand.capability.ids == Ids::Server {
        return Ok(Held::Skipped("the server makes the ids".to_owned()));
    }
    let text = stand.text("bystander");
    let bystander = stand.make(&text).await?;
    let id = stand.id(suffix)?;
    let text_of_it = stand.text("awkward");
    let document = stand.document(&text_of_it);
    let held = match stand.send(stand.create(&id, &document)).await? {
        Verdict::Rejected { reason } => Held::Noted(format!("refused: {reason}")),
        Verdict::Accepted { version, .. } => {
            is_there(stand, &id, &document).await?;
            let seen = stand.seen(&stand.walk(None, 1_000).await?);
            match seen.get(&id) {
                Some(Seen::There(came, _)) if stand.same(&document, came) => {}
                other => return trouble(format!("{id} in the walk"), other),
            }
            let made = crate::certify::stand::Made { id, version };
            let changed = stand.document(&stand.text("changed"));
            let made = stand.accept(stand.replace(&made, &changed)).await?;
            is_there(stand, &made.id, &changed).await?;
            stand.accept(stand.delete(&made)).await?;
            super::is_gone(stand, &made.id).await?;
            Held::Passed
        }
        verdict => return trouble("accepted, or refused with a reason", verdict),
    };
    is_there(stand, &bystander.id, &stand.document(&text)).await?;
    Ok(held)
}

async fn case(stand: &Stand) -> Result<Held> {
    if stand.capability.ids == Ids::Server {
        return Ok(Held::Skipped("the server makes the ids".to_owned()));
    }
    let lower = stand.id("-case")?;
    let Ok(upper) = RecordId::new(lower.as_str().replace("-case", "-CASE")) else {
        return trouble("a record's id", lower);
    };
    let documents = [stand.document("lower"), stand.document("upper")];
    stand.accept(stand.create(&lower, &documents[0])).await?;
    match stand.send(stand.create(&upper, &documents[1])).await? {
        Verdict::Accepted { .. } => {}
        Verdict::Rejected { reason } => return Ok(Held::Noted(format!("refused: {reason}"))),
        verdict => return trouble("accepted, or refused with a reason", verdict),
    }
    is_there(stand, &lower, &documents[0]).await?;
    is_there(stand, &upper, &documents[1]).await?;
    Ok(Held::Passed)
}
