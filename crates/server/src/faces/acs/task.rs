//! The steps of a call: what is worked out without a store, and what in a transaction.
use super::caller::Caller;
use super::draw::Draw;
use super::envelope::{Answer, Manner, respond};
use super::fault::Fault;
use super::method::Method;
use super::password;
use super::request::Request;
use super::settings::Settings;
use super::sweep::Sweep;
use super::user::User;
use super::work::{Done, Work};
use crate::faces::next::{self, Compute, Next};
use crate::store::{Access, ServerStore, ServerTx};
use crate::{Changed, HttpRequest, ServerNow, ServiceConfig, service};
use std::collections::{BTreeMap, BTreeSet};

/// A call on its way.
#[derive(Debug)]
pub(in crate::faces) struct Task {
    request: Request,
    manner: Manner,
    draw: Draw,
    stage: Stage,
    access: Access,
    tenant: String,
    /// The classes whose objects have changed, for those who listen.
    changed: BTreeSet<String>,
}

#[derive(Debug)]
enum Stage {
    /// Look up what the password must be.
    Login,
    Call(Secret),
    /// Go on deleting.
    Sweep(Sweep),
}

/// What was worked out from a password.
#[derive(Debug)]
pub(super) enum Secret {
    /// There was none.
    None,
    /// The hash of a new one.
    Hash(String),
    /// It is this user's, as long as the user's hash is this one.
    Login { user_id: String, hash: String },
}

/// Begins a request.
pub(super) fn start(
    now: &ServerNow,
    config: &ServiceConfig,
    settings: &Settings,
    request: HttpRequest,
) -> Next {
    let mut manner = Manner::of_address(&request.path);
    let read = Request::read(config, settings, &request, &mut manner);
    let request = match read {
        Ok(request) => request,
        Err(fault) => return Next::Answer(respond(manner, Err(fault))),
    };
    let access = request.call.method.access();
    let task = Task {
        request,
        manner,
        draw: Draw::new(now),
        stage: Stage::Call(Secret::None),
        access,
        tenant: config.tenant.clone(),
        changed: BTreeSet::new(),
    };
    task.prepare(settings)
        .unwrap_or_else(|fault| Next::Answer(respond(manner, Err(fault))))
}

impl Task {
    /// Sees to passwords first.
    fn prepare(mut self, settings: &Settings) -> Result<Next, Fault> {
        let params = &self.request.params;
        let password = params.text("password").map(str::to_owned);
        match (self.request.call.method, password) {
            (Method::LoginUser, _) => {
                params.required("login")?;
                params.required("password")?;
                self.stage = Stage::Login;
                self.access = Access::Read;
                Ok(self.next())
            }
            (Method::CreateUser | Method::UpdateUser, Some(password)) => {
                password::check(&password, params.text("password_confirmation"))?;
                let (salt, cost) = (self.draw.bytes(), settings.password);
                Ok(Next::Compute(Compute::new(move || {
                    match password::hash(&password, salt, cost) {
                        Ok(hash) => {
                            self.stage = Stage::Call(Secret::Hash(hash));
                            self.next()
                        }
                        Err(fault) => self.end(Err(fault)),
                    }
                })))
            }
            _ => Ok(self.next()),
        }
    }

    pub(in crate::faces) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Does one step on a store.
    pub(in crate::faces) fn run<S: ServerStore>(
        self,
        store: &mut S,
        now: &ServerNow,
        config: &ServiceConfig,
    ) -> Next {
        let manner = self.manner;
        self.step(store, now, config)
            .unwrap_or_else(|fault| Next::Answer(respond(manner, Err(fault))))
    }

    fn step<S: ServerStore>(
        self,
        store: &mut S,
        now: &ServerNow,
        config: &ServiceConfig,
    ) -> Result<Next, Fault> {
        let Some(settings) = &config.acs else {
            return Err(Fault::new(500, "The ACS face is switched off."));
        };
        if store.begin(&self.tenant, Access::Read)?.meta()?.is_none() {
            service::ensure(store, &self.tenant, now)?;
        }
        let tx = store.begin(&self.tenant, self.access)?;
        match self.stage {
            Stage::Login => self.look_up(tx, settings),
            Stage::Call(_) | Stage::Sweep(_) => self.call(tx, now, config, settings),
        }
    }

    /// Finds what a login's password must be; it is compared without the store.
    fn look_up<T: ServerTx>(mut self, mut tx: T, settings: &Settings) -> Result<Next, Fault> {
        let params = &self.request.params;
        let user = User::by_login(&mut tx, params.required("login")?)?;
        let password = params.required("password")?.to_owned();
        let cost = settings.password;
        Ok(Next::Compute(Compute::new(move || {
            let hash = user.as_ref().map(|user| user.password.as_str());
            match (password::is(&password, hash, cost), user) {
                (true, Some(user)) => {
                    self.stage = Stage::Call(Secret::Login {
                        user_id: user.id,
                        hash: user.password,
                    });
                    self.access = Access::Write;
                    self.next()
                }
                _ => self.end(Err(Fault::bad_login())),
            }
        })))
    }

    fn call<T: ServerTx>(
        mut self,
        mut tx: T,
        now: &ServerNow,
        config: &ServiceConfig,
        settings: &Settings,
    ) -> Result<Next, Fault> {
        let session = self.request.session.as_deref();
        let mut caller = Caller::find(&mut tx, now, session)?;
        if let Caller::User(signed_in) = &mut caller
            && signed_in.1.is_due(now, settings.session_ms)
        {
            if self.access == Access::Read {
                self.access = Access::Write;
                drop(tx);
                return Ok(self.next());
            }
            signed_in.1.prolong(&mut tx, now, settings.session_ms)?;
        }
        let mut work = Work {
            tx: &mut tx,
            now,
            config,
            settings,
            draw: &mut self.draw,
            request: &self.request,
            changed: &mut self.changed,
            caller,
            users: BTreeMap::new(),
            acls: BTreeMap::new(),
        };
        let done = match &self.stage {
            Stage::Call(secret) => work.answer(secret)?,
            Stage::Sweep(sweep) => work.sweep(sweep.clone())?,
            Stage::Login => return Err(Fault::bad_login()),
        };
        if self.access == Access::Write {
            tx.commit()?;
        }
        Ok(match done {
            Done::Answer(answer) => self.end(Ok(answer)),
            Done::More(sweep) => {
                self.stage = Stage::Sweep(sweep);
                self.next()
            }
        })
    }

    fn next(self) -> Next {
        match self.access {
            Access::Read => Next::Read(next::Task::acs(self)),
            Access::Write => Next::Write(next::Task::acs(self)),
        }
    }

    fn end(self, outcome: Result<Answer, Fault>) -> Next {
        let mut response = respond(self.manner, outcome);
        response.changed = (!self.changed.is_empty()).then_some(Changed {
            tenant: self.tenant,
            collections: self.changed,
        });
        Next::Answer(response)
    }
}
