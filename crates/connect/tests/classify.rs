//! What each kind of answer means, as a table.
use tisync_connect::http::{HttpError, HttpErrorKind, Response, classify};
use tisync_core::limits::RETRY_AFTER_MAX_MS;
use tisync_core::model::FailureKind;

fn response(status: u16, headers: &[(&str, &str)]) -> Response {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()));
    Response {
        status,
        headers: headers.collect(),
        body: Vec::new(),
    }
}

#[test]
fn a_status_means_one_kind_of_failure() {
    let wait = |after_ms| FailureKind::Retry { after_ms };
    for (status, kind) in [
        (204, FailureKind::NotThisProtocol),
        (302, FailureKind::NotThisProtocol),
        (400, wait(None)),
        (401, FailureKind::Credentials),
        (403, wait(None)),
        (404, FailureKind::NotThisProtocol),
        (407, FailureKind::Credentials),
        (408, wait(None)),
        (410, FailureKind::ExpiredCheckpoint { epoch: None }),
        (413, FailureKind::TooLarge),
        (422, wait(None)),
        (425, wait(None)),
        (426, FailureKind::UpgradeRequired),
        (429, wait(None)),
        (500, wait(None)),
        (503, wait(None)),
        (511, FailureKind::NotThisProtocol),
    ] {
        let failure = classify::failure(&response(status, &[]));
        assert_eq!(failure.kind, kind, "status {status}");
        assert_eq!(
            failure.not_sent,
            status == 413,
            "status {status} came from someone: it was sent, and only what is too large was certainly not carried out"
        );
    }
}

#[test]
fn a_page_of_html_is_not_the_protocol_unless_a_gateway_is_down() {
    let html = [("content-type", "text/html; charset=utf-8")];
    for status in [302, 401, 403, 404, 410, 413] {
        let failure = classify::failure(&response(status, &html));
        assert_eq!(
            failure.kind,
            FailureKind::NotThisProtocol,
            "status {status}"
        );
    }
    let failure = classify::failure(&response(502, &html));
    assert_eq!(failure.kind, FailureKind::Retry { after_ms: None });
}

#[test]
fn retry_after_is_seconds_or_a_date_and_never_absurd() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (value, after_ms) in [
        ("0", Some(0)),
        ("7", Some(7_000)),
        ("99999999999", Some(RETRY_AFTER_MAX_MS)),
        ("99999999999999999999999999", Some(RETRY_AFTER_MAX_MS)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
        ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
        ("Sun, 06 Nov 2094 08:48:37 GMT", Some(RETRY_AFTER_MAX_MS)),
    ] {
        let came = classify::retry_after_ms(&response(503, &[date, ("retry-after", value)]));
        assert_eq!(came, after_ms, "retry-after: {value}");
    }
    let alone = [("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")];
    assert_eq!(
        classify::retry_after_ms(&response(503, &alone)),
        None,
        "without the server's date the device's clock would decide"
    );
}

#[test]
fn only_a_request_that_never_left_proves_that_nothing_was_sent() {
    for (kind, failure_kind, not_sent) in [
        (HttpErrorKind::NotSent, FailureKind::Offline, true),
        (HttpErrorKind::Refused, FailureKind::NotThisProtocol, true),
        (HttpErrorKind::Broken, FailureKind::Offline, false),
        (HttpErrorKind::Timeout, FailureKind::Offline, false),
        (HttpErrorKind::TooLarge, FailureKind::TooLarge, false),
    ] {
        let failure = classify::no_answer(&HttpError::new(kind, "a message\nof two lines"));
        assert_eq!(
            (failure.kind.clone(), failure.not_sent),
            (failure_kind, not_sent)
        );
        assert_eq!(failure.message, "a message of two lines");
    }
}
