//! An HTTP exchange as plain data.
use tisync_protocol::Problem;

/// A request, unpacked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method in capitals.
    pub method: String,
    /// The path, perhaps with a query.
    pub path: String,
    /// Names in any case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A request without headers.
    pub fn new(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        HttpRequest {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: body.into(),
        }
    }
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Lowercase names, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// For the server's log, not for the client: what went wrong inside.
    pub cause: Option<String>,
}

impl HttpResponse {
    /// A problem document.
    pub fn problem(problem: &Problem) -> Self {
        // A problem is a few strings and numbers: writing it cannot fail.
        let body = serde_json::to_vec(problem).unwrap_or_default();
        HttpResponse::json(problem.status, Problem::MEDIA_TYPE, body)
    }
    /// An answer of JSON that nobody on the way may keep.
    pub fn json(status: u16, media_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![
            ("content-type".into(), media_type.into()),
            ("cache-control".into(), "no-store".into()),
        ];
        HttpResponse {
            status,
            headers,
            body,
            cause: None,
        }
    }
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}
