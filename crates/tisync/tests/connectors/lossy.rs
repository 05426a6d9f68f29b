//! A network between a device and the real server that loses, repeats and cuts.
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tisync::ReqwestHttp;
use tisync::connect::LocalFuture;
use tisync::connect::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};

/// What a test says of the network, and what became of it.
pub struct Network {
    /// One request in so many meets a fault.
    pub one_in: usize,
    /// Nothing happens to requests any more.
    pub calm: AtomicBool,
    /// Answers to writes are lost too. What is lost of an update or a deletion is looked up only when its request can
    /// no longer be under way, a minute later: only creates are sent meanwhile.
    pub loses_writes: AtomicBool,
    /// Answers to so many writes that come next are lost, calm or not.
    pub loses_answers: AtomicUsize,
    /// How they are lost; another way each time.
    pub lost_as: AtomicUsize,
    faults: AtomicUsize,
}

impl Network {
    pub fn new(one_in: usize) -> Arc<Self> {
        Arc::new(Network {
            one_in,
            calm: AtomicBool::new(false),
            loses_writes: AtomicBool::new(false),
            loses_answers: AtomicUsize::new(0),
            lost_as: AtomicUsize::new(0),
            faults: AtomicUsize::new(0),
        })
    }

    pub fn faults(&self) -> usize {
        self.faults.load(Ordering::Relaxed)
    }
}

/// The host's client behind that network.
pub struct Lossy {
    inner: Rc<dyn Http>,
    network: Arc<Network>,
    /// Draws the faults.
    state: Cell<u64>,
}

/// What happens to a request.
enum Fault {
    NotSent,
    LostAfter,
    LargeAfter,
    Truncated,
    Gateway,
    SignIn,
    TwiceFirst,
    TwiceLast,
}

impl Lossy {
    pub fn new(network: &Arc<Network>, seed: u64) -> Self {
        Lossy {
            inner: Rc::new(ReqwestHttp::new().unwrap()),
            network: network.clone(),
            state: Cell::new(seed),
        }
    }

    fn draw(&self, below: u64) -> u64 {
        let next = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// One request in a few meets a fault.
    fn fault(&self, request: &Request) -> Option<Fault> {
        let reads = request.method == "GET" || request.url.contains("_all_docs");
        if !reads && take_one(&self.network.loses_answers) {
            self.network.faults.fetch_add(1, Ordering::Relaxed);
            let way = self.network.lost_as.fetch_add(1, Ordering::Relaxed);
            return Some(match way % 4 {
                0 => Fault::LostAfter,
                1 => Fault::LargeAfter,
                2 => Fault::Truncated,
                _ => Fault::Gateway,
            });
        }
        let one_in = self.network.one_in as u64;
        if self.network.calm.load(Ordering::Relaxed) || self.draw(one_in) != 0 {
            return None;
        }
        self.network.faults.fetch_add(1, Ordering::Relaxed);
        let all = reads || self.network.loses_writes.load(Ordering::Relaxed);
        Some(match self.draw(if all { 8 } else { 3 }) {
            0 => Fault::NotSent,
            1 => Fault::TwiceFirst,
            2 => Fault::TwiceLast,
            3 => Fault::LostAfter,
            4 => Fault::Truncated,
            5 => Fault::Gateway,
            6 => Fault::LargeAfter,
            _ => Fault::SignIn,
        })
    }
}

/// Takes one of what is left, if anything is.
fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

impl Http for Lossy {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let inner = self.inner.clone();
        let Some(fault) = self.fault(&request) else {
            return inner.send(request);
        };
        let broken = |kind| HttpError::new(kind, "the network of the test broke");
        let page = |status| Response {
            status,
            headers: vec![("content-type".to_owned(), "text/html".to_owned())],
            body: b"<html>Please sign in</html>".to_vec(),
        };
        Box::pin(async move {
            match fault {
                Fault::NotSent => Err(broken(HttpErrorKind::NotSent)),
                Fault::LostAfter => {
                    inner.send(request).await?;
                    Err(broken(HttpErrorKind::Broken))
                }
                Fault::LargeAfter => {
                    inner.send(request).await?;
                    Err(broken(HttpErrorKind::TooLarge))
                }
                Fault::Truncated => {
                    let mut answer = inner.send(request).await?;
                    answer.body.truncate(answer.body.len() / 2);
                    Ok(answer)
                }
                Fault::Gateway => {
                    inner.send(request).await?;
                    Ok(page(502))
                }
                Fault::SignIn => Ok(page(200)),
                Fault::TwiceFirst => {
                    let first = inner.send(request.clone()).await?;
                    inner.send(request).await?;
                    Ok(first)
                }
                Fault::TwiceLast => {
                    inner.send(request.clone()).await?;
                    inner.send(request).await
                }
            }
        })
    }

    fn stream(&self, _: Request) -> Option<LocalFuture<Result<Streamed, HttpError>>> {
        None
    }
}
