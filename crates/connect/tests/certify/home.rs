//! The reference server without a socket, behind the HTTP seam.
use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::LocalFuture;
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response};
use tisync_server::{HttpRequest, MemoryServerStore, ServerNow, ServiceConfig, faces};

pub(crate) const ADDRESS: &str = "http://server.test";
pub(crate) const TOKEN: &str = "a-secret-of-anna";
pub(crate) const NOW_MS: u64 = 1_790_000_000_000;

/// The server, and what a test does to its answers.
pub(crate) struct Home {
    store: RefCell<MemoryServerStore>,
    config: ServiceConfig,
    bend: Box<Bend>,
}

/// Changes a request before the server sees it, and an answer before the connector does.
pub(crate) type Bend = dyn Fn(&mut HttpRequest, Option<&mut Response>);

impl Home {
    pub(crate) fn new(
        bend: impl Fn(&mut HttpRequest, Option<&mut Response>) + 'static,
    ) -> Rc<Self> {
        Rc::new(Home {
            store: RefCell::default(),
            config: ServiceConfig {
                token: Some(TOKEN.into()),
                ..ServiceConfig::default()
            },
            bend: Box::new(bend),
        })
    }
}

impl Http for Home {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let Some(path) = request.url.strip_prefix(ADDRESS).map(str::to_owned) else {
            let error = HttpError::new(HttpErrorKind::NotSent, "no such host");
            return Box::pin(async move { Err(error) });
        };
        let mut asked = HttpRequest {
            method: request.method.to_owned(),
            path,
            headers: request.headers,
            body: request.body,
        };
        (self.bend)(&mut asked, None);
        let now = ServerNow {
            wall_ms: NOW_MS,
            entropy: [9; 32],
        };
        let answer = faces::handle(&mut *self.store.borrow_mut(), &now, &self.config, &asked);
        let mut answer = Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        };
        (self.bend)(&mut asked, Some(&mut answer));
        Box::pin(async move { Ok(answer) })
    }
}

/// Polls once: nothing here waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("something waits, though every answer is there"),
    }
}
