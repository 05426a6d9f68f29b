//! What a request needs next.
#[cfg(feature = "acs")]
use super::acs;
use super::native;
use crate::store::ServerStore;
use crate::{Grant, HttpRequest, HttpResponse, ServerNow, ServiceConfig};

/// What must be done next before a request is answered.
///
/// A face decides and whoever holds the stores carries out: the edge on its threads, [`super::handle`] in
/// place. So a store is never held while a password is worked on, and never longer than one step takes.
#[derive(Debug)]
pub enum Next {
    /// Nothing: this is the answer.
    Answer(HttpResponse),
    /// Work on a store that may have been opened to read only.
    Read(Task),
    /// Work on the store that writes.
    Write(Task),
    /// Work that takes long and needs no store.
    Compute(Compute),
}

/// A step of a request, to be run on a store.
#[derive(Debug)]
pub struct Task(Kind);

#[derive(Debug)]
enum Kind {
    Native(Grant, HttpRequest),
    #[cfg(feature = "acs")]
    Acs(Box<acs::Task>),
}

impl Task {
    pub(super) fn native(grant: Grant, request: HttpRequest) -> Self {
        Task(Kind::Native(grant, request))
    }

    #[cfg(feature = "acs")]
    pub(super) fn acs(task: acs::Task) -> Self {
        Task(Kind::Acs(Box::new(task)))
    }

    /// Whose data the work is on. A store that was opened to read only must know the tenant already.
    pub fn tenant(&self) -> &str {
        match &self.0 {
            Kind::Native(grant, _) => &grant.tenant,
            #[cfg(feature = "acs")]
            Kind::Acs(task) => task.tenant(),
        }
    }

    /// Does the work and says what comes next.
    pub fn run<S: ServerStore>(
        self,
        store: &mut S,
        now: &ServerNow,
        config: &ServiceConfig,
    ) -> Next {
        match self.0 {
            Kind::Native(grant, request) => {
                Next::Answer(native::serve(store, now, config, &grant, &request))
            }
            #[cfg(feature = "acs")]
            Kind::Acs(task) => task.run(store, now, config),
        }
    }
}

/// A step of a request that needs no store.
pub struct Compute(Box<dyn FnOnce() -> Next + Send>);

impl Compute {
    #[cfg(feature = "acs")]
    pub(super) fn new(work: impl FnOnce() -> Next + Send + 'static) -> Self {
        Compute(Box::new(work))
    }

    /// Does the work and says what comes next.
    pub fn run(self) -> Next {
        (self.0)()
    }
}

impl std::fmt::Debug for Compute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compute")
    }
}
