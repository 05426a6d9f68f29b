//! What the options of the connector `rest` say, and what follows from them.
#![allow(clippy::unwrap_used)]
use tisync_connect::Connector;
use tisync_connect::connectors::{Rest, Setup, make};
use tisync_core::model::Capability;

fn rest(options: &str) -> Rest {
    let mut setup = Setup::at("http://server.test/api");
    setup.options = serde_json::from_str(options).unwrap();
    Rest::new(&setup).unwrap()
}

const PLAIN: &str = r#"{"probe":"notes"}"#;

#[test]
fn the_page_prints_the_guarantees_that_the_code_derives() {
    let page = include_str!("../../../docs/connectors/rest.md");
    let django = r#"{"paths":{"notes":"notes"},"trailing_slash":true,"auth":"basic","rows":"results","total":{"field":"count"},
        "paging":{"by":"page","page":"page","limit":"page_size"},"hide":["updated_at"],
        "changes":{"field":"updated_at","since":"updated_at__gte","sort":{"ordering":"updated_at,id"}}}"#;
    let json_server = r#"{"paths":{"notes":"notes"},"auth":"none","paging":{"by":"page","page":"_page","limit":"_limit"},
        "total":{"header":"X-Total-Count"}}"#;
    for (number, options) in [(1, django), (2, json_server)] {
        let line = capability(options).guarantee();
        assert!(page.contains(&format!("> {line}\n")), "{line}");
        assert!(of_the_page(number).contains("kind = \"rest\""));
    }
}

#[test]
fn the_guarantee_follows_from_the_options() {
    let has = |options: &str, part: &str| {
        let line = capability(options).guarantee();
        assert!(line.contains(part), "{options}: {line}");
    };
    has(PLAIN, "lost update possible");
    has(
        r#"{"probe":"x","version_field":"rev","if_match":true}"#,
        "no lost update",
    );
    has(
        r#"{"probe":"x","ids":"server"}"#,
        "a possible duplicate is reported",
    );
    has(
        r#"{"probe":"x","ids":"server","mark_field":"m"}"#,
        "no duplicate create",
    );
    has(
        r#"{"probe":"x","deleted_field":"gone"}"#,
        "soft deletes followed",
    );
    has(
        r#"{"probe":"x","fetch":false}"#,
        "inferred after two full passes",
    );
}

#[test]
fn options_that_do_not_fit_together_say_what_to_do() {
    let refused = |options: &str, part: &str| {
        let mut setup = Setup::at("http://server.test");
        setup.options = serde_json::from_str(options).unwrap();
        let error = make("rest", &setup).err().unwrap().to_string();
        assert!(error.contains(part), "{options}: {error}");
    };
    refused("{}", "`paths`");
    refused(r#"{"probe":"x","page_items":0}"#, "1 or more");
    refused(r#"{"probe":"x","if_match":true}"#, "`version_field`");
    refused(
        r#"{"probe":"x","create":"put","ids":"server"}"#,
        "use `create = \"post\"`",
    );
    refused(r#"{"probe":"x","mark_field":"m"}"#, "leave it out");
    refused(r#"{"probe":"x","delete":"patch"}"#, "`deleted_field`");
    refused(
        r#"{"probe":"x","answers":"nothing","ids":"server"}"#,
        "where we learn them",
    );
    refused(
        r#"{"probe":"x","paging":{"by":"page","page":"p"}}"#,
        "`page_items`",
    );
    refused(r#"{"probe":"x","paging":{"by":"magic"}}"#, "magic");
    let changes = r#""changes":{"field":"t","since":"s","sort":{}}"#;
    refused(
        &format!(r#"{{"probe":"x","paging":{{"by":"link"}},{changes}}}"#),
        "leave `changes` out",
    );
    refused(r#"{"probe":"x","colour":"blue"}"#, "unknown field `colour`");
    // A record's address would be the collection's, or another's.
    for path in ["notes?of=ann", "notes#x", "a/../notes", "no tes"] {
        refused(&format!(r#"{{"paths":{{"notes":"{path}"}}}}"#), path);
    }
}

/// The options of the page's examples, as `tisync.toml` says them.
fn of_the_page(number: usize) -> String {
    let page = include_str!("../../../docs/connectors/rest.md");
    let block = page.split("```toml\n").nth(number).unwrap();
    block.split("```").next().unwrap().to_owned()
}

fn capability(options: &str) -> Capability {
    rest(options).capability(&"notes".parse().unwrap())
}
