//! The network between a device and the server, which can fail at the worst moment.
//!
//! The worst moment is when the server has carried out a push and its answer is still under way: the device cannot know
//! what became of it. A gate is a small HTTP proxy that stops exactly there, so that the demo need not be lucky.

use anyhow::{Context, Result};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// An HTTP proxy that lets some pushes through, and then withholds the answer of the next.
pub(super) struct Gate {
    address: SocketAddr,
    held: mpsc::Receiver<()>,
}

impl Gate {
    /// Opens a gate that lets this many pushes through.
    pub(super) fn open(pushes: usize) -> Result<Gate> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot open the demo's proxy")?;
        let address = listener.local_addr()?;
        let (holds, held) = mpsc::channel();
        let left = Arc::new(AtomicUsize::new(pushes));
        // The threads end with this program: a proxy has nothing to finish.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (left, holds) = (left.clone(), holds.clone());
                thread::spawn(move || {
                    // A broken connection is what a device must bear; it says so itself.
                    let _ = relay(&client, &left, &holds);
                });
            }
        });
        Ok(Gate { address, held })
    }

    /// The address to put into `http_proxy`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits so long at most until the server has carried out a push whose answer is withheld.
    pub(super) fn is_holding(&self, wait: Duration) -> bool {
        self.held.recv_timeout(wait).is_ok()
    }
}

/// Carries requests and answers until one side closes.
fn relay(client: &TcpStream, left: &AtomicUsize, holds: &mpsc::Sender<()>) -> io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut server: Option<BufReader<TcpStream>> = None;
    while let Some(mut request) = Message::read(&mut from_client)? {
        let host = request.make_direct()?;
        let server = match &mut server {
            Some(server) => server,
            none => none.insert(BufReader::new(TcpStream::connect(host)?)),
        };
        request.write(server.get_mut())?;
        let answer = Message::read(server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if request.first_line.starts_with("POST /v1/push ") && !has_one_left(left) {
            let _ = holds.send(());
            // Keeps the connection open without a word, until the device is gone.
            let _ = from_client.read(&mut [0]);
            return Ok(());
        }
        answer.write(&mut &*client)?;
    }
    Ok(())
}

fn has_one_left(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

/// A request or an answer of HTTP/1.1 whose length its head tells.
struct Message {
    first_line: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Message {
    fn read(from: &mut impl BufRead) -> io::Result<Option<Message>> {
        let mut first_line = String::new();
        if from.read_line(&mut first_line)? == 0 {
            return Ok(None);
        }
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            head.extend_from_slice(line.as_bytes());
            if line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(io::Error::other("expected a length, but a stream came"));
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        Ok(Some(Message {
            first_line,
            head,
            body,
        }))
    }

    /// Turns `POST http://host/path` into `POST /path`, and gives back the host.
    fn make_direct(&mut self) -> io::Result<String> {
        let wrong = || io::Error::other("expected a request to a proxy");
        let (method, rest) = self.first_line.split_once(" http://").ok_or_else(wrong)?;
        let (host, path) = rest.split_once('/').ok_or_else(wrong)?;
        let (host, first_line) = (host.to_owned(), format!("{method} /{path}"));
        self.first_line = first_line;
        Ok(host)
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        // In one piece, so that no part of it waits for an acknowledgement.
        let first_line = self.first_line.as_bytes();
        to.write_all(&[first_line, &self.head, &self.body].concat())?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(gate: &Gate, server: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(gate.address).unwrap();
        write!(
            client,
            "POST http://{server}/v1/push HTTP/1.1\r\ncontent-length: 2\r\n\r\n{{}}"
        )
        .unwrap();
        client
    }

    #[test]
    fn withholds_the_answer_after_the_pushes_that_it_lets_through() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let request = Message::read(&mut BufReader::new(stream.try_clone().unwrap()));
                let request = request.unwrap().unwrap();
                assert_eq!(request.first_line, "POST /v1/push HTTP/1.1\r\n");
                assert_eq!(request.body, b"{}");
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").unwrap();
            }
        });
        let gate = Gate::open(1).unwrap();
        let mut first = BufReader::new(push(&gate, server));
        let answer = Message::read(&mut first).unwrap().unwrap();
        assert_eq!(answer.body, b"done");
        assert!(!gate.is_holding(Duration::ZERO));
        let _second = push(&gate, server);
        gate.held.recv().unwrap();
        serving.join().unwrap();
    }
}
