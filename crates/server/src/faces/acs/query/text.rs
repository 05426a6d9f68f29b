//! Searching for words.
use crate::faces::acs::fault::Fault;
use std::collections::BTreeSet;
use tisync_json::{Object, Value};

/// What is searched for: any of the words, each phrase, and none of the words with a minus before them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::faces::acs) struct Search {
    words: BTreeSet<String>,
    phrases: Vec<String>,
    without: BTreeSet<String>,
}

impl Search {
    /// Reads `{"$search": "milk \"fresh bread\" -sour"}`.
    pub(super) fn read(value: &Value) -> Result<Self, Fault> {
        let text = value
            .as_object()
            .and_then(|object| object.get("$search"))
            .and_then(Value::as_str);
        text.map(Search::of).ok_or_else(|| {
            Fault::bad("Invalid where parameter; $text takes words: {\"$search\": \"milk bread\"}.")
        })
    }

    fn of(text: &str) -> Self {
        let mut search = Search::default();
        // Every second piece stood between quotes.
        for (index, piece) in text.split('"').enumerate() {
            if index % 2 == 1 && !piece.trim().is_empty() {
                search.phrases.push(piece.trim().to_lowercase());
                search.words.extend(words(piece));
                continue;
            }
            for word in piece.split_whitespace() {
                match word.strip_prefix('-') {
                    Some(word) => search.without.extend(words(word)),
                    None => search.words.extend(words(word)),
                }
            }
        }
        search
    }

    /// How many of the words are in the record's texts; none if it is not found.
    pub(in crate::faces::acs) fn score(&self, fields: &Object) -> Option<usize> {
        let texts: Vec<&str> = fields.values().flat_map(texts).collect();
        let found: BTreeSet<String> = texts.iter().flat_map(|text| words(text)).collect();
        let score = self.words.intersection(&found).count();
        let has = |phrase: &String| {
            texts
                .iter()
                .any(|text| text.to_lowercase().contains(phrase))
        };
        let wanted = score > 0 && self.phrases.iter().all(has) && self.without.is_disjoint(&found);
        wanted.then_some(score)
    }
}

/// The texts of a field: it is one, or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The words of a text, in lower case.
pub(in crate::faces::acs) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_exclusions_are_found() {
        let fields =
            Value::parse(r#"{"a":"Fresh Bread","b":["Möhren, rot"],"n":1,"h":{"x":"sour"}}"#);
        let fields = fields.unwrap();
        let score = |text: &str| Search::of(text).score(fields.as_object().unwrap());
        assert_eq!(score("bread milk"), Some(1));
        assert_eq!(score("BREAD möhren"), Some(2));
        assert_eq!(score("\"fresh bread\""), Some(2));
        assert_eq!(score("\"bread fresh\""), None);
        assert_eq!(score("bread -rot"), None);
        assert_eq!(score("sour"), None, "what is inside a hash is not searched");
        assert_eq!(score(""), None);
        assert_eq!(score("brea"), None);
    }
}
