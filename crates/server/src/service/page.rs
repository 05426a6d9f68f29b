//! Writes one page of the feed, row by row, and never cuts a commit.
use crate::planted::{self, Bug};
use crate::store::{Meta, Row};
use std::ops::ControlFlow;

/// How large a page may grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageLimits {
    pub(super) items: u64,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

/// A page in the making: the items as JSON, since a row's text goes from the store into the answer as it
/// is.
#[derive(Debug)]
pub(super) struct Page<'a> {
    limits: PageLimits,
    /// Deletions up to this version are left out: the first walk sends live records only.
    live_until: u64,
    items: Vec<u8>,
    count: u64,
    pub(super) rows: u64,
    /// The commit being written, and where it began.
    open: Option<u64>,
    commit_at: usize,
    commit_count: u64,
    /// Everything up to this version is in the page.
    pub(super) until: u64,
    pub(super) more: bool,
    meta: &'a Meta,
}

impl<'a> Page<'a> {
    pub(super) fn new(limits: PageLimits, live_until: u64, after: u64, meta: &'a Meta) -> Self {
        Page {
            limits,
            live_until,
            items: Vec::new(),
            count: 0,
            rows: 0,
            open: None,
            commit_at: 0,
            commit_count: 0,
            until: after,
            more: false,
            meta,
        }
    }

    pub(super) fn visit(&mut self, version: u64, row: Option<Row<'_>>) -> ControlFlow<()> {
        if self.open != Some(version) {
            self.close();
            if self.is_full() {
                self.more = true;
                return ControlFlow::Break(());
            }
            self.open = Some(version);
        }
        self.rows += 1;
        if let Some(row) = row
            && (row.document.is_some()
                || version > self.live_until
                    && !(self.live_until > 0 && planted::on(Bug::WalkForgetsDeletes)))
        {
            if planted::on(Bug::CutCommit) && self.is_full() {
                self.close();
                self.more = true;
                return ControlFlow::Break(());
            }
            self.push(version, row);
            let alone = self.commit_count == 0;
            if self.count > self.limits.items && !alone {
                // The commit does not fit behind the ones before it: leave it to the next page.
                self.items.truncate(self.commit_at);
                self.open = None;
                self.more = true;
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// The items, separated by commas, and the version that they reach.
    pub(super) fn finish(mut self) -> (Vec<u8>, u64, bool) {
        self.close();
        (self.items, self.until, self.more)
    }

    fn close(&mut self) {
        if let Some(version) = self.open.take() {
            self.until = version;
            self.commit_at = self.items.len();
            self.commit_count = self.count;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= self.limits.items
            || self.items.len() as u64 >= self.limits.bytes
            || self.rows >= self.limits.rows
    }

    pub(super) fn push(&mut self, version: u64, row: Row<'_>) {
        if !self.items.is_empty() {
            self.items.push(b',');
        }
        self.count += 1;
        self.text(r#"{"collection":"#);
        self.string(row.collection);
        self.text(r#","id":"#);
        self.string(row.id);
        self.text(r#","version":""#);
        self.text(self.meta.epoch_of(version));
        self.text(".");
        self.text(&version.to_string());
        self.text(r#"","stamp":"#);
        self.string(row.stamp);
        if let Some(stamps) = row.stamps {
            self.text(r#","stamps":"#);
            self.text(stamps);
        }
        if row.schema > 0 {
            self.text(r#","schema":"#);
            self.text(&row.schema.to_string());
        }
        match row.document {
            Some(document) => {
                self.text(r#","doc":"#);
                self.text(document);
            }
            None => self.text(r#","deleted":true"#),
        }
        self.text("}");
    }

    fn text(&mut self, text: &str) {
        self.items.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        let plain = text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\');
        if plain {
            self.items.push(b'"');
            self.text(text);
            self.items.push(b'"');
        } else {
            // Writing a string into a vector cannot fail: no I/O, no map keys.
            let _ = serde_json::to_writer(&mut self.items, text);
        }
    }
}
