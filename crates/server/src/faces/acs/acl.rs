//! Access control lists: who may read and who may write the objects that name them.
use super::date::Date;
use super::fault::Fault;
use super::limits::{ACL_USERS_MAX, NAME_BYTES_MAX};
use super::query::Candidate;
use crate::ServerNow;
use crate::service::Hidden;
use crate::store::ServerTx;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tisync_json::{Object, Value};

/// An ACL. It belongs to the user who made it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Acl {
    #[serde(skip)]
    pub(super) id: String,
    #[serde(skip)]
    pub(super) updated_ms: u64,
    pub(super) name: String,
    pub(super) user_id: String,
    pub(super) created_ms: u64,
    #[serde(default)]
    pub(super) public_read: bool,
    #[serde(default)]
    pub(super) public_write: bool,
    #[serde(default)]
    pub(super) readers: BTreeSet<String>,
    #[serde(default)]
    pub(super) writers: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct Named {
    acl_id: String,
}

pub(super) fn acls() -> Hidden {
    Hidden::new("acs", "acls")
}

/// Names of ACLs, each below its owner: two users may have a list of the same name.
fn names() -> Hidden {
    Hidden::new("acs", "acl-names")
}

fn name_key(user_id: &str, name: &str) -> String {
    format!("{user_id}/{name}")
}

impl Acl {
    pub(super) fn find<T: ServerTx>(tx: &mut T, id: &str) -> Result<Option<Self>, Fault> {
        let kept = acls().get::<_, Acl>(tx, id)?;
        Ok(kept.map(|kept| Acl {
            id: id.to_owned(),
            updated_ms: kept.updated_ms,
            ..kept.value
        }))
    }

    /// A user's list of this name.
    pub(super) fn by_name<T: ServerTx>(
        tx: &mut T,
        user_id: &str,
        name: &str,
    ) -> Result<Option<Self>, Fault> {
        match names().get::<_, Named>(tx, &name_key(user_id, name))? {
            Some(named) => Acl::find(tx, &named.value.acl_id),
            None => Ok(None),
        }
    }

    pub(super) fn read(candidate: &Candidate) -> Result<Self, Fault> {
        Ok(Acl {
            id: candidate.id.clone(),
            updated_ms: candidate.updated_ms,
            ..acls().read(&candidate.id, &candidate.document)?
        })
    }

    pub(super) fn put<T: ServerTx>(&mut self, tx: &mut T, now: &ServerNow) -> Result<(), Fault> {
        let named = !self.name.is_empty()
            && self.name.len() <= NAME_BYTES_MAX
            && !self.name.chars().any(char::is_control);
        if !named {
            return Err(Fault::bad(format!(
                "An ACL's name has 1 to {NAME_BYTES_MAX} bytes and no control characters."
            )));
        }
        if self.readers.len() + self.writers.len() > ACL_USERS_MAX {
            return Err(Fault::bad(format!(
                "An ACL names at most {ACL_USERS_MAX} users. Make it public, or use several."
            )));
        }
        // The owner is always in both, and cannot be taken out.
        self.readers.insert(self.user_id.clone());
        self.writers.insert(self.user_id.clone());
        let key = name_key(&self.user_id, &self.name);
        match names().get::<_, Named>(tx, &key)? {
            Some(named) if named.value.acl_id != self.id => {
                return Err(Fault::bad("Name is already taken."));
            }
            Some(_) => {}
            None => {
                let acl_id = self.id.clone();
                names().put(tx, now, &key, &Named { acl_id })?;
            }
        }
        acls().put(tx, now, &self.id, self)?;
        self.updated_ms = now.wall_ms;
        Ok(())
    }

    pub(super) fn remove<T: ServerTx>(&self, tx: &mut T, now: &ServerNow) -> Result<(), Fault> {
        names().remove(tx, now, &name_key(&self.user_id, &self.name))?;
        Ok(acls().remove(tx, now, &self.id)?)
    }

    pub(super) fn may_read(&self, user_id: Option<&str>) -> bool {
        self.public_read || user_id.is_some_and(|id| self.readers.contains(id))
    }

    pub(super) fn may_write(&self, user_id: &str) -> bool {
        self.public_write || self.writers.contains(user_id)
    }

    pub(super) fn shown(&self) -> Object {
        let ids = |ids: &BTreeSet<String>| Value::from(ids.iter().cloned().collect::<Vec<_>>());
        Object::from([
            ("id".to_owned(), Value::from(self.id.as_str())),
            ("name".to_owned(), self.name.as_str().into()),
            ("user_id".to_owned(), self.user_id.as_str().into()),
            (
                "created_at".to_owned(),
                Date::of_ms(self.created_ms).to_string().into(),
            ),
            (
                "updated_at".to_owned(),
                Date::of_ms(self.updated_ms).to_string().into(),
            ),
            ("public_read".to_owned(), self.public_read.into()),
            ("public_write".to_owned(), self.public_write.into()),
            ("readers".to_owned(), ids(&self.readers)),
            ("writers".to_owned(), ids(&self.writers)),
        ])
    }

    /// The fields that a query sees.
    pub(super) fn queried(&self) -> Object {
        let mut fields = self.shown();
        fields.insert("_id".into(), self.id.as_str().into());
        fields
    }
}
