//! Every program of others, and how it is started.
use crate::{Backend, Packages, Settings, Start};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// All of them.
pub const ALL: &[&Backend] = &[
    &ACS_CLIENTS,
    &POUCHDB_SERVER,
    &KINTO,
    &JSON_SERVER,
    &DJANGO_REST,
    &JS_TOOLS,
    &ALLOY_COMPILERS,
    &BENCH_JS,
];

/// The clients that apps of Appcelerator Cloud Services were written with.
pub const ACS_CLIENTS: Backend = Backend {
    name: "acs-clients",
    about: "arrowdb 1.0.12 and acs-node 0.9.5",
    manifest: "acs",
    packages: Packages::Npm,
    start: None,
};

/// What the module for JavaScript is made and tried with.
pub const JS_TOOLS: Backend = Backend {
    name: "js-tools",
    about: "binaryen 132, node-sqlite3-wasm 0.8, better-sqlite3 12, Backbone 0.9 to 1.6, and Node 15.14 and 22.16",
    manifest: "js-tools",
    packages: Packages::Npm,
    start: None,
};

/// What compiles apps of Titanium.
pub const ALLOY_COMPILERS: Backend = Backend {
    name: "alloy-compilers",
    about: "Alloy 1.7.1, 1.14.6, 1.17.3, 2.1.0 and 3.0.1",
    manifest: "alloy",
    packages: Packages::Npm,
    start: None,
};

/// What the npm package is measured beside.
pub const BENCH_JS: Backend = Backend {
    name: "bench-js",
    about: "WatermelonDB 0.28.0, PowerSync 1.1.0 for Node, PouchDB 9.0.0, and better-sqlite3 12",
    manifest: "bench/js",
    packages: Packages::Npm,
    start: None,
};

/// A server of the CouchDB protocol, in memory.
pub const POUCHDB_SERVER: Backend = Backend {
    name: "pouchdb-server",
    about: "pouchdb-server 4.2.0",
    manifest: "backends/pouchdb-server",
    packages: Packages::Npm,
    start: Some(Start {
        command: |with| {
            let mut command = node(with, "pouchdb-server");
            command.extend(words(&["--in-memory", "--no-stdout-logs"]));
            command.extend(words(&["--host", "127.0.0.1", "--port"]));
            command.push(with.port.to_string().into());
            command
        },
        // A rejected promise that nobody looks at ends a Node of today; the server is older than that.
        env: &[("NODE_OPTIONS", "--unhandled-rejections=warn")],
        ready: "/",
    }),
};

/// Kinto, in memory: whoever names a user and a password has an account.
pub const KINTO: Backend = Backend {
    name: "kinto",
    about: "Kinto 26.5.0",
    manifest: "backends/kinto",
    packages: Packages::Python,
    start: Some(Start {
        command: |with| {
            // By the interpreter: the script's own first line names the folder that it was installed in.
            let mut command: Vec<OsString> = vec![script(with, "python").into()];
            command.extend([
                script(with, "kinto").into(),
                "start".into(),
                "--ini".into(),
                with.manifest.join("kinto.ini").into(),
                "--port".into(),
                with.port.to_string().into(),
            ]);
            command
        },
        env: PYTHON,
        ready: "/v1/__heartbeat__",
    }),
};

/// The plainest REST: one file of JSON, with the collections `notes` and `stamped`.
pub const JSON_SERVER: Backend = Backend {
    name: "json-server",
    about: "json-server 0.17.4",
    manifest: "backends/json-server",
    packages: Packages::Npm,
    start: Some(Start {
        command: |with| {
            let mut command = vec![OsString::from("node")];
            command.push(with.manifest.join("serve.cjs").into());
            command.push(with.installed.into());
            command.push(with.data.join("db.json").into());
            command.push(with.port.to_string().into());
            command
        },
        env: &[],
        ready: "/notes",
    }),
};

/// Django REST framework with a small app of ours.
pub const DJANGO_REST: Backend = Backend {
    name: "django-rest",
    about: "Django REST framework 3.18.3 on Django 5.2.19",
    manifest: "backends/django-rest",
    packages: Packages::Python,
    start: Some(Start {
        command: |with| {
            vec![
                script(with, "python").into(),
                with.manifest.join("serve.py").into(),
                with.data.join("notes.sqlite3").into(),
                with.port.to_string().into(),
            ]
        },
        env: PYTHON,
        ready: "/health/",
    }),
};

/// Python writes no caches beside our files.
const PYTHON: &[(&str, &str)] = &[("PYTHONDONTWRITEBYTECODE", "1")];

fn words(words: &[&str]) -> impl Iterator<Item = OsString> {
    words
        .iter()
        .map(OsString::from)
        .collect::<Vec<_>>()
        .into_iter()
}

/// A program of an npm package.
fn node(with: &Settings<'_>, program: &str) -> Vec<OsString> {
    let path = with.installed.join("node_modules/.bin").join(program);
    vec![OsString::from("node"), path.into()]
}

/// A program of an environment of Python.
fn script(with: &Settings<'_>, program: &str) -> PathBuf {
    bin(with.installed).join(program)
}

/// Where an environment of Python keeps its programs.
pub(crate) fn bin(installed: &Path) -> PathBuf {
    installed
        .join("venv")
        .join(if cfg!(windows) { "Scripts" } else { "bin" })
}
