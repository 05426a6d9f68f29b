//! What a plain REST backend can be told to be, and what follows from it.
use super::paging::PagingOption;
use crate::connectors::SetupError;
use crate::http::Auth;
use tisync_core::model::{
    Answers, Capability, CollectionName, Deletes, Equality, FeedKind, Idempotency, Ids, Paging,
    RemoteStamps, Versions,
};
use tisync_json::Deserialize;
use tisync_json::tree::BTreeMap;

/// Rows in one page, unless the options say more or less.
const PAGE_ITEMS: usize = 100;
/// Writes that go up one after the other within one push.
const BATCH_ITEMS: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Options {
    /// Paths below the address by collection; a collection's name where there is none.
    pub(super) paths: BTreeMap<CollectionName, String>,
    /// Whether every path ends with a slash.
    pub(super) trailing_slash: bool,
    /// A path that answers as a listing; by default the first of `paths`.
    pub(super) probe: Option<String>,
    pub(super) auth: Auth,
    /// Headers of every request.
    pub(super) headers: BTreeMap<String, String>,
    /// Parameters of every listing.
    pub(super) query: BTreeMap<String, String>,
    pub(super) ids: IdsOption,
    pub(super) id_field: String,
    /// Whether an address can carry an id with a slash, encoded.
    pub(super) slash_in_ids: bool,
    /// Where the rows are in the answer to a listing; the answer itself where there is none.
    pub(super) rows: Option<String>,
    /// Where the record is in the answer that holds one.
    pub(super) row: Option<String>,
    pub(super) paging: PagingOption,
    /// Rows in one page.
    pub(super) page_items: Option<usize>,
    pub(super) total: Option<Total>,
    pub(super) changes: Option<Changes>,
    /// The field that says that a record is deleted.
    pub(super) deleted_field: Option<String>,
    pub(super) delete: DeleteOption,
    /// The field that is another one after every change.
    pub(super) version_field: Option<String>,
    /// Whether the backend honours `If-Match`.
    pub(super) if_match: bool,
    pub(super) create: CreateOption,
    pub(super) update: UpdateOption,
    /// Whether the answer to a write holds the record.
    pub(super) answers: AnswersOption,
    /// Whether a record can be read by its id.
    pub(super) fetch: bool,
    /// The field that keeps which write made a record, by which it is also found.
    pub(super) mark_field: Option<String>,
    /// Fields that only the backend sees.
    pub(super) hide: Vec<String>,
    pub(super) equality: Equality,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            paths: BTreeMap::new(),
            trailing_slash: false,
            probe: None,
            auth: Auth::Bearer,
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            ids: IdsOption::Client,
            id_field: "id".to_owned(),
            slash_in_ids: false,
            rows: None,
            row: None,
            paging: PagingOption::Single {},
            page_items: None,
            total: None,
            changes: None,
            deleted_field: None,
            delete: DeleteOption::Delete,
            version_field: None,
            if_match: false,
            create: CreateOption::Post,
            update: UpdateOption::Put,
            answers: AnswersOption::Record,
            fetch: true,
            mark_field: None,
            hide: Vec::new(),
            equality: Equality::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum IdsOption {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DeleteOption {
    /// `DELETE`.
    Delete,
    /// `PATCH` of the field that says so.
    Patch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CreateOption {
    Post,
    Put,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UpdateOption {
    /// The whole record.
    Put,
    /// The fields that changed.
    Patch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AnswersOption {
    Record,
    Nothing,
}

fn one() -> u64 {
    1
}

/// Where the number of all rows is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Total {
    Header(String),
    Field(String),
}

/// How the rows are asked for that changed since a time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// The field that holds when a row changed.
    pub(super) field: String,
    /// The parameter that means: of this time or later.
    pub(super) since: String,
    /// Parameters that sort by that field, and then by id.
    pub(super) sort: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) format: TimeFormat,
    #[serde(default = "one")]
    pub(super) precision_ms: u64,
    /// How far each pull reads back: longer than the longest write of the backend takes.
    #[serde(default = "ten_seconds")]
    pub(super) overlap_ms: u64,
}

fn ten_seconds() -> u64 {
    10_000
}

/// How a time is written in a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TimeFormat {
    /// RFC 3339 in UTC.
    #[default]
    Rfc3339,
    /// Milliseconds since 1970.
    Ms,
    /// Seconds since 1970.
    S,
}

impl Options {
    /// Refuses options that cannot work together.
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let refuse = |message: &str| Err(SetupError::new(message));
        if self.probe.is_none() && self.paths.is_empty() {
            return refuse(
                "expected `paths`, or in `probe` the path of a listing, so that the backend can be told from a sign-in page \
                 of a network; neither came",
            );
        }
        let paths = self.paths.values().chain(&self.probe);
        if let Some(path) = paths.into_iter().find(|path| !is_path(path)) {
            return Err(SetupError::new(format!(
                "expected a path below the address without `?`, `#`, `..` and spaces, but `{path}` came: what a query would \
                 say belongs into `query`"
            )));
        }
        if self.page_items == Some(0) {
            return refuse("expected page_items to be 1 or more, but 0 came");
        }
        if self.if_match && self.version_field.is_none() {
            return refuse(
                "`if_match` needs the version of each row: name the field that holds it in `version_field`, or leave \
                 `if_match` out",
            );
        }
        if self.create == CreateOption::Put && self.ids == IdsOption::Server {
            return refuse(
                "`create = \"put\"` needs an id to put to, but the server makes the ids: use `create = \"post\"`",
            );
        }
        if self.mark_field.is_some() && self.ids == IdsOption::Client {
            return refuse(
                "`mark_field` is for ids that the server makes: with ids of ours a record is found by its id; leave \
                 it out",
            );
        }
        if self.delete == DeleteOption::Patch && self.deleted_field.is_none() {
            return refuse(
                "`delete = \"patch\"` sets the field that says that a record is deleted: name it in `deleted_field`",
            );
        }
        if self.changes.is_some() && !matches!(self.feed_paging(), Paging::Single | Paging::Offset)
        {
            return refuse(
                "`changes` needs pages that begin at any row: page by `page`, `offset` or `single`, or leave `changes` \
                 out",
            );
        }
        if self.answers == AnswersOption::Nothing && self.ids == IdsOption::Server {
            return refuse(
                "`answers = \"nothing\"` cannot be with ids that the server makes: its answer is where we learn them",
            );
        }
        if self.page_items.is_none()
            && matches!(self.paging, PagingOption::Page { limit: None, .. })
        {
            return refuse(
                "paging by `page` needs to know how many rows a page holds: name the parameter that asks for it in `limit`, \
                 or in `page_items` the number that the backend has by itself",
            );
        }
        Ok(())
    }

    /// Rows in one page.
    pub(super) fn page_items(&self) -> usize {
        self.page_items.unwrap_or(PAGE_ITEMS)
    }

    /// How the feed pages.
    pub(super) fn feed_paging(&self) -> Paging {
        match self.paging {
            PagingOption::Single {} => Paging::Single,
            PagingOption::Page { .. } | PagingOption::Offset { .. } => Paging::Offset,
            PagingOption::Cursor { .. } | PagingOption::Link { .. } | PagingOption::Next { .. } => {
                Paging::Cursor
            }
            PagingOption::Keyset { .. } => Paging::Keyset,
        }
    }

    /// What the backend can do, as these options say.
    pub(super) fn capability(&self) -> Capability {
        let feed = match &self.changes {
            Some(changes) => FeedKind::Timestamps {
                precision_ms: changes.precision_ms,
                overlap_ms: changes.overlap_ms,
            },
            None => FeedKind::Listing(self.feed_paging()),
        };
        Capability {
            feed,
            deletes: match self.deleted_field {
                Some(_) => Deletes::Soft,
                None => Deletes::Absent,
            },
            conditional: self.if_match,
            idempotency: match (self.ids, &self.mark_field) {
                (IdsOption::Client, _) => Idempotency::ClientIds,
                (IdsOption::Server, Some(_)) => Idempotency::Mark,
                (IdsOption::Server, None) => Idempotency::None,
            },
            ids: match self.ids {
                IdsOption::Client => Ids::Client,
                IdsOption::Server => Ids::Server,
            },
            versions: Versions::Equality,
            stale_reads: false,
            answers: match self.answers {
                AnswersOption::Record => Answers::Image,
                AnswersOption::Nothing => Answers::Nothing,
            },
            stamps: match &self.changes {
                Some(changes) => RemoteStamps::Arrival {
                    precision_ms: changes.precision_ms,
                },
                None => RemoteStamps::None,
            },
            batch_items_max: BATCH_ITEMS,
            atomic: false,
            partial_update: self.update == UpdateOption::Patch,
            fetch: self.fetch,
            hints: false,
            digests: false,
            equality: self.equality,
            server_fields: Vec::new(),
        }
    }
}

/// Whether what is put behind it stays below it.
fn is_path(path: &str) -> bool {
    let is_plain =
        |c: char| !matches!(c, '?' | '#' | '\\') && !c.is_whitespace() && !c.is_control();
    path.chars().all(is_plain) && !path.split('/').any(|part| matches!(part, "." | ".."))
}
