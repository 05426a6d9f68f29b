//! The server on a socket: limits, compression and threads around [`crate::faces::handle`].
//!
//! ```no_run
//! use tisync_server::edge::{ServeConfig, serve};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8717").await?;
//! let interrupted = async { drop(tokio::signal::ctrl_c().await) };
//! serve(ServeConfig::new("tisync.db"), listener, interrupted).await?;
//! # Ok(())
//! # }
//! ```
mod admin;
mod body;
mod clock;
mod config;
mod gzip;
mod hub;
mod limits;
mod steps;
mod stores;

pub use admin::{EdgeError, new_epoch, setup};
pub use config::{Compress, ServeConfig};

use crate::{HttpRequest, HttpResponse, ServiceConfig, faces};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use axum::serve::ListenerExt;
use hub::Hub;
use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use stores::Stores;
use tisync_protocol::Problem;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Serves until `shutdown` resolves; requests under way are answered first.
pub async fn serve(
    config: ServeConfig,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EdgeError> {
    let (stop, stopped) = watch::channel(false);
    let edge = Arc::new(Edge::open(config, stopped).await?);
    let pruner = tokio::spawn(edge.clone().prune_for_ever());
    let router = Router::new().fallback(answer).with_state(edge);
    // Small answers must not wait for more to fill a packet.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            shutdown.await;
            // Streams of hints end first: they would not by themselves.
            let _ = stop.send(true);
        })
        .await;
    pruner.abort();
    served.map_err(EdgeError::Listen)
}

struct Edge {
    service: Arc<ServiceConfig>,
    compress: Compress,
    stores: Stores,
    /// The tenants that are there for certain.
    tenants: Mutex<BTreeSet<String>>,
    hub: Arc<Hub>,
    /// One permit for each piece of heavy work that may go on at once.
    computing: Arc<Semaphore>,
}

impl Edge {
    async fn open(config: ServeConfig, stopped: watch::Receiver<bool>) -> Result<Self, EdgeError> {
        let open = move || {
            setup(&config.path, &config.service.tenant)?;
            #[cfg(feature = "acs")]
            admin::ensure_acs_admin(&config)?;
            Ok(Edge {
                stores: Stores::open(&config.path, config.readers)?,
                tenants: Mutex::new(BTreeSet::from([config.service.tenant.clone()])),
                service: Arc::new(config.service),
                compress: config.compress,
                hub: Arc::new(Hub::new(stopped)),
                computing: Arc::new(Semaphore::new(limits::COMPUTING)),
            })
        };
        let opened = tokio::task::spawn_blocking(open);
        opened.await.map_err(|_| EdgeError::Stopped)?
    }

    async fn prune_for_ever(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(limits::PRUNE_EVERY);
        loop {
            ticks.tick().await;
            let tenants = self
                .tenants
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            for tenant in tenants {
                self.prune(tenant).await;
            }
        }
    }

    async fn prune(&self, tenant: String) {
        let config = self.service.clone();
        let pruned = self
            .stores
            .write(move |store| admin::prune(store, &tenant, &config))
            .await;
        match pruned {
            Some(Ok(pruned)) => {
                tracing::debug!(
                    receipts = pruned.receipts,
                    horizon = pruned.horizon,
                    "pruned"
                );
            }
            Some(Err(error)) => tracing::error!(%error, "pruning failed; it is tried again"),
            None => tracing::error!("pruning was cut short; it is tried again"),
        }
    }

    /// Makes a tenant that is not there yet: those who read cannot.
    async fn admit(&self, tenant: &str) -> Option<()> {
        let known = |edge: &Self| {
            let tenants = edge.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            tenants.contains(tenant)
        };
        if known(self) {
            return Some(());
        }
        let name = tenant.to_owned();
        let made = self
            .stores
            .write(move |store| crate::service::ensure(store, &name, &clock::now()))
            .await;
        match made {
            Some(Ok(())) => {
                let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
                tenants.insert(tenant.to_owned());
                Some(())
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a tenant could not be made");
                None
            }
            None => None,
        }
    }
}

/// A request whose body is as it came.
struct Unpacked {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    gzip: bool,
}

impl Unpacked {
    /// The request without its body.
    fn head(&self) -> HttpRequest {
        HttpRequest {
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: Vec::new(),
        }
    }

    fn unpack(self, bytes_max: u64) -> Result<HttpRequest, Box<Problem>> {
        let body = if self.gzip {
            gzip::unpack(&self.body, bytes_max)?
        } else {
            self.body
        };
        Ok(HttpRequest {
            method: self.method,
            path: self.path,
            headers: self.headers,
            body,
        })
    }
}

async fn answer(
    State(edge): State<Arc<Edge>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let pack = edge.compress.wants(peer.ip()) && gzip::is_accepted(&parts.headers);
    let read = async {
        let gzip = gzip::is_packed(&parts.headers)?;
        let body = body::read(body, edge.service.limits.push_bytes_max).await?;
        Ok::<_, Box<Problem>>(Unpacked {
            method: parts.method.as_str().to_owned(),
            path: path_of(&parts.uri),
            headers: plain(&parts.headers),
            body,
            gzip,
        })
    };
    let response = match read.await {
        Ok(request) => edge.run(request, pack).await,
        Err(problem) => faces::refuse(&edge.service, &path_of(&parts.uri), &problem),
    };
    // Neither a header nor what follows the path: both carry secrets.
    tracing::debug!(
        method = %parts.method,
        path = parts.uri.path(),
        status = response.status,
        bytes = response.body.len(),
        ms = began.elapsed().as_millis(),
        "answered"
    );
    if let Some(cause) = &response.cause {
        tracing::error!(
            path = parts.uri.path(),
            status = response.status,
            cause,
            "a request failed"
        );
    }
    if let Some(changed) = &response.changed {
        edge.hub.tell(changed);
    }
    answer_with(&edge, response)
}

/// The answer, which may go on as a stream of hints.
fn answer_with(edge: &Edge, mut response: HttpResponse) -> Response<Body> {
    let Some(listens) = response.listens.take() else {
        return into_axum(response);
    };
    let first = std::mem::take(&mut response.body);
    let head = into_axum(response);
    let now_ms = clock::now().wall_ms;
    edge.hub
        .stream(head, first, listens, now_ms)
        .unwrap_or_else(|refused| into_axum(*refused))
}

/// The path with its query.
fn path_of(uri: &Uri) -> String {
    uri.path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

/// The headers that are text; the service reads no others.
fn plain(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect()
}

fn into_axum(response: HttpResponse) -> Response<Body> {
    let mut answer = Response::new(Body::from(response.body));
    // Statuses are constants of this crate, all of them valid.
    *answer.status_mut() =
        StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<header::HeaderName>(), value.parse()) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}
