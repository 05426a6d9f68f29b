//! Who may see and change what.
use super::app::{App, text};
use serde_json::{Value, json};

fn acl(app: &mut App, name: &str, params: &[(&str, &str)]) -> Value {
    let mut all = vec![("name", name)];
    all.extend(params);
    let answer = app.ok("POST", "acls/create", &all);
    assert_eq!(answer["meta"]["method_name"], "createAcl");
    answer["response"]["acls"][0].clone()
}

/// Joe with an object under an ACL that only names Ann as a reader and Bob as a writer.
struct Cast {
    app: App,
    object: String,
    acl: String,
    joe: Option<String>,
    ann: (String, Option<String>),
    bob: (String, Option<String>),
    eve: Option<String>,
}

fn cast() -> Cast {
    let mut app = App::new();
    let ann = (app.sign_up("ann"), app.session.clone());
    let bob = (app.sign_up("bob"), app.session.clone());
    app.sign_up("eve");
    let eve = app.session.clone();
    app.sign_up("joe");
    let list = acl(
        &mut app,
        "mine",
        &[("reader_ids", &ann.0), ("writer_ids", &bob.0)],
    );
    let answer = app.ok(
        "POST",
        "objects/todo/create",
        &[("fields", r#"{"title":"t"}"#), ("acl_name", "mine")],
    );
    let object = &answer["response"]["todo"][0];
    assert_eq!(object["acls"][0]["id"], list["id"]);
    assert!(object.get("acl_id").is_none());
    Cast {
        object: text(&object["id"]),
        acl: text(&list["id"]),
        joe: app.session.clone(),
        app,
        ann,
        bob,
        eve,
    }
}

impl Cast {
    /// Whether this session may read, by show and by query alike, and write.
    fn may(&mut self, session: &Option<String>) -> (bool, bool) {
        self.app.session = session.clone();
        let id = self.object.clone();
        let shown = self.app.call("GET", "objects/todo/show", &[("id", &id)]).0;
        let found = self.app.titles(&[]);
        assert_eq!(shown == 200, found == "t", "show and query agree");
        assert!(shown == 200 || shown == 401);
        let count = self.app.ok("GET", "objects/todo/count", &[])["meta"]["count"].clone();
        assert_eq!(count == 1, shown == 200, "what is not seen is not counted");
        let fields = [("id", id.as_str()), ("fields", r#"{"n":1}"#)];
        let written = self.app.call("PUT", "objects/todo/update", &fields).0;
        assert!(written == 200 || written == 401);
        (shown == 200, written == 200)
    }

    fn change(&mut self, params: &[(&str, &str)]) {
        self.app.session = self.joe.clone();
        let mut all = vec![("name", "mine")];
        all.extend(params);
        let answer = self.app.ok("PUT", "acls/update", &all);
        assert_eq!(answer["meta"]["method_name"], "updateAcl");
    }
}

#[test]
fn an_acl_says_who_reads_and_who_writes() {
    let mut cast = cast();
    let (joe, ann, bob, eve) = (
        cast.joe.clone(),
        cast.ann.1.clone(),
        cast.bob.1.clone(),
        cast.eve.clone(),
    );
    assert_eq!(cast.may(&joe), (true, true));
    assert_eq!(cast.may(&ann), (true, false));
    assert_eq!(cast.may(&bob), (false, true));
    assert_eq!(cast.may(&eve), (false, false));
    assert_eq!(cast.may(&None), (false, false));
    cast.change(&[("public_read", "true")]);
    assert_eq!(cast.may(&None), (true, false));
    assert_eq!(cast.may(&eve), (true, false));
    cast.change(&[
        ("public_read", "false"),
        ("public_write", "1"),
        ("reader_ids", ""),
    ]);
    assert_eq!(cast.may(&eve), (false, true));
    assert_eq!(cast.may(&ann), (false, true));
    assert_eq!(
        cast.may(&None),
        (false, false),
        "nobody writes without signing in"
    );
    assert_eq!(cast.may(&joe), (true, true), "the owner is never shut out");
    cast.app.sign_in_as_admin();
    let admin = cast.app.session.clone();
    assert_eq!(cast.may(&admin), (true, true));
}

#[test]
fn users_are_added_taken_out_and_checked() {
    let mut cast = cast();
    let (bob, ann) = (cast.bob.0.clone(), cast.ann.0.clone());
    let app = &mut cast.app;
    let check = |app: &mut App, user: &str| {
        let answer = app.ok("GET", "acls/check", &[("name", "mine"), ("user_id", user)]);
        assert_eq!(answer["meta"]["method_name"], "checkAcl");
        let permission = answer["response"]["permission"].clone();
        (
            permission["read_permission"] == true,
            permission["write_permission"] == true,
        )
    };
    assert_eq!(check(app, &bob), (false, true));
    let answer = app.ok(
        "POST",
        "acls/add",
        &[("name", "mine"), ("reader_ids[]", &bob)],
    );
    assert_eq!(answer["meta"]["method_name"], "addAcl");
    assert_eq!(check(app, &bob), (true, true));
    let both = [
        ("id", cast.acl.as_str()),
        ("reader_ids", &ann),
        ("writer_ids", &bob),
    ];
    assert_eq!(
        app.ok("DELETE", "acls/remove", &both)["meta"]["method_name"],
        "removeAcl"
    );
    assert_eq!(
        (check(app, &ann), check(app, &bob)),
        ((false, false), (true, false))
    );
    let shown = app.ok("GET", "acls/show", &[("id", &cast.acl)]);
    assert_eq!(shown["meta"]["method_name"], "showAcl");
    let list = &shown["response"]["acls"][0];
    assert_eq!(
        (&list["name"], &list["public_read"]),
        (&json!("mine"), &json!(false))
    );
    assert_eq!(
        list["readers"].as_array().unwrap().len(),
        2,
        "the owner and Bob"
    );
    let found = app.ok("GET", "acls/query", &[("where", r#"{"name":"mine"}"#)]);
    assert_eq!(found["meta"]["method_name"], "queryACL");
    assert_eq!(found["response"]["acls"][0]["id"], cast.acl.as_str());
    let count = app.ok("GET", "acls/count", &[]);
    assert_eq!(
        (&count["meta"]["method_name"], &count["meta"]["count"]),
        (&json!("aclsCount"), &json!(1))
    );
}

#[test]
fn only_its_owner_changes_an_acl() {
    let mut cast = cast();
    cast.app.session = cast.eve.clone();
    let id = cast.acl.clone();
    for (verb, call) in [
        ("PUT", "update"),
        ("DELETE", "delete"),
        ("POST", "add"),
        ("DELETE", "remove"),
    ] {
        let path = format!("acls/{call}");
        assert_eq!(cast.app.fails(verb, &path, &[("id", &id)]).0, 401, "{call}");
        assert_eq!(
            cast.app.fails(verb, &path, &[("name", "mine")]).0,
            400,
            "names are each user's own"
        );
    }
    acl(&mut cast.app, "mine", &[]);
    assert_eq!(
        cast.app.fails("POST", "acls/create", &[("name", "mine")]).0,
        400,
        "once a user"
    );
    assert_eq!(cast.app.fails("POST", "acls/create", &[]).0, 400);
    cast.app.session = None;
    assert_eq!(
        cast.app.fails("POST", "acls/create", &[("name", "x")]).0,
        401
    );
}

#[test]
fn an_acl_that_is_gone_protects_to_the_last() {
    let mut cast = cast();
    cast.app.session = cast.joe.clone();
    let id = cast.acl.clone();
    assert_eq!(
        cast.app.ok("DELETE", "acls/delete", &[("id", &id)])["meta"]["method_name"],
        "deleteAcl"
    );
    let (joe, ann) = (cast.joe.clone(), cast.ann.1.clone());
    assert_eq!(cast.may(&ann), (false, false));
    assert_eq!(cast.may(&joe), (true, true));
    cast.app.ok("POST", "acls/create", &[("name", "mine")]);
}

#[test]
fn without_an_acl_everybody_reads_and_the_owner_writes() {
    let (mut app, _) = App::with_user("joe");
    let id = text(&app.create(&json!({"title": "t"}))["id"]);
    app.sign_up("eve");
    app.ok("GET", "objects/todo/show", &[("id", &id)]);
    let update = [("id", id.as_str()), ("fields", r#"{"n":1}"#)];
    assert_eq!(app.fails("PUT", "objects/todo/update", &update).0, 401);
    assert_eq!(
        app.fails("DELETE", "objects/todo/delete", &[("id", &id)]).0,
        401
    );
    app.session = None;
    app.ok("GET", "objects/todo/show", &[("id", &id)]);
    for (verb, call) in [("POST", "create"), ("PUT", "update"), ("DELETE", "delete")] {
        let (code, message) = app.fails(verb, &format!("objects/todo/{call}"), &update);
        assert_eq!(
            (code, message.as_str()),
            (401, "You need to sign in or sign up before continuing.")
        );
    }
    app.session = Some("expired".into());
    assert_eq!(app.fails("PUT", "objects/todo/update", &update).0, 404);
    app.sign_in_as_admin();
    app.ok("PUT", "objects/todo/update", &update);
    app.ok("DELETE", "objects/todo/delete", &[("id", &id)]);
}

#[test]
fn a_writer_cannot_put_an_object_under_another_acl() {
    let mut cast = cast();
    let bob = cast.bob.1.clone();
    cast.app.session = bob.clone();
    let own = text(&acl(&mut cast.app, "bobs", &[])["id"]);
    let id = cast.object.clone();
    let params = [
        ("id", id.as_str()),
        ("fields", "{}"),
        ("acl_id", own.as_str()),
    ];
    assert_eq!(cast.app.fails("PUT", "objects/todo/update", &params).0, 401);
    cast.app.session = cast.joe.clone();
    acl(&mut cast.app, "open", &[("public_read", "true")]);
    let params = [("id", id.as_str()), ("fields", "{}"), ("acl_name", "open")];
    cast.app.ok("PUT", "objects/todo/update", &params);
    assert_eq!(cast.may(&None), (true, false));
    assert_eq!(cast.may(&bob), (true, false));
    cast.app.session = cast.joe.clone();
    for wrong in [
        &[("acl_id", "nonsense")][..],
        &[("acl_name", "nonsense")],
        &[("acl_id", "x"), ("acl_name", "y")],
    ] {
        let mut params = vec![("id", id.as_str()), ("fields", "{}")];
        params.extend(wrong);
        assert_eq!(cast.app.fails("PUT", "objects/todo/update", &params).0, 400);
    }
}

#[test]
fn an_admin_makes_objects_for_others() {
    let (mut app, joe) = App::with_user("joe");
    let fields = ("fields", "{}");
    assert_eq!(
        app.fails("POST", "objects/todo/create", &[fields, ("su_id", "x")])
            .0,
        403
    );
    app.sign_in_as_admin();
    for name in ["su_id", "user_id"] {
        let answer = app.ok("POST", "objects/todo/create", &[fields, (name, &joe)]);
        assert_eq!(answer["response"]["todo"][0]["user_id"], joe.as_str());
        assert_eq!(answer["response"]["todo"][0]["user"]["username"], "joe");
    }
    assert_eq!(
        app.fails("POST", "objects/todo/create", &[fields, ("su_id", "x")])
            .0,
        400
    );
}
