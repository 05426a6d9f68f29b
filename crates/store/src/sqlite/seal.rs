//! Seals: rows that carry a hash of themselves, so that a flipped byte is found and never taken for a write.
//!
//! Only what a device alone has is sealed: the outbox, the images that its chains start from, and whose file it is.
//! Everything else can be pulled again. A sealed text is `HASH REST`; the hash, in 16 hexadecimal digits, is that of the rest.
use super::codec::{self, corrupt};
use tisync_core::model::{CollectionName, Entry, Image, RecordId, Rid};
use tisync_core::store::StoreError;
use tisync_json::{Document, hash64};

/// Digits of the hash.
const DIGITS: usize = 16;
/// Where the hash goes.
const PLACE: &str = "................ ";

/// Seals a text.
pub(crate) fn seal(rest: &str) -> String {
    seal_parts(&[rest])
}

/// Seals a text that is given in parts.
fn seal_parts(parts: &[&str]) -> String {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut sealed = String::with_capacity(DIGITS + 1 + length);
    sealed.push_str(PLACE);
    parts.iter().for_each(|part| sealed.push_str(part));
    let hash = hash64(&sealed.as_bytes()[PLACE.len()..]);
    sealed.replace_range(..DIGITS, &format!("{hash:016x}"));
    sealed
}

/// Opens a sealed text; `None` when it is not what was sealed.
pub(crate) fn unseal(sealed: &str) -> Option<&str> {
    let (hash, rest) = (sealed.get(..DIGITS)?, sealed.get(DIGITS..)?);
    let rest = rest.strip_prefix(' ')?;
    let hash = u64::from_str_radix(hash, 16).ok()?;
    (hash == hash64(rest.as_bytes())).then_some(rest)
}

/// Opens a sealed text, or says that it is damaged.
pub(crate) fn unsealed(sealed: &str) -> Result<&str, StoreError> {
    unseal(sealed).ok_or_else(|| {
        corrupt(
            "a row is not what was written to it, its seal is broken: the file is damaged"
                .to_owned(),
        )
    })
}

/// An entry with its record's id, which the row of the record has too: either may be damaged.
pub(crate) fn of_entry(record: Option<&RecordId>, entry: &Entry) -> Result<String, StoreError> {
    Ok(entry_text(
        record.map(RecordId::as_str),
        &tisync_json::write(entry),
    ))
}

/// The same of an entry's JSON.
pub(super) fn entry_text(record: Option<&str>, json: &str) -> String {
    match record {
        Some(id) => seal_parts(&[&id.len().to_string(), " ", id, " ", json]),
        None => seal_parts(&["- ", json]),
    }
}

/// Splits what [`entry_text`] has sealed into the record's id and the entry's JSON.
pub(crate) fn entry_parts(rest: &str) -> Option<(Option<&str>, &str)> {
    let (length, rest) = rest.split_once(' ')?;
    if length == "-" {
        return Some((None, rest));
    }
    let length: usize = length.parse().ok()?;
    let (id, json) = (rest.get(..length)?, rest.get(length..)?);
    Some((Some(id), json.strip_prefix(' ')?))
}

/// A value of the meta table with its key.
pub(crate) fn of_meta(key: &str, value: &str) -> String {
    seal(&format!("{} {key} {value}", key.len()))
}

/// Opens what [`of_meta`] has sealed, if it is that key's.
pub(crate) fn meta_value<'a>(key: &str, sealed: &'a str) -> Option<&'a str> {
    let (of, value) = entry_parts(unseal(sealed)?)?;
    (of == Some(key)).then_some(value)
}

/// The same, or says that it is damaged.
pub(crate) fn meta(key: &str, sealed: &str) -> Result<String, StoreError> {
    meta_value(key, sealed).map(str::to_owned).ok_or_else(|| {
        corrupt(format!(
            "what the file says of {key} is not what was written, its seal is broken: the file is damaged"
        ))
    })
}

/// What belongs to the image that a record's chain starts from, and is kept with the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OfBase<'a> {
    pub(crate) version: Option<&'a str>,
    /// The number of its schema.
    pub(crate) schema: u32,
    /// Whether it was brought to that schema here.
    pub(crate) migrated: bool,
}

