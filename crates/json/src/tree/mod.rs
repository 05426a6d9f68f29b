//! Ordered maps and sets with the interface of the standard library's, as far as it is used, whose code is small.
//!
//! Code is made for every type of key and value, and the module for hosts without native code is copied into apps: the
//! standard library's trees were a twelfth of it. Here the entries stand in leaves, in order, and the leaves in a list.
//! Nothing of it becomes slow with many entries: a leaf that is full is cut in two.
mod entry;
mod serial;
mod set;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Index, RangeFrom};

pub use entry::Entry;
pub use set::BTreeSet;

/// Entries in a leaf.
const LEAF_MAX: usize = 64;
/// Entries for which the first leaf has room.
const LEAF_FIRST: usize = 8;

/// Where an entry is, or belongs: the leaf, and the place within it.
type Place = (usize, usize);

/// Values by keys, in the order of the keys.
#[derive(Clone)]
pub struct BTreeMap<K, V> {
    /// None is empty.
    leaves: Vec<Vec<(K, V)>>,
}

impl<K, V> BTreeMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        BTreeMap { leaves: Vec::new() }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.leaves.iter().map(Vec::len).sum()
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.leaves.clear();
    }

    /// The entries in the order of their keys.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.from((0, 0))
    }

    /// The entries from a place on.
    fn from(&self, (number, at): Place) -> Iter<'_, K, V> {
        let mut leaves = self.leaves.get(number..).unwrap_or_default().iter();
        let first = leaves.next().and_then(|leaf| leaf.get(at..));
        Iter {
            front: first.unwrap_or_default().iter(),
            leaves,
            back: [].iter(),
        }
    }

    /// The entries in the order of their keys, their values to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut {
            front: [].iter_mut(),
            leaves: self.leaves.iter_mut(),
        }
    }

    /// The keys in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// The keys in their order.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// The values in the order of their keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the largest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// Takes the entry with the smallest key out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        match self.leaves.is_empty() {
            true => None,
            false => Some(self.take((0, 0))),
        }
    }

    /// Keeps only the entries that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for leaf in &mut self.leaves {
            leaf.retain_mut(|(key, value)| keep(key, value));
        }
        self.leaves.retain(|leaf| !leaf.is_empty());
    }

    /// Puts an entry where its key belongs; gives the place it has then.
    fn put(&mut self, place: Place, key: K, value: V) -> Place {
        let (mut number, mut at) = place;
        let is_last = number + 1 == self.leaves.len();
        let Some(leaf) = self.leaves.get_mut(number) else {
            let mut leaf = Vec::with_capacity(LEAF_FIRST);
            leaf.push((key, value));
            self.leaves.push(leaf);
            return place;
        };
        if leaf.len() == LEAF_MAX {
            // Who comes in order leaves full leaves behind.
            let half = match is_last && at == LEAF_MAX {
                true => at,
                false => LEAF_MAX / 2,
            };
            let next = leaf.split_off(half);
            number += 1;
            self.leaves.insert(number, next);
            match at.checked_sub(half) {
                Some(behind) => at = behind,
                None => number -= 1,
            }
        }
        self.leaves[number].insert(at, (key, value));
        (number, at)
    }

    fn take(&mut self, (number, at): Place) -> (K, V) {
        let leaf = &mut self.leaves[number];
        let entry = leaf.remove(at);
        if leaf.is_empty() {
            self.leaves.remove(number);
        }
        entry
    }

    fn value(&mut self, (number, at): Place) -> &mut V {
        &mut self.leaves[number][at].1
    }
}

impl<K: Ord, V> BTreeMap<K, V> {
    /// Where a key is, or else belongs.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        // The last leaf that does not begin behind the key; before the first one nothing is.
        let order = |leaf: &Vec<(K, V)>| match leaf.first() {
            Some((first, _)) if first.borrow() > key => Ordering::Greater,
            _ => Ordering::Less,
        };
        let (Ok(number) | Err(number)) = search(self.leaves.get(1..).unwrap_or_default(), order);
        let Some(leaf) = self.leaves.get(number) else {
            return Err((0, 0));
        };
        let found = search(leaf, |(known, _)| known.borrow().cmp(key));
        found.map(|at| (number, at)).map_err(|at| (number, at))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let (number, at) = self.find(key).ok()?;
        let (key, value) = &self.leaves[number][at];
        Some((key, value))
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.value(place))
    }

    /// Whether there is an entry of a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Gives a key a value; gives back the value that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(self.value(place), value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    /// Takes the value of a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.take(place).1)
    }

    /// Takes in all entries of another map, which is empty then.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(std::mem::take(other));
    }

    /// The place of a key, to look and to insert with one search.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry {
            place: self.find(&key),
            map: self,
            key,
        }
    }

    /// The entries from a key on.
    pub fn range(&self, from: RangeFrom<K>) -> Iter<'_, K, V> {
        let (Ok(place) | Err(place)) = self.find(&from.start);
        self.from(place)
    }
}

