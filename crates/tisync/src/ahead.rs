//! The page behind the one that is being stored: it is asked for meanwhile, so that neither side waits for the other.
use crate::host;
use crate::limits::{AHEAD_MS_MAX, AHEAD_TURNS};
use std::cell::RefCell;
use std::future::Future;
use std::time::Instant;
use tisync_core::model::{Failure, Page, PullRequest};
use tokio::task::{JoinSet, yield_now};

/// One page at most, and the request that it answers.
#[derive(Debug, Default)]
pub(crate) struct Ahead(RefCell<Option<Asked>>);

#[derive(Debug)]
struct Asked {
    request: PullRequest,
    until: Instant,
    page: JoinSet<Result<Page, Failure>>,
}

impl Ahead {
    /// Asks for a page. Returns when the request is on its way: the caller's thread stores a page next, and carries
    /// out nothing while it does.
    pub(crate) async fn ask(
        &self,
        request: PullRequest,
        page: impl Future<Output = Result<Page, Failure>> + 'static,
    ) {
        let mut tasks = JoinSet::new();
        tasks.spawn_local(page);
        self.0.replace(Some(Asked {
            request,
            until: host::after(AHEAD_MS_MAX),
            page: tasks,
        }));
        for _ in 0..AHEAD_TURNS {
            yield_now().await;
        }
    }

    /// The answer to a request, if it was asked for lately and nothing else since.
    pub(crate) async fn take(&self, request: &PullRequest) -> Option<Result<Page, Failure>> {
        let asked = self.0.take()?;
        if &asked.request != request || host::moment() >= asked.until {
            return None;
        }
        let mut page = asked.page;
        match page.join_next().await? {
            Ok(page) => Some(page),
            // As if it had been asked for now.
            Err(error) => std::panic::resume_unwind(error.try_into_panic().ok()?),
        }
    }

    /// Lets go of what was asked for: the server may say something else by now.
    pub(crate) fn forget(&self) {
        self.0.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;
    use tisync_core::model::PageEnd;
    use tokio::task::LocalSet;

    fn request(place: &str) -> PullRequest {
        PullRequest {
            feed: "main".parse().unwrap(),
            collections: Vec::new(),
            checkpoint: Some(place.parse().unwrap()),
            snapshot: false,
            items_max: 1,
            bytes_max: 1,
        }
    }

    fn page(place: &str) -> Page {
        Page {
            items: Vec::new(),
            checkpoint: Some(place.parse().unwrap()),
            end: PageEnd::More,
            left: None,
            epoch: None,
            server_time_ms: None,
        }
    }

    fn on_one_thread<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        LocalSet::new().block_on(&runtime, test)
    }

    /// An answer after a turn, which notes that it was begun and that it was let go.
    fn answer(begun: &Rc<Cell<bool>>) -> impl Future<Output = Result<Page, Failure>> + 'static {
        let begun = begun.clone();
        async move {
            begun.set(true);
            yield_now().await;
            Ok(page("e.2"))
        }
    }

    #[test]
    fn a_request_is_on_its_way_before_anyone_waits_for_it() {
        on_one_thread(async {
            let (ahead, begun) = (Ahead::default(), Rc::default());
            ahead.ask(request("e.1"), answer(&begun)).await;
            assert!(begun.get());
            assert_eq!(ahead.take(&request("e.1")).await, Some(Ok(page("e.2"))));
            assert_eq!(ahead.take(&request("e.1")).await, None);
        });
    }

    #[test]
    fn another_request_and_whatever_else_is_asked_for_let_go_of_the_page() {
        on_one_thread(async {
            let (ahead, begun) = (Ahead::default(), Rc::default());
            ahead.ask(request("e.1"), answer(&begun)).await;
            assert_eq!(ahead.take(&request("e.3")).await, None);
            assert_eq!(ahead.take(&request("e.1")).await, None);
            ahead.ask(request("e.1"), answer(&begun)).await;
            ahead.forget();
            assert_eq!(ahead.take(&request("e.1")).await, None);
            // Nothing of it goes on.
            yield_now().await;
            assert_eq!(Rc::strong_count(&begun), 1);
        });
    }

    #[test]
    fn a_page_that_was_asked_for_long_ago_is_asked_for_anew() {
        on_one_thread(async {
            let (ahead, begun) = (Ahead::default(), Rc::default());
            ahead.ask(request("e.1"), answer(&begun)).await;
            ahead.0.borrow_mut().as_mut().unwrap().until = host::moment();
            std::thread::yield_now();
            assert_eq!(ahead.take(&request("e.1")).await, None);
        });
    }

    #[test]
    #[should_panic(expected = "a bug of the connector")]
    fn a_panic_is_that_of_who_waits() {
        on_one_thread(async {
            let ahead = Ahead::default();
            let fails = async { panic!("a bug of the connector") };
            ahead.ask(request("e.1"), fails).await;
            ahead.take(&request("e.1")).await
        });
    }
}
