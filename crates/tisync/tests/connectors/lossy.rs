//! A network between a device and the real server that loses, repeats and cuts.
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tisync::ReqwestHttp;
use tisync::connect::LocalFuture;
use tisync::connect::http::{Http, HttpError, HttpErrorKind, Request, Response, Streamed};

/// What a test says of the network, and what became of it.
#[derive(Default)]
pub struct Network {
    /// Nothing happens to requests any more.
    pub calm: AtomicBool,
    /// Answers to writes are lost too. What is lost of an update or a deletion is looked up only when its request can
    /// no longer be under way, a minute later, so that tests leave those alone.
    pub loses_writes: AtomicBool,
    faults: AtomicUsize,
}

impl Network {
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

    /// One request in three meets a fault.
    fn fault(&self, request: &Request) -> Option<Fault> {
        if self.network.calm.load(Ordering::Relaxed) || self.draw(3) != 0 {
            return None;
        }
        self.network.faults.fetch_add(1, Ordering::Relaxed);
        let reads = request.method == "GET" || request.url.contains("_all_docs");
        let all = reads || self.network.loses_writes.load(Ordering::Relaxed);
        Some(match self.draw(if all { 7 } else { 3 }) {
            0 => Fault::NotSent,
            1 => Fault::TwiceFirst,
            2 => Fault::TwiceLast,
            3 => Fault::LostAfter,
            4 => Fault::Truncated,
            5 => Fault::Gateway,
            _ => Fault::SignIn,
        })
    }
}

impl Http for Lossy {
    fn send(&self, request: Request) -> LocalFuture<Result<Response, HttpError>> {
        let inner = self.inner.clone();
        let Some(fault) = self.fault(&request) else {
            return inner.send(request);
        };
        let broken = |kind| HttpError {
            kind,
            message: "the network of the test broke".to_owned(),
        };
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
