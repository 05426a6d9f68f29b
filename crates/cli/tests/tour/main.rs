//! The pages that show commands, run as they are written.
#![allow(clippy::unwrap_used)]
#[path = "../common/mod.rs"]
mod common;
mod page;

#[test]
fn the_tour_does_what_it_says() {
    let commands = page::run(include_str!("../../../../README.md"));
    assert!(commands > 20, "the tour is gone: {commands}");
}

#[test]
fn an_acs_app_finds_its_home() {
    let commands = page::run(include_str!("../../../../docs/ACS.md"));
    assert!(commands > 15, "the page is gone: {commands}");
}

#[test]
fn operations_go_as_they_say() {
    let commands = page::run(include_str!("../../../../docs/OPERATIONS.md"));
    assert!(commands > 20, "the page is gone: {commands}");
}
