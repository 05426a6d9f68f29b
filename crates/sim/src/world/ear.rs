//! Streams of hints: the real connector reads what the server says, as far as it comes through.
use super::World;
use super::event::{Event, News, Who};
use super::network::no_answer;
use crate::check::Checked;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::scenario::Fault;
use futures_core::Stream;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tisync_connect::connectors::Native;
use tisync_connect::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};
use tisync_connect::limits::HINTS_SILENCE_MS_MAX;
use tisync_connect::{Connector, Hint, Hints, LocalFuture, Session};
use tisync_core::model::{Input, ListenRequest, Reply, RequestId};
use tisync_server::{Changed, HttpRequest, Listens};

/// A stream of hints of one process.
pub(super) struct Ear {
    pub(super) who: Who,
    request: RequestId,
    hints: Hints,
    slot: Rc<Slot>,
    /// What the server tells it of, once it knows.
    listens: Option<Listens>,
    /// Hints so far: the fate of each comes from its number.
    told: u64,
}

type Piece = Result<Vec<u8>, HttpError>;

#[derive(Default)]
struct Slot {
    request: RefCell<Option<Request>>,
    head: RefCell<Option<Result<Response, HttpError>>>,
    /// What has come and was not read yet; `None` ends it.
    pieces: RefCell<VecDeque<Option<Piece>>>,
}

struct SlotHttp(Rc<Slot>);

impl Http for SlotHttp {
    fn send(&self, _: Request) -> LocalFuture<Result<Response, HttpError>> {
        Box::pin(std::future::pending())
    }

    fn stream(&self, request: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        *self.0.request.borrow_mut() = Some(request);
        let slot = self.0.clone();
        Some(Box::pin(std::future::poll_fn(move |_| {
            let Some(head) = slot.head.borrow_mut().take() else {
                return Poll::Pending;
            };
            Poll::Ready(head.map(|head| {
                slot.pieces.borrow_mut().push_front(Some(Ok(head.body)));
                Streamed {
                    status: head.status,
                    headers: head.headers,
                    pieces: Box::pin(Pieces(slot.clone())),
                }
            }))
        })))
    }
}

struct Pieces(Rc<Slot>);

impl Stream for Pieces {
    type Item = Piece;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Piece>> {
        match self.0.pieces.borrow_mut().pop_front() {
            Some(piece) => Poll::Ready(piece),
            None => Poll::Pending,
        }
    }
}

impl<D: Disk> World<D> {
    /// Opens a stream of hints; an older one of the process is closed.
    pub(super) fn listen(
        &mut self,
        who: Who,
        request: RequestId,
        listen: ListenRequest,
    ) -> Checked {
        self.ears.retain(|_, ear| ear.who != who);
        self.ear_count += 1;
        let number = self.ear_count;
        let slot = Rc::new(Slot::default());
        let session = Session::with_token(&self.replicas[who.replica].token);
        let native = Native::new("http://server.sim");
        let Some(hints) = native.listen(Rc::new(SlotHttp(slot.clone())), session, listen) else {
            return Ok(());
        };
        let sent = slot.request.borrow_mut().take();
        let ear = Ear {
            who,
            request,
            hints,
            slot,
            listens: None,
            told: 0,
        };
        self.ears.insert(number, ear);
        let mut dice = self.ear_dice(number, 0);
        let news = match sent {
            Some(sent) if !self.is_away(who.replica) => News::Arrives(HttpRequest {
                method: sent.method.to_owned(),
                path: sent.url.trim_start_matches("http://server.sim").to_owned(),
                headers: sent.headers,
                body: sent.body,
            }),
            _ => News::Head(Err(no_answer(
                HttpErrorKind::NotSent,
                "the server cannot be reached",
            ))),
        };
        self.news(number, dice.between(2, 60), news);
        Ok(())
    }

