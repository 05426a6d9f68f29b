use super::{BTreeMap, Place};

/// The place of a key in a map, to look and to insert with one search.
pub struct Entry<'a, K, V> {
    pub(super) map: &'a mut BTreeMap<K, V>,
    pub(super) key: K,
    pub(super) place: Result<Place, Place>,
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The value of the key; if it has none, this one.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value of the key; if it has none, what `make` makes.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let place = match self.place {
            Ok(place) => place,
            Err(place) => self.map.put(place, self.key, make()),
        };
        self.map.value(place)
    }

    /// The value of the key; if it has none, the default.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value of the key, if it has one.
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        if let Ok(place) = self.place {
            change(self.map.value(place));
        }
        self
    }
}
