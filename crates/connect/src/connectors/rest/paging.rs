//! How a plain REST backend pages its listings.
use tisync_json::Deserialize;

/// How a listing is paged; each with the parameter that says how many rows a page holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Said")]
pub(super) enum PagingOption {
    /// All rows at once.
    Single {},
    /// By the number of the page.
    Page {
        page: String,
        limit: Option<String>,
        first: u64,
    },
    /// By the number of rows before it.
    Offset { skip: String, limit: String },
    /// By a token in the answer.
    Cursor {
        cursor: String,
        field: String,
        limit: Option<String>,
    },
    /// By the header `Link`.
    Link { limit: Option<String> },
    /// By an address in the answer.
    Next {
        field: String,
        limit: Option<String>,
    },
    /// By the id of the row before it, in the order of ids.
    Keyset {
        after: String,
        limit: Option<String>,
    },
}

/// What is said of it, whether or not that belongs together. A tagged enum would keep it in between in a form of its own,
/// and the code of that is larger than all of this.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    by: By,
    page: Option<String>,
    limit: Option<String>,
    first: Option<u64>,
    skip: Option<String>,
    cursor: Option<String>,
    field: Option<String>,
    after: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Single,
    Page,
    Offset,
    Cursor,
    Link,
    Next,
    Keyset,
}

impl TryFrom<Said> for PagingOption {
    type Error = String;

    fn try_from(mut said: Said) -> Result<Self, String> {
        let (paging, fields) = match said.by {
            By::Single => (PagingOption::Single {}, "there are no fields"),
            By::Page => (
                PagingOption::Page {
                    page: needed("page", &mut said.page)?,
                    limit: said.limit.take(),
                    first: said.first.take().unwrap_or(1),
                },
                "expected one of `page`, `limit`, `first`",
            ),
            By::Offset => (
                PagingOption::Offset {
                    skip: needed("skip", &mut said.skip)?,
                    limit: needed("limit", &mut said.limit)?,
                },
                "expected `skip` or `limit`",
            ),
            By::Cursor => (
                PagingOption::Cursor {
                    cursor: needed("cursor", &mut said.cursor)?,
                    field: needed("field", &mut said.field)?,
                    limit: said.limit.take(),
                },
                "expected one of `cursor`, `field`, `limit`",
            ),
            By::Link => (
                PagingOption::Link {
                    limit: said.limit.take(),
                },
                "expected `limit`",
            ),
            By::Next => (
                PagingOption::Next {
                    field: needed("field", &mut said.field)?,
                    limit: said.limit.take(),
                },
                "expected `field` or `limit`",
            ),
            By::Keyset => (
                PagingOption::Keyset {
                    after: needed("after", &mut said.after)?,
                    limit: said.limit.take(),
                },
                "expected `after` or `limit`",
            ),
        };
        let left = [
            ("page", said.page.is_some()),
            ("limit", said.limit.is_some()),
            ("first", said.first.is_some()),
            ("skip", said.skip.is_some()),
            ("cursor", said.cursor.is_some()),
            ("field", said.field.is_some()),
            ("after", said.after.is_some()),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            Some((name, _)) => Err(format!("unknown field `{name}`, {fields}")),
            None => Ok(paging),
        }
    }
}

fn needed(name: &str, field: &mut Option<String>) -> Result<String, String> {
    let missing = || format!("missing field `{name}`");
    field.take().ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PagingOption, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_way_takes_its_own_fields() {
        let own = |text: &str| text.to_owned();
        let page = read(r#"{"by": "page", "page": "p", "limit": null}"#).unwrap();
        let expected = PagingOption::Page {
            page: own("p"),
            limit: None,
            first: 1,
        };
        assert_eq!(page, expected);
        let offset = read(r#"{"skip": "s", "by": "offset", "limit": "l"}"#).unwrap();
        let expected = PagingOption::Offset {
            skip: own("s"),
            limit: own("l"),
        };
        assert_eq!(offset, expected);
        assert_eq!(read(r#"{"by": "single"}"#), Ok(PagingOption::Single {}));
    }

    #[test]
    fn what_is_missing_or_belongs_to_another_way_is_named() {
        let refused = |text: &str| read(text).unwrap_err();
        for (text, message) in [
            (r#"{"page": "p"}"#, "missing field `by`"),
            (r#"{"by": "offset", "skip": "s"}"#, "missing field `limit`"),
            (r#"{"by": "keyset", "limit": "l"}"#, "missing field `after`"),
            (
                r#"{"by": "single", "limit": "l"}"#,
                "unknown field `limit`, there are no fields",
            ),
            (
                r#"{"by": "link", "cursor": "c"}"#,
                "unknown field `cursor`, expected `limit`",
            ),
            (
                r#"{"by": "page", "page": "p", "skip": "s"}"#,
                "unknown field `skip`, expected one of `page`, `limit`, `first`",
            ),
            (r#"{"by": "pages"}"#, "unknown variant `pages`"),
        ] {
            assert!(refused(text).starts_with(message), "{}", refused(text));
        }
    }
}
