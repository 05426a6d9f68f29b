//! The examples of `docs/PROTOCOL.md` are what the server does.
use crate::harness::{NOW_MS, Pair};
use serde_json::Value;
use tisync_server::HttpRequest;

const PAGE: &str = include_str!("../../../../docs/PROTOCOL.md");

/// A message of the page: its first line, its headers and its body.
struct Message {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn messages() -> Vec<Message> {
    let blocks = PAGE
        .split("```http\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    blocks
        .map(|block| {
            let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
            let mut lines = head.trim().lines();
            let line = lines.next().unwrap().to_owned();
            let header = |line: &str| {
                line.split_once(": ")
                    .map(|(name, value)| (name.into(), value.into()))
                    .unwrap()
            };
            Message {
                line,
                headers: lines.map(header).collect(),
                body: body.trim().to_owned(),
            }
        })
        .collect()
}

#[test]
fn each_answer_of_the_page_is_the_server_s() {
    let mut server = Pair::new();
    assert!(PAGE.contains(&NOW_MS.to_string()));
    let messages = messages();
    assert!(
        messages.len() >= 20 && messages.len().is_multiple_of(2),
        "{}",
        messages.len()
    );
    for pair in messages.chunks(2) {
        let (request, expected) = (&pair[0], &pair[1]);
        let mut parts = request.line.split(' ');
        let (method, path) = (parts.next().unwrap(), parts.next().unwrap());
        let mut sent = HttpRequest::new(method, path, request.body.as_str());
        sent.headers = request.headers.clone();
        let answer = server.send(&sent);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let status = expected.line.split(' ').nth(1).unwrap();
        assert_eq!(
            answer.status.to_string(),
            status,
            "{} {} → {body:#}",
            request.line,
            request.body
        );
        let expected_body: Value = serde_json::from_str(&expected.body).unwrap();
        assert_eq!(
            body, expected_body,
            "{} {} → {body:#}",
            request.line, request.body
        );
        for (name, value) in &expected.headers {
            assert_eq!(
                answer.header(name),
                Some(value.as_str()),
                "{} {name}",
                request.line
            );
        }
    }
}

#[test]
fn the_page_names_every_route_kind_of_problem_and_code() {
    for route in tisync_protocol::Route::ALL {
        assert!(
            PAGE.contains(&format!("{} {}", route.method(), route.path())),
            "{route:?}"
        );
    }
    use tisync_protocol::Problem;
    for kind in [
        Problem::BAD_JSON,
        Problem::BAD_REQUEST,
        Problem::UNAUTHORIZED,
        Problem::NOT_FOUND,
        Problem::BAD_METHOD,
        Problem::TOO_SLOW,
        Problem::EXPIRED_CHECKPOINT,
        Problem::TOO_LARGE,
        Problem::BAD_ENCODING,
        Problem::INTERNAL,
        Problem::BUSY,
        Problem::STORAGE_FULL,
    ] {
        assert!(PAGE.contains(&format!("`{kind}`")), "{kind}");
    }
    for code in [
        "bad-name",
        "bad-stamp",
        "bad-patch",
        "bad-document",
        "bad-mutation",
        "too-large",
        "reused-id",
        "group-changed",
    ] {
        assert!(PAGE.contains(&format!("`{code}`")), "{code}");
    }
}
