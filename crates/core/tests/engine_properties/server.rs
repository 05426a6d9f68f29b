//! A small server.
use super::*;

/// Compares preconditions, applies groups whole, remembers keys, and never forgets a document.
#[derive(Default)]
pub struct Server {
    pub seq: u64,
    pub records: BTreeMap<String, (u64, Option<Document>)>,
    pub receipts: BTreeMap<MutationId, Verdict>,
    pub history: String,
}

impl Server {
    pub fn set(&mut self, id: &str, document: Option<Document>) -> Version {
        self.seq += 1;
        if let Some(document) = &document {
            self.history.push_str(document.text());
        }
        self.records.insert(id.to_owned(), (self.seq, document));
        name(&format!("e.{}", self.seq))
    }

    pub fn remote(&self, id: &str) -> Remote {
        let (seq, document) = self.records.get(id).cloned().unwrap_or_default();
        Remote {
            out_of_scope: false,
            image: Image::from(document),
            version: (seq > 0).then(|| name(&format!("e.{seq}"))),
            stamp: Some(Stamp::at(1_600_000_000_000 + seq)),
            stamps: None,
            schema: None,
            migrated: false,
        }
    }

    pub fn fits(&self, item: &PushItem) -> bool {
        let remote = self.remote(item.record.as_str());
        match &item.precondition {
            Precondition::Version(version) => {
                remote.image.is_present() && remote.version.as_ref() == Some(version)
            }
            Precondition::Absent => !remote.image.is_present(),
            Precondition::None => true,
        }
    }

    pub fn push(&mut self, items: &[PushItem], dice: &mut Dice) -> Vec<(MutationId, Verdict)> {
        let refused: BTreeSet<MutationId> = items
            .iter()
            .filter(|_| dice.below(12) == 0)
            .map(|item| item.id)
            .collect();
        let mut verdicts = Vec::new();
        for item in items {
            if let Some(verdict) = self.receipts.get(&item.id) {
                verdicts.push((item.id, verdict.clone()));
                continue;
            }
            let unit: Vec<&PushItem> = items
                .iter()
                .filter(|other| {
                    other.id == item.id || item.group.is_some() && other.group == item.group
                })
                .filter(|other| !self.receipts.contains_key(&other.id))
                .collect();
            let fails = |item: &PushItem| refused.contains(&item.id) || !self.fits(item);
            let verdict = if refused.contains(&item.id) {
                Verdict::Rejected {
                    reason: "no".to_owned(),
                }
            } else if !self.fits(item) {
                Verdict::Conflict {
                    remote: Some(self.remote(item.record.as_str())),
                }
            } else if unit.iter().any(|other| fails(other)) {
                Verdict::Returned
            } else {
                for other in unit {
                    let version = self.set(other.record.as_str(), other.document.clone());
                    let verdict = accepted(version.as_str());
                    self.receipts.insert(other.id, verdict);
                }
                self.receipts[&item.id].clone()
            };
            verdicts.push((item.id, verdict));
        }
        verdicts
    }

    pub fn page(&self, after: u64) -> Page {
        let mut changed: Vec<(&String, &(u64, Option<Document>))> = self
            .records
            .iter()
            .filter(|(_, (seq, _))| *seq > after)
            .collect();
        changed.sort_by_key(|(_, (seq, _))| *seq);
        let items = changed
            .into_iter()
            .map(|(id, (seq, document))| match document {
                Some(document) => upsert(id, &format!("e.{seq}"), document.text()),
                None => tombstone(id, &format!("e.{seq}")),
            })
            .collect();
        Page {
            checkpoint: Some(name(&self.seq.to_string())),
            ..page(items, "e", &[("e", 0)])
        }
    }
}
