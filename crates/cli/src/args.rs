//! The arguments that the command line takes.
mod settle;

pub(crate) use settle::{Choice, ConflictsCommand, JournalCommand, OutboxCommand};

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const AFTER: &str = "\
Exit codes:
  0  all done
  1  something failed
  2  the arguments are wrong
  3  something waits for a person: a conflict, a parked entry, a shrink confirmation, pending writes at a logout
  4  the backend cannot be reached, or cannot do it now
  5  another process syncs this replica
  6  the backend refuses the credentials

Start here:
  tisync serve &
  tisync init --server http://127.0.0.1:7400 --collection notes:merge
  tisync put notes n1 '{\"title\": \"Milk\"}'
  tisync sync
  tisync status";

/// Keep data in sync with a backend: local first, offline or not, no write lost.
#[derive(Debug, Parser)]
#[command(name = "tisync", version, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Args {
    /// Work in this folder.
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub(crate) directory: Option<PathBuf>,
    /// The configuration file [default: tisync.toml].
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The file that holds the key of an encrypted replica; without it, TISYNC_KEY may hold the key itself.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// Print JSON: one object, or one a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Log what happens to the error stream (no secrets, no record contents): the same as --log debug.
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Log what a filter lets through: a level, perhaps others for modules, such as info,tisync::worker=trace.
    #[arg(
        long,
        value_name = "FILTER",
        env = "TISYNC_LOG",
        hide_env_values = true,
        global = true
    )]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the reference server on an SQLite file.
    #[command(
        after_help = "Examples:\n  tisync serve --data server.db --listen 127.0.0.1:7400 --token-env SERVER_TOKEN\n  tisync serve --acs-key APPKEY          (a home for apps of Appcelerator Cloud Services)\n  tisync serve --tokens tokens.toml\n\nA file of tokens names the tenant of each; a change of it holds from the next request on:\n  [[token]]\n  token_env = \"ANNAS_TOKEN\"      (or token = \"...\")\n  tenant = \"anna\"\n  expires = 2026-12-31T23:59:59Z  (perhaps)\n  read_only = true                (perhaps)"
    )]
    Serve(Serve),
    /// Write tisync.toml and make the replica.
    #[command(
        after_help = "Examples:\n  tisync init --server http://127.0.0.1:7400 --collection notes:merge --collection stock:manual\n  tisync init --collection drafts:merge          (local only, a server can be added later)\n  tisync init --server http://127.0.0.1:5984 --kind couchdb --option prefix=ann- --collection notes:merge\n\nPolicies: client-wins, server-wins, latest-timestamp-wins, merge, manual."
    )]
    Init(Init),
    /// Exchange changes with the backend, once or for ever.
    #[command(
        after_help = "Examples:\n  tisync sync\n  tisync sync --watch        (Ctrl-C ends it)"
    )]
    Sync {
        /// Go on until interrupted.
        #[arg(long)]
        watch: bool,
    },
    /// End the session: nothing syncs until `tisync login`. What is pending needs a choice.
    #[command(
        after_help = "Examples:\n  tisync logout                      (nothing is pending)\n  tisync logout --keep               (it waits in the file for the next login)\n  tisync logout --export FILE        (then `tisync import --lifeboat FILE` brings it back)\n  tisync logout --discard            (the journal has it)\n\nA file belongs to one account for ever: another account uses another file. To remove the records from this\ndevice, delete the file and those that begin with its name."
    )]
    Logout(Logout),
    /// Begin a session after `tisync logout`.
    Login,
    /// Tell what waits, since when, and why.
    Status {
        /// Go on until interrupted: a live screen on a terminal, elsewhere a line (with --json an object) whenever
        /// something has changed.
        #[arg(long)]
        watch: bool,
    },
    /// Look for damage in the replica's file, and mend it when asked.
    #[command(
        after_help = "Examples:\n  tisync doctor             (beside a running app; changes nothing)\n  tisync doctor --server    (no other process may sync)\n  tisync doctor --mend      (close the app first)\n\nExit code 0: nothing is wrong, or it was mended; 3: something is wrong.\n\nMending a damaged file moves it aside, under a name that says so, and makes a new one. What is readable of its\npending writes is in a lifeboat file then: after `tisync sync`, `tisync import --lifeboat FILE` brings them back.\ndocs/OPERATIONS.md shows it step by step."
    )]
    Doctor {
        /// Move a damaged file aside, save its pending writes, and make a new file.
        #[arg(long)]
        mend: bool,
        /// Compare the records with the server's, too, and fetch those that differ.
        #[arg(long)]
        server: bool,
    },
    /// Print a record's document.
    Get {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
    },
    /// Make a record with a random id.
    Insert {
        /// The collection.
        collection: String,
        /// The document: JSON text, @FILE, or - for the input.
        #[arg(default_value = "-")]
        document: String,
    },
    /// Store a whole document, whether the record exists or not.
    #[command(
        after_help = "Examples:\n  tisync put notes n1 '{\"title\": \"Milk\"}'\n  tisync put notes n1 @note.json\n  echo '{\"title\": \"Milk\"}' | tisync put notes n1"
    )]
    Put {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
        /// The document: JSON text, @FILE, or - for the input.
        #[arg(default_value = "-")]
        document: String,
    },
    /// Change some fields of a record.
    #[command(
        after_help = "Examples:\n  tisync patch notes n1 title=Bread done:=true\n  tisync patch notes n1 /address/city=Rome --unset due\n\nNAME=TEXT sets a text, NAME:=JSON sets any JSON value; /a/b is the field b inside a."
    )]
    Patch {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
        /// NAME=TEXT or NAME:=JSON.
        fields: Vec<String>,
        /// A field that goes away.
        #[arg(long, value_name = "NAME")]
        unset: Vec<String>,
    },
    /// Delete a record.
    Delete {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
    },
    /// Find records.
    #[command(
        after_help = "Examples:\n  tisync query airports country=US state=CA --order name --limit 10\n  tisync query airports 'latitude>=60' --columns name,country\n  tisync query --sql 'SELECT country, count(*) AS n FROM airports GROUP BY country ORDER BY n DESC'\n  tisync query notes done=false --watch      (changes of other processes show within 200 ms)\n\nFilters: NAME=VALUE, !=, <, <=, >, >=. A value is read as JSON if it is a number, true, false, null or\n\"quoted\"; else, and for columns declared as text, as text.\n\nWith --watch and --json each answer is one line: {\"records\": […]}, {\"count\": N} or {\"rows\": […]}."
    )]
    Query(QueryArgs),
    /// Read records from a file: each row becomes a put.
    #[command(after_help = IMPORT)]
    Import(Import),
    /// Write records to a file, or the whole replica
    #[command(
        after_help = "Examples:\n  tisync export airports airports.csv\n  tisync export notes > notes.ndjson\n  \
                      tisync export --replica backup.archive"
    )]
    Export {
        /// The collection.
        #[arg(required_unless_present = "replica")]
        collection: Option<String>,
        /// The file; - or nothing for the output.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Write the whole replica to a new file instead: records, what is pending, conflicts, the journal.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["collection", "file", "format"])]
        replica: Option<PathBuf>,
        /// The field that gets the record's id.
        #[arg(long, default_value = "id", value_name = "FIELD")]
        id: String,
        /// The format [default: by the file's ending, else ndjson].
        #[arg(long)]
        format: Option<Format>,
    },
    /// See what waits to be sent, and settle what was refused.
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// See and settle open conflicts.
    Conflicts {
        #[command(subcommand)]
        command: ConflictsCommand,
    },
    /// Read the journal of decisions, newest first.
    Journal {
        /// Only this record: COLLECTION ID.
        #[arg(long, num_args = 2, value_names = ["COLLECTION", "ID"])]
        of: Option<Vec<String>>,
        /// Rows at most.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(subcommand)]
        command: Option<JournalCommand>,
    },
    /// Show what a sync would do, without doing it.
    Plan {
        /// Lines at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Try whether a connector and its live backend keep what the connector declares.
    #[command(
        after_help = "Examples:\n  tisync certify notes\n  tisync certify books --document '{\"name\": \"x\", \"pages\": 1}' --field name\n  tisync certify notes --json        (one object a check, then the report)\n\nIt writes records of its own to the collection, lets messages be lost, repeated and answered by strangers, and\ndeletes its records at the end; records of others are left alone. Best use a collection that holds nothing else.\nExit code 0: everything declared holds; 1: something does not; 4: the backend cannot be worked with."
    )]
    Certify {
        /// The collection.
        collection: String,
        /// A document that the backend accepts: JSON text, @FILE, or - for the input.
        #[arg(long, default_value = "{\"title\": \"certify\"}")]
        document: String,
        /// A field of it that takes any text.
        #[arg(long, default_value = "title")]
        field: String,
    },
    /// Tell a record's history: what is seen, what is pending, what was decided.
    Why {
        /// The collection.
        collection: String,
        /// The record's id.
        id: String,
    },
    /// Answer a shrink confirmation: many records are missing from the server's listing.
    Confirm {
        /// The feed as CONNECTOR/FEED, as `tisync status` shows it.
        feed: String,
        /// The missing records go.
        #[arg(long, conflicts_with = "keep", required_unless_present = "keep")]
        delete: bool,
        /// The missing records stay.
        #[arg(long)]
        keep: bool,
    },
}

