//! Objects come, change and go.
use crate::faces::acs::acl::Acl;
use crate::faces::acs::date::Date;
use crate::faces::acs::draw::Draw;
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::fields::Fields;
use crate::faces::acs::object_id::ObjectIds;
use crate::faces::acs::rights::{Rights, rights};
use crate::faces::acs::work::{Put, Work};
use crate::store::{Key, ServerTx};
use std::collections::BTreeSet;
use tisync_json::{Document, Object, Value, diff};
use tisync_protocol::{Change, PatchChange, Precondition};

/// An object of a class as it stands.
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) updated_ms: u64,
    pub(super) fields: Object,
    pub(super) rights: Rights,
}

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn create_object(&mut self, class: &str) -> Result<Answer, Fault> {
        let owner = self.acting(&["su_id", "user_id"])?;
        let fields = self.required_fields()?;
        let own = Rights {
            acl_id: self.asked_acl(&owner.id)?.map(|acl| acl.id),
            user_id: Some(owner.id),
        };
        let mut object = Object::new();
        self.change(&mut object, fields)?;
        let mut ids = ObjectIds::begin(self.tx, self.now, &rights(class))?;
        let now_ms = self.now.wall_ms;
        let (id, put) = new_object(self.draw, now_ms, &mut ids, class, &mut object, &own)?;
        self.push_all(vec![put])?;
        own.put(self.tx, self.now, class, &id)?;
        let stored = Stored {
            id,
            version: 0,
            updated_ms: now_ms,
            fields: object,
            rights: own,
        };
        let shown = self.shown_object(&stored)?;
        Ok(Answer::of(class, vec![shown]))
    }

    pub(in crate::faces::acs) fn update_object(&mut self, class: &str) -> Result<Answer, Fault> {
        self.caller.signed_in()?;
        let id = self.params().required("id")?.to_owned();
        let fields = self.required_fields()?;
        let mut stored = self
            .stored(class, &id)?
            .ok_or_else(|| Fault::no_such(std::slice::from_ref(&id)))?;
        if !self.may_write(&stored.rights)? {
            return Err(Fault::new(401, "Current user cannot update this object."));
        }
        let before = stored.fields.clone();
        self.change(&mut stored.fields, fields)?;
        self.change_rights(class, &mut stored)?;
        let change = PatchChange::new(
            diff(&before, &stored.fields),
            Some(document(&stored.fields)?),
        );
        let base = self.version(stored.version)?;
        self.push_all(vec![Put {
            class: class.to_owned(),
            id,
            base,
            change: Change::Patch(change),
        }])?;
        stored.updated_ms = self.now.wall_ms;
        let shown = self.shown_object(&stored)?;
        Ok(Answer::of(class, vec![shown]))
    }

    pub(in crate::faces::acs) fn delete_objects(&mut self, class: &str) -> Result<Answer, Fault> {
        self.caller.signed_in()?;
        let ids = self.params().ids("id", "ids")?;
        let (mut versions, mut missing) = (Vec::new(), Vec::new());
        for id in &ids {
            match self.stored(class, id)? {
                None => missing.push(id.clone()),
                Some(stored) if !self.may_write(&stored.rights)? => {
                    return Err(Fault::new(401, "Current user cannot delete this object."));
                }
                Some(stored) => versions.push(stored.version),
            }
        }
        if !missing.is_empty() {
            return Err(Fault::no_such(&missing));
        }
        let mut puts = Vec::with_capacity(ids.len());
        for (id, version) in ids.iter().zip(versions) {
            puts.push(Put {
                class: class.to_owned(),
                id: id.clone(),
                base: self.version(version)?,
                change: Change::Delete,
            });
        }
        self.push_all(puts)?;
        for id in &ids {
            rights(class).remove(self.tx, self.now, id)?;
        }
        Ok(Answer::default())
    }

    /// An object, if it is there.
    pub(super) fn stored(&mut self, class: &str, id: &str) -> Result<Option<Stored>, Fault> {
        let key = Key {
            collection: class,
            id,
        };
        let Some(record) = self.tx.record(key)? else {
            return Ok(None);
        };
        let Some(fields) = record.document.map(|document| document.object()) else {
            return Ok(None);
        };
        Ok(Some(Stored {
            id: id.to_owned(),
            version: record.version,
            updated_ms: record.updated_ms,
            rights: Rights::of(self.tx, class, id, &fields)?,
            fields,
        }))
    }

    pub(super) fn may_read(&mut self, rights: &Rights) -> Result<bool, Fault> {
        let owns = rights
            .user_id
            .as_deref()
            .is_some_and(|id| self.caller.is(id));
        let Some(acl_id) = rights.acl_id.as_ref().filter(|_| !owns) else {
            return Ok(true);
        };
        if self.caller.is_admin() {
            return Ok(true);
        }
        // An ACL that is gone protects to the last: the owner and administrators remain.
        let acl = self.acl(acl_id)?;
        Ok(acl.is_some_and(|acl| acl.may_read(self.caller.id())))
    }

    fn may_write(&mut self, rights: &Rights) -> Result<bool, Fault> {
        let Some(caller) = self.caller.user() else {
            return Ok(false);
        };
        let caller_id = caller.id.clone();
        if caller.admin || rights.user_id.as_ref() == Some(&caller_id) {
            return Ok(true);
        }
        let Some(acl_id) = &rights.acl_id else {
            return Ok(false);
        };
        let acl = self.acl(acl_id)?;
        Ok(acl.is_some_and(|acl| acl.may_write(&caller_id)))
    }

    /// The ACL that the call names for its object.
    fn asked_acl(&mut self, owner: &str) -> Result<Option<Acl>, Fault> {
        let params = &self.request.params;
        match (params.text("acl_id"), params.text("acl_name")) {
            (Some(_), Some(_)) => Err(Fault::bad(
                "acl_id and acl_name cannot be used in one call. Use one of them.",
            )),
            (Some(id), None) => {
                let id = id.to_owned();
                self.acl(&id)?
                    .map(Some)
                    .ok_or_else(|| Fault::no_such(&[id]))
            }
            (None, Some(name)) => match Acl::by_name(self.tx, owner, name)? {
                Some(acl) => Ok(Some(acl)),
                None => Err(Fault::bad(format!(
                    "There is no ACL with the name {name:?}."
                ))),
            },
            (None, None) => Ok(None),
        }
    }

    /// Puts an object under another ACL, if the call names one.
    fn change_rights(&mut self, class: &str, stored: &mut Stored) -> Result<(), Fault> {
        let owner = stored.rights.user_id.clone();
        let caller = self.caller.signed_in()?.0.id.clone();
        let Some(acl) = self.asked_acl(owner.as_deref().unwrap_or(&caller))? else {
            return Ok(());
        };
        if !self.caller.is_admin() && owner.as_ref() != Some(&caller) {
            return Err(Fault::new(
                401,
                "Only the owner of an object can put it under another ACL.",
            ));
        }
        stored.rights.acl_id = Some(acl.id);
        stored.rights.copy_into(&mut stored.fields);
        stored.rights.put(self.tx, self.now, class, &stored.id)
    }

    fn required_fields(&self) -> Result<Fields, Fault> {
        self.params().refuse_files()?;
        let fields = self.params().object("fields")?;
        Fields::of_object(fields.ok_or_else(|| Fault::missing("fields"))?)
    }

    /// Changes an object's fields and tags as the call says.
    fn change(&self, object: &mut Object, mut fields: Fields) -> Result<(), Fault> {
        let tags = self.params().words("tags")?.or(fields.tags.take());
        fields.apply(object)?;
        set_tags(object, tags);
        Ok(())
    }

    fn version(&mut self, number: u64) -> Result<Precondition, Fault> {
        let meta = self.tx.meta()?.unwrap_or_default();
        Ok(Precondition::Version(meta.version(number)))
    }
}

