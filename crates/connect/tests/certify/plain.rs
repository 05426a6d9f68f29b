//! Backends that know nothing of sync: certified as they are, and found out when they are broken.
use super::rows::Rows;
use super::shelf::{Fault, Shelf};
use super::{names, try_out};
use std::rc::Rc;
use tisync_core::model::{Deletes, Idempotency, Ids};

const PLAIN: Shelf = Shelf {
    ids: Ids::Client,
    idempotency: Idempotency::ClientIds,
    conditional: true,
    deletes: Deletes::Soft,
    fault: None,
};

const BARE: Shelf = Shelf {
    ids: Ids::Server,
    idempotency: Idempotency::None,
    conditional: false,
    deletes: Deletes::Absent,
    fault: None,
};

fn holds(shelf: Shelf) {
    let report = try_out(Rc::new(shelf), Rows::of(shelf));
    assert_eq!(names(&report), Vec::<&str>::new(), "{report}");
}

fn fails(shelf: Shelf, fault: Fault, check: &str) {
    let shelf = Shelf {
        fault: Some(fault),
        ..shelf
    };
    let report = try_out(Rc::new(shelf), Rows::of(shelf));
    let failed = names(&report);
    assert!(
        failed.iter().any(|name| name.contains(check)),
        "expected a check named like `{check}` to fail, but these did: {failed:#?}"
    );
}

#[test]
fn a_backend_with_soft_deletes_and_versions() {
    holds(PLAIN);
}

#[test]
fn a_backend_that_deletes_without_a_trace() {
    holds(Shelf {
        deletes: Deletes::Absent,
        ..PLAIN
    });
}

#[test]
fn a_backend_without_conditional_writes() {
    holds(Shelf {
        conditional: false,
        ..PLAIN
    });
}

#[test]
fn a_backend_that_makes_the_ids_and_keeps_marks() {
    holds(Shelf {
        idempotency: Idempotency::Mark,
        ..BARE
    });
}

#[test]
fn a_backend_that_makes_the_ids_and_keeps_nothing() {
    holds(BARE);
}

#[test]
fn pages_by_offset_that_nobody_looks_after() {
    let shelf = Shelf {
        deletes: Deletes::Absent,
        ..PLAIN
    };
    let check = "a delete during a walk hides no other record";
    fails(shelf, Fault::BlindOffset, check);
}

#[test]
fn a_short_page_taken_for_the_last() {
    fails(PLAIN, Fault::ShortPageIsLast, "a walk shows every record");
}

#[test]
fn marks_that_are_never_found() {
    let shelf = Shelf {
        idempotency: Idempotency::Mark,
        ..BARE
    };
    let check = "a create whose answer is lost happens once";
    fails(shelf, Fault::BlindToMarks, check);
}

#[test]
fn texts_that_are_trimmed_in_silence() {
    fails(
        PLAIN,
        Fault::Trims,
        "stored as the answer told: line ends and tabs",
    );
}

#[test]
fn deleted_rows_that_are_shown() {
    fails(
        PLAIN,
        Fault::ShowsDeleted,
        "a deleted record shows as declared",
    );
}

#[test]
fn versions_that_nobody_looks_at() {
    let check = "a write on an old version is a conflict";
    fails(PLAIN, Fault::IgnoresVersions, check);
}

#[test]
fn ids_that_are_given_away_twice() {
    let check = "what is written during a walk is found";
    fails(BARE, Fault::ReusesIds, check);
}

#[test]
fn versions_that_come_again_with_an_id() {
    let check = "a delete that arrives again after its record was made anew";
    fails(PLAIN, Fault::CountsAnew, check);
}

#[test]
fn an_old_write_that_undoes_a_newer_one() {
    let check = "a replace that arrives again after a newer one";
    fails(PLAIN, Fault::IgnoresVersions, check);
}

#[test]
fn a_deleted_row_that_takes_writes_and_stays_deleted() {
    let check = "an id that was deleted can be used again";
    fails(PLAIN, Fault::StaysDeleted, check);
}

#[test]
fn ids_that_the_backend_makes_without_the_connectors_knowledge() {
    let check = "ids are made by who is declared";
    fails(PLAIN, Fault::MakesIds, check);
}

#[test]
fn a_walk_that_breaks_taken_for_one_that_ends() {
    let check = "a walk of which a request fails";
    fails(PLAIN, Fault::BrokenIsEnd, check);
}

#[test]
fn records_that_could_not_be_read_taken_for_gone() {
    let check = "a look-up of which a request fails";
    fails(PLAIN, Fault::UnreadIsGone, check);
}

#[test]
fn half_a_batch_called_not_sent() {
    let check = "a batch of which a request fails";
    fails(PLAIN, Fault::BrokenIsNotSent, check);
}

#[test]
fn a_record_that_is_written_field_by_field() {
    let shelf = Shelf {
        conditional: false,
        ..PLAIN
    };
    let check = "one in the middle of the other's write, one stands, whole";
    fails(shelf, Fault::FieldByField, check);
}

#[test]
fn ids_that_the_backend_makes_and_the_connector_does_not_see() {
    let shelf = Shelf {
        fault: Some(Fault::MakesIdsUnseen),
        ..PLAIN
    };
    let report = try_out(Rc::new(shelf), Rows::of(shelf)).to_string();
    let told = "came:     it is under row-1, an id that the backend made";
    assert!(report.contains(told), "{report}");
    assert!(report.contains(r#"`ids = "server"`"#), "{report}");
}
