//! Users.
use super::app::{App, text};
use serde_json::json;

#[test]
fn a_user_is_shown_as_acs_showed_it() {
    let mut app = App::new();
    let answer = app.ok(
        "POST",
        "users/create",
        &[
            ("email", "john.smith@company.com"),
            ("first_name", "John"),
            ("last_name", "Smith"),
            ("role", "teacher"),
            ("password", "pass"),
            ("password_confirmation", "pass"),
            ("tags", "a, b"),
            (
                "custom_fields",
                r#"{"age":23,"favorite_color":"blue","enrolled":"2011-11-02 17:07:37 -0700"}"#,
            ),
        ],
    );
    assert_eq!(answer["meta"]["method_name"], "createUser");
    let user = &answer["response"]["users"][0];
    let id = text(&user["id"]);
    assert_eq!(id.len(), 24);
    let created = "2023-11-14T22:13:20+0000";
    assert_eq!(
        *user,
        json!({
            "id": id, "email": "john.smith@company.com", "first_name": "John", "last_name": "Smith",
            "role": "teacher", "admin": "false", "tags": ["a", "b"], "external_accounts": [],
            "created_at": created, "updated_at": created, "confirmed_at": created,
            "custom_fields": {"age": 23, "favorite_color": "blue", "enrolled": "2011-11-03T00:07:37+0000"},
            "stats": {"photos": {"total_count": 0}, "storage": {"used": 0}},
        })
    );
}

#[test]
fn a_user_has_a_name_to_sign_in_with() {
    let mut app = App::new();
    let both = [("password", "p"), ("password_confirmation", "p")];
    let with = |more: &[(&'static str, &'static str)]| {
        both.iter().chain(more).copied().collect::<Vec<_>>()
    };
    for more in [
        &[][..],
        &[("email", "a@b.c")],
        &[("email", "a@b.c"), ("first_name", "A")],
        &[("username", "joe"), ("email", "nonsense")],
        &[("username", "a\nb")],
    ] {
        let (code, message) = app.fails("POST", "users/create", &with(more));
        assert_eq!(code, 400, "{message}");
    }
    for params in [
        &[("username", "joe")][..],
        &[("username", "joe"), ("password", "p")],
        &[
            ("username", "joe"),
            ("password", "p"),
            ("password_confirmation", "q"),
        ],
    ] {
        assert_eq!(app.fails("POST", "users/create", params).0, 400);
    }
}

#[test]
fn a_name_signs_in_one_user() {
    let (mut app, _) = App::with_user("joe");
    let both = [("password", "p"), ("password_confirmation", "p")];
    let mut taken = |name: &'static str, value: &'static str| {
        let mut params = both.to_vec();
        params.push((name, value));
        if name == "email" {
            params.extend([("first_name", "J"), ("last_name", "J")]);
        }
        app.call("POST", "users/create", &params).0
    };
    assert_eq!(taken("username", "Joe"), 400);
    assert_eq!(taken("email", "joe@example.org"), 200);
    assert_eq!(taken("email", "JOE@example.org"), 400);
    assert_eq!(
        taken("username", "joe@example.org"),
        400,
        "nobody takes another's address as a name"
    );
}

#[test]
fn a_renamed_user_gives_its_name_back() {
    let (mut app, id) = App::with_user("joe");
    let answer = app.ok(
        "PUT",
        "users/update",
        &[("username", "jim"), ("email", "jim@example.org")],
    );
    assert_eq!(answer["meta"]["method_name"], "updateUser");
    assert_eq!(answer["meta"]["session_id"], app.session.clone().unwrap());
    app.sign_in("jim@example.org", "pass");
    app.sign_in("jim", "pass");
    assert_eq!(
        app.fails(
            "POST",
            "users/login",
            &[("login", "joe"), ("password", "pass")]
        )
        .0,
        401
    );
    let other = app.sign_up("joe");
    assert_ne!(other, id);
    assert_eq!(
        app.fails("PUT", "users/update", &[("username", "jim")]).0,
        400
    );
}