/// Where the item is that is equal, or else belongs, among items in order. It stops at an equal one, and a processor
/// guesses its way: with texts that is faster than the search that slices have.
fn search<T>(items: &[T], order: impl Fn(&T) -> Ordering) -> Result<usize, usize> {
    let (mut from, mut to) = (0, items.len());
    while from < to {
        let middle = from.midpoint(to);
        match order(&items[middle]) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => to = middle,
        }
    }
    Err(from)
}

/// The entries of a map in the order of their keys.
pub struct Iter<'a, K, V> {
    front: std::slice::Iter<'a, (K, V)>,
    leaves: std::slice::Iter<'a, Vec<(K, V)>>,
    back: std::slice::Iter<'a, (K, V)>,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter {
            front: self.front.clone(),
            leaves: self.leaves.clone(),
            back: self.back.clone(),
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            self.front = match self.leaves.next() {
                Some(leaf) => leaf.iter(),
                None => std::mem::take(&mut self.back),
            };
            if self.front.len() == 0 {
                return None;
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.front.len(), None)
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            self.back = match self.leaves.next_back() {
                Some(leaf) => leaf.iter(),
                None => std::mem::take(&mut self.front),
            };
            if self.back.len() == 0 {
                return None;
            }
        }
    }
}

impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The entries of a map in the order of their keys, their values to be changed.
pub struct IterMut<'a, K, V> {
    front: std::slice::IterMut<'a, (K, V)>,
    leaves: std::slice::IterMut<'a, Vec<(K, V)>>,
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            self.front = self.leaves.next()?.iter_mut();
        }
    }
}

impl<'a, K, V> IntoIterator for &'a mut BTreeMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<K, V> IntoIterator for BTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        let mut leaves = self.leaves.into_iter();
        let mut entries = leaves.next().unwrap_or_default();
        for mut leaf in leaves {
            entries.append(&mut leaf);
        }
        entries.into_iter()
    }
}

impl<K: Ord, V> Extend<(K, V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = BTreeMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for BTreeMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K: Ord, V> From<std::collections::BTreeMap<K, V>> for BTreeMap<K, V> {
    fn from(map: std::collections::BTreeMap<K, V>) -> Self {
        map.into_iter().collect()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BTreeMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("an entry of this key")
    }
}

impl<K, V> Default for BTreeMap<K, V> {
    fn default() -> Self {
        BTreeMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for BTreeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for BTreeMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq> Eq for BTreeMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for BTreeMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other)
    }
}

impl<K: Ord, V: Ord> Ord for BTreeMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other)
    }
}

impl<K: Hash, V: Hash> Hash for BTreeMap<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        for entry in self {
            entry.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that come in an order, and the entries that a leaf has at least, taken together.
    #[track_caller]
    fn check(keys: impl Iterator<Item = u64>, at_least: usize) {
        let map: BTreeMap<u64, ()> = keys.map(|key| (key, ())).collect();
        assert_eq!(map.len(), 10_000);
        assert!(map.leaves.iter().all(|leaf| leaf.len() <= LEAF_MAX));
        let leaves = map.leaves.len();
        assert!(leaves * at_least <= map.len(), "{leaves} leaves");
    }

    #[test]
    fn leaves_are_well_filled_in_whatever_order_keys_come() {
        check(0..10_000, LEAF_MAX - 1);
        check((0..10_000).rev(), LEAF_MAX / 2);
        check((0..10_000).map(|key| key * 7919 % 10_007), LEAF_MAX / 2);
        // Down towards what came up.
        check((0..64).chain((64..10_000).rev()), LEAF_MAX / 2);
        // Inwards from both sides.
        let inwards = |key: u64| {
            if key.is_multiple_of(2) {
                key
            } else {
                20_000 - key
            }
        };
        check((0..10_000).map(inwards), LEAF_MAX / 2);
    }
}
