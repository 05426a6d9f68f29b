//! Listings: a complete walk shows every row that was there all the time.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use std::collections::BTreeSet;
use tisync_connect::feed::{Listing, ListingAsk, ListingPage};
use tisync_core::model::{Checkpoint, PageEnd, Paging, RecordId};

fn id(number: u16) -> RecordId {
    format!("r{number:05}").parse().unwrap()
}

/// One page of a listing in the order of its ids; `cap`: the server's own limit.
fn page(
    rows: &BTreeSet<RecordId>,
    paging: Paging,
    ask: &ListingAsk,
    cap: usize,
) -> (Vec<RecordId>, Option<String>) {
    let cap = if paging == Paging::Single {
        usize::MAX
    } else {
        cap
    };
    let rest: Vec<RecordId> = match ask {
        ListingAsk::First => rows.iter().cloned().collect(),
        ListingAsk::Cursor(cursor) => rows
            .iter()
            .filter(|row| row.as_str() > cursor)
            .cloned()
            .collect(),
        ListingAsk::After(after) => rows.iter().filter(|row| *row > after).cloned().collect(),
        ListingAsk::Skip(skip) => rows.iter().skip(*skip as usize).cloned().collect(),
    };
    let ids: Vec<RecordId> = rest.iter().take(cap).cloned().collect();
    let cursor = (rest.len() > ids.len()).then(|| ids.last().unwrap().to_string());
    (ids, cursor)
}

#[derive(Clone, Debug)]
enum Act {
    Add(u16),
    Remove(u16),
    Pull,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        1 => (0..40_u16).prop_map(Act::Add),
        1 => (0..40_u16).prop_map(Act::Remove),
        4 => Just(Act::Pull),
    ];
    proptest::collection::vec(act, 0..40)
}

fn pagings() -> impl Strategy<Value = Paging> {
    prop_oneof![
        Just(Paging::Single),
        Just(Paging::Cursor),
        Just(Paging::Keyset),
        Just(Paging::Offset)
    ]
}

proptest! {
    #[test]
    fn a_complete_walk_shows_what_was_there_all_the_time(
        first in proptest::collection::btree_set(0..40_u16, 0..20),
        acts in acts(),
        cap in 1..6_usize,
        paging in pagings(),
    ) {
        let listing = Listing { paging };
        // A server that gives one row at a time cannot be walked by offset.
        let cap = if paging == Paging::Offset { cap + 1 } else { cap };
        let mut rows: BTreeSet<RecordId> = first.into_iter().map(id).collect();
        let mut place: Option<Checkpoint> = None;
        let mut always = rows.clone();
        let mut seen = BTreeSet::new();
        let calm = std::iter::repeat_n(Act::Pull, 300);
        for act in acts.into_iter().chain(calm) {
            match act {
                Act::Add(row) => { rows.insert(id(row)); }
                Act::Remove(row) => {
                    rows.remove(&id(row));
                    always.remove(&id(row));
                }
                Act::Pull => {
                    let (ids, cursor) = page(&rows, paging, &listing.ask(place.as_ref()), cap);
                    let page = ListingPage { ids: &ids, cursor: cursor.as_deref(), is_last: false, total: None };
                    // Rows that shift too often end the walk; it is tried again from its beginning.
                    let Ok(next) = listing.next(place.as_ref(), &page) else {
                        (place, always, seen) = (None, rows.clone(), BTreeSet::new());
                        continue;
                    };
                    seen.extend(ids);
                    place = Some(next.checkpoint);
                    if next.end != PageEnd::More {
                        prop_assert!(always.is_subset(&seen), "missed {:?}", always.difference(&seen));
                        return Ok(());
                    }
                }
            }
        }
        prop_assert!(false, "the walk does not end");
    }
}

fn ids(numbers: &[u16]) -> Vec<RecordId> {
    numbers.iter().copied().map(id).collect()
}

fn rows(ids: &[RecordId]) -> ListingPage<'_> {
    ListingPage {
        ids,
        cursor: None,
        is_last: false,
        total: None,
    }
}

#[test]
fn a_short_page_is_no_end_and_a_matching_total_is() {
    let offset = Listing {
        paging: Paging::Offset,
    };
    let next = offset.next(None, &rows(&ids(&[1, 2]))).unwrap();
    assert_eq!(next.end, PageEnd::More);
    assert_eq!(offset.ask(Some(&next.checkpoint)), ListingAsk::Skip(1));
    let last = ids(&[2, 3]);
    let page = ListingPage {
        total: Some(3),
        ..rows(&last)
    };
    let end = offset.next(Some(&next.checkpoint), &page).unwrap();
    assert_eq!(
        (end.end, end.repeated),
        (PageEnd::Complete { total: Some(3) }, 1)
    );
    assert_eq!(offset.ask(Some(&end.checkpoint)), ListingAsk::First);
}

#[test]
fn rows_that_shift_begin_the_walk_again_but_not_for_ever() {
    let offset = Listing {
        paging: Paging::Offset,
    };
    let mut place = None;
    for _ in 0..8 {
        let next = offset.next(place.as_ref(), &rows(&ids(&[1, 2]))).unwrap();
        let again = offset
            .next(Some(&next.checkpoint), &rows(&ids(&[3, 4])))
            .unwrap();
        assert_eq!(offset.ask(Some(&again.checkpoint)), ListingAsk::First);
        place = Some(again.checkpoint);
    }
    let next = offset.next(place.as_ref(), &rows(&ids(&[1, 2]))).unwrap();
    let error = offset
        .next(Some(&next.checkpoint), &rows(&ids(&[3, 4])))
        .unwrap_err();
    assert!(error.to_string().contains("shifted"), "{error}");
}

#[test]
fn a_page_that_leads_to_itself_is_no_progress() {
    let cursor = Listing {
        paging: Paging::Cursor,
    };
    let one = ids(&[1]);
    let page = ListingPage {
        cursor: Some("x"),
        ..rows(&one)
    };
    let next = cursor.next(None, &page).unwrap();
    assert!(cursor.next(Some(&next.checkpoint), &page).is_err());
    let keyset = Listing {
        paging: Paging::Keyset,
    };
    let next = keyset.next(None, &rows(&one)).unwrap();
    assert!(keyset.next(Some(&next.checkpoint), &rows(&one)).is_err());
}
