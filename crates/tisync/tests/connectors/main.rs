//! The connectors against the real servers: `cargo xtask backends` installs them once.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]
mod acs;
mod cases;
mod couchdb;
mod devices;
mod kinto;
mod lossy;
mod rest_drf;
mod rest_json_server;
mod server_ids;
mod wire;
