//! Commands in, answers out.
use crate::answer::{Answer, Ask};
use crate::command::Command;
use crate::host::Host;
use crate::replica::Replica;
use crate::session::Given;
use crate::slots::{Asked, Filled, Slots};
use crate::streams::News;
use serde::Serialize;
use std::rc::Rc;
use tisync_connect::http::HttpError;
use tisync_connect::{Error, ErrorKind};
use tisync_core::model::{Account, Input, Now};
use tisync_json::write;

/// One replica, driven by its host.
///
/// A command is `json`, and what comes behind it; time is the host's. The answer is written as JSON, and what comes
/// behind that.
pub struct Core {
    host: Rc<dyn Host>,
    replica: Option<Replica>,
    #[cfg(feature = "certify")]
    trial: Option<crate::certify::Trial>,
}

impl Core {
    /// A core on a host; the first command is `open`.
    pub fn new(host: Rc<dyn Host>) -> Self {
        Core {
            host,
            replica: None,
            #[cfg(feature = "certify")]
            trial: None,
        }
    }

    /// Carries out a command and writes the answer to `json`, and what belongs behind it to `tail`. Says whether the
    /// command succeeded; if not, nothing has changed, and the answer has an `error` in the place of `ok`.
    pub fn call(
        &mut self,
        command: &[u8],
        body: &[u8],
        wall_ms: u64,
        monotonic_ms: u64,
        json: &mut Vec<u8>,
        tail: &mut Vec<u8>,
    ) -> bool {
        json.clear();
        tail.clear();
        // As text, like everything else that is read here: each form of input costs readers of its own.
        let parsed = std::str::from_utf8(command)
            .map_err(|error| error.to_string())
            .and_then(|text| tisync_json::read(text).map_err(|error| error.to_string()))
            .map_err(|error| Error::invalid(format!("the command cannot be read: {error}")));
        let result =
            parsed.and_then(|command| self.carry_out(command, body, wall_ms, monotonic_ms));
        let succeeded = result.is_ok();
        let (name, result) = match result {
            Ok(given) => ("ok", given),
            Err(error) => ("error", write(&error)),
        };
        let answer = write(&self.answer(monotonic_ms, tail));
        for part in ["{\"", name, "\":", &result, ","] {
            json.extend_from_slice(part.as_bytes());
        }
        let begin = json.len();
        json.extend_from_slice(answer.as_bytes());
        // The two objects become one.
        if let Some(brace) = json.get_mut(begin) {
            *brace = b' ';
        }
        succeeded
    }

    /// What every command gives back.
    fn answer(&mut self, monotonic_ms: u64, tail: &mut Vec<u8>) -> Answer {
        #[cfg(feature = "certify")]
        if let Some(trial) = &mut self.trial {
            return trial.answer(tail);
        }
        let Some(replica) = &mut self.replica else {
            return Answer::default();
        };
        let mut asks = std::mem::take(&mut replica.asks);
        let asked = asks_of(&replica.slots, tail);
        let requests = asked.iter().filter(|ask| matches!(ask, Ask::Http { .. }));
        replica.totals.requests += requests.count() as u64;
        asks.extend(asked);
        Answer {
            asks,
            events: std::mem::take(&mut replica.told),
            wake_at_ms: replica.wake_at_ms(),
            more: replica.has_more(monotonic_ms),
        }
    }

