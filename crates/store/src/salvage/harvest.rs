//! What one state of a damaged database still has of its outbox.
use super::row::{self, Pending, Place, Row};
use super::tree::{self, Kind, Node, Value};
use super::view::{Pages, View};
use tisync_core::model::{Change, CollectionName, MutationId, Rid, Stamp};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The roots of the trees, in the order in which a new file gets them: for when the list of the tables is damaged.
const ROOTS: [(&str, u32); 4] = [
    ("tisync_collections", 2),
    ("tisync_outbox", 4),
    ("tisync_outbox_record", 5),
    ("tisync_meta", 22),
];

/// An entry of the outbox, and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) id: MutationId,
    pub(super) latest: Stamp,
    pub(super) collection: CollectionName,
    pub(super) rid: Rid,
    /// Whether it makes its record: then it starts from nothing.
    makes: bool,
}

/// What one state of a database has.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// The entries, by their place in the outbox.
    pub(super) rows: BTreeMap<i64, Found>,
    /// The places of entries that are there, but not what was written.
    broken: BTreeSet<i64>,
    /// Where the images that chains start from lie.
    pub(super) bases: BTreeMap<(CollectionName, Rid), Place>,
    /// What the file says of itself.
    pub(super) meta: BTreeMap<String, String>,
    /// The entries that there must be, by the index of the outbox, with their records.
    pub(super) indexed: BTreeMap<i64, (String, i64)>,
    /// Whether that index is whole.
    pub(super) is_indexed: bool,
    /// Whether all of the outbox was where it belongs.
    pub(super) is_whole: bool,
}

impl Harvest {
    pub(super) fn of(view: &View<'_>) -> Self {
        let mut harvest = Harvest::default();
        let roots = roots(view);
        let root = |name: &str| roots.get(name).copied();
        harvest.is_whole = harvest.table(view, root("tisync_outbox"));
        harvest.is_indexed = harvest.index(view, root("tisync_outbox_record"));
        let mut whole = harvest.table(view, root("tisync_meta"));
        for (name, root) in &roots {
            if name.strip_prefix("tisync_d").is_some_and(is_number) {
                whole &= harvest.table(view, Some(*root));
            }
        }
        let is_complete = harvest.is_indexed
            && harvest.rows.keys().eq(harvest.indexed.keys())
            && harvest.is_whole;
        harvest.is_whole = is_complete;
        if !is_complete || !whole || !harvest.has_bases() {
            harvest.scan(view);
        }
        harvest
    }

    /// Reads a table by its tree.
    fn table(&mut self, view: &View<'_>, root: Option<u32>) -> bool {
        let Some(root) = root else { return false };
        let mut visited = Pages::new(view.pages());
        tree::walk(view, root, &mut visited, |page, number, at, kind| {
            if kind != Kind::TableLeaf {
                return false;
            }
            let place = Place::Cell { page: number, at };
            match row::row(view, page, at) {
                Some(Row::Pending(pending)) => {
                    self.rows.insert(pending.entry.seq, found(&pending, place));
                    true
                }
                Some(Row::Base(collection, rid, _)) => {
                    self.bases.insert((collection, rid), place);
                    true
                }
                Some(Row::Meta(key, value)) => {
                    self.meta.insert(key, value);
                    true
                }
                Some(Row::Broken(seq)) => {
                    self.broken.insert(seq);
                    false
                }
                None => false,
            }
        })
    }

    /// Reads which entries there are: (collection, rid, place in the outbox).
    fn index(&mut self, view: &View<'_>, root: Option<u32>) -> bool {
        let Some(root) = root else { return false };
        let mut visited = Pages::new(view.pages());
        tree::walk(view, root, &mut visited, |page, _, at, kind| {
            let record = match kind {
                Kind::IndexLeaf | Kind::IndexInterior => tree::record(view, page, at, kind),
                Kind::TableLeaf | Kind::TableInterior => None,
            };
            let values = record.as_ref().and_then(|(_, record)| tree::values(record));
            match values.as_deref() {
                Some(
                    [
                        Value::Text(collection),
                        Value::Integer(rid),
                        Value::Integer(seq),
                    ],
                ) => {
                    self.indexed.insert(*seq, ((*collection).to_owned(), *rid));
                    true
                }
                _ => false,
            }
        })
    }

    /// Whether each chain that needs a base has one.
    fn has_bases(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.rows.values().all(|found| {
            let record = (found.collection.clone(), found.rid);
            let has = found.makes || self.bases.contains_key(&record);
            !seen.insert(record) || has
        })
    }

