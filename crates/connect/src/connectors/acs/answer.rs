//! The envelope of every answer: `{"meta": {"code", "message"}, "response": {…}}`.
use crate::http::{Response, classify};
use serde_json::value::RawValue;
use tisync_core::model::{Failure, FailureKind};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// What the server said, of which it is known that the server said it.
#[derive(Debug)]
pub(super) struct Answer {
    /// The code, which HTTP's status repeats.
    pub(super) code: u16,
    pub(super) message: String,
    /// The count that a query was asked for; `None` for more than 5,000.
    pub(super) count: Option<u64>,
    /// The rows of the class that was asked for.
    rows: BTreeMap<String, Vec<Box<RawValue>>>,
    after_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    meta: Meta,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    code: u16,
    #[serde(default)]
    message: Option<String>,
    /// A number, or the text `5000+`.
    #[serde(default)]
    count: Option<Box<RawValue>>,
}

impl Answer {
    /// Reads an answer; one without the envelope is not the server's.
    pub(super) fn read(response: Response) -> Result<Answer, Failure> {
        let envelope: Option<Envelope<'_>> = match classify::is_json(&response) {
            true => crate::http::parse(&response.body).ok(),
            false => None,
        };
        let Some(Envelope {
            meta,
            response: rows,
        }) = envelope
        else {
            if response.status == 200 {
                return Err(classify::not_this_protocol(
                    "an answer of the ACS interface was expected (JSON with `meta.code`), but something else came: check \
                     the address; it ends before /v1",
                ));
            }
            return Err(classify::failure(&response));
        };
        let rows = match rows.map(|rows| tisync_json::read(rows.get())) {
            Some(Ok(rows)) => rows,
            None => BTreeMap::new(),
            // Without its rows it would say that there are none.
            Some(Err(_)) => {
                return Err(classify::not_this_protocol(
                    "lists of objects were expected in `response`, but something else came",
                ));
            }
        };
        let answer = Answer {
            code: meta.code,
            message: classify::cut(meta.message.as_deref().unwrap_or("no message")),
            count: meta.count.and_then(|count| count.get().parse().ok()),
            rows,
            after_ms: classify::retry_after_ms(&response),
        };
        match answer.whole_failure() {
            Some(failure) => Err(failure),
            None => Ok(answer),
        }
    }

    /// The rows of a class.
    pub(super) fn rows(&self, class: &str) -> &[Box<RawValue>] {
        self.rows.get(class).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_ok(&self) -> bool {
        (200..=299).contains(&self.code)
    }

    /// Whether the server says that there is no object with this id. It says the same of others that a write names, such as
    /// a photo.
    pub(super) fn is_missing(&self, id: &str) -> bool {
        let message = self.message.to_ascii_lowercase();
        let id = id.to_ascii_lowercase();
        self.code == 400 && message.contains("invalid object id") && message.contains(&id)
    }

    /// Whether the object that was named is another's.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.code, 401 | 403)
    }

    /// The answer as a failure of the whole request.
    pub(super) fn failure(&self, what: &str) -> Failure {
        let kind = match self.code {
            401 => FailureKind::Credentials,
            413 => FailureKind::TooLarge,
            _ => FailureKind::Retry { after_ms: None },
        };
        Failure::new(
            kind,
            (400..=499).contains(&self.code) && self.code != 408,
            classify::cut(&format!("{what}: {} ({})", self.message, self.code)),
        )
    }

    /// What concerns no object, but the session, the key or the server as a whole.
    fn whole_failure(&self) -> Option<Failure> {
        let says = |text: &str| self.message.to_ascii_lowercase().contains(text);
        let kind = match self.code {
            // An expired session is answered with 404, on every call that needs one.
            404 if says("current_user") || says("session") => FailureKind::Credentials,
            404 => FailureKind::NotThisProtocol,
            401 if says("sign in") || says("key") || says("oauth") => FailureKind::Credentials,
            429 | 500..=599 => FailureKind::Retry {
                after_ms: self.after_ms,
            },
            _ => return None,
        };
        let what = match kind {
            FailureKind::Credentials => "the server refuses the session or the app key",
            FailureKind::NotThisProtocol => "the server does not know what was asked",
            _ => "the server cannot answer now",
        };
        Some(self.failure(what).of_kind(kind))
    }
}