const IMPORT: &str = "\
Examples:
  tisync import airports airports.csv --id iata
  tisync import notes notes.ndjson
  tisync import --lifeboat anna.lifeboat

The id comes from the field --id (default: id) and leaves the document; --random-ids draws one instead.
Formats: ndjson (one JSON object a line), json (one array of objects), csv (a line of headings first).
CSV: an empty cell is an absent field; a column whose every cell is a number as JSON writes it becomes
numbers, true and false become booleans, anything else stays text; declared columns keep their kind.
A bad row is reported with its line and left out; --strict imports nothing if any row is bad.";

#[derive(Debug, Group)]
pub(crate) struct Serve {
    /// The server's file.
    #[arg(long, default_value = "server.db", value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7400", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// The environment variable that holds the token which clients must send.
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
    /// The file that says which token may do what, for whose data, and until when.
    #[arg(long, value_name = "FILE", conflicts_with = "token_env")]
    pub(crate) tokens: Option<PathBuf>,
    /// Refuse documents with more bytes [default: 1 MiB].
    #[arg(long, value_name = "BYTES")]
    pub(crate) document_bytes_max: Option<u64>,
    /// Take no writes of an older schema of a collection: its app is asked to be updated.
    #[arg(long, value_name = "COLLECTION=NUMBER")]
    pub(crate) schema_min: Vec<String>,
    #[command(flatten)]
    pub(crate) acs: Acs,
}

