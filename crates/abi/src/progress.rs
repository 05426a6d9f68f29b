//! How far a walk through a feed is.
use crate::answer::{Progress, Told};
use std::collections::BTreeMap;
use std::ops::Range;
use tisync_core::model::{
    CollectionName, Event, FeedKey, Item, Order, Output, Page, PageEnd, PullRequest, Reply,
    RequestId, Task,
};

/// The feeds that are walked through.
#[derive(Default)]
pub(crate) struct Walks {
    /// The feeds of pages that are being stored, and whether they have one collection.
    pages: BTreeMap<RequestId, (FeedKey, bool)>,
    /// From the first page that says that there is more to the last one.
    walks: BTreeMap<FeedKey, Walk>,
}

/// One of them.
#[derive(Default)]
struct Walk {
    /// Rows that are stored, by their collections.
    stored: BTreeMap<CollectionName, u64>,
    /// Whether anything was new in what was stored: only then it is told of.
    is_news: bool,
}

impl Walks {
    /// A page has come, and is stored from now on.
    pub(crate) fn came(&mut self, order: &Order, reply: &Reply) {
        let (Task::Pull(pull), Reply::Pulled(Ok(_))) = (&order.task, reply) else {
            return;
        };
        let PullRequest {
            feed,
            collections,
            checkpoint,
            ..
        } = pull;
        let key = FeedKey {
            connector: order.connector.clone(),
            feed: feed.clone(),
        };
        if checkpoint.is_none() {
            self.walks.remove(&key);
        }
        let is_one = collections.len() == 1;
        self.pages.insert(order.request, (key, is_one));
    }

    /// A page was stored, or a slice of it: what there is to tell. `news` says whether anything was new in it.
    pub(crate) fn stored(
        &mut self,
        request: RequestId,
        page: &Page,
        slice: Range<usize>,
        news: bool,
    ) -> Vec<Told> {
        let is_whole = slice.end == page.items.len();
        let known = match is_whole {
            false => self.pages.get(&request).cloned(),
            true => self.pages.remove(&request),
        };
        let Some((key, is_one)) = known else {
            return Vec::new();
        };
        let rest = (page.items.len() - slice.end) as u64;
        let walk = self.walks.entry(key.clone()).or_default();
        for item in page.items.get(slice).unwrap_or_default() {
            if let Some(collection) = collection(item) {
                *walk.stored.entry(collection.clone()).or_default() += 1;
            }
        }
        walk.is_news |= news;
        let is_end = is_whole && page.end != PageEnd::More;
        let left = match page.end {
            PageEnd::More => page.left,
            PageEnd::Complete { .. } => Some(0),
        };
        let left = left.filter(|_| is_one);
        let told = |(collection, stored): (&CollectionName, &u64)| {
            Told::Progress(Progress {
                collection: collection.clone(),
                stored: *stored,
                total: left.map(|left| stored + rest + left),
                complete: is_end,
            })
        };
        let told = match walk.is_news {
            true => walk.stored.iter().map(told).collect(),
            false => Vec::new(),
        };
        if is_end {
            self.walks.remove(&key);
        }
        told
    }

    /// Nothing that was asked for is awaited any more.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.walks.clear();
    }
}

/// Whether an output tells of records that are new here.
pub(crate) fn is_news(output: &Output) -> bool {
    matches!(output, Output::Event(Event::Changed { remote: true, .. }))
}

fn collection(item: &Item) -> Option<&CollectionName> {
    match item {
        Item::Upsert { collection, .. }
        | Item::Tombstone { collection, .. }
        | Item::OutOfScope { collection, .. } => Some(collection),
        Item::Bad { collection, .. } => collection.as_ref(),
    }
}
