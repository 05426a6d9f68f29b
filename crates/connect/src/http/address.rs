//! Addresses: of a backend, and of what lies below it.
use crate::connectors::SetupError;
use std::fmt::Write as _;

/// Checks the address of a backend, and takes slashes off its end.
///
/// # Errors
/// When it is no address of HTTP, or has parts that would be lost or would show a secret.
///
/// ```
/// use tisync_connect::http::base_address;
/// assert_eq!(base_address("https://db.example.org/couch/").unwrap(), "https://db.example.org/couch");
/// let error = base_address("https://ann:s3cret@db.example.org").unwrap_err().to_string();
/// assert!(error.contains("without a user and a password") && !error.contains("s3cret"));
/// ```
pub fn base_address(url: &str) -> Result<String, SetupError> {
    let refuse = |why: &str| Err(SetupError::new(format!("expected an address {why}")));
    let rest = match url.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        _ => return refuse("that begins with http:// or https://, but another came"),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return refuse("without a user and a password; give them as the token, as `user:password`");
    }
    if host.is_empty() {
        return refuse("with a host, but none came");
    }
    if rest.contains(['?', '#']) {
        return refuse("without `?` and `#`; what a query would say belongs into the options");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("without spaces");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// Encodes a text as one part of a path; `None` for `.` and `..`, which no client sends as they are: they would
/// name another place.
///
/// ```
/// use tisync_connect::http::path_segment;
/// assert_eq!(path_segment("ü/1 %").as_deref(), Some("%C3%BC%2F1%20%25"));
/// assert_eq!(path_segment(".."), None);
/// ```
pub fn path_segment(text: &str) -> Option<String> {
    match text {
        "" | "." | ".." => None,
        _ => Some(encoded(text)),
    }
}

/// Encodes names and values as a query, without its `?`.
///
/// ```
/// use tisync_connect::http::query;
/// assert_eq!(query([("since", "a&b"), ("limit", "10")]), "since=a%26b&limit=10");
/// ```
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(&encoded(name));
        out.push('=');
        out.push_str(&encoded(value));
    }
    out
}

/// Keeps what needs no encoding anywhere, and encodes everything else.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_lose_something_are_refused() {
        for url in [
            "ftp://host",
            "host",
            "http://",
            "https:///x",
            "http://host/?a=b",
            "http://host/#x",
            "http://host/a b",
            "http://u:p@host",
        ] {
            assert!(base_address(url).is_err(), "{url}");
        }
        assert_eq!(base_address("http://h:1//").unwrap(), "http://h:1");
    }
}