    /// Gives what the command gives, as JSON.
    fn carry_out(
        &mut self,
        command: Command,
        body: &[u8],
        wall_ms: u64,
        monotonic_ms: u64,
    ) -> Result<String, Error> {
        if let Command::Open(open) = &command {
            if self.replica.is_some() {
                return Err(Error::invalid(
                    "expected to open a replica, but one is open: close it first",
                ));
            }
            let (replica, opened) = Replica::open(&self.host, open, wall_ms, monotonic_ms)?;
            self.replica = Some(replica);
            return Ok(write(&opened));
        }
        if let Command::Close = command {
            self.replica = None;
            return Ok(nothing());
        }
        #[cfg(feature = "certify")]
        if let Command::Certify(certify) = command {
            self.trial = Some(crate::certify::Trial::new(*certify, wall_ms, monotonic_ms)?);
            return Ok(nothing());
        }
        #[cfg(feature = "certify")]
        if let Some(trial) = &mut self.trial {
            trial.carry_out(command, body, monotonic_ms)?;
            return Ok(nothing());
        }
        #[cfg(feature = "trace")]
        if let Command::Conformance = command {
            return Ok(write(&crate::conformance::run(&self.host)));
        }
        #[cfg(feature = "trace")]
        if let Command::Replay { replica } = command {
            return Ok(write(&crate::replay::run(&self.host, body, replica)?));
        }
        let replica = self.replica.as_mut().ok_or_else(|| {
            Error::new(
                ErrorKind::Closed,
                "expected an open replica, but there is none: give `open` first",
            )
        })?;
        let now = replica.now(wall_ms, monotonic_ms);
        Ok(match command {
            Command::Open(_) | Command::Close => nothing(),
            Command::Declare(open) => write(&replica.declare(&self.host, &open, now)?),
            #[cfg(feature = "certify")]
            Command::Certify(_) | Command::Send(_) => nothing(),
            #[cfg(feature = "trace")]
            Command::Conformance | Command::Replay { .. } => nothing(),
            Command::Get { collection, id } => write(&replica.get(&collection, &id)?),
            Command::Query {
                collection,
                query,
                direct,
            } => {
                let statement = match direct {
                    true => replica.statement(&collection, &query)?,
                    false => None,
                };
                match statement {
                    Some(statement) => write(&statement),
                    None => write(&replica.query(&collection, &query)?),
                }
            }
            Command::Count { collection, query } => write(&replica.count_of(&collection, &query)?),
            Command::Sql { sql, values } => {
                let found = replica.sql(&sql, &values)?;
                let rows = SqlAnswer {
                    columns: &found.columns,
                    rows: &found.rows,
                    more: found.more,
                };
                write(&rows)
            }
            Command::Write { writes, group } => write(&replica.write(now, writes, group)?),
            Command::Start => write(&replica.start()?),
            Command::Stop => write(&replica.stop(now)?),
            Command::Sync => write(&replica.sync()?),
            Command::Run => {
                replica.run(now);
                nothing()
            }
            Command::Network { online } => {
                replica.signal(Input::Network { online });
                nothing()
            }
            Command::Woke => {
                replica.signal(Input::Woke);
                nothing()
            }
            Command::Hint { connector } => {
                replica.signal(Input::Hint(connector));
                nothing()
            }
            Command::Credentials {
                connector,
                token,
                account,
                failure,
            } => {
                let given = Given {
                    token,
                    account,
                    failure,
                };
                write(&replica.credentials(now, connector, given)?)
            }
            Command::Http {
                id,
                status,
                headers,
            } => {
                let body = replica.slots.body(id, body);
                replica.fill(id, Filled::response(status, headers, body));
                nothing()
            }
            Command::Body { id, bytes } => {
                replica.slots.keep(id, body, bytes);
                nothing()
            }
            Command::HttpFailed { id, kind, message } => {
                replica.fill(id, Filled::failed(kind, message));
                nothing()
            }
            Command::StreamOpened {
                id,
                status,
                headers,
            } => {
                replica.hears(id, News::Head(status, headers));
                nothing()
            }
            Command::StreamPiece { id } => {
                replica.hears(id, News::Piece(body.to_vec()));
                nothing()
            }
            Command::StreamEnded { id, kind, message } => {
                let error = kind.map(|kind| HttpError::new(kind.into(), message));
                replica.hears(id, News::End(error));
                nothing()
            }
            Command::Connector { call, reply } => {
                replica.fill(call, Filled::Connector(reply));
                nothing()
            }
            Command::Decision {
                collection,
                rid,
                version,
                resolution,
            } => {
                replica.signal(Input::Decision {
                    collection,
                    rid,
                    version,
                    resolution,
                });
                nothing()
            }
            Command::Conflicts { limit } => write(&replica.conflicts(limit)?),
            Command::Outbox {
                waiting,
                after,
                limit,
            } => write(&replica.outbox(waiting, after, limit)?),
            Command::Journal {
                record,
                before,
                limit,
            } => write(&replica.journal(record, before, limit)?),
            Command::Health => write(&replica.engine.health(&mut replica.store, now)?),
            Command::Why { collection, id } => {
                let store = &mut replica.store;
                write(&replica.engine.why(store, now, &collection, &id)?)
            }
            Command::Plan { limit } => {
                write(&replica.engine.plan(&mut replica.store, now, limit)?)
            }
            Command::LogOut { pending } => write(&replica.log_out(now, pending, body)?),
            Command::LogIn => write(&replica.log_in(now)?),
            Command::Lifeboat { from } => write(&replica.lifeboat(now, from)?),
            Command::BringBack => write(&replica.bring_back(now, body)?),
            Command::Config => write(&replica.config),
            Command::Resolve {
                collection,
                id,
                resolution,
            } => replica.verb(
                now,
                Input::Resolve {
                    collection,
                    id,
                    resolution,
                },
            )?,
            Command::Undo { row } => replica.verb(now, Input::Undo(row))?,
            Command::Retry { mutation } => replica.verb(now, Input::Retry(mutation))?,
            Command::Edit { mutation, document } => {
                replica.verb(now, Input::Edit(mutation, document))?
            }
            Command::Discard { mutation } => replica.verb(now, Input::Discard(mutation))?,
            Command::ConfirmShrink { feed, delete } => {
                replica.verb(now, Input::ConfirmShrink { feed, delete })?
            }
            Command::Resync { feed } => replica.verb(now, Input::Resync(feed))?,
            Command::Own { account } => replica.verb(now, Input::Own(Account::new(account)?))?,
        })
    }
}