#[test]
fn custom_fields_are_merged() {
    let (mut app, _) = App::with_user("joe");
    let mut update = |fields: &str| {
        let answer = app.ok("PUT", "users/update", &[("custom_fields", fields)]);
        answer["response"]["users"][0]["custom_fields"].clone()
    };
    assert_eq!(
        update(r#"{"age":28,"color":"blue"}"#),
        json!({"age": 28, "color": "blue"})
    );
    assert_eq!(
        update(r#"{"color":null,"n":{"$inc":2}}"#),
        json!({"age": 28, "n": 2})
    );
    assert_eq!(update(r#"{"n":{"$inc":-1}}"#), json!({"age": 28, "n": 1}));
}

#[test]
fn others_do_not_see_an_email_address() {
    let (mut app, id) = App::with_user("joe");
    app.ok("PUT", "users/update", &[("email", "joe@example.org")]);
    let own = app.ok("GET", "users/show/me", &[]);
    assert_eq!(own["response"]["users"][0]["email"], "joe@example.org");
    app.sign_up("eve");
    let shown = app.ok("GET", "users/show", &[("user_id", &id)]);
    assert_eq!(shown["response"]["users"][0]["username"], "joe");
    assert!(shown["response"]["users"][0].get("email").is_none());
    // Whoever knows the address may ask for it, but not feel the way to it.
    let known = app.ok(
        "GET",
        "users/query",
        &[("where", r#"{"email":"joe@example.org"}"#)],
    );
    assert_eq!(known["response"]["users"][0]["id"], id.as_str());
    assert!(known["response"]["users"][0].get("email").is_none());
    for (name, value) in [
        ("where", r#"{"email":{"$gt":"j"}}"#),
        ("where", r#"{"$or":[{"email":{"$regex":"^joe"}}]}"#),
        ("where", r#"{"email":{"$ne":"x"}}"#),
        ("where", r#"{"$text":{"$search":"joe"}}"#),
        ("order", "-email"),
    ] {
        let code = app.call("GET", "users/query", &[(name, value)]).0;
        assert_eq!(
            code,
            if value.contains("$ne") { 200 } else { 400 },
            "{value}"
        );
    }
    assert_eq!(
        app.fails(
            "GET",
            "users/count",
            &[("where", r#"{"email":{"$gt":"j"}}"#)]
        )
        .0,
        400
    );
    app.sign_in_as_admin();
    let all = app.ok(
        "GET",
        "users/query",
        &[("where", r#"{"email":{"$regex":"^joe"}}"#)],
    );
    assert_eq!(all["response"]["users"][0]["email"], "joe@example.org");
}

#[test]
fn users_are_found_by_their_own_fields_and_the_apps() {
    let mut app = App::new();
    for (name, fields) in [
        ("ann", r#"{"age":30}"#),
        ("bob", r#"{"age":20}"#),
        ("cat", "{}"),
    ] {
        app.sign_up(name);
        app.ok(
            "PUT",
            "users/update",
            &[("custom_fields", fields), ("tags", name)],
        );
    }
    let mut names = |params: &[(&str, &str)]| {
        let answer = app.ok("GET", "users/query", params);
        assert_eq!(answer["meta"]["method_name"], "queryUsers");
        let users = answer["response"]["users"].as_array().unwrap();
        users
            .iter()
            .map(|user| text(&user["username"]))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(&[]), "cat bob ann");
    assert_eq!(names(&[("order", "username")]), "ann bob cat");
    assert_eq!(names(&[("where", r#"{"age":{"$gt":25}}"#)]), "ann");
    assert_eq!(names(&[("where", r#"{"tags_array":"bob"}"#)]), "bob");
    assert_eq!(names(&[("order", "-age"), ("limit", "2")]), "ann bob");
    let selected = app.ok(
        "GET",
        "users/query",
        &[("limit", "1"), ("sel", r#"{"all":["id","age"]}"#)],
    );
    assert_eq!(
        selected["response"]["users"][0].as_object().unwrap().len(),
        1
    );
    assert_eq!(app.ok("GET", "users/count", &[])["meta"]["count"], 3);
    let some = app.ok(
        "GET",
        "users/count",
        &[("where", r#"{"age":{"$exists":true}}"#)],
    );
    assert_eq!(some["meta"]["count"], 2);
}

#[test]
fn a_search_finds_names_and_tags() {
    let mut app = App::new();
    for (name, first, tags) in [
        ("ann", "Mary", "hiking"),
        ("bob", "Bob", "mary,swimming"),
        ("cat", "Cat", ""),
    ] {
        app.sign_up(name);
        let email = format!("{name}@example.org");
        app.ok(
            "PUT",
            "users/update",
            &[
                ("first_name", first),
                ("last_name", "Smith"),
                ("tags", tags),
                ("email", &email),
            ],
        );
    }
    let mut search = |q: &str| {
        let answer = app.ok("GET", "users/search", &[("q", q)]);
        assert_eq!(answer["meta"]["method_name"], "searchUsers");
        let users = answer["response"]["users"].as_array().unwrap();
        assert_eq!(answer["meta"]["total_results"], users.len());
        users
            .iter()
            .map(|user| text(&user["username"]))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(search("mary"), "bob ann");
    assert_eq!(search("MARY hiking"), "ann bob");
    assert_eq!(search("ann@example.org"), "ann");
    assert_eq!(
        search("example"),
        "",
        "an address is found by the whole of it only"
    );
    assert_eq!(search(""), "cat bob ann");
    let page = app.ok(
        "GET",
        "users/search",
        &[("q", "smith"), ("page", "2"), ("per_page", "2")],
    );
    assert_eq!(
        (&page["meta"]["total_pages"], &page["meta"]["total_results"]),
        (&json!(2), &json!(3))
    );
}

#[test]
fn ids_that_are_not_there_are_named() {
    let (mut app, id) = App::with_user("joe");
    let gone = "000000000000000000000000";
    let ids = format!("{id},{gone}");
    assert_eq!(
        app.fails("GET", "users/show", &[("user_ids", &ids)]),
        (
            400,
            format!("One or more invalid object id(s): [\"{gone}\"]")
        )
    );
    assert_eq!(app.fails("GET", "users/show", &[]).0, 400);
}

#[test]
fn a_deleted_user_is_signed_out_and_its_name_is_free() {
    let (mut app, id) = App::with_user("joe");
    let answer = app.ok("DELETE", "users/delete", &[]);
    assert_eq!(answer["meta"]["method_name"], "deleteUser");
    assert!(answer.get("response").is_none());
    assert_eq!(app.fails("GET", "users/show/me", &[]).0, 404);
    assert_eq!(app.fails("GET", "users/show", &[("user_id", &id)]).0, 400);
    app.sign_up("joe");
}

#[test]
fn an_admin_acts_for_others() {
    let (mut app, id) = App::with_user("joe");
    let session = app.session.clone();
    assert_eq!(
        app.fails("PUT", "users/update", &[("su_id", "x"), ("role", "r")])
            .0,
        403
    );
    app.sign_in_as_admin();
    let admin = app.ok("GET", "users/show/me", &[]);
    assert_eq!(admin["response"]["users"][0]["admin"], "true");
    let answer = app.ok(
        "PUT",
        "users/update",
        &[("su_id", &id), ("role", "teacher")],
    );
    assert_eq!(answer["response"]["users"][0]["username"], "joe");
    assert_eq!(answer["response"]["users"][0]["role"], "teacher");
    let made = app.ok(
        "POST",
        "users/create",
        &[
            ("username", "new"),
            ("password", "p"),
            ("password_confirmation", "p"),
        ],
    );
    assert!(
        made["meta"].get("session_id").is_none(),
        "the admin stays who it is: {made}"
    );
    app.wait(1);
    app.ok(
        "PUT",
        "users/update",
        &[
            ("su_id", &id),
            ("password", "n"),
            ("password_confirmation", "n"),
        ],
    );
    app.session = session;
    assert_eq!(
        app.fails("GET", "users/show/me", &[]).0,
        404,
        "a reset ends the user's sessions"
    );
    app.sign_in("joe", "n");
}

#[test]
fn what_needs_mail_says_that_there_is_none() {
    let mut app = App::new();
    for path in ["users/request_reset_password", "users/resend_confirmation"] {
        assert_eq!(app.fails("GET", path, &[("email", "a@b.c")]).0, 422);
    }
}