/// The image that a record's chain starts from, with what belongs to it and the record whose it is.
pub(crate) fn of_base(
    collection: &CollectionName,
    rid: Rid,
    base: &Image,
    of: &OfBase<'_>,
) -> String {
    let text = base.document().map_or("", Document::text);
    base_text(collection, rid, codec::image_code(base), of, text)
}

/// The same of an image's kind and text.
pub(super) fn base_text(
    collection: &CollectionName,
    rid: Rid,
    kind: i64,
    of: &OfBase<'_>,
    text: &str,
) -> String {
    let migrated = u8::from(of.migrated);
    let head = format!("{collection} {} {kind} {} {migrated} ", rid.0, of.schema);
    match of.version {
        Some(version) => {
            let length = version.len().to_string();
            seal_parts(&[&head, &length, " ", version, " ", text])
        }
        None => seal_parts(&[&head, "- ", text]),
    }
}

/// What [`base_text`] has sealed.
pub(crate) struct SealedBase<'a> {
    pub(crate) collection: &'a str,
    pub(crate) rid: Rid,
    pub(crate) image: Image,
    pub(crate) of: OfBase<'a>,
}

/// Splits what [`base_text`] has sealed.
pub(crate) fn base_parts(rest: &str) -> Option<SealedBase<'_>> {
    let (collection, rest) = rest.split_once(' ')?;
    let (rid, rest) = rest.split_once(' ')?;
    let (kind, rest) = rest.split_once(' ')?;
    let (schema, rest) = rest.split_once(' ')?;
    let (migrated, rest) = rest.split_once(' ')?;
    let (version, text) = entry_parts(rest)?;
    let image = match kind {
        "0" if text.is_empty() => Image::Absent,
        "1" => Image::Present(Document::parse(text).ok()?),
        "2" if text.is_empty() => Image::Gone,
        _ => return None,
    };
    Some(SealedBase {
        collection,
        rid: Rid(rid.parse().ok()?),
        image,
        of: OfBase {
            version,
            schema: schema.parse().ok()?,
            migrated: migrated == "1",
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_to_what_it_was_and_to_nothing_else() {
        let sealed = seal("3 a b {}");
        assert_eq!(unseal(&sealed), Some("3 a b {}"));
        for place in 0..sealed.len() {
            for bit in 0..7 {
                let mut bytes = sealed.clone().into_bytes();
                bytes[place] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else {
                    continue;
                };
                // The digits of the hash may change their case: they say the same.
                assert!(
                    unseal(&text).is_none() || text.eq_ignore_ascii_case(&sealed),
                    "{text}"
                );
            }
        }
        for length in 0..sealed.len() {
            assert_eq!(unseal(&sealed[..length]), None);
        }
    }

    #[test]
    fn an_id_may_hold_what_parts_the_text() {
        let sealed = entry_text(Some("a 7 {b"), "{}");
        let parts = entry_parts(unseal(&sealed).unwrap());
        assert_eq!(parts, Some((Some("a 7 {b"), "{}")));
        let sealed = entry_text(None, "{}");
        assert_eq!(entry_parts(unseal(&sealed).unwrap()), Some((None, "{}")));
    }

    #[test]
    fn a_base_comes_back_with_its_version() {
        let notes = CollectionName::new("notes").unwrap();
        let present = Image::Present(Document::parse(r#"{"a b": 1}"#).unwrap());
        for (image, version) in [
            (present.clone(), Some("e 1.2")),
            (present, None),
            (Image::Gone, Some("e.3")),
            (Image::Absent, None),
        ] {
            let of = OfBase {
                version,
                schema: 3,
                migrated: version.is_some(),
            };
            let sealed = of_base(&notes, Rid(7), &image, &of);
            let parts = base_parts(unseal(&sealed).unwrap()).unwrap();
            assert_eq!((parts.collection, parts.rid), ("notes", Rid(7)));
            assert_eq!((parts.image, parts.of), (image, of));
        }
    }
}
