//! Errors on the wire: problem documents of RFC 9457.
use serde::Serialize;
use tisync_json::Deserialize;

/// Why a request was refused as a whole; `application/problem+json`.
///
/// `kind` (on the wire `type`) is a word for programs, `title` the same for people, and `detail` says
/// what was expected, what came and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One of the constants below.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// What was expected, what came and what to do.
    #[serde(default)]
    pub detail: String,
    /// With [`Problem::EXPIRED_CHECKPOINT`]: the server's epochs, as in a pull's answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<(String, u64)>,
    /// With [`Problem::EXPIRED_CHECKPOINT`]: deletions up to this version are forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub horizon: Option<String>,
    /// With [`Problem::TOO_LARGE`]: the limit that was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl Problem {
    /// The media type.
    pub const MEDIA_TYPE: &str = "application/problem+json";
    /// 400: the body is not JSON.
    pub const BAD_JSON: &str = "bad-json";
    /// 422: the body is JSON, but not this request.
    pub const BAD_REQUEST: &str = "bad-request";
    /// 401: a token is missing or wrong.
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// 404: there is nothing at this path.
    pub const NOT_FOUND: &str = "not-found";
    /// 405: another method is meant.
    pub const BAD_METHOD: &str = "bad-method";
    /// 408: the body did not arrive in time.
    pub const TOO_SLOW: &str = "too-slow";
    /// 410: start again without a checkpoint; the fields epochs and horizon say why.
    pub const EXPIRED_CHECKPOINT: &str = "expired-checkpoint";
    /// 413: send less at once; `limit` is the most that is taken.
    pub const TOO_LARGE: &str = "too-large";
    /// 415: the body is packed in a way that the server does not read.
    pub const BAD_ENCODING: &str = "bad-encoding";
    /// 426: the schema of everything that was pushed is older than the server takes.
    pub const UPGRADE_REQUIRED: &str = "upgrade-required";
    /// 500: the server's fault.
    pub const INTERNAL: &str = "internal";
    /// 503: come back after the time in `Retry-After`.
    pub const BUSY: &str = "busy";
    /// 507: the server's disk is full; come back after the time in `Retry-After`.
    pub const STORAGE_FULL: &str = "storage-full";

    /// A problem without further fields.
    pub fn new(kind: &str, title: &str, status: u16, detail: String) -> Self {
        Problem {
            kind: kind.into(),
            title: title.into(),
            status,
            detail,
            ..Problem::default()
        }
    }
}
