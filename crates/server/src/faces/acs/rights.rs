//! Whose an object is, and which ACL protects it.
//!
//! What counts is a hidden record that only this face writes: a native client that stores a whole document
//! cannot open an object by leaving a field out. The document carries a copy, `user_id` and `acl_id`, which
//! every client sees; the copy counts where there is no record: for objects that a native client made, or
//! brought back after they were deleted.
use super::fault::Fault;
use crate::ServerNow;
use crate::service::Hidden;
use crate::store::ServerTx;
use serde::{Deserialize, Serialize};
use tisync_json::{Object, Value};

/// The rights of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rights {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) acl_id: Option<String>,
}

/// The rights of a class's objects. A colon is in no class's name, so that the names stay apart.
pub(super) fn rights(class: &str) -> Hidden {
    Hidden::new("acs", &format!("rights:{class}"))
}

impl Rights {
    /// The rights of an object with these fields.
    pub(super) fn of<T: ServerTx>(
        tx: &mut T,
        class: &str,
        id: &str,
        fields: &Object,
    ) -> Result<Self, Fault> {
        let kept = rights(class).get::<_, Rights>(tx, id)?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(kept.map_or_else(
            || Rights {
                user_id: text("user_id"),
                acl_id: text("acl_id"),
            },
            |kept| kept.value,
        ))
    }

    /// Writes them.
    pub(super) fn put<T: ServerTx>(
        &self,
        tx: &mut T,
        now: &ServerNow,
        class: &str,
        id: &str,
    ) -> Result<(), Fault> {
        Ok(rights(class).put(tx, now, id, self)?)
    }

    /// The copy that the document carries.
    pub(super) fn copy_into(&self, fields: &mut Object) {
        for (name, value) in [("user_id", &self.user_id), ("acl_id", &self.acl_id)] {
            match value {
                Some(value) => fields.insert(name.to_owned(), value.as_str().into()),
                None => fields.remove(name),
            };
        }
    }
}
