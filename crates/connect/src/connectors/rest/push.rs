//! Writes go up one after the other.
use super::Server;
use super::ask::rows;
use super::fetch::{Answer, Collections, look};
use super::options::{AnswersOption, CreateOption, DeleteOption, IdsOption, UpdateOption};
use crate::Session;
use crate::http::{Http, Request, Response, classify, cut_text, send};
use crate::limits::MESSAGE_CHARS_MAX;
use tisync_core::model::{
    Change, Failure, FailureKind, Image, MutationId, Precondition, PushItem, Pushed, Remote,
    Verdict,
};
use tisync_json::{Document, Object, Value};

/// Milliseconds until what was not sent, because something before it failed, may go again.
const NEXT_TRY_MS: u64 = 1_000;

pub(super) async fn verdicts(
    server: &Server,
    http: &dyn Http,
    session: &Session,
    batch: &[PushItem],
) -> Result<Pushed, Failure> {
    let mut writer = Writer {
        server,
        http,
        session,
        collections: Collections::default(),
    };
    let mut verdicts: Vec<(MutationId, Verdict)> = Vec::with_capacity(batch.len());
    for (number, item) in batch.iter().enumerate() {
        match writer.write(item).await {
            Ok(Some(verdict)) => verdicts.push((item.id, verdict)),
            Ok(None) => {}
            Err(failure) if number == 0 && (failure.not_sent || batch.len() == 1) => {
                return Err(failure);
            }
            Err(failure) => {
                if failure.not_sent {
                    let after_ms = NEXT_TRY_MS;
                    verdicts.push((item.id, Verdict::Deferred { after_ms }));
                }
                // The rest was not sent at all.
                let after_ms = match failure.kind {
                    FailureKind::Retry { after_ms: Some(ms) } => ms,
                    _ => NEXT_TRY_MS,
                };
                let rest = batch[number + 1..].iter();
                verdicts.extend(rest.map(|item| (item.id, Verdict::Deferred { after_ms })));
                break;
            }
        }
    }
    Ok(Pushed::from(verdicts))
}

struct Writer<'a> {
    server: &'a Server,
    http: &'a dyn Http,
    session: &'a Session,
    collections: Collections<'a>,
}

impl<'a> Writer<'a> {
    /// `None` when the answer proves nothing.
    async fn write(&mut self, item: &'a PushItem) -> Result<Option<Verdict>, Failure> {
        if let Some(reason) = self.server.refusal(item.document.as_ref()) {
            return Ok(Some(Verdict::Rejected { reason }));
        }
        let Some(sent) = self.request(item) else {
            let reason = format!(
                "no address of this backend can carry the id `{}`: give the record another id, or see `slash_in_ids` in \
                 the connector's options",
                item.record
            );
            return Ok(Some(Verdict::Rejected { reason }));
        };
        let response = send(self.http, sent).await?;
        let status = response.status;
        match status {
            200..=299 if item.change == Change::Delete => self.deleted(item, &response).await,
            200..=299 => match self.made_elsewhere(item, &response).await {
                Some(reason) => Ok(Some(Verdict::Rejected { reason })),
                None => self.accepted(item, &response).map(Some),
            },
            // It has certainly done nothing.
            401 | 407 | 425 | 429 => Err(self.refused(item, &response)),
            404 | 410 if is_create(item) => Err(self.refused(item, &response)),
            404 | 410 => self.missing(item, &response).await,
            412 => self.conflict(item).await,
            // A create that repeats one, or an update that the backend itself compares.
            409 => self.exists(item, &response).await,
            400 | 422 | 500 if is_create(item) && self.server.options.ids == IdsOption::Client => {
                self.exists(item, &response).await
            }
            408 | 500..=599 => Err(classify::failure(&response)),
            // A page of HTML: something in between refuses, and nobody knows what the backend says.
            403 if classify::failure(&response).kind == FailureKind::NotThisProtocol => {
                Err(classify::failure(&response))
            }
            413 => Ok(Some(Verdict::Rejected {
                reason: "the record is too large for the backend".to_owned(),
            })),
            400..=499 => Ok(Some(Verdict::Rejected {
                reason: reason(&response),
            })),
            _ => Err(classify::failure(&response)),
        }
    }

    /// Why the backend has not carried a write out.
    fn refused(&self, item: &PushItem, response: &Response) -> Failure {
        self.server
            .refused(response, &item.collection)
            .not_sent(true)
    }

