//! From the protocol's texts to the engine's types.
use std::str::FromStr;
use tisync_core::model::{CollectionName, Image, Remote, Stamp, Stamps, Version};
use tisync_json::Path;
use tisync_json::tree::BTreeMap;

/// Reads collection names, most of which repeat the one before.
#[derive(Default)]
pub(super) struct Collections {
    last: Option<CollectionName>,
}

impl Collections {
    pub(super) fn read(&mut self, text: &str) -> Result<CollectionName, String> {
        if let Some(last) = &self.last
            && last.as_str() == text
        {
            return Ok(last.clone());
        }
        let name: CollectionName = read(text)?;
        self.last = Some(name.clone());
        Ok(name)
    }
}

/// Reads any of the engine's names.
pub(super) fn read<T: FromStr>(text: &str) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Reads the stamp of a record.
pub(super) fn stamp(text: Option<&str>) -> Result<Option<Stamp>, String> {
    text.map(read).transpose()
}

/// Reads the stamps by path. A field without a stamp of its own has the one under `""`, which is older than
/// `latest` when only some fields were written since.
pub(super) fn stamps(
    latest: Option<Stamp>,
    wire: BTreeMap<String, String>,
) -> Result<Option<Stamps>, String> {
    if wire.is_empty() {
        return Ok(None);
    }
    let mut whole = latest.unwrap_or_default();
    let mut fields = BTreeMap::new();
    for (path, text) in wire {
        let stamp: Stamp = read(&text)?;
        if path.is_empty() {
            whole = stamp;
        } else {
            let path = Path::parse(&path).map_err(|error| error.to_string())?;
            fields.insert(path, stamp);
        }
    }
    Ok(Some(Stamps {
        latest: whole,
        fields,
    }))
}

/// Reads the server's image of a record.
pub(super) fn remote(image: tisync_protocol::Image) -> Result<Remote, String> {
    match image {
        tisync_protocol::Image::Present(present) => {
            let stamp = stamp(present.stamp.as_deref())?;
            Ok(Remote {
                out_of_scope: false,
                version: Some(read::<Version>(&present.version)?),
                stamp,
                stamps: stamps(stamp, present.stamps)?,
                image: Image::Present(present.document),
                schema: Some(present.schema),
                migrated: false,
            })
        }
        tisync_protocol::Image::Gone(gone) => Ok(Remote {
            out_of_scope: false,
            image: Image::Gone,
            version: gone.version.as_deref().map(read).transpose()?,
            stamp: stamp(gone.stamp.as_deref())?,
            stamps: None,
            schema: None,
            migrated: false,
        }),
    }
}
