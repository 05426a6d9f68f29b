//! The ledger of writes: where each one is.
use std::collections::{BTreeMap, BTreeSet};
use tisync_core::model::{Change, CollectionName, Entry, MutationId, Rid};
use tisync_json::Document;

/// A mark that one write puts into one field, and no other write ever does: `Q17Q`.
pub(crate) type Token = u32;

/// Finds the marks in a text.
pub(crate) fn tokens(text: &str, found: &mut Vec<Token>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('Q') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && after.as_bytes().get(digits) == Some(&b'Q') {
            found.extend(after[..digits].parse::<Token>());
            rest = &after[digits + 1..];
        } else {
            rest = after;
        }
    }
}

/// The marks in a document.
pub(super) fn marks(document: &Document) -> Vec<Token> {
    let mut found = Vec::new();
    tokens(document.text(), &mut found);
    found
}

/// The marks in the changes of a chain.
pub(super) fn chain_marks(chain: &[Entry]) -> BTreeSet<Token> {
    let mut found = Vec::new();
    for entry in chain {
        match &entry.change {
            Change::Create(document) | Change::Replace(document) => {
                tokens(document.text(), &mut found)
            }
            Change::Patch(patch) => tokens(
                &serde_json::to_string(patch).unwrap_or_default(),
                &mut found,
            ),
            Change::Delete => {}
        }
    }
    found.into_iter().collect()
}

/// What is known of every mark.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    drawn: Token,
    /// Written by a commit that is there.
    pub(crate) written: BTreeSet<Token>,
    /// Replaced by a write that had seen it.
    pub(crate) superseded: BTreeSet<Token>,
    /// In an image that the server accepted.
    pub(crate) accepted: BTreeSet<Token>,
    /// In the journal of a replica.
    pub(crate) journalled: Vec<BTreeSet<Token>>,
    /// Mutations that a replica has reported as possible duplicates.
    pub(crate) reported: BTreeSet<MutationId>,
    /// In the outbox of a replica, by record.
    pub(crate) carried: Vec<BTreeMap<(CollectionName, Rid), BTreeSet<Token>>>,
}

impl Ledger {
    pub(crate) fn new(replicas: usize) -> Self {
        Ledger {
            journalled: vec![BTreeSet::new(); replicas],
            carried: vec![BTreeMap::new(); replicas],
            ..Ledger::default()
        }
    }

    /// Whether a mutation was reported as a possible duplicate.
    pub(crate) fn is_reported(&self, mutation: MutationId) -> bool {
        self.reported.contains(&mutation)
    }

    /// A mark that was never used.
    pub(crate) fn draw(&mut self) -> String {
        self.drawn += 1;
        format!("Q{}Q", self.drawn)
    }

    /// Whether a replica's outbox holds a mark: an entry before it may take it from the server for a moment, and
    /// this one brings it back.
    pub(crate) fn is_carried(&self, replica: usize, token: Token) -> bool {
        self.carried[replica]
            .values()
            .any(|tokens| tokens.contains(&token))
    }

    /// Whether a write may be gone from where it was: someone who had seen it replaced it, or a journal
    /// keeps it.
    pub(crate) fn is_excused(&self, token: Token) -> bool {
        self.superseded.contains(&token)
            || self
                .journalled
                .iter()
                .any(|journal| journal.contains(&token))
    }
}
