//! When each field was changed.
use crate::limits::STAMPS_MAX;
use crate::store::Record;
use tisync_json::Patch;
use tisync_json::tree::BTreeMap;
use tisync_protocol::limits::STAMP_AHEAD_MS_MAX;
use tisync_protocol::{Change, Mutation, Stamp};

/// The stamps of a record: the latest, and those by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamps {
    pub(crate) latest: String,
    pub(crate) by_path: BTreeMap<String, String>,
}

/// The stamps that a mutation carries, each no further ahead than the server allows.
pub(crate) struct Sent {
    whole: Option<String>,
    by_path: BTreeMap<String, String>,
    otherwise: String,
}

impl Sent {
    /// Reads a mutation's stamps; the error names the one that is none.
    pub(crate) fn read(mutation: &Mutation, wall_ms: u64) -> Result<Self, String> {
        let bound = |text: &String| {
            let stamp = Stamp::parse(text).ok_or_else(|| {
                let cut: String = text.chars().take(40).collect();
                format!("a stamp is 16 hexadecimal digits, a dash and 8 more, all lowercase; {cut:?} came")
            })?;
            Ok::<_, String>(
                stamp
                    .at_most(wall_ms.saturating_add(STAMP_AHEAD_MS_MAX))
                    .to_string(),
            )
        };
        if mutation.stamps.len() > STAMPS_MAX {
            return Err(format!(
                "a mutation has at most {STAMPS_MAX} stamps; {} came",
                mutation.stamps.len()
            ));
        }
        Ok(Sent {
            whole: mutation.stamp.as_ref().map(bound).transpose()?,
            by_path: mutation
                .stamps
                .iter()
                .map(|(path, text)| Ok((path.clone(), bound(text)?)))
                .collect::<Result<_, String>>()?,
            otherwise: Stamp {
                ms: wall_ms,
                counter: 0,
                node: 0,
            }
            .to_string(),
        })
    }

    /// The stamps of the record after the change.
    pub(crate) fn after(self, change: &Change, current: Option<&Record>) -> Stamps {
        match change {
            Change::Patch(patch) => self.after_patch(&patch.patch(), current),
            Change::Create(_) | Change::Replace(_) => {
                let mut by_path = self.by_path;
                if let Some(whole) = self.whole {
                    by_path.insert(String::new(), whole);
                } else if by_path.is_empty() {
                    by_path.insert(String::new(), self.otherwise);
                }
                pack(by_path)
            }
            Change::Delete => {
                let latest = self.by_path.into_values().chain(self.whole).max();
                Stamps {
                    latest: latest.unwrap_or(self.otherwise),
                    by_path: BTreeMap::new(),
                }
            }
        }
    }

    fn after_patch(self, patch: &Patch, current: Option<&Record>) -> Stamps {
        let mut by_path = current
            .map(|record| record.stamps.clone())
            .unwrap_or_default();
        if let (true, Some(record)) = (by_path.is_empty(), current) {
            by_path.insert(String::new(), record.stamp.clone());
        }
        for path in patch.paths() {
            let path = path.to_string();
            let stamp = self.of(&path).to_owned();
            // A change of a whole object covers what was known of its fields.
            by_path.retain(|inner, _| !leads_to(&path, inner));
            by_path.insert(path, stamp);
        }
        pack(by_path)
    }

    /// The stamp of a path: that of the longest path sent that leads to it.
    fn of(&self, path: &str) -> &str {
        let nearest = self
            .by_path
            .iter()
            .filter(|(outer, _)| *outer == path || leads_to(outer, path));
        let nearest = nearest
            .max_by_key(|(outer, _)| outer.len())
            .map(|(_, stamp)| stamp);
        nearest.or(self.whole.as_ref()).unwrap_or(&self.otherwise)
    }
}

/// Whether the pointer `outer` leads to `inner` and is not it.
fn leads_to(outer: &str, inner: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Drops what says nothing: a single stamp for the whole record is the latest.
fn pack(mut by_path: BTreeMap<String, String>) -> Stamps {
    let latest = by_path.values().max().cloned().unwrap_or_default();
    let whole_only = by_path.len() == 1 && by_path.contains_key("");
    if whole_only || by_path.len() > STAMPS_MAX {
        by_path.clear();
    }
    Stamps { latest, by_path }
}
