//! The server from the store up to the socket.
#![allow(clippy::unwrap_used)]
mod acs;
mod conformance;
mod digest;
mod epochs;
mod groups;
mod harness;
mod hints;
mod openapi;
mod protocol_page;
mod pull;
mod push;
mod random;
mod receipts;
mod refusals;
mod schemas;
mod socket;
mod stamps;
