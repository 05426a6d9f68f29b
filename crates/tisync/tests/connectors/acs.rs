//! The connector `acs` against the ACS face of a real `tisync serve`: the cloud itself is closed.
use crate::wire::{Wire, doc, listed, reason, seen, theirs};
use tempfile::TempDir;
use tisync::connect::http::Request;
use tisync::model::{
    Change, FailureKind, Found, Image, Marked, MutationId, Precondition, Verdict, Wanted,
};
use tisync::{Patch, Path, Value};
use tisync_server::edge::{ServeConfig, serve};
use tisync_server::faces::acs::Settings;
use tokio::sync::oneshot;

const OPTIONS: &str = r#"{"key": "APPKEY", "users": "people", "classes": {"notes": "Note"}}"#;

/// A server in this process, with a user that is signed in.
pub struct Home {
    pub url: String,
    _stop: oneshot::Sender<()>,
    _data: TempDir,
}

impl Home {
    pub fn new() -> Self {
        let data = TempDir::new().unwrap();
        let mut config = ServeConfig::new(data.path().join("server.db"));
        config.service.acs = Some(Settings::new("APPKEY"));
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                ready.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async { drop(stopped.await) };
                serve(config, listener, stopped).await.unwrap();
            });
        });
        Home {
            url: format!("http://{}", address.recv().unwrap()),
            _stop: stop,
            _data: data,
        }
    }

    fn wire(&self, collection: &str, session: &str) -> Wire {
        Wire::new("acs", &self.url, OPTIONS, session, collection)
    }

    /// Signs a user up: the id of the session, and that of the user.
    pub fn sign_up(&self, name: &str) -> (String, String) {
        let form = format!("username={name}&password=a-secret&password_confirmation=a-secret");
        let answer = self.post("users/create", &form, "");
        let id = answer["response"]["users"][0]["id"].as_str().unwrap();
        (
            answer["meta"]["session_id"].as_str().unwrap().to_owned(),
            id.to_owned(),
        )
    }

    /// A call of another client.
    fn post(&self, path: &str, form: &str, session: &str) -> serde_json::Value {
        let url = format!("{}/v1/{path}.json?key=APPKEY", self.url);
        let mut request = Request::json("POST", url)
            .with_header("content-type", "application/x-www-form-urlencoded")
            .with_header("cookie", format!("_session_id={session}"));
        request.body = form.as_bytes().to_vec();
        let answer = self.wire("notes", "").send(request);
        serde_json::from_slice(&answer.body).unwrap()
    }
}

