//! The record that everything moves: 336 bytes of JSON, the same for the same number on every machine.
use serde::Deserialize;

/// Bytes of a record with its id.
pub(crate) const BYTES: usize = 336;
/// The collection that holds them.
pub(crate) const COLLECTION: &str = "items";

/// A record as an app would have it.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "parsed as an app would, not looked at")]
pub(crate) struct Item {
    title: String,
    pub(crate) done: bool,
    pub(crate) priority: i64,
    due: String,
    notes: String,
    tags: Vec<String>,
    updated_at: String,
}

const WORDS: [&str; 16] = [
    "call",
    "the",
    "plumber",
    "about",
    "kitchen",
    "before",
    "winter",
    "order",
    "paint",
    "for",
    "garden",
    "fence",
    "and",
    "ask",
    "neighbour",
    "again",
];
const TAGS: [&str; 8] = [
    "home", "work", "urgent", "later", "shop", "phone", "money", "family",
];

/// The id of a record: a random-looking UUID, as clients draw them.
pub(crate) fn id(number: u64) -> String {
    let (a, b) = (mix(number * 2), mix(number * 2 + 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        b >> 52,
        b & 0xffff_ffff_ffff
    )
}

/// The document of a record, without its id. `edition` changes title and priority, not the length.
pub(crate) fn document(number: u64, edition: u64) -> String {
    let mut seed = mix(number ^ 0x7469_7379);
    let mut draw = |limit: u64| {
        seed = mix(seed);
        seed % limit
    };
    let (done, priority) = (draw(2) == 1, (draw(5) + edition) % 5);
    let due = format!("2026-{:02}-{:02}", draw(12) + 1, draw(28) + 1);
    let tags: Vec<&str> = (0..3).map(|_| TAGS[draw(8) as usize]).collect();
    let mut notes = String::with_capacity(256);
    let start = format!(
        r#"{{"title":"Task {number:08} edition {edition:02}","done":{done},"priority":{priority},"due":"{due}","notes":""#
    );
    let end = format!(
        r#"","tags":["{}"],"updated_at":"2026-{:02}-{:02}T{:02}:{:02}:{:02}Z"}}"#,
        tags.join(r#"",""#),
        draw(12) + 1,
        draw(28) + 1,
        draw(24),
        draw(60),
        draw(60)
    );
    let wanted = BYTES - ID_BYTES - start.len() - end.len();
    while notes.len() < wanted {
        notes.push_str(WORDS[draw(16) as usize]);
        notes.push(' ');
    }
    notes.truncate(wanted);
    format!("{start}{notes}{end}")
}

/// Bytes of `"id":"…",`.
const ID_BYTES: usize = 44;

/// The record with its id: what the limit stores and sends.
pub(crate) fn body(number: u64, edition: u64) -> String {
    let document = document(number, edition);
    format!(r#"{{"id":"{}",{}"#, id(number), &document[1..])
}

/// SplitMix64: enough for numbers that only have to look random.
pub(crate) fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_record_has_the_stated_size_and_parses() {
        for number in [0, 1, 77, 99_999, 1_000_000] {
            for edition in [0, 7] {
                let body = body(number, edition);
                assert_eq!(body.len(), BYTES);
                let item: Item = serde_json::from_str(&body).unwrap();
                assert_eq!(item.tags.len(), 3);
            }
        }
    }

    #[test]
    fn a_fifth_is_open_and_urgent() {
        let hits = (0..10_000)
            .filter(|number| {
                let item: Item = serde_json::from_str(&document(*number, 0)).unwrap();
                !item.done && item.priority >= 3
            })
            .count();
        assert!((1_800..2_200).contains(&hits), "{hits}");
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let ids: std::collections::BTreeSet<String> = (0..10_000).map(id).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.len() == 36));
    }
}
