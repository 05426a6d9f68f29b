//! ACLs come, change and go.
use crate::faces::acs::acl::{Acl, acls};
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::object_id::ObjectIds;
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use std::collections::BTreeSet;
use tisync_json::{Object, Value};

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn create_acl(&mut self) -> Result<Answer, Fault> {
        let owner = self.acting(&["su_id", "user_id"])?;
        let mut acl = Acl {
            id: ObjectIds::begin(self.tx, self.now, &acls())?.next(self.draw),
            name: self.params().required("name")?.to_owned(),
            user_id: owner.id,
            created_ms: self.now.wall_ms,
            ..Acl::default()
        };
        self.fill_acl(&mut acl)?;
        acl.put(self.tx, self.now)?;
        self.answer_acl(&acl)
    }

    pub(in crate::faces::acs) fn update_acl(&mut self) -> Result<Answer, Fault> {
        let mut acl = self.own_acl()?;
        self.fill_acl(&mut acl)?;
        acl.put(self.tx, self.now)?;
        self.answer_acl(&acl)
    }

    pub(in crate::faces::acs) fn delete_acl(&mut self) -> Result<Answer, Fault> {
        let acl = self.own_acl()?;
        acl.remove(self.tx, self.now)?;
        Ok(Answer::default())
    }

    /// Adds users, or takes them out.
    pub(in crate::faces::acs) fn change_acl_users(&mut self, add: bool) -> Result<Answer, Fault> {
        let mut acl = self.own_acl()?;
        for (name, users) in [
            ("reader_ids", &mut acl.readers),
            ("writer_ids", &mut acl.writers),
        ] {
            for id in self.params().words(name)?.unwrap_or_default() {
                if add {
                    users.insert(id);
                } else {
                    users.remove(&id);
                }
            }
        }
        acl.put(self.tx, self.now)?;
        Ok(Answer::default())
    }

    pub(in crate::faces::acs) fn check_acl(&mut self) -> Result<Answer, Fault> {
        self.caller.signed_in()?;
        let user_id = self.params().required("user_id")?.to_owned();
        let acl = self.named_acl()?;
        let permission = Object::from([
            (
                "read_permission".to_owned(),
                Value::from(acl.may_read(Some(&user_id))),
            ),
            (
                "write_permission".to_owned(),
                acl.may_write(&user_id).into(),
            ),
        ]);
        Ok(Answer {
            response: Some(Object::from([(
                "permission".to_owned(),
                Value::Object(permission),
            )])),
            ..Answer::default()
        })
    }

    /// The ACL that the call names by `id` or `name`.
    pub(super) fn named_acl(&mut self) -> Result<Acl, Fault> {
        let params = &self.request.params;
        if let Some(id) = params.text("id") {
            let id = id.to_owned();
            return self.acl(&id)?.ok_or_else(|| Fault::no_such(&[id]));
        }
        let Some(name) = params.text("name") else {
            return Err(Fault::missing("id"));
        };
        // Names are each user's own: the caller's, or whose an administrator acts for.
        let owner = self.acting(&["su_id"])?.id;
        Acl::by_name(self.tx, &owner, name)?
            .ok_or_else(|| Fault::bad(format!("There is no ACL with the name {name:?}.")))
    }

    /// An ACL that the caller may change.
    fn own_acl(&mut self) -> Result<Acl, Fault> {
        self.caller.signed_in()?;
        let acl = self.named_acl()?;
        if self.caller.is_admin() || self.caller.is(&acl.user_id) {
            return Ok(acl);
        }
        Err(Fault::new(401, "Current user cannot change this ACL."))
    }

    fn fill_acl(&self, acl: &mut Acl) -> Result<(), Fault> {
        let params = self.params();
        for (name, flag) in [
            ("public_read", &mut acl.public_read),
            ("public_write", &mut acl.public_write),
        ] {
            if params.raw(name).is_some() {
                *flag = params.flag(name);
            }
        }
        for (name, users) in [
            ("reader_ids", &mut acl.readers),
            ("writer_ids", &mut acl.writers),
        ] {
            if let Some(ids) = params.words(name)? {
                *users = BTreeSet::from_iter(ids);
            }
        }
        Ok(())
    }

    fn answer_acl(&mut self, acl: &Acl) -> Result<Answer, Fault> {
        let shown = self.shown_acl(acl)?;
        Ok(Answer::of("acls", vec![shown]))
    }
}
