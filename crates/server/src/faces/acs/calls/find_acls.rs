//! Finding ACLs.
use crate::faces::acs::acl::{Acl, acls};
use crate::faces::acs::envelope::Answer;
use crate::faces::acs::fault::Fault;
use crate::faces::acs::query::{self, Candidate, Query, Source};
use crate::faces::acs::work::Work;
use crate::store::ServerTx;
use tisync_json::{Object, Value};

/// All ACLs, as queries see them.
struct Acls<'w, 'a, T> {
    work: &'w mut Work<'a, T>,
}

impl<T: ServerTx> Source<T> for Acls<'_, '_, T> {
    fn tx(&mut self) -> &mut T {
        self.work.tx
    }
    fn collection(&self) -> String {
        acls().name().to_owned()
    }
    fn fields(&mut self, candidate: &Candidate) -> Result<Object, Fault> {
        Ok(Acl::read(candidate)?.queried())
    }
    fn is_visible(&mut self, _: &str, _: &Object) -> Result<bool, Fault> {
        Ok(true)
    }
}

impl<T: ServerTx> Work<'_, T> {
    pub(in crate::faces::acs) fn show_acl(&mut self) -> Result<Answer, Fault> {
        let acl = self.named_acl()?;
        let shown = self.shown_acl(&acl)?;
        Ok(Answer::of("acls", vec![shown]))
    }

    pub(in crate::faces::acs) fn query_acls(&mut self) -> Result<Answer, Fault> {
        let query = Query::read(self.params())?;
        let found = query::run(&mut Acls { work: self }, &query)?;
        let mut shown = Vec::with_capacity(found.ids.len());
        for id in &found.ids {
            if let Some(acl) = self.acl(id)? {
                let mut record = self.shown_acl(&acl)?;
                query.select(&mut record);
                shown.push(record);
            }
        }
        let mut answer = Answer::of("acls", shown);
        answer.meta = query.meta(&found);
        Ok(answer)
    }

    pub(in crate::faces::acs) fn count_acls(&mut self) -> Result<Answer, Fault> {
        Ok(Answer::default().with_meta("count", acls().count(self.tx)?))
    }

    /// An ACL, with the user it belongs to where the depth reaches so far.
    pub(super) fn shown_acl(&mut self, acl: &Acl) -> Result<Object, Fault> {
        let mut shown = acl.shown();
        if self.shows_users()
            && let Some(user) = self.user(&acl.user_id)?
        {
            shown.insert("user".into(), Value::Object(self.shown_user(&user)));
        }
        Ok(shown)
    }
}
