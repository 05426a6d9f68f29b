//! An HTTP exchange as plain data.
use std::collections::BTreeSet;
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
    /// For those who listen, not for the client: what the request has changed.
    pub changed: Option<Changed>,
    /// The answer goes on as a stream of hints, for the edge to send.
    pub listens: Option<Listens>,
}

/// What a request has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Whose data.
    pub tenant: String,
    /// In which collections.
    pub collections: BTreeSet<String>,
}

/// What somebody listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listens {
    /// Whose data.
    pub tenant: String,
    /// Which collections; none means all.
    pub collections: BTreeSet<String>,
    /// Milliseconds since 1970 until which the listener may listen, where that is known.
    pub until_ms: Option<u64>,
}

impl Listens {
    /// Whether a change is worth a hint.
    pub fn is_told_of(&self, changed: &Changed) -> bool {
        self.tenant == changed.tenant
            && (self.collections.is_empty() || !self.collections.is_disjoint(&changed.collections))
    }
}

/// What a stream of hints is made of: server-sent events without data worth the name.
impl Listens {
    /// Something changed.
    pub const HINT: &str = "event: hint\ndata: pull\n\n";
    /// Nothing did, and the connection stands.
    pub const BEAT: &str = ": beat\n\n";
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
            ..HttpResponse::default()
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
