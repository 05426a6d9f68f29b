//! The native protocol; `docs/PROTOCOL.md`.
use super::decode;
use crate::store::{Access, ServerStore, ServerTx};
use crate::{
    Changed, Grant, HttpRequest, HttpResponse, Listens, Refusal, ServerNow, ServiceConfig,
    ServiceError, service,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use tisync_protocol::{Mutation, Problem, PushAnswer, Route, Verdict};

/// Answers one request in one transaction.
pub(super) fn handle<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    request: &HttpRequest,
) -> HttpResponse {
    match authorise(now, config, request) {
        Ok(grant) => serve(store, now, config, &grant, request),
        Err(refused) => *refused,
    }
}

/// The second half of [`handle`], for a request that was let in.
pub(super) fn serve<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    grant: &Grant,
    request: &HttpRequest,
) -> HttpResponse {
    let answer = route(request).and_then(|route| {
        check_length(route, config, request)?;
        if route == Route::Hints {
            return Ok(hints(grant, request));
        }
        match run(store, now, config, grant, route, &request.body) {
            Err(Refused::Service(ServiceError::NoTenant)) => {
                service::ensure(store, &grant.tenant, now).map_err(Refused::Service)?;
                run(store, now, config, grant, route, &request.body)
            }
            answer => answer,
        }
    });
    answer.unwrap_or_else(Refused::response)
}

/// The head of a stream of hints; the first hint comes at once, since nobody knows what was missed.
fn hints(grant: &Grant, request: &HttpRequest) -> HttpResponse {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let names = query
        .split('&')
        .filter_map(|part| part.strip_prefix("collections="));
    let body = Listens::HINT.as_bytes().to_vec();
    HttpResponse {
        listens: Some(Listens {
            tenant: grant.tenant.clone(),
            collections: names
                .flat_map(|names| names.split(','))
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            until_ms: grant.until_ms,
        }),
        ..HttpResponse::json(200, "text/event-stream", body)
    }
}

/// Whether a request needs the store that writes.
pub(super) fn writes(path: &str) -> bool {
    Route::at(path) == Some(Route::Push)
}

/// Why a request gets no answer of its route.
enum Refused {
    Service(ServiceError),
    Problem(Box<Problem>),
    BadMethod(Route),
}

