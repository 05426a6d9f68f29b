//! A request, read: which call, with which parameters, in whose session.
use super::envelope::Manner;
use super::fault::Fault;
use super::limits::{DEPTH_DEFAULT, DEPTH_MAX};
use super::method::Call;
use super::oauth::Signed;
use super::params::Params;
use super::settings::Settings;
use super::{multipart, urlencoded};
use crate::faces::same_secret;
use crate::{HttpRequest, ServiceConfig};

/// A call and what came with it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) params: Params,
    /// The session that the client says it is in.
    pub(super) session: Option<String>,
    /// `response_json_depth`
    pub(super) depth: u64,
}

impl Request {
    /// Reads a request; the manner grows with what is understood of it.
    pub(super) fn read(
        config: &ServiceConfig,
        settings: &Settings,
        request: &HttpRequest,
        manner: &mut Manner,
    ) -> Result<Self, Fault> {
        let limit = config.limits.push_bytes_max;
        if request.body.len() as u64 > limit {
            let detail = format!("A body has at most {limit} bytes, unpacked. Send less at once.");
            return Err(Fault::new(413, detail));
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let mut signed = urlencoded::pairs(query.as_bytes())?;
        let mut params = Params::default();
        let content_type = request.header("content-type").unwrap_or_default();
        let multipart = content_type
            .trim_start()
            .get(..9)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("multipart"));
        if !multipart {
            signed.extend(urlencoded::pairs(&request.body)?);
        }
        for (name, value) in &signed {
            params.add(name, value.clone())?;
        }
        if multipart {
            multipart::read(content_type, &request.body, &mut params)?;
        }
        *manner = Manner::of(&params);
        authorise(settings, request, path, &params, signed)?;
        let call = Call::at(verb(request, &params), path)?;
        manner.method = call.method.name();
        let depth = params.number("response_json_depth", 1, DEPTH_MAX)?;
        Ok(Request {
            call,
            session: session(request, &params),
            depth: depth.unwrap_or(DEPTH_DEFAULT),
            params,
        })
    }
}

/// The verb, which a form of a browser can only name beside it.
fn verb<'a>(request: &'a HttpRequest, params: &'a Params) -> &'a str {
    let named = params.text("_method").filter(|_| request.method == "POST");
    match named.map(str::to_ascii_uppercase).as_deref() {
        Some("PUT") => "PUT",
        Some("DELETE") => "DELETE",
        _ => &request.method,
    }
}

/// Lets in whoever knows the app key, or signs with the app's secret.
fn authorise(
    settings: &Settings,
    request: &HttpRequest,
    path: &str,
    params: &Params,
    signed: Vec<(String, String)>,
) -> Result<(), Fault> {
    let authorization = request.header("authorization");
    let oauth = authorization.filter(|text| {
        text.get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("oauth"))
    });
    if let (Some(authorization), Some(consumer)) = (oauth, &settings.oauth) {
        let signed = Signed {
            verb: &request.method,
            host: request.header("host").unwrap_or_default(),
            path,
            params: signed,
            authorization,
        };
        return if signed.is_by(consumer) {
            Ok(())
        } else {
            Err(Fault::new(401, "Invalid OAuth signature"))
        };
    }
    let key = params.text("key").unwrap_or_default();
    if same_secret(key.as_bytes(), settings.key.as_bytes()) {
        return Ok(());
    }
    Err(Fault::new(
        401,
        "401 Unauthorized request. Please provide a valid App key or Oauth key.",
    ))
}

/// The session that the client names: in a parameter (most clients), or in the cookie (arrowdb, curl).
fn session(request: &HttpRequest, params: &Params) -> Option<String> {
    let named = ["_session_id", "session_id", "access_token"]
        .iter()
        .find_map(|name| params.text(name));
    if let Some(session) = named {
        return Some(session.to_owned());
    }
    request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .flat_map(|(_, value)| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, value)| *name == "_session_id" && !value.is_empty())
        .and_then(|(_, value)| urlencoded::decode(value.as_bytes(), false).ok())
}