    /// The request of a write; `None` for an id that no address can carry.
    fn request(&self, item: &PushItem) -> Option<Request> {
        let (server, session) = (self.server, self.session);
        let options = &server.options;
        let fields = || {
            item.document
                .as_ref()
                .map(Document::object)
                .unwrap_or_default()
        };
        let to_record = |method| {
            Some(server.request(
                session,
                method,
                server.record(&item.collection, &item.record)?,
            ))
        };
        let sent = match (&item.change, options.create, options.update) {
            (Change::Delete, ..) if options.delete == DeleteOption::Patch => {
                let field = options.deleted_field.clone()?;
                let body: Object = [(field, Value::Bool(true))].into();
                to_record("PATCH")?.with_body(&Document::from_object(&body))
            }
            (Change::Delete, ..) => to_record("DELETE")?,
            (Change::Create(_), CreateOption::Put, _) => {
                to_record("PUT")?.with_body(&server.body(item, fields()))
            }
            (Change::Create(_), CreateOption::Post, _) => {
                // What is put must have an address: so must what is posted, or it could never be read again.
                if options.ids == IdsOption::Client {
                    server.record(&item.collection, &item.record)?;
                }
                let marked = server.marked(item.id, fields());
                let url = server.collection(&item.collection);
                server
                    .request(session, "POST", url)
                    .with_body(&server.body(item, marked))
            }
            (Change::Patch(patch), _, UpdateOption::Patch) => {
                let whole = fields();
                let keys = patch.paths().filter_map(|path| path.keys().first());
                let changed =
                    keys.map(|key| (key.clone(), whole.get(key).cloned().unwrap_or_default()));
                to_record("PATCH")?.with_body(&Document::from_object(&changed.collect()))
            }
            (_, _, UpdateOption::Patch) => {
                to_record("PATCH")?.with_body(&Document::from_object(&fields()))
            }
            (_, _, UpdateOption::Put) => to_record("PUT")?.with_body(&server.body(item, fields())),
        };
        Some(match &item.precondition {
            Precondition::Version(version) if options.if_match => {
                sent.with_header("if-match", quoted(version.as_str()))
            }
            Precondition::Absent if options.if_match && options.create == CreateOption::Put => {
                sent.with_header("if-none-match", "*")
            }
            _ => sent,
        })
    }

    fn accepted(&self, item: &PushItem, response: &Response) -> Result<Verdict, Failure> {
        let options = &self.server.options;
        let nothing = Verdict::Accepted {
            id: None,
            version: None,
            image: None,
            stamp: None,
            schema: None,
            migrated: false,
        };
        if options.answers == AnswersOption::Nothing {
            // A page of HTML says nothing of a write, and a listing says that a redirect made a read of it.
            let is_listing = is_create(item) && rows(response, options.rows.as_deref()).is_ok();
            return match response.body.is_empty() || classify::is_json(response) {
                true if !is_listing => Ok(nothing),
                true => Err(classify::not_this_protocol(
                    "an answer to a create was expected, but a listing came: the backend redirects; see whether paths end \
                     with a slash (`trailing_slash`)",
                )),
                false => Err(classify::not_this_protocol(
                    "an answer of JSON, or none, was expected to a write, but another came: check the address",
                )),
            };
        }
        let row = self.server.one(response)?.map_err(|reason| {
            classify::not_this_protocol(&format!(
                "the record was expected as the answer to a write, but {reason}; say in `row` where it is, or \
                 `answers = \"nothing\"`"
            ))
        })?;
        let made = match options.ids {
            IdsOption::Server if is_create(item) => Some(row.id.clone()),
            _ if row.id == item.record => None,
            _ => {
                return Err(classify::not_this_protocol(
                    "the record that was written was expected as the answer, but another one came",
                ));
            }
        };
        let is_as_sent = match (&row.document, &item.document) {
            (Some(kept), Some(sent)) => kept.same(sent),
            _ => false,
        };
        Ok(Verdict::Accepted {
            id: made,
            version: row.version,
            image: match is_as_sent {
                true => None,
                // It may have been marked as deleted meanwhile.
                false => Some(row.document.map_or(Image::Gone, Image::Present)),
            },
            stamp: row.stamp,
            schema: None,
            migrated: false,
        })
    }

    /// Why a create under an id of ours is parked, when the backend made the id itself, and shows the record under it:
    /// sent again the write would make another record each time.
    async fn made_elsewhere(&self, item: &PushItem, response: &Response) -> Option<String> {
        let (server, http, session) = (self.server, self.http, self.session);
        let options = &server.options;
        if !is_create(item) || options.ids == IdsOption::Server || !options.fetch {
            return None;
        }
        let made = server.one(response).ok()?.ok()?;
        if made.id == item.record {
            return None;
        }
        match look(server, http, session, &item.collection, &made.id).await {
            Ok(Answer::Row(row)) if row.document == made.document => {}
            _ => return None,
        }
        Some(classify::cut(&format!(
            "the backend made a record of it under the id {}, which is its own: say `ids = \"server\"` in the connector's \
             options, and remove that record",
            made.id
        )))
    }

