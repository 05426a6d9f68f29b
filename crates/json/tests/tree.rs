//! The trees do what those of the standard library do, also when they have many leaves.
use proptest::prelude::*;
use std::collections as known;
use tisync_json::tree::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Deed {
    Insert(u16, u8),
    Add(u16),
    Remove(u16),
    PopFirst,
    Retain(u8),
    Append(Vec<(u16, u8)>),
}

fn key() -> impl Strategy<Value = u16> {
    prop_oneof![0..400_u16, any::<u16>()]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        200 => (key(), any::<u8>()).prop_map(|(key, value)| Deed::Insert(key, value)),
        50 => key().prop_map(Deed::Add),
        80 => key().prop_map(Deed::Remove),
        20 => Just(Deed::PopFirst),
        1 => any::<u8>().prop_map(Deed::Retain),
        1 => prop::collection::vec((key(), any::<u8>()), 0..200).prop_map(Deed::Append),
    ]
}

proptest! {
    #[test]
    fn a_map_does_what_the_standard_one_does(deeds in prop::collection::vec(deed(), 0..900), looks in prop::collection::vec(key(), 20), ends: Vec<bool>) {
        let (mut map, mut expected) = (BTreeMap::new(), known::BTreeMap::new());
        for deed in deeds {
            match deed {
                Deed::Insert(key, value) => prop_assert_eq!(map.insert(key, value), expected.insert(key, value)),
                Deed::Add(key) => {
                    *map.entry(key).and_modify(|value| *value ^= 1).or_insert(7) |= 2;
                    *expected.entry(key).and_modify(|value| *value ^= 1).or_insert(7) |= 2;
                }
                Deed::Remove(key) => prop_assert_eq!(map.remove(&key), expected.remove(&key)),
                Deed::PopFirst => prop_assert_eq!(map.pop_first(), expected.pop_first()),
                Deed::Retain(bits) => {
                    map.retain(|_, value| *value & bits != 0);
                    expected.retain(|_, value| *value & bits != 0);
                }
                Deed::Append(entries) => {
                    map.append(&mut entries.iter().copied().collect());
                    expected.append(&mut entries.into_iter().collect());
                }
            }
            prop_assert_eq!(map.is_empty(), expected.is_empty());
        }
        prop_assert_eq!(map.len(), expected.len());
        prop_assert!(map.iter().eq(&expected) && map.iter().rev().eq(expected.iter().rev()));
        let (mut entries, mut expected_entries) = (map.iter(), expected.iter());
        for is_front in ends.iter().cycle().take(if ends.is_empty() { 0 } else { map.len() + 2 }) {
            match is_front {
                true => prop_assert_eq!(entries.next(), expected_entries.next()),
                false => prop_assert_eq!(entries.next_back(), expected_entries.next_back()),
            }
        }
        prop_assert!(map.keys().eq(expected.keys()) && map.values().eq(expected.values()));
        prop_assert_eq!(map.first_key_value(), expected.first_key_value());
        prop_assert_eq!(map.last_key_value(), expected.last_key_value());
        for key in looks {
            prop_assert_eq!(map.get(&key), expected.get(&key));
            prop_assert_eq!(map.contains_key(&key), expected.contains_key(&key));
            prop_assert!(map.range(key..).eq(expected.range(key..)));
            prop_assert!(map.range(key..).rev().eq(expected.range(key..).rev()));
        }
        prop_assert_eq!(format!("{map:?}"), format!("{expected:?}"));
        // Made in another order, its leaves are others.
        let other: BTreeMap<u16, u8> = map.iter().rev().map(|(key, value)| (*key, *value)).collect();
        prop_assert_eq!(&map, &other);
        prop_assert!(map.into_iter().eq(expected));
    }

    #[test]
    fn a_set_does_what_the_standard_one_does(one in prop::collection::vec(key(), 0..300), two in prop::collection::vec(key(), 0..300)) {
        let all = |values: &[u16]| values.iter().copied().collect::<BTreeSet<u16>>();
        let known = |values: &[u16]| values.iter().copied().collect::<known::BTreeSet<u16>>();
        let (all_one, all_two) = (all(&one), all(&two));
        let (known_one, known_two) = (known(&one), known(&two));
        prop_assert!(all_one.union(&all_two).eq(known_one.union(&known_two)));
        prop_assert_eq!(all(&one).is_subset(&all(&two)), known(&one).is_subset(&known(&two)));
        prop_assert_eq!(all(&one).cmp(&all(&two)), known(&one).cmp(&known(&two)));
        prop_assert_eq!(all_one.last(), known_one.last());
        let (mut set, mut expected) = (all(&one), known(&one));
        for value in two {
            prop_assert_eq!(set.remove(&value), expected.remove(&value));
            prop_assert_eq!(set.insert(value / 2), expected.insert(value / 2));
        }
        prop_assert!(set.into_iter().eq(expected));
    }
}

#[test]
fn it_reads_and_writes_like_an_object_and_an_array() {
    let map: BTreeMap<String, u8> = tisync_json::read(r#"{"b":1,"a":2,"b":3}"#).unwrap();
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":2,"b":3}"#);
    assert_eq!(
        serde_json::to_string(&BTreeMap::<String, u8>::new()).unwrap(),
        "{}"
    );
    let set: BTreeSet<u8> = tisync_json::read("[3,1,3]").unwrap();
    assert_eq!(serde_json::to_string(&set).unwrap(), "[1,3]");
    let error = tisync_json::read::<BTreeMap<String, u8>>("[]").unwrap_err();
    let expected = tisync_json::read::<known::BTreeMap<String, u8>>("[]").unwrap_err();
    assert_eq!(error.to_string(), expected.to_string());
}
