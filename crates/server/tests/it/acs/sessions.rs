//! Signing in, and how long that lasts.
use super::app::{App, KEY, text};
use tisync_server::faces::{self, Next};
use tisync_server::{HttpRequest, ServerStore, ServerTx};

const DAY: u64 = 24 * 60 * 60 * 1000;

#[test]
fn a_login_gives_the_session_in_both_ways() {
    let (mut app, id) = App::with_user("joe");
    let request = HttpRequest::new(
        "POST",
        &format!("/v1/users/login.json?key={KEY}"),
        "login=JOE&password=pass",
    );
    let response = app.send(&request);
    let answer: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(answer["meta"]["method_name"], "loginUser");
    assert_eq!(answer["response"]["users"][0]["id"], id.as_str());
    let session = text(&answer["meta"]["session_id"]);
    assert_eq!(session.len(), 27);
    assert_eq!(
        response.header("set-cookie"),
        Some(format!("_session_id={session}; path=/; HttpOnly").as_str())
    );
}

#[test]
fn a_session_comes_by_parameter_or_cookie() {
    let (mut app, _) = App::with_user("joe");
    let session = app.session.take().unwrap();
    let mut me = |query: &str, cookie: Option<&str>| {
        let mut request = HttpRequest::new(
            "GET",
            &format!("/v1/users/show/me.json?key={KEY}{query}"),
            "",
        );
        request
            .headers
            .extend(cookie.map(|cookie| ("Cookie".into(), cookie.into())));
        app.send(&request).status
    };
    for name in ["_session_id", "session_id", "access_token"] {
        assert_eq!(me(&format!("&{name}={session}"), None), 200, "{name}");
    }
    assert_eq!(me("", Some(&format!("a=b; _session_id={session}"))), 200);
    assert_eq!(me("", Some("_session_id=")), 401);
    assert_eq!(me("", None), 401);
    assert_eq!(
        me(
            "&_session_id=other",
            Some(&format!("_session_id={session}"))
        ),
        404
    );
}

#[test]
fn a_bad_login_does_not_tell_what_is_wrong() {
    let (mut app, _) = App::with_user("joe");
    let message = "Invalid email/username or password.".to_owned();
    for (login, password) in [("joe", "wrong"), ("jim", "pass")] {
        let params = [("login", login), ("password", password)];
        assert_eq!(
            app.fails("POST", "users/login", &params),
            (401, message.clone())
        );
    }
    assert_eq!(app.fails("POST", "users/login", &[("login", "joe")]).0, 400);
}

#[test]
fn a_session_lives_as_long_as_it_is_used() {
    let (mut app, _) = App::with_user("joe");
    for _ in 0..5 {
        app.wait(89 * DAY);
        app.ok("GET", "users/show/me", &[]);
    }
    app.wait(90 * DAY);
    let (code, message) = app.fails("GET", "users/show/me", &[]);
    assert_eq!(code, 404);
    assert!(
        message.starts_with("Failed to find current_user"),
        "{message}"
    );
    // What needs nobody goes on.
    app.ok("GET", "objects/todo/query", &[]);
}

#[test]
fn a_session_that_is_used_all_day_is_rarely_written() {
    let (mut app, _) = App::with_user("joe");
    let seq = app.server.store.meta("main").unwrap().seq;
    for _ in 0..24 {
        app.wait(DAY / 24);
        app.ok("GET", "users/show/me", &[]);
    }
    assert_eq!(app.server.store.meta("main").unwrap().seq, seq);
    app.wait(2 * DAY);
    app.ok("GET", "users/show/me", &[]);
    assert_eq!(app.server.store.meta("main").unwrap().seq, seq + 1);
}

#[test]
fn logging_out_ends_the_session() {
    let (mut app, _) = App::with_user("joe");
    let answer = app.ok("GET", "users/logout", &[]);
    assert_eq!(answer["meta"]["method_name"], "logoutUser");
    assert_eq!(app.fails("GET", "users/show/me", &[]).0, 404);
    // And again: nobody minds.
    app.ok("GET", "users/logout", &[]);
}

#[test]
fn a_new_password_ends_the_other_sessions() {
    let (mut app, _) = App::with_user("joe");
    let other = app.session.clone();
    app.wait(1);
    app.sign_in("joe", "pass");
    app.wait(1);
    app.ok(
        "PUT",
        "users/update",
        &[("password", "new"), ("password_confirmation", "new")],
    );
    app.ok("GET", "users/show/me", &[]);
    app.session = other;
    assert_eq!(app.fails("GET", "users/show/me", &[]).0, 404);
    app.session = None;
    let old = [("login", "joe"), ("password", "pass")];
    assert_eq!(app.fails("POST", "users/login", &old).0, 401);
    app.sign_in("joe", "new");
}

#[test]
fn a_password_that_changes_while_it_is_compared_is_not_the_old_one() {
    let (mut app, _) = App::with_user("joe");
    let login = HttpRequest::new(
        "POST",
        &format!("/v1/users/login.json?key={KEY}"),
        "login=joe&password=pass",
    );
    let (now, config) = (app.server.now, app.server.config.clone());
    let mut next = faces::start(&now, &config, login);
    // Up to where the session would begin: the old password has been found right.
    let task = loop {
        next = match next {
            Next::Read(task) => task.run(&mut app.server.store, &now, &config),
            Next::Compute(compute) => compute.run(),
            Next::Write(task) => break task,
            Next::Answer(answer) => panic!("{answer:?}"),
        };
    };
    app.ok(
        "PUT",
        "users/update",
        &[("password", "new"), ("password_confirmation", "new")],
    );
    let Next::Answer(answer) = task.run(&mut app.server.store, &now, &config) else {
        panic!("an answer was expected");
    };
    assert_eq!(answer.status, 401);
}

#[test]
fn the_file_knows_neither_passwords_nor_sessions() {
    let (app, _) = App::with_user("joe");
    let session = app.session.clone().unwrap();
    for (key, record) in app.server.store.records("main") {
        let text = record
            .document
            .as_ref()
            .map_or("", |document| document.text());
        for secret in [session.as_str(), "\"pass\""] {
            assert!(
                !key.id.contains(secret) && !text.contains(secret),
                "{key:?} {text}"
            );
        }
    }
}

#[test]
fn sessions_that_have_ended_are_forgotten() {
    let (mut app, _) = App::with_user("joe");
    app.sign_in("joe", "pass");
    app.wait(90 * DAY);
    app.sign_in("joe", "pass");
    let now = app.server.now;
    let mut tx = app
        .server
        .store
        .begin("main", tisync_server::Access::Write)
        .unwrap();
    assert_eq!(faces::acs::prune(&mut tx, &now).unwrap(), 2);
    assert_eq!(faces::acs::prune(&mut tx, &now).unwrap(), 0);
    tx.commit().unwrap();
    app.ok("GET", "users/show/me", &[]);
}
