//! Every server starts, answers, and ends.
#![allow(clippy::unwrap_used)]
use std::net::TcpStream;
use xtask_backends::{ACS_CLIENTS, ALL};

#[test]
fn every_server_starts_on_loopback_and_ends_when_it_is_dropped() {
    let servers = ALL.iter().filter(|backend| backend.is_server());
    let mut count = 0;
    for backend in servers {
        let running = backend.start().unwrap();
        let address = running.url().replace("http://", "");
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        TcpStream::connect(&address).unwrap();
        drop(running);
        assert!(TcpStream::connect(&address).is_err(), "{}", backend.name);
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn what_is_no_server_is_not_started() {
    let error = ACS_CLIENTS.start().unwrap_err();
    assert_eq!(error.to_string(), "acs-clients is no server");
}
