//! Trees of SQLite's file format: <https://www.sqlite.org/fileformat2.html>.
use super::view::{Pages, View};
use super::wal::number;
use crate::limits;

/// Columns of a record that are looked at: no table or index of ours that is read here has more.
const COLUMNS: usize = 16;

/// What a page of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TableLeaf,
    TableInterior,
    IndexLeaf,
    IndexInterior,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Other,
}

/// Walks a tree, and gives every cell of its leaves (of an index, of all its pages) with its page and place. Returns
/// whether the tree was whole.
pub(super) fn walk(
    view: &View<'_>,
    root: u32,
    visited: &mut Pages,
    mut cell: impl FnMut(&[u8], u32, usize, Kind) -> bool,
) -> bool {
    let mut whole = true;
    let mut rest = vec![root];
    while let Some(number) = rest.pop() {
        let page = visited.add(number).then(|| view.page(number)).flatten();
        let Some((page, node)) = page.and_then(|page| {
            let node = Node::read(&page, number)?;
            Some((page, node))
        }) else {
            whole = false;
            continue;
        };
        whole &= node.whole;
        for at in node.cells {
            if node.kind != Kind::TableInterior {
                whole &= cell(&page, number, at, node.kind);
            }
            if matches!(node.kind, Kind::TableInterior | Kind::IndexInterior) {
                match page.get(at..at + 4) {
                    Some(child) => rest.push(self::number(child)),
                    None => whole = false,
                }
            }
        }
        rest.extend(node.right);
    }
    whole
}

/// The head of a page of a tree.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Where its cells begin.
    pub(super) cells: Vec<usize>,
    right: Option<u32>,
    /// Whether all of its cells may be where they are said to be.
    pub(super) whole: bool,
}

impl Node {
    pub(super) fn read(page: &[u8], number: u32) -> Option<Self> {
        // The first page begins with the header of the file.
        let head = if number == 1 { 100 } else { 0 };
        let kind = match page.get(head)? {
            2 => Kind::IndexInterior,
            5 => Kind::TableInterior,
            10 => Kind::IndexLeaf,
            13 => Kind::TableLeaf,
            _ => return None,
        };
        let interior = matches!(kind, Kind::TableInterior | Kind::IndexInterior);
        let short = |at: usize| usize::from(page[at]) << 8 | usize::from(page[at + 1]);
        let first = head + if interior { 12 } else { 8 };
        let fit = (page.len() - first) / 2;
        let count = short(head + 3);
        let mut whole = count <= fit;
        let cells = (0..count.min(fit)).map(|cell| short(first + 2 * cell));
        let cells: Vec<usize> = cells
            .filter(|at| {
                let fits = (first + 2 * count..page.len()).contains(at);
                whole &= fits;
                fits
            })
            .collect();
        Some(Node {
            kind,
            cells,
            right: interior.then(|| self::number(&page[head + 8..head + 12])),
            whole,
        })
    }
}

/// Reads the key and the record of the cell at a place of a page, with what overflowed it.
pub(super) fn record(
    view: &View<'_>,
    page: &[u8],
    at: usize,
    kind: Kind,
) -> Option<(i64, Vec<u8>)> {
    let mut rest = page.get(at..)?;
    if kind == Kind::IndexInterior {
        rest = rest.get(4..)?;
    }
    let length = usize::try_from(varint(&mut rest)?).ok()?;
    let table = kind == Kind::TableLeaf;
    let rowid = if table { varint(&mut rest)? } else { 0 };
    if length > limits::SALVAGE_ROW_BYTES_MAX {
        return None;
    }
    let local = local(length, table, page.len());
    let begin = rest.get(..local)?;
    // Whatever is no record needs no overflow.
    Header::read(begin, length)?;
    let mut record = begin.to_vec();
    if length > local {
        overflow(
            view,
            number(rest.get(local..local + 4)?),
            length,
            &mut record,
        )?;
    }
    Some((rowid, record))
}

fn overflow(view: &View<'_>, first: u32, length: usize, record: &mut Vec<u8>) -> Option<()> {
    let mut next = first;
    while record.len() < length {
        let page = view.page(next)?;
        let part = (length - record.len()).min(page.len() - 4);
        record.extend_from_slice(&page[4..4 + part]);
        next = number(&page[..4]);
    }
    Some(())
}

/// Bytes of a record that are on the page itself, of those that rows may use.
fn local(length: usize, table: bool, usable: usize) -> usize {
    let most = if table {
        usable - 35
    } else {
        (usable - 12) * 64 / 255 - 23
    };
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fit = least + (length - least) % (usable - 4);
    if fit <= most { fit } else { least }
}

/// The head of a record: the kind and length of each value.
#[derive(Debug)]
struct Header {
    kinds: Vec<i64>,
    begin: usize,
}

impl Header {
    /// `None` unless the values fill the record to its last byte.
    fn read(begin: &[u8], length: usize) -> Option<Self> {
        let mut rest = begin;
        let bytes = usize::try_from(varint(&mut rest)?).ok()?;
        let mut rest = begin.get(begin.len() - rest.len()..bytes)?;
        let mut kinds = Vec::new();
        let mut total = bytes;
        while !rest.is_empty() {
            let kind = varint(&mut rest)?;
            total = total.checked_add(size(kind)?)?;
            kinds.push(kind);
            if kinds.len() > COLUMNS {
                return None;
            }
        }
        (total == length).then_some(Header {
            kinds,
            begin: bytes,
        })
    }
}

/// The values of a record.
pub(super) fn values(record: &[u8]) -> Option<Vec<Value<'_>>> {
    let header = Header::read(record, record.len())?;
    let mut at = header.begin;
    let mut values = Vec::with_capacity(header.kinds.len());
    for kind in header.kinds {
        let bytes = record.get(at..at + size(kind)?)?;
        at += bytes.len();
        values.push(match kind {
            0 => Value::Null,
            1..=6 => Value::Integer(integer(bytes)),
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            kind if kind >= 13 && kind % 2 == 1 => {
                std::str::from_utf8(bytes).map_or(Value::Other, Value::Text)
            }
            _ => Value::Other,
        });
    }
    Some(values)
}

fn size(kind: i64) -> Option<usize> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind as usize,
        5 => 6,
        6 | 7 => 8,
        12.. => usize::try_from((kind - 12) / 2).ok()?,
        _ => return None,
    })
}

fn integer(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes
        .iter()
        .fold(if negative { -1 } else { 0 }, |all, byte| {
            all << 8 | i64::from(*byte)
        })
}

/// A number of one to nine bytes.
fn varint(rest: &mut &[u8]) -> Option<i64> {
    let mut value: u64 = 0;
    for index in 0..9 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if index == 8 {
            return Some((value << 8 | u64::from(byte)) as i64);
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value as i64)
}