/// Creates a record under an id of ours; the id that the server made.
fn made(wire: &Wire, number: u128, text: &str) -> String {
    match wire.write(wire.create(number, "local", text)) {
        Verdict::Accepted { id: Some(id), .. } => id.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The document without what only the server writes.
fn own(text: &str) -> String {
    let mut object = doc(text).object();
    for name in ["created_at", "user_id"] {
        object.remove(name);
    }
    Value::Object(object).canonical()
}

fn found(wire: &Wire, id: &str) -> String {
    let text = seen(&wire.found(id));
    match text.starts_with('{') {
        true => own(&text),
        false => text,
    }
}

fn put(wire: &Wire, number: u128, id: &str, change: Change, after: &str) -> Verdict {
    wire.write(wire.item(number, id, change, Some(after), Precondition::None))
}

#[test]
fn the_server_makes_the_ids_and_the_answer_shows_what_it_made_of_a_write() {
    let home = Home::new();
    let wire = home.wire("notes", &home.sign_up("ann").0);
    let text = r#"{"title":"Milk","due":"2014-11-02 17:07:37 -0700","tags":["a","b"]}"#;
    let verdict = wire.write(wire.create(1, "local", text));
    let Verdict::Accepted {
        id: Some(id),
        version: Some(version),
        image: Some(Image::Present(image)),
        stamp: Some(_),
        ..
    } = verdict
    else {
        panic!("{verdict:?}")
    };
    assert_eq!(id.as_str().len(), 24);
    assert_eq!(
        own(image.text()),
        r#"{"due":"2014-11-03T00:07:37+0000","tags":["a","b"],"title":"Milk"}"#
    );
    let Found::Image(remote) = wire.found(id.as_str()) else {
        panic!("it is there")
    };
    assert_eq!(remote.version, Some(version));
    assert!(remote.image.document().unwrap().same(&image));
}

#[test]
fn a_patch_sends_what_it_touches_and_a_replace_takes_away_the_rest() {
    let home = Home::new();
    let wire = home.wire("notes", &home.sign_up("ann").0);
    let id = made(
        &wire,
        1,
        r#"{"title":"Milk","stars":1,"place":{"town":"Rome","zip":1}}"#,
    );
    let patch = Patch {
        set: [(
            Path::parse("/place/town").unwrap(),
            Value::String("Bari".into()),
        )]
        .into(),
        unset: [Path::key("stars")].into(),
    };
    let after = r#"{"title":"stale","place":{"town":"Bari","zip":1}}"#;
    put(&wire, 2, &id, Change::Patch(patch), after);
    assert_eq!(
        found(&wire, &id),
        r#"{"place":{"town":"Bari","zip":1},"title":"Milk"}"#
    );
    let whole = r#"{"other":true}"#;
    put(&wire, 3, &id, Change::Replace(doc(whole)), whole);
    assert_eq!(found(&wire, &id), whole);
}

#[test]
fn a_mark_finds_its_object_whatever_the_app_writes() {
    let home = Home::new();
    let wire = home.wire("notes", &home.sign_up("ann").0);
    let id = made(&wire, 7, r#"{"title":"Milk"}"#);
    let whole = r#"{"tags":["of","the","app"]}"#;
    put(&wire, 8, &id, Change::Replace(doc(whole)), whole);
    let marks = [7, 9].map(|mark| (wire.collection.clone(), MutationId(mark)));
    let marked = wire.ask(Wanted::Marks(marks.into())).unwrap().marked;
    assert!(
        matches!(&marked[..], [(MutationId(7), Marked::Record { id: of, remote }), (MutationId(9), Marked::Nowhere)]
            if of.as_str() == id && own(remote.image.document().unwrap().text()) == whole),
        "{marked:?}"
    );
}

#[test]
fn what_was_deleted_is_gone_and_what_is_hidden_is_not() {
    let home = Home::new();
    let (ann, _) = home.sign_up("ann");
    let wire = home.wire("notes", &ann);
    let id = made(&wire, 1, r#"{"title":"Milk"}"#);
    assert!(matches!(
        wire.write(wire.item(2, &id, Change::Delete, None, Precondition::None)),
        Verdict::Accepted { .. }
    ));
    assert_eq!(found(&wire, &id), "gone");
    let again = wire.write(wire.item(3, &id, Change::Delete, None, Precondition::None));
    assert_eq!(theirs(&again), "gone");
    assert_eq!(
        theirs(&put(&wire, 4, &id, Change::Replace(doc("{}")), "{}")),
        "gone"
    );

    home.post(
        "acls/create",
        "name=private&public_read=false&public_write=false",
        &ann,
    );
    let fields = "fields=%7B%22title%22%3A%22secret%22%7D&acl_name=private";
    let hidden = home.post("objects/Note/create", fields, &ann);
    let hidden = hidden["response"]["Note"][0]["id"].as_str().unwrap();
    let eve = home.wire("notes", &home.sign_up("eve").0);
    assert_eq!(found(&wire, hidden), r#"{"title":"secret"}"#);
    assert_eq!(found(&eve, hidden), "unknown");
    assert_eq!(listed(&eve.walk(None, 10).0), Vec::<String>::new());
    for change in [Change::Delete, Change::Replace(doc("{}"))] {
        let after = (change != Change::Delete).then_some("{}");
        let verdict = eve.write(eve.item(5, hidden, change, after, Precondition::None));
        assert_eq!(verdict, Verdict::OutOfScope);
    }
}

#[test]
fn sessions_and_wrong_set_ups_are_told_apart() {
    let home = Home::new();
    let wire = home.wire("notes", "");
    wire.probe().unwrap();
    assert_eq!(wire.walk(None, 10).0, []);
    let create = || vec![wire.create(1, "local", "{}")];
    let failure = wire.push(create()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    // An expired session is a 404.
    let expired = home.wire("notes", "a-session-that-is-long-over");
    let failure = expired.push(create()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials, "{failure:?}");
    assert!(failure.not_sent && !failure.message.contains("long-over"));

    let options = r#"{"key": "OTHER"}"#;
    let other = Wire::new("acs", &home.url, options, "", "notes");
    let failure = other.pull(None, 10).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    assert!(failure.message.contains("app key"), "{failure:?}");

    let path = format!("{}/v1", home.url);
    let wrong = Wire::new("acs", &path, OPTIONS, "", "notes");
    let failure = wrong.probe().unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotThisProtocol, "{failure:?}");
}

#[test]
fn users_are_shown_and_change_by_their_own_hand_only() {
    let home = Home::new();
    let (ann, ann_id) = home.sign_up("ann");
    let (_, eve_id) = home.sign_up("eve");
    let wire = home.wire("people", &ann);
    assert_eq!(listed(&wire.walk(None, 10).0).len(), 2);
    let patch = Patch {
        set: [(Path::key("first_name"), Value::String("Ann".into()))].into(),
        unset: Default::default(),
    };
    let after = r#"{"first_name":"Ann"}"#;
    let verdict = put(&wire, 1, &ann_id, Change::Patch(patch.clone()), after);
    assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
    assert!(found(&wire, &ann_id).contains(r#""first_name":"Ann""#));
    let verdict = put(&wire, 2, &eve_id, Change::Patch(patch), after);
    assert_eq!(verdict, Verdict::OutOfScope);
    let verdict = wire.write(wire.create(3, "local", after));
    assert!(reason(&verdict).contains("sign up"), "{verdict:?}");
    // A login moves the time of a user, and is no change.
    let Found::Image(before) = wire.found(&ann_id) else {
        panic!()
    };
    home.post("users/login", "login=ann&password=a-secret", "");
    let Found::Image(after) = wire.found(&ann_id) else {
        panic!()
    };
    assert_eq!(before.version, after.version);
}

#[test]
fn a_class_of_more_than_5_000_objects_is_walked_whole() {
    const OBJECTS: usize = 5_200;
    let home = Home::new();
    let native = Wire::new("native", &home.url, "{}", "", "Note");
    let numbers: Vec<usize> = (0..OBJECTS).collect();
    for batch in numbers.chunks(500) {
        let items = batch.iter().map(|number| {
            // Ids of one second, of one hour and of some years.
            let seconds = 0x4000_0000 + (number % 3) * (number % 7) * 10_000;
            let id = format!("{seconds:08x}{:016x}", number * 7);
            native.create(*number as u128 + 1, &id, &format!(r#"{{"n":{number}}}"#))
        });
        let pushed = native.push(items.collect()).unwrap();
        assert!(
            pushed
                .iter()
                .all(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }))
        );
    }
    let wire = home.wire("notes", &home.sign_up("ann").0);
    let (items, place, pages) = wire.walk(None, 1_000);
    let mut seen: Vec<String> = listed(&items);
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), items.len()), (OBJECTS, OBJECTS));
    assert!((6..40).contains(&pages), "{pages}");
    // From the end, the next walk begins.
    assert_eq!(listed(&wire.walk(Some(place), 1_000).0).len(), OBJECTS);
}

#[test]
fn the_page_names_the_guarantee() {
    let home = Home::new();
    let page = include_str!("../../../../docs/connectors/acs.md");
    let wire = home.wire("notes", "");
    for collection in ["notes", "people"] {
        let line = wire
            .connector
            .capability(&collection.parse().unwrap())
            .guarantee();
        assert!(page.contains(&format!("> {line}\n")), "{line}");
    }
}