    /// Looks at every page that is in use, whether a tree leads to it or not. Where that is not known, nothing tells
    /// a row from the remains of a settled one.
    fn scan(&mut self, view: &View<'_>) {
        let Some(free) = view.free_pages() else {
            return;
        };
        let mut beside = Beside::new();
        for number in (1..=view.pages()).filter(|number| !free.has(*number)) {
            let Some(page) = view.page(number) else {
                continue;
            };
            let node = Node::read(&page, number);
            let mut is_whole = node.as_ref().is_some_and(|node| node.whole);
            let is_leaf = |node: &Node| node.kind == Kind::TableLeaf;
            let listed = node.filter(is_leaf).map(|node| node.cells);
            for at in listed.unwrap_or_default() {
                let place = Place::Cell { page: number, at };
                is_whole &= tree::record(view, &page, at, Kind::TableLeaf).is_some();
                match row::row(view, &page, at) {
                    Some(Row::Pending(pending)) => {
                        self.offer(&mut beside, &pending, place, true);
                    }
                    Some(Row::Base(collection, rid, _)) => {
                        self.bases.entry((collection, rid)).or_insert(place);
                    }
                    Some(Row::Meta(key, value)) => {
                        self.meta.entry(key).or_insert(value);
                    }
                    Some(Row::Broken(seq)) => {
                        self.broken.insert(seq);
                    }
                    None => {}
                }
            }
            if !is_whole {
                self.carve(view, &page, number, &mut beside);
            }
        }
        for (seq, (found, _)) in beside {
            self.rows.insert(seq, found);
        }
    }

    /// Looks at every place of a page that does not say rightly where its rows are.
    fn carve(&self, view: &View<'_>, page: &[u8], number: u32, beside: &mut Beside) {
        if self.indexed.keys().all(|seq| self.rows.contains_key(seq)) {
            return;
        }
        for at in 0..page.len() {
            if let Some(Row::Pending(pending)) = row::row(view, page, at) {
                let place = Place::Cell { page: number, at };
                self.offer(beside, &pending, place, false);
            }
        }
        for at in row::texts(page) {
            if let Some(pending) = row::text(page, at) {
                let place = Place::Text { page: number, at };
                self.offer(beside, &pending, place, false);
            }
        }
    }

    /// Takes an entry from outside the tree if the index knows of it, or, where that is damaged, its page lists it.
    /// What a page lists goes before what merely lies in it, and that by the later write: a place in the outbox is
    /// given again once it is free.
    fn offer(&self, beside: &mut Beside, pending: &Pending, place: Place, listed: bool) {
        let found = found(pending, place);
        let seq = pending.entry.seq;
        let is_known = match self.indexed.get(&seq) {
            Some((collection, rid)) => {
                (collection.as_str(), *rid) == (found.collection.as_str(), found.rid.0)
            }
            None => listed && !self.is_indexed,
        };
        // Whose own row is there, but broken, is not replaced by an older one's.
        if !is_known || self.rows.contains_key(&seq) || self.broken.contains(&seq) {
            return;
        }
        let rank = (listed, found.latest);
        match beside.get(&seq) {
            Some((other, other_listed)) if (*other_listed, other.latest) >= rank => {}
            _ => {
                beside.insert(seq, (found, listed));
            }
        }
    }
}

/// Entries from outside the tree, by their place in the outbox; and whether a page lists them.
type Beside = BTreeMap<i64, (Found, bool)>;

fn found(pending: &Pending, place: Place) -> Found {
    let entry = &pending.entry;
    Found {
        place,
        id: entry.id,
        latest: entry.stamps.latest,
        collection: entry.collection.clone(),
        rid: entry.rid,
        makes: matches!(entry.change, Change::Create(_)),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The roots of the trees, by name.
fn roots(view: &View<'_>) -> BTreeMap<String, u32> {
    let mut roots: BTreeMap<String, u32> = ROOTS
        .iter()
        .map(|(name, root)| ((*name).to_owned(), *root))
        .collect();
    let mut visited = Pages::new(view.pages());
    tree::walk(view, 1, &mut visited, |page, _, at, kind| {
        let record = match kind {
            Kind::TableLeaf => tree::record(view, page, at, kind),
            _ => None,
        };
        let values = record.as_ref().and_then(|(_, record)| tree::values(record));
        if let Some([_, Value::Text(name), _, Value::Integer(root), _]) = values.as_deref()
            && let Ok(root) = u32::try_from(*root)
            && root != 0
        {
            roots.insert((*name).to_owned(), root);
        }
        values.is_some()
    });
    roots
}