/// Makes a new object of fields that are ready: completes them with what all clients may know of it.
pub(super) fn new_object(
    draw: &mut Draw,
    now_ms: u64,
    ids: &mut ObjectIds,
    class: &str,
    fields: &mut Object,
    rights: &Rights,
) -> Result<(String, Put), Fault> {
    rights.copy_into(fields);
    fields.insert("created_at".into(), Date::of_ms(now_ms).to_string().into());
    let id = ids.next(draw);
    let put = Put {
        class: class.to_owned(),
        id: id.clone(),
        base: Precondition::Absent,
        change: Change::Create(document(fields)?),
    };
    Ok((id, put))
}

/// Tags replace those before them; none of them is no field.
fn set_tags(object: &mut Object, tags: Option<Vec<String>>) {
    let Some(tags) = tags else {
        return;
    };
    let mut seen = BTreeSet::new();
    let tags: Vec<String> = tags
        .into_iter()
        .filter(|tag| seen.insert(tag.clone()))
        .collect();
    if tags.is_empty() {
        object.remove("tags");
    } else {
        object.insert("tags".into(), Value::from(tags));
    }
}

fn document(fields: &Object) -> Result<Document, Fault> {
    Document::checked_from_object(fields)
        .map_err(|error| Fault::new(413, format!("The object cannot be stored: {error}.")))
}