impl Refused {
    fn response(self) -> HttpResponse {
        match self {
            Refused::Service(error) => {
                let (problem, retry) = error.problem();
                let mut response = HttpResponse::problem(&problem);
                response
                    .headers
                    .extend(retry.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
                if let ServiceError::Store(error) = error {
                    response.cause = Some(error.to_string());
                }
                response
            }
            Refused::BadMethod(route) => {
                let allow = route.method();
                let detail = format!("{} is meant for {allow} only.", route.path());
                let problem =
                    Problem::new(Problem::BAD_METHOD, "Another method is meant", 405, detail);
                with_header(&problem, "allow", allow)
            }
            Refused::Problem(problem) if problem.status == 401 => {
                with_header(&problem, "www-authenticate", "Bearer")
            }
            Refused::Problem(problem) => HttpResponse::problem(&problem),
        }
    }
}

fn with_header(problem: &Problem, name: &str, value: &str) -> HttpResponse {
    let mut response = HttpResponse::problem(problem);
    response.headers.push((name.to_owned(), value.to_owned()));
    response
}

impl From<ServiceError> for Refused {
    fn from(error: ServiceError) -> Self {
        Refused::Service(error)
    }
}
impl From<Box<Problem>> for Refused {
    fn from(problem: Box<Problem>) -> Self {
        Refused::Problem(problem)
    }
}

fn run<S: ServerStore>(
    store: &mut S,
    now: &ServerNow,
    config: &ServiceConfig,
    grant: &Grant,
    route: Route,
    body: &[u8],
) -> Result<HttpResponse, Refused> {
    let tenant = &grant.tenant;
    let begin = |store| -> Result<_, Refused> {
        S::begin(store, tenant, Access::Read).map_err(store_failed)
    };
    match route {
        Route::Push => {
            // Read the body before the store is locked for writing.
            let batch = decode::push(body)?;
            let collections = batch.collections();
            let mut tx = store.begin(tenant, Access::Write).map_err(store_failed)?;
            let answer = if grant.read_only {
                service::push(&mut tx, now, &read_only(config), batch)?
            } else {
                service::push(&mut tx, now, config, batch)?
            };
            let mut response = encode(&answer)?;
            tx.commit().map_err(store_failed)?;
            response.changed = changed(tenant, collections, &answer);
            Ok(response)
        }
        Route::Pull => {
            let request = decode::body(body)?;
            let page = service::pull(&mut begin(store)?, now, config, &request)?;
            Ok(HttpResponse::json(200, "application/json", page))
        }
        Route::Fetch => {
            let request = decode::body(body)?;
            encode(&service::fetch(&mut begin(store)?, now, config, request)?)
        }
        Route::Digest => {
            let request = decode::body(body)?;
            encode(&service::digest(&mut begin(store)?, now, config, request)?)
        }
        Route::About | Route::Hints => encode(&service::about(&mut begin(store)?, now, config)?),
    }
}

/// The rules for who may only read.
fn read_only(config: &ServiceConfig) -> ServiceConfig {
    ServiceConfig {
        validate: Some(Arc::new(|_: &Mutation| Err(Refusal::OutOfScope))),
        ..config.clone()
    }
}

/// What a push has changed, for those who listen.
fn changed(tenant: &str, collections: BTreeSet<String>, answer: &PushAnswer) -> Option<Changed> {
    let mut verdicts = answer.results.iter().map(|result| &result.verdict);
    let changed = verdicts.any(|verdict| matches!(verdict, Verdict::Accepted(_)));
    // A collection too many costs those who listen to it a request.
    changed.then(|| Changed {
        tenant: tenant.to_owned(),
        collections,
    })
}

fn store_failed(error: crate::StoreError) -> Refused {
    Refused::Service(ServiceError::Store(error))
}

fn encode<A: Serialize>(answer: &A) -> Result<HttpResponse, Refused> {
    let failed = |error| {
        store_failed(crate::StoreError::failed(format!(
            "the answer was not written: {error}"
        )))
    };
    let body = serde_json::to_vec(answer).map_err(failed)?;
    Ok(HttpResponse::json(200, "application/json", body))
}

/// The first half of [`handle`]: says what a request may do, or answers why it is not let in.
pub(super) fn authorise(
    now: &ServerNow,
    config: &ServiceConfig,
    request: &HttpRequest,
) -> Result<Grant, Box<HttpResponse>> {
    let sent = request.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    });
    let detail = match (&config.authorise, &config.token) {
        (Some(authorise), _) => match authorise.check(sent, now) {
            Ok(grant) => return Ok(grant),
            Err(detail) => detail,
        },
        (None, None) => return Ok(Grant::to(&config.tenant)),
        (None, Some(token)) => match sent {
            Some(sent) if same_secret(sent.as_bytes(), token.as_bytes()) => {
                return Ok(Grant::to(&config.tenant));
            }
            sent => {
                let came = sent.map_or("none came", |_| "another one came");
                format!(
                    "The header `Authorization: Bearer <token>` must carry this server's token; {came}."
                )
            }
        },
    };
    let problem = Problem::new(Problem::UNAUTHORIZED, "Not signed in", 401, detail);
    Err(Box::new(Refused::Problem(Box::new(problem)).response()))
}

/// Compares in a time that does not tell where the first difference is.
pub fn same_secret(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && difference == 0
}

fn route(request: &HttpRequest) -> Result<Route, Refused> {
    let Some(route) = Route::at(&request.path) else {
        let paths = Route::ALL.map(Route::path).join(", ");
        let detail = format!("There is nothing at this path. There are: {paths}.");
        return Err(Refused::Problem(Box::new(Problem::new(
            Problem::NOT_FOUND,
            "Nothing here",
            404,
            detail,
        ))));
    };
    if request.method == route.method() {
        Ok(route)
    } else {
        Err(Refused::BadMethod(route))
    }
}

fn check_length(
    route: Route,
    config: &ServiceConfig,
    request: &HttpRequest,
) -> Result<(), Refused> {
    let limit = match route {
        Route::Push => config.limits.push_bytes_max,
        _ => crate::limits::QUERY_BYTES_MAX,
    };
    if request.body.len() as u64 <= limit {
        return Ok(());
    }
    let detail = format!("A body has at most {limit} bytes, unpacked. Send less at once.");
    Err(Refused::Service(ServiceError::TooLarge { limit, detail }))
}
