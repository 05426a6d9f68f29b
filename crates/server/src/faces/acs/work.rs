//! What a call works with.
use super::acl::Acl;
use super::caller::Caller;
use super::draw::Draw;
use super::envelope::Answer;
use super::fault::Fault;
use super::method::Method;
use super::params::Params;
use super::request::Request;
use super::settings::Settings;
use super::sweep::Sweep;
use super::task::Secret;
use super::user::User;
use crate::service::{self, Batch, Entry};
use crate::store::ServerTx;
use crate::{ServerNow, ServiceConfig};
use std::collections::{BTreeMap, BTreeSet};
use tisync_protocol::{Change, Mutation, Precondition, Verdict};

/// One call in its transaction.
pub(super) struct Work<'a, T> {
    pub(super) tx: &'a mut T,
    pub(super) now: &'a ServerNow,
    pub(super) config: &'a ServiceConfig,
    pub(super) settings: &'a Settings,
    pub(super) draw: &'a mut Draw,
    pub(super) request: &'a Request,
    /// The classes whose objects have changed.
    pub(super) changed: &'a mut BTreeSet<String>,
    pub(super) caller: Caller,
    /// Users and ACLs that were looked up: an answer may name one many times.
    pub(super) users: BTreeMap<String, Option<User>>,
    pub(super) acls: BTreeMap<String, Option<Acl>>,
}

/// What became of a step of a call.
pub(super) enum Done {
    Answer(Answer),
    /// There is more to delete, in other transactions.
    More(Sweep),
}

/// A change of one record, of those that all clients see.
pub(super) struct Put {
    pub(super) class: String,
    pub(super) id: String,
    pub(super) base: Precondition,
    pub(super) change: Change,
}

impl<T: ServerTx> Work<'_, T> {
    /// Carries the call out.
    pub(super) fn answer(&mut self, secret: &Secret) -> Result<Done, Fault> {
        let class = self.request.call.class.as_str();
        let answer = match self.request.call.method {
            Method::CreateUser => self.create_user(secret),
            Method::LoginUser => self.login(secret),
            Method::LogoutUser => self.logout(),
            Method::ShowMe => self.show_me(),
            Method::ShowUsers => self.show_users(),
            Method::QueryUsers => self.query_users(),
            Method::SearchUsers => self.search_users(),
            Method::CountUsers => self.count_users(),
            Method::UpdateUser => self.update_user(secret),
            Method::DeleteUser => self.delete_user(),
            Method::RequestResetPassword | Method::ResendConfirmation => Err(Fault::new(
                422,
                "This server sends no mail. An admin may set a new password with users/update and su_id.",
            )),
            Method::CreateObject => self.create_object(class),
            Method::ShowObjects => self.show_objects(class),
            Method::QueryObjects => self.query_objects(class),
            Method::CountObjects => self.count_objects(class),
            Method::UpdateObject => self.update_object(class),
            Method::DeleteObjects => self.delete_objects(class),
            Method::BatchCreateObjects => self.batch_create(class),
            Method::BatchDeleteObjects => return self.batch_delete_objects(class),
            Method::DropClass => return self.drop_class(class),
            Method::BatchDeleteUsers => return self.batch_delete_users(),
            Method::CreateAcl => self.create_acl(),
            Method::ShowAcl => self.show_acl(),
            Method::QueryAcls => self.query_acls(),
            Method::CountAcls => self.count_acls(),
            Method::UpdateAcl => self.update_acl(),
            Method::DeleteAcl => self.delete_acl(),
            Method::AddToAcl => self.change_acl_users(true),
            Method::RemoveFromAcl => self.change_acl_users(false),
            Method::CheckAcl => self.check_acl(),
        };
        answer.map(Done::Answer)
    }

    pub(super) fn params(&self) -> &Params {
        &self.request.params
    }

    /// The user for whom the call is made: the caller, or whom an administrator acts for.
    pub(super) fn acting(&mut self, names: &[&str]) -> Result<User, Fault> {
        let caller = self.caller.signed_in()?.0.clone();
        let params = &self.request.params;
        let Some(id) = names.iter().find_map(|name| params.text(name)) else {
            return Ok(caller);
        };
        if id == caller.id {
            return Ok(caller);
        }
        self.caller.require_admin(403)?;
        let id = id.to_owned();
        self.user(&id)?.ok_or_else(|| Fault::no_such(&[id]))
    }

    /// Whether records are shown with the user that they belong to.
    pub(super) fn shows_users(&self) -> bool {
        self.request.depth >= 2
    }

    pub(super) fn user(&mut self, id: &str) -> Result<Option<User>, Fault> {
        if let Some(user) = self.users.get(id) {
            return Ok(user.clone());
        }
        let user = User::find(self.tx, id)?;
        self.users.insert(id.to_owned(), user.clone());
        Ok(user)
    }

    pub(super) fn acl(&mut self, id: &str) -> Result<Option<Acl>, Fault> {
        if let Some(acl) = self.acls.get(id) {
            return Ok(acl.clone());
        }
        let acl = Acl::find(self.tx, id)?;
        self.acls.insert(id.to_owned(), acl.clone());
        Ok(acl)
    }

    /// Writes records that all clients see, through the service: it checks the names, the sizes and the
    /// application's rules, and the feed has the changes. Each succeeds or fails by itself.
    pub(super) fn push(&mut self, puts: Vec<Put>) -> Result<Vec<Result<(), Fault>>, Fault> {
        let draw = &mut *self.draw;
        let entries = puts.into_iter().map(|put| {
            Entry::Good(Box::new(Mutation {
                id: draw.mutation(),
                collection: put.class,
                record: put.id,
                base: put.base,
                stamp: None,
                stamps: Default::default(),
                group: None,
                schema: 0,
                change: put.change,
            }))
        });
        let batch = Batch(entries.collect());
        self.changed.append(&mut batch.collections());
        let answer = service::push(self.tx, self.now, self.config, batch)?;
        let verdicts = answer.results.into_iter();
        Ok(verdicts.map(|result| settled(result.verdict)).collect())
    }

    /// Writes records of which all must succeed.
    pub(super) fn push_all(&mut self, puts: Vec<Put>) -> Result<(), Fault> {
        self.push(puts)?.into_iter().collect()
    }
}

fn settled(verdict: Verdict) -> Result<(), Fault> {
    match verdict {
        Verdict::Accepted(_) => Ok(()),
        Verdict::Rejected(rejected) if rejected.code == "too-large" => {
            Err(Fault::new(413, rejected.reason))
        }
        Verdict::Rejected(rejected) => Err(Fault::bad(rejected.reason)),
        Verdict::OutOfScope => Err(Fault::new(403, "This object is not this app's to write.")),
        Verdict::Deferred(deferred) => Err(Fault::new(
            503,
            format!("Not now. Send it again in {} ms.", deferred.after_ms),
        )),
        Verdict::Outdated => Err(Fault::new(
            426,
            "This app is too old to write here. Update it; reading goes on.",
        )),
        // Its base was read in the same transaction, and it is in no group.
        Verdict::Conflict(_) | Verdict::Returned => {
            Err(Fault::new(500, "The object changed while it was written."))
        }
    }
}
