//! Finding objects, and how they are shown.
use super::objects::Stored;
use crate::faces::acs::date::Date;
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::object_id;
use crate::faces::acs::query::{self, Candidate, Query, Source};
use crate::faces::acs::rights::Rights;
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use tisync_json::{Object, Value};

/// The objects of a class, as queries see them.
pub(in crate::faces::acs) struct Objects<'w, 'a, T> {
    work: &'w mut Work<'a, T>,
    class: String,
    /// Whether a filter looks at the owner, which is not in the document alone.
    with_owner: bool,
}

impl<T: ServerTx> Source<T> for Objects<'_, '_, T> {
    fn tx(&mut self) -> &mut T {
        self.work.tx
    }

    fn collection(&self) -> String {
        self.class.clone()
    }

    fn fields(&mut self, candidate: &Candidate) -> Result<Object, Fault> {
        let mut fields = match Value::parse(&candidate.document) {
            Ok(Value::Object(fields)) => fields,
            _ => Object::new(),
        };
        if self.with_owner {
            let rights = Rights::of(self.work.tx, &self.class, &candidate.id, &fields)?;
            rights.copy_into(&mut fields);
        }
        let created = created(&candidate.id, candidate.updated_ms, &fields);
        fields.insert("created_at".into(), created);
        fields.insert(
            "updated_at".into(),
            Date::of_ms(candidate.updated_ms).to_string().into(),
        );
        fields.insert("id".into(), candidate.id.as_str().into());
        fields.insert("_id".into(), candidate.id.as_str().into());
        if let Some(tags) = fields.get("tags").cloned() {
            fields.insert("tags_array".into(), tags);
        }
        Ok(fields)
    }

    fn is_visible(&mut self, id: &str, fields: &Object) -> Result<bool, Fault> {
        if self.work.caller.is_admin() {
            return Ok(true);
        }
        let rights = Rights::of(self.work.tx, &self.class, id, fields)?;
        self.work.may_read(&rights)
    }
}

impl<'a, T: ServerTx> Work<'a, T> {
    pub(in crate::faces::acs) fn show_objects(&mut self, class: &str) -> Result<Answer, Fault> {
        let ids = self.params().ids("id", "ids")?;
        let (mut shown, mut missing, mut hidden) = (Vec::new(), Vec::new(), 0);
        for id in ids {
            match self.stored(class, &id)? {
                None => missing.push(id),
                Some(stored) if self.may_read(&stored.rights)? => {
                    shown.push(self.shown_object(&stored)?);
                }
                Some(_) => hidden += 1,
            }
        }
        if !missing.is_empty() {
            return Err(Fault::no_such(&missing));
        }
        if shown.is_empty() && hidden > 0 {
            return Err(Fault::new(401, "Current user cannot read this object."));
        }
        Ok(Answer::of(class, shown))
    }

    pub(in crate::faces::acs) fn query_objects(&mut self, class: &str) -> Result<Answer, Fault> {
        let query = Query::read(self.params())?;
        let with_owner = query.filter.mentions("user_id") || query.order.mentions("user_id");
        let found = query::run(&mut self.objects(class, with_owner), &query)?;
        let mut shown = Vec::with_capacity(found.ids.len());
        for id in &found.ids {
            if let Some(stored) = self.stored(class, id)? {
                let mut record = self.shown_object(&stored)?;
                query.select(&mut record);
                shown.push(record);
            }
        }
        let mut answer = Answer::of(class, shown);
        answer.meta = query.meta(&found);
        Ok(answer)
    }

    pub(in crate::faces::acs) fn count_objects(&mut self, class: &str) -> Result<Answer, Fault> {
        let filter = query::Filter::read(self.params())?;
        let with_owner = filter.mentions("user_id");
        let count = query::count(&mut self.objects(class, with_owner), &filter)?;
        Ok(Answer::default().with_meta("count", count))
    }

    pub(in crate::faces::acs) fn objects(
        &mut self,
        class: &str,
        with_owner: bool,
    ) -> Objects<'_, 'a, T> {
        Objects {
            work: self,
            class: class.to_owned(),
            with_owner,
        }
    }

    /// An object as ACS showed it: the app's fields beside the server's.
    pub(super) fn shown_object(&mut self, stored: &Stored) -> Result<Object, Fault> {
        let mut shown = stored.fields.clone();
        for name in ["_id", "acl_id", "user", "user_id", "acls"] {
            shown.remove(name);
        }
        let created = created(&stored.id, stored.updated_ms, &stored.fields);
        shown.insert("id".into(), stored.id.as_str().into());
        shown.insert("created_at".into(), created);
        shown.insert(
            "updated_at".into(),
            Date::of_ms(stored.updated_ms).to_string().into(),
        );
        if let Some(user_id) = &stored.rights.user_id {
            shown.insert("user_id".into(), user_id.as_str().into());
            if self.shows_users()
                && let Some(user) = self.user(user_id)?
            {
                shown.insert("user".into(), Value::Object(self.shown_user(&user)));
            }
        }
        if let Some(acl_id) = &stored.rights.acl_id
            && let Some(acl) = self.acl(acl_id)?
        {
            shown.insert("acls".into(), vec![Value::Object(acl.shown())].into());
        }
        Ok(shown)
    }
}

/// When an object was made: as it says itself, else as its id says, else when it was last written.
fn created(id: &str, updated_ms: u64, fields: &Object) -> Value {
    let told = fields.get("created_at").and_then(Value::as_str);
    let date = told.and_then(Date::asked).unwrap_or_else(|| {
        Date::of_ms(object_id::seconds(id).map_or(updated_ms, |seconds| seconds * 1_000))
    });
    date.to_string().into()
}