impl Replica {
    /// Steps a verb that gives nothing back.
    fn verb(&mut self, now: Now, input: Input) -> Result<String, Error> {
        self.local(now, input)?;
        Ok(nothing())
    }

    /// Takes a signal of the host's, if anything syncs.
    fn signal(&mut self, input: Input) {
        let is_news = match &input {
            Input::Hint(_) | Input::Network { .. } | Input::Woke => self.is_active(),
            _ => self.leased,
        };
        if is_news {
            self.queue(input);
        }
    }

    /// Takes in what came along a stream; of one that nobody listens to it is dropped.
    fn hears(&mut self, number: u32, news: News) {
        if let Some(request) = self.streams.hear(number, news) {
            self.ears.wake(request);
        }
    }

    /// Puts an answer into its slot; one that nobody waits for is dropped.
    fn fill(&mut self, number: u32, filled: Filled) {
        if let Some(request) = self.slots.fill(number, filled) {
            self.exchanges.wake(request);
        }
    }
}

/// What was asked of the host since the last look; bodies go to `tail`.
pub(crate) fn asks_of(slots: &Slots, tail: &mut Vec<u8>) -> Vec<Ask> {
    let ask = |asked| match asked {
        Asked::Http(id, request) => {
            let body = (tail.len(), request.body.len());
            tail.extend_from_slice(&request.body);
            Ask::Http {
                id,
                method: request.method,
                url: request.url,
                headers: request.headers,
                body,
                timeout_ms: request.timeout_ms,
                answer_bytes_max: request.answer_bytes_max,
            }
        }
        Asked::Connector {
            call,
            connector,
            token,
            task,
        } => Ask::Connector {
            call,
            connector,
            token,
            task,
        },
        Asked::Stream(id, request) => Ask::Stream {
            id,
            method: request.method,
            url: request.url,
            headers: request.headers,
            silence_ms: request.timeout_ms,
            piece_bytes_max: request.answer_bytes_max,
        },
        Asked::Cancel(number) => Ask::Cancel(number),
    };
    slots.asked().into_iter().map(ask).collect()
}

#[derive(Serialize)]
struct SqlAnswer<'a> {
    columns: &'a [String],
    rows: &'a [Vec<tisync_json::Value>],
    more: bool,
}

/// What a command gives that gives nothing.
fn nothing() -> String {
    write(&())
}
