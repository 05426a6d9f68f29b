//! How far a walk through a feed is.
use serde::Serialize;
use std::ops::Range;
use tisync_core::model::{
    CollectionName, Event, FeedKey, Item, Order, Output, Page, PageEnd, PullRequest, Reply,
    RequestId, Task,
};
use tisync_json::tree::BTreeMap;

/// How far a collection's feed is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PullProgress {
    /// The collection.
    pub collection: CollectionName,
    /// Rows of the backend that were stored since it was at its end.
    pub stored: u64,
    /// How many that will be, where the backend tells.
    pub total: Option<u64>,
    /// Whether it is at its end.
    pub complete: bool,
}

/// The feeds that are walked through.
#[derive(Debug, Default)]
pub struct Walks {
    /// The feeds of pages that are being stored, and whether they have one collection.
    pages: BTreeMap<RequestId, (FeedKey, bool)>,
    /// From the first page that says that there is more to the last one.
    walks: BTreeMap<FeedKey, Walk>,
}

/// One of them.
#[derive(Debug, Default)]
struct Walk {
    /// Rows that are stored, by their collections.
    stored: BTreeMap<CollectionName, u64>,
    /// Whether anything was new in what was stored: only then it is told of.
    is_news: bool,
}

impl Walks {
    /// A page has come, and is stored from now on.
    pub fn came(&mut self, order: &Order, reply: &Reply) {
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

    /// A page was given to the engine, or a slice of it: what there is to tell, if the outputs say that it was stored.
    pub fn given(
        &mut self,
        request: RequestId,
        page: &Page,
        slice: Range<usize>,
        outputs: &[Output],
    ) -> Vec<PullProgress> {
        let is_whole = slice.end == page.items.len();
        let known = match is_whole {
            false => self.pages.get(&request).cloned(),
            true => self.pages.remove(&request),
        };
        let is_stored = |output: &Output| match output {
            Output::Continue { request: of, .. } | Output::Stored(of) => *of == request,
            _ => false,
        };
        let (Some((key, is_one)), true) = (known, outputs.iter().any(is_stored)) else {
            return Vec::new();
        };
        let rest = (page.items.len() - slice.end) as u64;
        let walk = self.walks.entry(key.clone()).or_default();
        for item in page.items.get(slice).unwrap_or_default() {
            if let Some(collection) = collection(item) {
                *walk.stored.entry(collection.clone()).or_default() += 1;
            }
        }
        walk.is_news |= outputs.iter().any(is_news);
        let is_end = is_whole && page.end != PageEnd::More;
        let left = match page.end {
            PageEnd::More => page.left,
            PageEnd::Complete { .. } => Some(0),
        };
        let left = left.filter(|_| is_one);
        let told = |(collection, stored): (&CollectionName, &u64)| PullProgress {
            collection: collection.clone(),
            stored: *stored,
            total: left.map(|left| stored + rest + left),
            complete: is_end,
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

    /// The engine has refused the answer to a request: nobody gives it again.
    pub fn refused(&mut self, request: RequestId) {
        self.pages.remove(&request);
    }

    /// Nothing that was asked for is awaited any more.
    pub fn clear(&mut self) {
        self.pages.clear();
        self.walks.clear();
    }
}

/// Whether an output tells of records that are new here.
fn is_news(output: &Output) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use tisync_core::model::{ConnectorName, FeedName, Generation};

    fn order(number: u64) -> Order {
        Order {
            request: RequestId(number),
            connector: ConnectorName::new("main").unwrap(),
            generation: Generation(1),
            task: Task::Pull(PullRequest {
                feed: FeedName::new("all").unwrap(),
                collections: vec![CollectionName::new("notes").unwrap()],
                checkpoint: None,
                snapshot: false,
                items_max: 1,
                bytes_max: 1,
            }),
        }
    }

    #[test]
    fn nothing_is_kept_of_a_page_that_was_refused_or_dropped() {
        let mut walks = Walks::default();
        let page = Page::whole(Vec::new());
        for number in 1..=3 {
            walks.came(&order(number), &Reply::Pulled(Ok(page.clone())));
        }
        walks.refused(RequestId(1));
        assert!(walks.given(RequestId(2), &page, 0..0, &[]).is_empty());
        let stored = [Output::Stored(RequestId(3))];
        walks.given(RequestId(3), &page, 0..0, &stored);
        assert!(walks.pages.is_empty() && walks.walks.is_empty());
    }
}