/// Serving apps that were written for Appcelerator Cloud Services; see docs/ACS.md.
#[derive(Debug, Group)]
#[group(id = "acs")]
pub(crate) struct Acs {
    /// Serve apps of Appcelerator Cloud Services too, with this app key; docs/ACS.md tells how.
    #[arg(long = "acs-key", value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// The OAuth key of apps that sign their requests.
    #[arg(long = "acs-oauth-key", value_name = "KEY", requires_all = ["key", "oauth_secret_env"])]
    pub(crate) oauth_key: Option<String>,
    /// The environment variable that holds the OAuth secret.
    #[arg(
        long = "acs-oauth-secret-env",
        value_name = "NAME",
        requires = "oauth_key"
    )]
    pub(crate) oauth_secret_env: Option<String>,
    /// Make this user an application admin.
    #[arg(long = "acs-admin", value_name = "USERNAME", requires_all = ["key", "admin_password_env"])]
    pub(crate) admin: Option<String>,
    /// The environment variable that holds the admin's password.
    #[arg(
        long = "acs-admin-password-env",
        value_name = "NAME",
        requires = "admin"
    )]
    pub(crate) admin_password_env: Option<String>,
    /// How many days a session lives after its last use.
    #[arg(long = "acs-session-days", value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) session_days: u32,
}