    /// Something comes along a stream.
    pub(super) fn hear(&mut self, number: u64, news: News) -> Checked {
        let down = self.now_ms < self.server.down_until_ms;
        let Some(ear) = self.ears.get_mut(&number) else {
            return Ok(());
        };
        match news {
            News::Arrives(_) if down => {
                let broken = no_answer(HttpErrorKind::Broken, "the server went away");
                self.news(number, 10, News::Head(Err(broken)));
                return Ok(());
            }
            News::Arrives(request) => {
                let answer =
                    self.server
                        .answer(&mut self.ledger, self.now_ms, ear.who.replica, &request)?;
                ear.listens = answer.listens;
                let head = Response {
                    status: answer.status,
                    headers: answer.headers,
                    body: answer.body,
                };
                let wait_ms = self.ear_dice(number, 1).between(2, 60);
                self.news(number, wait_ms, News::Head(Ok(head)));
                return Ok(());
            }
            News::Head(head) => *ear.slot.head.borrow_mut() = Some(head),
            News::Piece(text) => {
                let piece = Some(Ok(text.as_bytes().to_vec()));
                ear.slot.pieces.borrow_mut().push_back(piece);
            }
            News::Ends(error) => ear.slot.pieces.borrow_mut().push_back(error.map(Err)),
        }
        self.read(number)
    }

    /// Lets the connector read what has come, and gives it to the engine.
    fn read(&mut self, number: u64) -> Checked {
        loop {
            let Some(ear) = self.ears.get_mut(&number) else {
                return Ok(());
            };
            let (who, request) = (ear.who, ear.request);
            let polled = ear
                .hints
                .as_mut()
                .poll_next(&mut Context::from_waker(Waker::noop()));
            let reply = match polled {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(Hint::Changed))) => {
                    self.step(who, Input::Hint(super::replica::connector()), Vec::new())?;
                    continue;
                }
                Poll::Ready(Some(Ok(Hint::Listening))) => Reply::Listening,
                Poll::Ready(Some(Err(failure))) => Reply::Listened(Err(failure)),
                Poll::Ready(None) => Reply::Listened(Ok(())),
            };
            if reply != Reply::Listening {
                self.ears.remove(&number);
            }
            let from = 0;
            let input = Input::Answer {
                request,
                from,
                reply,
            };
            self.step(who, input, Vec::new())?;
        }
    }

    /// The server tells everyone whom a change concerns, as far as the network lets it.
    pub(super) fn tell(&mut self, changed: &Changed) {
        let told = self.ears.iter_mut().filter(|(_, ear)| {
            ear.listens
                .as_ref()
                .is_some_and(|listens| listens.is_told_of(changed))
        });
        let mut numbers = Vec::new();
        for (number, ear) in told {
            ear.told += 1;
            numbers.push((*number, ear.told, ear.who.replica));
        }
        for (number, count, replica) in numbers {
            let mut dice = self.ear_dice(number, 1 + count);
            if self.is_away(replica) || self.strikes(&mut dice, Fault::HintLost) {
                continue;
            }
            if self.strikes(&mut dice, Fault::HintsBreak) {
                let broken = no_answer(HttpErrorKind::Broken, "the connection broke");
                self.news(number, 10, News::Ends(Some(broken)));
                continue;
            }
            let mut wait_ms = dice.between(2, 60);
            if self.strikes(&mut dice, Fault::HintLate) {
                wait_ms += dice.between(1, 40_000);
            }
            self.news(number, wait_ms, News::Piece(Listens::HINT));
            if self.strikes(&mut dice, Fault::HintTwice) {
                wait_ms += dice.between(0, 5_000);
                self.news(number, wait_ms, News::Piece(Listens::HINT));
            }
        }
    }

    /// The server ends all streams.
    pub(super) fn hang_up(&mut self) {
        for number in self.ears.keys().copied().collect::<Vec<_>>() {
            self.news(number, 10, News::Ends(None));
        }
    }

    /// A replica is cut off: its streams are silent, and break when that has lasted.
    pub(super) fn silence(&mut self, replica: usize, for_ms: u64) {
        if for_ms < HINTS_SILENCE_MS_MAX {
            return;
        }
        let ears = self.ears.iter();
        let silent: Vec<u64> = ears
            .filter(|(_, ear)| ear.who.replica == replica)
            .map(|(number, _)| *number)
            .collect();
        for number in silent {
            let silence = no_answer(HttpErrorKind::Timeout, "nothing came in time");
            self.news(number, HINTS_SILENCE_MS_MAX, News::Ends(Some(silence)));
        }
    }

    fn news(&mut self, ear: u64, wait_ms: u64, news: News) {
        let at_ms = self.now_ms + wait_ms;
        self.queue.add(at_ms, Event::Ear { ear, news });
    }

    fn is_away(&self, replica: usize) -> bool {
        self.now_ms < self.replicas[replica].cut_off_until_ms
            || self.now_ms < self.server.down_until_ms
    }

    fn ear_dice(&self, ear: u64, number: u64) -> Dice {
        Dice::of(self.scenario.seed, &[0x65_6172, ear, number])
    }
}
