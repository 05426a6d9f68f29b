//! Requests in the backend's own words, and the parts of its answers.
use super::Server;
use super::paging::PagingOption;
use crate::Session;
use crate::http::{Http, Request, Response, classify, path_segment, query, read_json, rows_of};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use tisync_core::model::{CollectionName, Failure, RecordId};

impl Server {
    /// A collection's address.
    pub(super) fn collection(&self, collection: &CollectionName) -> String {
        let path = self.options.paths.get(collection);
        let path = path.map_or(collection.as_str(), String::as_str);
        self.at(path)
    }

    /// A record's address; `None` for an id that no address can carry.
    pub(super) fn record(&self, collection: &CollectionName, id: &RecordId) -> Option<String> {
        // Many backends take an encoded slash for one: the address would be another record's, or nobody's.
        if id.as_str().contains(['/', '\\']) && !self.options.slash_in_ids {
            return None;
        }
        let segment = path_segment(id.as_str())?;
        let collection = self.collection(collection);
        let slash = if self.options.trailing_slash { "/" } else { "" };
        Some(format!(
            "{}/{segment}{slash}",
            collection.trim_end_matches('/')
        ))
    }

    fn at(&self, path: &str) -> String {
        let path = path.trim_matches('/');
        let slash = if self.options.trailing_slash { "/" } else { "" };
        format!("{}/{path}{slash}", self.address)
    }

    pub(super) fn request(&self, session: &Session, method: &'static str, url: String) -> Request {
        let mut request = Request::json(method, url).with_auth(&self.options.auth, session);
        for (name, value) in &self.options.headers {
            request = request.with_header(&name.to_ascii_lowercase(), value);
        }
        request
    }

    pub(super) fn probe(&self, session: &Session) -> Request {
        let url = match (&self.options.probe, self.options.paths.keys().next()) {
            (Some(path), _) => self.at(path),
            (None, Some(collection)) => self.collection(collection),
            (None, None) => self.address.clone(),
        };
        match self.limit_name() {
            Some(name) => self.request(session, "GET", format!("{url}?{}", query([(name, "1")]))),
            None => self.request(session, "GET", url),
        }
    }

    /// A listing with these parameters beside those of every listing.
    pub(super) fn listing(
        &self,
        session: &Session,
        collection: &CollectionName,
        parameters: &[(&str, &str)],
    ) -> Request {
        let own = self.options.query.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let query = query(own.chain(parameters.iter().copied()));
        let url = match query.is_empty() {
            true => self.collection(collection),
            false => format!("{}?{query}", self.collection(collection)),
        };
        self.request(session, "GET", url)
    }

    /// The parameter for the number of rows in a page.
    pub(super) fn limit_name(&self) -> Option<&str> {
        match &self.options.paging {
            PagingOption::Single {} => None,
            PagingOption::Offset { limit, .. } => Some(limit),
            PagingOption::Page { limit, .. }
            | PagingOption::Cursor { limit, .. }
            | PagingOption::Link { limit }
            | PagingOption::Next { limit, .. }
            | PagingOption::Keyset { limit, .. } => limit.as_deref(),
        }
    }

    /// Why a collection does not answer as one.
    pub(super) fn refused(&self, response: &Response, collection: &CollectionName) -> Failure {
        let mut failure = classify::failure(response);
        let path = self.options.paths.get(collection);
        let path = path.map_or(collection.as_str(), String::as_str);
        failure.message = match response.status {
            404 => format!(
                "there is nothing at `{path}` below the address: name the collection's path under `paths` in the \
                 connector's options, and see whether paths end with a slash (`trailing_slash`)"
            ),
            401 => {
                "the backend refuses the token, or the way in which it is sent (`auth`)".to_owned()
            }
            403 => format!("the user may not use `{path}`"),
            _ => return failure,
        };
        failure
    }
}

/// The rows of a listing, which may be all that there are: other work has its turn in between.
pub(super) async fn all_rows<'a>(
    http: &dyn Http,
    response: &'a Response,
    path: Option<&str>,
) -> Result<Vec<&'a RawValue>, Failure> {
    let names: Vec<&str> = path.into_iter().flat_map(|path| path.split('.')).collect();
    if classify::is_json(response)
        && let Some(rows) = rows_of(http, &response.body, &names).await
    {
        return Ok(rows);
    }
    // What is wrong with it, reading it whole tells.
    rows(response, path)
}

