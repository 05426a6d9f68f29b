//! The face of Appcelerator Cloud Services (ACS, later Arrow DB): users, custom objects and ACLs for apps
//! that were written for that closed cloud; `docs/ACS.md`.
//!
//! ```text
//! request   address, forms and multipart → call, parameters, session
//! task      the steps of a call: passwords without a store, the rest in one transaction
//!   work      what a call works with: transaction, caller, chance
//!     calls     one file for each few calls
//!       query     the query language, over any kind of records
//!       fields    what ACS made of an app's values
//! envelope  answer or fault → response
//! ```
//! An object is a record of the collection that is named as its class; what the app wrote is the document.
//! Users, sessions, ACLs and rights are hidden records: see [`crate::service`].
mod acl;
mod admin;
mod caller;
mod calls;
mod date;
mod draw;
mod envelope;
mod fault;
mod fields;
mod limits;
mod method;
mod multipart;
mod oauth;
mod object_id;
mod params;
mod password;
mod query;
mod request;
mod rights;
mod session;
mod settings;
mod sweep;
mod task;
mod urlencoded;
mod user;
mod work;

pub use admin::ensure_admin;
pub use settings::{Admin, OAuth, PasswordCost, Settings};
pub(super) use task::Task;

use super::Next;
use crate::{HttpRequest, HttpResponse, ServerNow, ServiceConfig};
use tisync_protocol::Problem;

/// The settings, if this face is switched on and a path belongs to it.
pub(super) fn settings<'a>(config: &'a ServiceConfig, path: &str) -> Option<&'a Settings> {
    config.acs.as_ref().filter(|_| method::is_meant(path))
}

/// Begins a request.
pub(super) fn start(
    now: &ServerNow,
    config: &ServiceConfig,
    settings: &Settings,
    request: HttpRequest,
) -> Next {
    task::start(now, config, settings, request)
}

/// The answer to a request that never came through.
pub(super) fn refuse(path: &str, problem: &Problem) -> HttpResponse {
    let manner = envelope::Manner::of_address(path);
    envelope::respond(manner, Err(fault::Fault::from(problem)))
}

/// Forgets sessions that have ended; returns how many. The caller commits.
pub fn prune<T: crate::ServerTx>(
    tx: &mut T,
    now: &ServerNow,
) -> Result<usize, crate::ServiceError> {
    session::prune(tx, now)
}
