//! Answers as ACS wrote them: `{"meta": {…}, "response": {…}}`.
use super::fault::Fault;
use super::limits::ANSWER_BYTES_MAX;
use super::params::Params;
use super::urlencoded;
use crate::HttpResponse;
use tisync_json::{Object, Value};

/// How this client wants its answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Manner {
    /// The status of HTTP is always 200 (`suppress_response_codes`).
    pub(super) quiet: bool,
    /// The text is indented (`pretty_json`).
    pub(super) pretty: bool,
    /// The call, once it is known.
    pub(super) method: &'static str,
}

impl Manner {
    /// What the address alone says: all there is if the body cannot be read.
    pub(super) fn of_address(path: &str) -> Self {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let mut params = Params::default();
        for (name, value) in urlencoded::pairs(query.as_bytes()).unwrap_or_default() {
            // A parameter too many is told when the request is read.
            let _ = params.add(&name, value);
        }
        Manner::of(&params)
    }

    pub(super) fn of(params: &Params) -> Self {
        Manner {
            quiet: params.flag("suppress_response_codes"),
            pretty: params.flag("pretty_json"),
            method: "",
        }
    }
}

/// A call's answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What stands in `meta` besides the status.
    pub(super) meta: Object,
    pub(super) response: Option<Object>,
    /// The session that the client is to keep; empty takes it away.
    pub(super) session: Option<String>,
    /// The status of HTTP, where it is not 200.
    pub(super) status: Option<u16>,
}

impl Answer {
    /// Records under the name of their kind.
    pub(super) fn of(kind: &str, records: Vec<Object>) -> Self {
        let records: Vec<Value> = records.into_iter().map(Value::Object).collect();
        Answer {
            response: Some(Object::from([(kind.to_owned(), Value::Array(records))])),
            ..Answer::default()
        }
    }

    pub(super) fn with_meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.meta.insert(name.to_owned(), value.into());
        self
    }

    /// Signs the client in: by the cookie and in `meta`, since each client reads one of them.
    pub(super) fn with_session(mut self, session: &str) -> Self {
        self.session = Some(session.to_owned());
        self.with_meta("session_id", session)
    }
}

/// The response of HTTP to a call.
pub(super) fn respond(manner: Manner, outcome: Result<Answer, Fault>) -> HttpResponse {
    let outcome = outcome.and_then(|answer| {
        let mut meta = answer.meta;
        meta.insert("status".into(), "ok".into());
        meta.insert("code".into(), Value::from(200));
        meta.insert("method_name".into(), manner.method.into());
        let body = body(manner, meta, answer.response);
        if body.len() > ANSWER_BYTES_MAX {
            return Err(Fault::bad(format!(
                "The answer would have {} bytes; at most {ANSWER_BYTES_MAX} are sent. Ask for fewer records or fields.",
                body.len()
            )));
        }
        let mut response = HttpResponse::json(answer.status.unwrap_or(200), MEDIA_TYPE, body);
        if let Some(session) = answer.session {
            response.headers.push(("set-cookie".into(), cookie(&session)));
        }
        Ok(response)
    });
    let mut response = outcome.unwrap_or_else(|fault| fail(manner, fault));
    if manner.quiet {
        response.status = 200;
    }
    response
}

const MEDIA_TYPE: &str = "application/json; charset=utf-8";

fn fail(manner: Manner, fault: Fault) -> HttpResponse {
    let mut meta = Object::from([
        ("status".to_owned(), Value::from("fail")),
        ("code".to_owned(), Value::from(u32::from(fault.code))),
        ("message".to_owned(), Value::from(fault.message)),
    ]);
    if !manner.method.is_empty() {
        meta.insert("method_name".into(), manner.method.into());
    }
    let mut response = HttpResponse::json(fault.code, MEDIA_TYPE, body(manner, meta, None));
    response.cause = fault.cause;
    response
}

fn body(manner: Manner, meta: Object, response: Option<Object>) -> Vec<u8> {
    let mut whole = Object::from([("meta".to_owned(), Value::Object(meta))]);
    whole.extend(response.map(|response| ("response".to_owned(), Value::Object(response))));
    let text = Value::Object(whole).to_string();
    if manner.pretty {
        pretty(&text).into_bytes()
    } else {
        text.into_bytes()
    }
}

/// No `Secure`: the app may talk plain HTTP to a server in its own house. No `Domain`: this host only.
fn cookie(session: &str) -> String {
    if session.is_empty() {
        return "_session_id=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly".into();
    }
    format!("_session_id={session}; path=/; HttpOnly")
}

/// Indents a JSON text that holds no white space outside its strings.
fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut inside, mut escaped) = (0_usize, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if inside {
            inside = c != '"' || escaped;
            escaped = c == '\\' && !escaped;
            out.push(c);
            continue;
        }
        match c {
            '{' | '[' if matches!(chars.peek(), Some('}' | ']')) => out.push(c),
            '{' | '[' => {
                out.push(c);
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' if out.ends_with(['{', '[']) => out.push(c),
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                inside = c == '"';
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pretty_text_has_the_same_meaning() {
        let text = r#"{"a":[],"b":{"c":"x\\\"{,:[","d":[1,{"e":{}}]},"f":""}"#;
        let pretty = pretty(text);
        assert_eq!(Value::parse(&pretty), Value::parse(text));
        assert_eq!(
            pretty.lines().take(5).collect::<Vec<_>>(),
            [
                "{",
                "  \"a\": [],",
                "  \"b\": {",
                r#"    "c": "x\\\"{,:[","#,
                "    \"d\": ["
            ]
        );
    }
}
