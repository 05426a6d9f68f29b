//! A client of the ACS face, as an app is one.
use crate::harness::Pair;
use serde_json::{Value, json};
use tisync_server::faces::acs::{Admin, PasswordCost, Settings, ensure_admin};
use tisync_server::{HttpRequest, HttpResponse, MemoryServerStore, ServerStore, service};

pub(super) const KEY: &str = "APPKEY123";

/// A server with the ACS face, and who is signed in.
pub(super) struct App<S = MemoryServerStore> {
    pub(super) server: Pair<S>,
    /// Sent with each call.
    pub(super) session: Option<String>,
    requests: u64,
}

impl App {
    pub(super) fn new() -> Self {
        App::over(MemoryServerStore::default())
    }

    /// With a user who is signed in, and whose id comes back.
    pub(super) fn with_user(name: &str) -> (Self, String) {
        let mut app = App::new();
        let id = app.sign_up(name);
        (app, id)
    }
}

impl<S: ServerStore> App<S> {
    pub(super) fn over(store: S) -> Self {
        let mut server = Pair::over(store);
        let mut settings = Settings::new(KEY);
        settings.password = PasswordCost {
            memory_kib: 8,
            passes: 1,
        };
        server.config.acs = Some(settings);
        App {
            server,
            session: None,
            requests: 0,
        }
    }

    /// Sends a request as it is. Each has entropy of its own, as each has on a socket.
    pub(super) fn send(&mut self, request: &HttpRequest) -> HttpResponse {
        self.requests += 1;
        self.server.now.entropy[..8].copy_from_slice(&self.requests.to_le_bytes());
        self.server.send(request)
    }

    /// The status of HTTP and the answer.
    pub(super) fn call(&mut self, verb: &str, path: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let mut query = format!("/v1/{path}.json?key={KEY}");
        if let Some(session) = &self.session {
            query.push_str(&format!("&_session_id={session}"));
        }
        let pairs: Vec<_> = params
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        let request = HttpRequest {
            headers: vec![(
                "content-type".into(),
                "application/x-www-form-urlencoded".into(),
            )],
            ..HttpRequest::new(verb, &query, pairs.join("&"))
        };
        let response = self.send(&request);
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(answer["meta"]["code"], response.status, "{path}: {answer}");
        (response.status, answer)
    }

    /// An answer that must be one.
    pub(super) fn ok(&mut self, verb: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, answer) = self.call(verb, path, params);
        assert_eq!(
            (status, &answer["meta"]["status"]),
            (200, &json!("ok")),
            "{path} {params:?} → {answer}"
        );
        answer
    }

    /// The code and message of a call that must be refused.
    pub(super) fn fails(
        &mut self,
        verb: &str,
        path: &str,
        params: &[(&str, &str)],
    ) -> (u16, String) {
        let (status, answer) = self.call(verb, path, params);
        assert_eq!(
            answer["meta"]["status"], "fail",
            "{path} {params:?} → {answer}"
        );
        assert!(answer.get("response").is_none(), "{answer}");
        (
            status,
            answer["meta"]["message"].as_str().unwrap().to_owned(),
        )
    }

    /// Makes a user, who is signed in then; returns its id.
    pub(super) fn sign_up(&mut self, name: &str) -> String {
        self.session = None;
        let answer = self.ok(
            "POST",
            "users/create",
            &[
                ("username", name),
                ("password", "pass"),
                ("password_confirmation", "pass"),
            ],
        );
        self.session = answer["meta"]["session_id"].as_str().map(str::to_owned);
        text(&answer["response"]["users"][0]["id"])
    }

    /// Signs a user in; returns the session.
    pub(super) fn sign_in(&mut self, name: &str, password: &str) -> String {
        self.session = None;
        let answer = self.ok(
            "POST",
            "users/login",
            &[("login", name), ("password", password)],
        );
        let session = text(&answer["meta"]["session_id"]);
        self.session = Some(session.clone());
        session
    }

    /// Signs in as an administrator.
    pub(super) fn sign_in_as_admin(&mut self) {
        let admin = Admin {
            username: "boss".into(),
            password: "secret".into(),
        };
        let Pair { store, now, config } = &mut self.server;
        service::ensure(store, "main", now).unwrap();
        let settings = config.acs.clone().unwrap();
        ensure_admin(store, now, config, &settings, &admin).unwrap();
        self.sign_in("boss", "secret");
    }

    /// Makes an object of the class `todo`; returns it.
    pub(super) fn create(&mut self, fields: &Value) -> Value {
        let answer = self.ok(
            "POST",
            "objects/todo/create",
            &[("fields", &fields.to_string())],
        );
        answer["response"]["todo"][0].clone()
    }

    /// The titles of the objects that a query finds, in order.
    pub(super) fn titles(&mut self, params: &[(&str, &str)]) -> String {
        let answer = self.ok("GET", "objects/todo/query", params);
        let found = answer["response"]["todo"].as_array().unwrap();
        let titles: Vec<_> = found.iter().map(|object| text(&object["title"])).collect();
        titles.join(" ")
    }

    /// Lets time go by.
    pub(super) fn wait(&mut self, ms: u64) {
        self.server.now.wall_ms += ms;
    }
}

pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text was expected, {value} came"))
        .to_owned()
}

pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