#[derive(Debug, Group)]
pub(crate) struct Init {
    /// The server's address, for example http://127.0.0.1:7400.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// What the server speaks: native, couchdb, kinto, rest or acs.
    #[arg(
        long,
        value_name = "KIND",
        default_value = "native",
        requires = "server"
    )]
    pub(crate) kind: String,
    /// An option of that kind, NAME=TEXT or NAME:=JSON; may be given several times.
    #[arg(long = "option", value_name = "OPTION", requires = "server")]
    pub(crate) options: Vec<String>,
    /// A collection with its policy; may be given several times.
    #[arg(long = "collection", value_name = "NAME:POLICY", required = true)]
    pub(crate) collections: Vec<String>,
    /// The environment variable that holds the token.
    #[arg(long, value_name = "NAME")]
    pub(crate) token_env: Option<String>,
    /// Whose data this is, where a server has several accounts.
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The replica's file.
    #[arg(long, default_value = "tisync.db", value_name = "FILE")]
    pub(crate) replica: PathBuf,
}

#[derive(Debug, Group)]
pub(crate) struct QueryArgs {
    /// The collection.
    #[arg(required_unless_present = "sql")]
    pub(crate) collection: Option<String>,
    /// NAME=VALUE, NAME!=VALUE, NAME<VALUE, <=, >, >=; all must hold.
    pub(crate) filters: Vec<String>,
    /// The field to order by [default: id].
    #[arg(long, value_name = "NAME")]
    pub(crate) order: Option<String>,
    /// Order from the greatest to the least.
    #[arg(long)]
    pub(crate) desc: bool,
    /// Records at most.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Only count.
    #[arg(long)]
    pub(crate) count: bool,
    /// Show these fields as a table.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub(crate) columns: Vec<String>,
    /// Show the answer again whenever it changes, until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
    /// Run SQL over the views of the collections instead.
    #[arg(long, conflicts_with_all = ["collection", "order", "desc", "limit", "count", "columns"])]
    pub(crate) sql: Option<String>,
}

#[derive(Debug, Group)]
#[group(multiple = false)]
pub(crate) struct Logout {
    /// Keep pending writes in the file.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Write pending writes to a new file, and give them up here.
    #[arg(long, value_name = "FILE")]
    pub(crate) export: Option<PathBuf>,
    /// Give pending writes up; the journal has them.
    #[arg(long)]
    pub(crate) discard: bool,
}

#[derive(Debug, Group)]
pub(crate) struct Import {
    /// The collection.
    #[arg(required_unless_present_any = ["lifeboat", "replica"])]
    pub(crate) collection: Option<String>,
    /// The file; - for the input.
    #[arg(required_unless_present_any = ["lifeboat", "replica"])]
    pub(crate) file: Option<PathBuf>,
    /// Bring the pending writes of a lifeboat file back instead, each once.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["collection", "file", "random_ids", "format", "strict"])]
    pub(crate) lifeboat: Option<PathBuf>,
    /// Make the replica from a file of `tisync export --replica` instead; there is none yet.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["collection", "file", "lifeboat", "random_ids", "format", "strict"])]
    pub(crate) replica: Option<PathBuf>,
    /// The field that holds the id.
    #[arg(long, default_value = "id", value_name = "FIELD")]
    pub(crate) id: String,
    /// Draw random ids.
    #[arg(long)]
    pub(crate) random_ids: bool,
    /// The format [default: by the file's ending].
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// Import nothing if any row is bad.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One array of JSON objects.
    Json,
    /// Comma-separated values under a line of headings.
    Csv,
}
