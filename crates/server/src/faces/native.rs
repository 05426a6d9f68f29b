//! The native protocol; `docs/PROTOCOL.md`.
use super::decode;
use crate::store::{Access, ServerStore, ServerTx};
use crate::{HttpRequest, HttpResponse, ServerNow, ServiceConfig, ServiceError, service};
use serde::Serialize;
use tisync_protocol::{Problem, Route};

/// Answers one request: decodes it, calls the service in one transaction, encodes the answer.
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
    let answer = authorise(config, request)
        .and_then(|()| route(request))
        .and_then(|route| {
            check_length(route, config, request)?;
            Ok(route)
        });
    let answer = answer.and_then(
        |route| match run(store, now, config, route, &request.body) {
            Err(Refused::Service(ServiceError::NoTenant)) => {
                service::ensure(store, &config.tenant, now).map_err(Refused::Service)?;
                run(store, now, config, route, &request.body)
            }
            answer => answer,
        },
    );
    match answer {
        Ok(body) => HttpResponse::json(200, "application/json", body),
        Err(refused) => refused.response(),
    }
}

/// What a request does to the store: which connection it needs.
pub fn access(request_path: &str) -> Access {
    match Route::at(request_path) {
        Some(Route::Push) => Access::Write,
        _ => Access::Read,
    }
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
    route: Route,
    body: &[u8],
) -> Result<Vec<u8>, Refused> {
    let tenant = &config.tenant;
    let begin = |store| -> Result<_, Refused> {
        S::begin(store, tenant, Access::Read).map_err(store_failed)
    };
    match route {
        Route::Push => {
            // Read the body before the store is locked for writing.
            let batch = decode::push(body)?;
            let mut tx = store.begin(tenant, Access::Write).map_err(store_failed)?;
            let answer = service::push(&mut tx, now, config, batch)?;
            let body = encode(&answer)?;
            tx.commit().map_err(store_failed)?;
            Ok(body)
        }
        Route::Pull => {
            let request = decode::body(body)?;
            Ok(service::pull(&mut begin(store)?, now, config, &request)?)
        }
        Route::Fetch => {
            let request = decode::body(body)?;
            encode(&service::fetch(&mut begin(store)?, now, config, request)?)
        }
        Route::Digest => {
            let request = decode::body(body)?;
            encode(&service::digest(&mut begin(store)?, now, config, request)?)
        }
        Route::About => encode(&service::about(&mut begin(store)?, now, config)?),
    }
}

fn store_failed(error: crate::StoreError) -> Refused {
    Refused::Service(ServiceError::Store(error))
}

fn encode<A: Serialize>(answer: &A) -> Result<Vec<u8>, Refused> {
    let failed = |error| {
        store_failed(crate::StoreError::failed(format!(
            "the answer was not written: {error}"
        )))
    };
    serde_json::to_vec(answer).map_err(failed)
}

fn authorise(config: &ServiceConfig, request: &HttpRequest) -> Result<(), Refused> {
    let Some(token) = &config.token else {
        return Ok(());
    };
    let sent = request.header("authorization").and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then_some(token.trim())
    });
    if sent.is_some_and(|sent| same_secret(sent.as_bytes(), token.as_bytes())) {
        return Ok(());
    }
    let came = if sent.is_some() {
        "another one came"
    } else {
        "none came"
    };
    let detail = format!(
        "The header `Authorization: Bearer <token>` must carry this server's token; {came}."
    );
    Err(Refused::Problem(Box::new(Problem::new(
        Problem::UNAUTHORIZED,
        "Not signed in",
        401,
        detail,
    ))))
}

/// Compares in a time that does not tell where the first difference is.
fn same_secret(one: &[u8], other: &[u8]) -> bool {
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
