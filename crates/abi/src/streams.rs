//! Streams: answers that the host passes on piece by piece, for hints.
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tisync_connect::LocalFuture;
use tisync_connect::http::{HttpError, Streamed};
use tisync_core::model::RequestId;
use tisync_json::tree::BTreeMap;

/// The headers of an answer, names in lower case.
type Headers = Vec<(String, String)>;

/// The streams that are open, by the number that names them to the host.
#[derive(Default)]
pub(crate) struct Streams(RefCell<BTreeMap<u32, Open>>);

struct Open {
    owner: RequestId,
    head: Option<(u16, Headers)>,
    pieces: VecDeque<Vec<u8>>,
    end: Option<Option<HttpError>>,
}

/// What the host tells of a stream.
pub(crate) enum News {
    Head(u16, Headers),
    Piece(Vec<u8>),
    End(Option<HttpError>),
}

impl Streams {
    /// Takes in what the host tells; gives the order to listen that waits for it, if one still does.
    pub(crate) fn hear(&self, number: u32, news: News) -> Option<RequestId> {
        let mut open = self.0.borrow_mut();
        let stream = open.get_mut(&number)?;
        match news {
            News::Head(status, headers) => stream.head = Some((status, headers)),
            News::Piece(piece) => stream.pieces.push_back(piece),
            News::End(error) => stream.end = Some(error),
        }
        Some(stream.owner)
    }

    /// Opens a stream under a number that the host was asked for it by; `gone` tells the host that nobody listens.
    pub(crate) fn open(
        self: &Rc<Self>,
        owner: RequestId,
        number: u32,
        gone: impl Fn() + 'static,
    ) -> LocalFuture<Result<Streamed, HttpError>> {
        let stream = Open {
            owner,
            head: None,
            pieces: VecDeque::new(),
            end: None,
        };
        self.0.borrow_mut().insert(number, stream);
        let mut tap = Tap {
            streams: self.clone(),
            number,
            gone: Box::new(gone),
        };
        Box::pin(async move {
            let (status, headers) = poll_fn(|_| tap.head()).await?;
            Ok(Streamed {
                status,
                headers,
                pieces: Box::pin(tap),
            })
        })
    }
}

/// One end of a stream; dropped before it ended, the host is told.
struct Tap {
    streams: Rc<Streams>,
    number: u32,
    gone: Box<dyn Fn()>,
}

impl Tap {
    fn head(&mut self) -> Poll<Result<(u16, Headers), HttpError>> {
        let mut open = self.streams.0.borrow_mut();
        let Some(stream) = open.get_mut(&self.number) else {
            return Poll::Pending;
        };
        match (stream.head.take(), &stream.end) {
            (Some(head), _) => Poll::Ready(Ok(head)),
            (None, Some(Some(error))) => Poll::Ready(Err(error.clone())),
            _ => Poll::Pending,
        }
    }
}

impl futures_core::Stream for Tap {
    type Item = Result<Vec<u8>, HttpError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut open = self.streams.0.borrow_mut();
        let Some(stream) = open.get_mut(&self.number) else {
            return Poll::Ready(None);
        };
        if let Some(piece) = stream.pieces.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        match &mut stream.end {
            Some(end) => Poll::Ready(end.take().map(Err)),
            None => Poll::Pending,
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let open = self.streams.0.borrow_mut().remove(&self.number);
        if open.is_some_and(|stream| stream.end.is_none()) {
            (self.gone)();
        }
    }
}