    /// A delete was carried out, when that is what the answer can mean. Backends say nothing of it, or show what they
    /// deleted; after any other JSON, which something in between may have given, the record itself is asked, or where
    /// that cannot be done whether its collection answers as one.
    async fn deleted(
        &mut self,
        item: &'a PushItem,
        response: &Response,
    ) -> Result<Option<Verdict>, Failure> {
        let body = response.body.trim_ascii();
        if matches!(body, b"" | b"{}" | b"null") {
            return Ok(Some(Verdict::accepted(None)));
        }
        if !classify::is_json(response) {
            return Err(classify::not_this_protocol(
                "an answer of JSON, or none, was expected to a delete, but another came: check the address",
            ));
        }
        let shown = self.server.one(response).ok().and_then(Result::ok);
        let shown = shown.map(|row| row.id == item.record);
        if shown == Some(true) {
            return Ok(Some(Verdict::accepted(None)));
        }
        if !self.server.options.fetch {
            let is_listing = rows(response, self.server.options.rows.as_deref()).is_ok();
            return match shown.is_none() && !is_listing && self.is_there(item).await? {
                true => Ok(Some(Verdict::accepted(None))),
                false => Err(classify::not_this_protocol(
                    "an answer to a delete was expected, but what came proves nothing: check the address; see whether \
                     the backend redirects, and whether something is between this device and the server, such as a \
                     sign-in page of the network",
                )),
            };
        }
        let remote = self.remote(item).await.map_err(|failure| {
            // Whatever it proves of the question: the delete before it was sent.
            failure.not_sent(false)
        })?;
        match remote.map(|remote| remote.image) {
            Some(Image::Gone | Image::Absent) => Ok(Some(Verdict::accepted(None))),
            Some(Image::Present(_)) => Err(classify::not_this_protocol(
                "the record was expected to be gone after the answer to its delete, but it is there: is something between \
                 this device and the server, such as a sign-in page of the network?",
            )),
            None => Ok(None),
        }
    }

    /// Whether the collection of a record that was written answers as one: then it is the backend that speaks.
    async fn is_there(&mut self, item: &'a PushItem) -> Result<bool, Failure> {
        let (server, http, session) = (self.server, self.http, self.session);
        let does = self
            .collections
            .does(server, http, session, &item.collection);
        does.await.map_err(|failure| {
            // Whatever it proves of the question: the write before it was sent.
            failure.not_sent(false)
        })
    }

    /// The record is not there, when its collection is.
    async fn missing(
        &mut self,
        item: &'a PushItem,
        response: &Response,
    ) -> Result<Option<Verdict>, Failure> {
        let (server, http, session) = (self.server, self.http, self.session);
        let failure = || server.refused(response, &item.collection);
        if !classify::is_json(response) {
            return Err(failure());
        }
        match self
            .collections
            .does(server, http, session, &item.collection)
            .await
        {
            Ok(true) => Ok(Some(Verdict::Conflict {
                remote: Some(Image::Gone.into()),
            })),
            Ok(false) => Err(failure()),
            // Nothing was written, whatever the reason is: the engine looks it up.
            Err(_) => Ok(Some(Verdict::Conflict { remote: None })),
        }
    }

    /// The precondition failed: what is there comes back.
    async fn conflict(&mut self, item: &'a PushItem) -> Result<Option<Verdict>, Failure> {
        // That nothing was written is sure, also when nobody says what is there: then the engine looks it up.
        let remote = self.remote(item).await.unwrap_or_default();
        Ok(Some(Verdict::Conflict { remote }))
    }

    /// A create was refused: because the record is there, or for good.
    async fn exists(
        &mut self,
        item: &'a PushItem,
        response: &Response,
    ) -> Result<Option<Verdict>, Failure> {
        let remote = self.remote(item).await.map_err(|failure| {
            // Whatever it proves of the question: the write before it was sent.
            failure.not_sent(false)
        })?;
        match remote {
            Some(remote) if remote.image.is_present() => Ok(Some(Verdict::Conflict {
                remote: Some(remote),
            })),
            // An error inside the backend proves nothing.
            _ if response.status >= 500 => Ok(None),
            // Sent again it would be refused again: what is in its way is not a record under its id.
            Some(_) if is_create(item) => Ok(Some(Verdict::Rejected {
                reason: reason(response),
            })),
            remote if response.status == 409 => Ok(Some(Verdict::Conflict { remote })),
            _ => Ok(Some(Verdict::Rejected {
                reason: reason(response),
            })),
        }
    }

    async fn remote(&mut self, item: &'a PushItem) -> Result<Option<Remote>, Failure> {
        let (server, http, session) = (self.server, self.http, self.session);
        if !server.options.fetch {
            return Ok(None);
        }
        Ok(
            match look(server, http, session, &item.collection, &item.record).await? {
                Answer::Row(row) => Some(row.remote()),
                Answer::Nothing
                    if self
                        .collections
                        .does(server, http, session, &item.collection)
                        .await? =>
                {
                    Some(Image::Gone.into())
                }
                Answer::Nothing | Answer::Unclear => None,
            },
        )
    }
}

fn is_create(item: &PushItem) -> bool {
    matches!(item.change, Change::Create(_))
}

/// A version as `If-Match` takes it.
fn quoted(version: &str) -> String {
    match version.starts_with('"') || version.starts_with("W/") {
        true => version.to_owned(),
        false => format!("\"{version}\""),
    }
}

/// Why the backend refuses, in its own words where they are JSON.
fn reason(response: &Response) -> String {
    let words = match classify::is_json(response) {
        true => String::from_utf8_lossy(&response.body),
        false => "it gives no reason".into(),
    };
    let words = cut_text(words.trim(), MESSAGE_CHARS_MAX);
    classify::cut(&format!(
        "the backend refuses the record ({}): {words}",
        response.status
    ))
}
