//! What the simulated app writes: each write leaves a mark that no other write ever leaves.
use super::World;
use super::event::Who;
use super::plain::{INSTANT, NOTHING};
use super::replica::{collection, name};
use crate::app;
use crate::check::{Checked, REFERENCE, Token, unreadable};
use crate::disk::Disk;
use crate::scenario::{Deed, DeedKind, Extra, FIELDS};
use tisync_core::model::*;
use tisync_core::store::{Durability, EntryFilter, Keys, Load, Tx};
use tisync_json::{Document, Number, Object, Patch, Path, Value};

fn refer(document: Document, value: Value) -> Document {
    let mut object = document.object();
    object.insert(REFERENCE.to_owned(), value);
    Document::from_object(&object)
}

/// Lines of the text field, and members of the set field, that a document grows to.
const PARTS_MAX: usize = 4;

impl<D: Disk> World<D> {
    pub(super) fn write(&mut self, who: Who, deeds: &[Deed], group: bool) -> Checked {
        let mut drawn = Vec::new();
        let mut writes = Vec::new();
        for deed in deeds {
            writes.extend(self.deed(who.replica, deed, &mut drawn)?);
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.step(who, Input::Write { writes, group }, drawn)
    }

    fn deed(
        &mut self,
        replica: usize,
        deed: &Deed,
        drawn: &mut Vec<Token>,
    ) -> Checked<Option<Write>> {
        let collection = collection(usize::from(deed.collection));
        let pooled = || {
            Some(name(&format!(
                "r{}",
                deed.record % self.scenario.settings.pool
            )))
        };
        let visible = self.replicas[replica].shadow.visible(&collection);
        let id: Option<RecordId> = match deed.kind {
            DeedKind::Insert => None,
            DeedKind::Put => pooled(),
            _ if visible.is_empty() => pooled(),
            _ => Some(visible[deed.record as usize % visible.len()].clone()),
        };
        let shown = match &id {
            Some(id) => self.shown(replica, &collection, id)?,
            None => None,
        };
        let before = shown.map(|document| document.object());
        let reference = self.reference(replica, &collection, deed, drawn);
        let kind = match (deed.kind, before) {
            (DeedKind::Delete, None) => return Ok(None),
            (DeedKind::Delete, Some(_)) => WriteKind::Delete,
            (DeedKind::Insert, before) => {
                WriteKind::Insert(self.document(replica, before.unwrap_or_default(), deed, drawn))
            }
            (DeedKind::Put, _) => {
                WriteKind::Put(self.document(replica, Object::new(), deed, drawn))
            }
            (DeedKind::Update | DeedKind::Patch, None) => {
                WriteKind::Put(self.document(replica, Object::new(), deed, drawn))
            }
            (DeedKind::Update, Some(before)) => {
                WriteKind::Update(self.document(replica, before, deed, drawn))
            }
            (DeedKind::Patch, Some(before)) => {
                WriteKind::Patch(self.patch(replica, &before, deed, drawn))
            }
        };
        let kind = match (kind, reference) {
            (WriteKind::Insert(document), Some(value)) => WriteKind::Insert(refer(document, value)),
            (WriteKind::Put(document), Some(value)) => WriteKind::Put(refer(document, value)),
            (WriteKind::Update(document), Some(value)) => WriteKind::Update(refer(document, value)),
            (WriteKind::Patch(mut patch), Some(value)) => {
                patch.set.insert(Path::key(REFERENCE), value);
                WriteKind::Patch(patch)
            }
            (kind, _) => kind,
        };
        Ok(Some(Write {
            collection,
            id,
            kind,
        }))
    }

    /// Another record that the written one refers to, now and then: its id, with a mark beside it.
    fn reference(
        &mut self,
        replica: usize,
        collection: &CollectionName,
        deed: &Deed,
        drawn: &mut Vec<Token>,
    ) -> Option<Value> {
        let nullable = self.scenario.settings.backend.as_ref()?.references?;
        // Where null is not taken, records refer to older ones only: nobody could send a cycle.
        let may = nullable && deed.kind != DeedKind::Delete || deed.kind == DeedKind::Insert;
        let salt = deed.record as usize / 3;
        if !may || deed.record.is_multiple_of(3) {
            return None;
        }
        let schema = &self.replicas[replica]
            .config
            .collections
            .get(collection)?
            .schema;
        let to = schema
            .references
            .get(&Path::key(REFERENCE))?
            .collection
            .clone();
        let visible = self.replicas[replica].shadow.visible(&to);
        let id = visible.get(salt % visible.len().max(1))?.clone();
        let mark = self.mark(drawn);
        let mut token = Vec::new();
        crate::check::tokens(&mark, &mut token);
        for token in token {
            self.references.insert(token, (to.clone(), id.clone()));
        }
        let id = Value::String(id.as_str().to_owned());
        Some(Value::Array(vec![id, Value::String(mark)]))
    }

    fn document(
        &mut self,
        replica: usize,
        mut object: Object,
        deed: &Deed,
        drawn: &mut Vec<Token>,
    ) -> Document {
        let patch = self.patch(replica, &object, deed, drawn);
        patch.apply(&mut object);
        Document::from_object(&object)
    }

    /// A change of the fields that a deed names.
    fn patch(
        &mut self,
        replica: usize,
        before: &Object,
        deed: &Deed,
        drawn: &mut Vec<Token>,
    ) -> Patch {
        let schema = self.replicas[replica].schema;
        let mut patch = Patch::default();
        for (bit, field) in FIELDS
            .iter()
            .enumerate()
            .filter(|(bit, _)| deed.fields >> bit & 1 == 1)
        {
            let salt = deed.record as usize + bit;
            let Some(field) = app::field(schema, field) else {
                continue;
            };
            let path = match field {
                "o" => Path::key("o").child(if salt.is_multiple_of(2) { "x" } else { "y" }),
                field => Path::key(field),
            };
            if salt.is_multiple_of(11) && before.contains_key(field) && path.keys().len() == 1 {
                patch.unset.insert(path);
                continue;
            }
            let value = self.value(field, before.get(field), salt, drawn);
            patch.set.insert(path, value);
        }
        if let Some(mix) = self.scenario.settings.backend.as_ref()
            && mix.normalises()
        {
            // What the server writes in other words.
            let second = deed.record % 60;
            match deed.record % 4 {
                0 => {
                    let text = format!("2024-01-01T10:00:{second:02}+00:00");
                    patch.set.insert(Path::key(INSTANT), Value::String(text));
                }
                1 => {
                    patch.set.insert(Path::key(NOTHING), Value::Null);
                }
                _ => {}
            }
        }
        let extra = match deed.extra {
            Extra::None => return patch,
            Extra::Forbidden => "forbidden",
            Extra::Later => "later",
            Extra::Scope => "scope",
            Extra::Stuck => app::STUCK,
        };
        patch.set.insert(Path::key(extra), Value::Bool(true));
        patch
    }

    fn value(
        &mut self,
        field: &str,
        before: Option<&Value>,
        salt: usize,
        drawn: &mut Vec<Token>,
    ) -> Value {
        let known = match before {
            Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
            _ => 0,
        };
        match field {
            "n" => Value::Number(Number::from(known + 1 + salt as i64 % 3)),
            "m" => Value::Number(Number::from(salt as i64 % 50)),
            "s" => {
                let mut members = match before {
                    Some(Value::Array(members)) => members.clone(),
                    _ => Vec::new(),
                };
                if members.len() >= PARTS_MAX || !members.is_empty() && salt.is_multiple_of(3) {
                    members.remove(salt % members.len());
                }
                members.push(Value::String(self.mark(drawn)));
                Value::Array(members)
            }
            "t" => {
                let mut lines: Vec<String> = match before {
                    Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
                    _ => Vec::new(),
                };
                let line = format!("line {}", self.mark(drawn));
                if lines.len() >= PARTS_MAX || !lines.is_empty() && salt.is_multiple_of(2) {
                    let at = salt % lines.len();
                    lines[at] = line;
                } else {
                    lines.insert(salt % (lines.len() + 1), line);
                }
                Value::String(lines.join("\n"))
            }
            _ => Value::String(self.mark(drawn)),
        }
    }

    fn mark(&mut self, drawn: &mut Vec<Token>) -> String {
        let mark = self.ledger.draw();
        crate::check::tokens(&mark, drawn);
        mark
    }

    /// A document as a user mends it: without what the server refuses, and with a mark.
    pub(super) fn edited(
        &mut self,
        replica: usize,
        shown: Option<&Document>,
        drawn: &mut Vec<Token>,
    ) -> Document {
        let mut object = shown.map(Document::object).unwrap_or_default();
        for refused in ["forbidden", "later", "scope", app::STUCK] {
            object.remove(refused);
        }
        let schema = self.replicas[replica].schema;
        let field = app::field(schema, "a").unwrap_or("a");
        object.insert(field.into(), Value::String(self.mark(drawn)));
        Document::from_object(&object)
    }

    pub(super) fn shown(
        &mut self,
        replica: usize,
        collection: &CollectionName,
        id: &RecordId,
    ) -> Checked<Option<Document>> {
        let mut tx = self.replicas[replica]
            .disk
            .begin(Durability::Normal)
            .map_err(unreadable)?;
        let rows = tx
            .load(collection, Keys::Ids(std::slice::from_ref(id)), Load::Whole)
            .map_err(unreadable)?;
        Ok(rows
            .into_iter()
            .next()
            .flatten()
            .and_then(|(record, _)| record.document))
    }

    /// What an entry leads to, without those behind it.
    pub(super) fn outcome_of(
        &mut self,
        replica: usize,
        entry: &Entry,
    ) -> Checked<Option<Document>> {
        let mut tx = self.replicas[replica]
            .disk
            .begin(Durability::Normal)
            .map_err(unreadable)?;
        let rids = [entry.rid];
        let rows = tx
            .load(&entry.collection, Keys::Rids(&rids), Load::Whole)
            .map_err(unreadable)?;
        let dirty = rows
            .into_iter()
            .next()
            .flatten()
            .and_then(|(_, dirty)| dirty);
        let filter = EntryFilter::Chains(&entry.collection, &rids);
        let chain = tx.entries(filter, None, usize::MAX).map_err(unreadable)?;
        let base = dirty.and_then(|dirty| dirty.base.document().cloned());
        let before = chain.iter().take_while(|other| other.seq <= entry.seq);
        Ok(before.fold(base, |document, entry| entry.apply(document.as_ref())))
    }
}