/// The rows of a listing.
pub(super) fn rows<'a>(
    response: &'a Response,
    path: Option<&str>,
) -> Result<Vec<&'a RawValue>, Failure> {
    let whole: &RawValue = read_json(response)?;
    let rows = match path {
        Some(path) => field(whole, path)?.ok_or_else(|| no_rows(&format!("in `{path}`")))?,
        None => whole,
    };
    tisync_json::read(rows.get()).map_err(|_| no_rows("as the answer"))
}

fn no_rows(place: &str) -> Failure {
    classify::not_this_protocol(&format!(
        "an array of rows was expected {place}, but something else came: say in `rows` where they are"
    ))
}

/// A field of an answer, by names with dots between them; `None` when it is missing or null.
///
/// # Errors
/// When it is there twice: nobody knows which one is meant.
pub(super) fn field<'a>(whole: &'a RawValue, path: &str) -> Result<Option<&'a RawValue>, Failure> {
    let mut at = whole;
    for name in path.split('.') {
        let Ok(Fields(fields)) = tisync_json::read(at.get()) else {
            return Ok(None);
        };
        let mut of_name = fields.into_iter().filter(|(key, _)| key == name);
        match (of_name.next(), of_name.next()) {
            (None, _) => return Ok(None),
            (Some((_, value)), None) => at = value,
            (Some(_), Some(_)) => {
                return Err(classify::not_this_protocol(&format!(
                    "the field `{name}` was expected once, but it is in the answer twice"
                )));
            }
        }
    }
    Ok((at.get() != "null").then_some(at))
}

/// The fields of an object, as they stand there.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields(Vec::new()))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Fields<'a> {
    type Value = Self;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(field) = map.next_entry()? {
            self.0.push(field);
        }
        Ok(self)
    }
}

/// A field of an answer as text: a text or a number.
pub(super) fn text_field(response: &Response, path: &str) -> Option<String> {
    let whole: &RawValue = read_json(response).ok()?;
    let raw = field(whole, path).ok()??.get();
    match tisync_json::read::<String>(raw) {
        Ok(text) => Some(text),
        Err(_) => raw
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| raw.to_owned()),
    }
}

/// A field of an answer that names the next page; `None` when nothing follows: it is missing, null, false, or empty.
///
/// # Errors
/// When it is something else: what nobody can read is no end.
pub(super) fn token(response: &Response, path: &str) -> Result<Option<String>, Failure> {
    let whole: &RawValue = read_json(response)?;
    match field(whole, path)?.map(RawValue::get) {
        None | Some("false") => Ok(None),
        Some(_) => match text_field(response, path) {
            Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            None => Err(classify::not_this_protocol(&format!(
                "the next page was expected in `{path}` as a text or a number, but something else came"
            ))),
        },
    }
}

/// The query of the address that the header `Link` names as the next page. Only the query: where it is asked, we know.
pub(super) fn next_link(response: &Response) -> Option<String> {
    let next = links(response).find(|link| link.is("next"))?;
    Some(query_of(next.url))
}

/// Whether the header `Link` names other pages. Backends also name what is no page: a style sheet, or themselves.
pub(super) fn names_pages(response: &Response) -> bool {
    let pages = ["first", "prev", "previous", "last"];
    links(response).any(|link| pages.iter().any(|page| link.is(page)))
}

/// A link of the header `Link`.
struct Link<'a> {
    url: &'a str,
    /// What stands behind the address: `; rel="next"; title="…"`.
    about: &'a str,
}

impl Link<'_> {
    /// Whether it has this relation, perhaps beside others.
    fn is(&self, relation: &str) -> bool {
        let rels = self.about.split(';').filter_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("rel").then_some(value)
        });
        rels.flat_map(|rels| rels.split(['"', '\'', ' ', '\t']))
            .any(|rel| rel.eq_ignore_ascii_case(relation))
    }
}

/// The links of all headers `Link`. Addresses and quoted texts may have commas in them.
fn links(response: &Response) -> impl Iterator<Item = Link<'_>> {
    let headers = response.headers.iter().filter(|(name, _)| name == "link");
    headers.flat_map(|(_, value)| {
        let mut rest = value.as_str();
        std::iter::from_fn(move || {
            let (_, from) = rest.split_once('<')?;
            let (url, after) = from.split_once('>')?;
            let mut is_quoted = false;
            let end = after.find(|c| {
                is_quoted ^= c == '"';
                c == ',' && !is_quoted
            });
            let (about, behind) = after.split_at(end.unwrap_or(after.len()));
            rest = behind;
            Some(Link { url, about })
        })
    })
}

/// What stands behind the `?` of an address.
pub(super) fn query_of(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    url.split_once('?')
        .map_or("", |(_, query)| query)
        .to_owned()
}
