//! What a server looks like from outside: each face turns requests into calls of the service.
#[cfg(feature = "acs")]
pub mod acs;
mod decode;
mod native;
mod next;

pub use native::same_secret;
pub use next::{Compute, Next, Task};

use crate::store::ServerStore;
use crate::{HttpRequest, HttpResponse, ServerNow, ServiceConfig};
use tisync_protocol::Problem;

/// Answers one request: decodes it, calls the service in transactions, encodes the answer.
///
/// This is the whole server without a socket. It reads no clock and starts no thread; the same store,
/// `now`, configuration and request always give the same answer.
///
/// ```
/// use tisync_server::{HttpRequest, MemoryServerStore, ServerNow, ServiceConfig, faces};
/// let mut store = MemoryServerStore::default();
/// let request = HttpRequest::new("GET", "/v1/about", "");
/// let answer = faces::handle(&mut store, &ServerNow::default(), &ServiceConfig::default(), &request);
/// assert_eq!(answer.status, 200);
/// ```
pub fn handle<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    request: &HttpRequest,
) -> HttpResponse {
    #[cfg(feature = "acs")]
    if let Some(settings) = acs::settings(config, &request.path) {
        let mut next = acs::start(now, config, settings, request.clone());
        loop {
            next = match next {
                Next::Answer(answer) => return answer,
                Next::Read(task) | Next::Write(task) => task.run(store, now, config),
                Next::Compute(compute) => compute.run(),
            };
        }
    }
    // Without a copy of the body.
    native::handle(store, now, config, request)
}

/// Begins a request: says what it needs first.
pub fn start(now: &ServerNow, config: &ServiceConfig, request: HttpRequest) -> Next {
    #[cfg(feature = "acs")]
    if let Some(settings) = acs::settings(config, &request.path) {
        return acs::start(now, config, settings, request);
    }
    match native::authorise(now, config, &request) {
        Ok(grant) if native::writes(&request.path) => Next::Write(Task::native(grant, request)),
        Ok(grant) => Next::Read(Task::native(grant, request)),
        Err(refused) => Next::Answer(*refused),
    }
}

/// Refuses a request of which only the head is known, if nothing of it will be done whatever the body holds.
pub fn let_in(
    now: &ServerNow,
    config: &ServiceConfig,
    head: &HttpRequest,
) -> Result<(), Box<HttpResponse>> {
    #[cfg(feature = "acs")]
    if acs::settings(config, &head.path).is_some() {
        // Its key may stand in the body.
        return Ok(());
    }
    native::authorise(now, config, head).map(|_| ())
}

/// The answer to a request that never came through, in the words of the face that it was for.
pub fn refuse(config: &ServiceConfig, path: &str, problem: &Problem) -> HttpResponse {
    #[cfg(feature = "acs")]
    if acs::settings(config, path).is_some() {
        return acs::refuse(path, problem);
    }
    let _ = (config, path);
    HttpResponse::problem(problem)
}
