//! The HTTP client against servers that misbehave.
#![allow(clippy::unwrap_used)]
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use tisync::ReqwestHttp;
use tisync::connect::http::{Http, HttpError, HttpErrorKind, Request, Response};

/// Answers each connection with `answer`, and hands out the head of each request that came.
fn server(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or(0);
            let _ = seen.send(String::from_utf8_lossy(&head[..read]).into_owned());
            answer(&mut stream);
        }
    });
    (url, requests)
}

fn answers(text: String) -> impl Fn(&mut TcpStream) + Send + 'static {
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
    }
}

fn send(url: &str, answer_bytes_max: usize, timeout_ms: u64) -> Result<Response, HttpError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let request = Request {
        method: "POST",
        url: url.to_owned(),
        headers: vec![("authorization".into(), "Bearer s3cret".into())],
        body: b"{}".to_vec(),
        timeout_ms,
        answer_bytes_max,
    };
    runtime.block_on(ReqwestHttp::new().unwrap().send(request))
}

fn kind(result: Result<Response, HttpError>) -> HttpErrorKind {
    let error = result.unwrap_err();
    assert!(!error.message.contains("s3cret"), "{error:?}");
    error.kind
}

#[test]
fn an_answer_comes_whole_with_its_headers() {
    let (url, requests) = server(answers(
        "HTTP/1.1 418 Short\r\nX-Thing: One\r\ncontent-length: 5\r\n\r\nhello".into(),
    ));
    let response = send(&url, 5, 5_000).unwrap();
    assert_eq!(
        (response.status, response.body.as_slice()),
        (418, b"hello".as_slice())
    );
    assert_eq!(response.header("x-thing"), Some("One"));
    let head = requests.recv().unwrap();
    assert!(head.contains("authorization: Bearer s3cret"), "{head}");
    assert!(head.contains("user-agent: tisync/"), "{head}");
}

#[test]
fn nobody_there_means_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        kind(send(&format!("http://{free}"), 9, 5_000)),
        HttpErrorKind::NotSent
    );
}

#[test]
fn what_is_no_http_address_is_refused() {
    for url in ["", "notes", "ftp://host/", "file:///etc/passwd", "http://"] {
        assert_eq!(kind(send(url, 9, 5_000)), HttpErrorKind::Refused, "{url}");
    }
}

#[test]
fn a_cut_answer_is_broken() {
    let (url, _) = server(answers(
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhel".into(),
    ));
    assert_eq!(kind(send(&url, 999, 5_000)), HttpErrorKind::Broken);
    let (url, _) = server(answers("SSH-2.0-OpenSSH\r\n".into()));
    assert_eq!(kind(send(&url, 999, 5_000)), HttpErrorKind::Broken);
    let (url, _) = server(answers(String::new()));
    assert_eq!(kind(send(&url, 999, 5_000)), HttpErrorKind::Broken);
}

#[test]
fn a_silent_server_is_a_timeout() {
    let (url, _) = server(|stream| {
        // Until the client gives up.
        let _ = stream.read(&mut [0; 1]);
    });
    assert_eq!(kind(send(&url, 9, 200)), HttpErrorKind::Timeout);
}

#[test]
fn an_answer_beyond_the_limit_is_cut_off_while_it_streams() {
    let (url, _) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        // Without an end: the client has to hang up.
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    assert_eq!(kind(send(&url, 100_000, 20_000)), HttpErrorKind::TooLarge);
}

#[test]
fn the_limit_counts_decoded_bytes() {
    // 1 MiB of zeros in 1 KiB: the answer is small on the wire.
    let zeros = gzip_of_zeros();
    let (url, _) = server(move |stream| {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            zeros.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&zeros);
    });
    assert_eq!(kind(send(&url, 100_000, 20_000)), HttpErrorKind::TooLarge);
    assert_eq!(send(&url, 1 << 20, 20_000).unwrap().body.len(), 1 << 20);
}

fn gzip_of_zeros() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 1 << 20]).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_redirect_to_another_origin_is_not_followed() {
    let (elsewhere, requests) = server(answers(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
    ));
    let (url, _) = server(answers(format!(
        "HTTP/1.1 307 Go\r\nlocation: {elsewhere}/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )));
    assert_eq!(send(&url, 9, 5_000).unwrap().status, 307);
    assert!(
        requests.try_recv().is_err(),
        "the other origin saw a request"
    );
}

#[test]
fn a_loop_of_redirects_ends() {
    let (url, requests) = server(answers(
        "HTTP/1.1 307 Go\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            .into(),
    ));
    assert_eq!(send(&url, 9, 5_000).unwrap().status, 307);
    assert_eq!(
        requests.try_iter().count(),
        tisync::limits::REDIRECTS_MAX + 1
    );
}
