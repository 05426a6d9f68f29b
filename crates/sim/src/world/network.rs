//! The network between the devices and the server, and what it does to requests and answers.
use super::World;
use super::event::{Event, Fate, Who};
use super::exchange::{Exchange, Polled};
use crate::app;
use crate::check::Checked;
use crate::dice::Dice;
use crate::disk::Disk;
use crate::scenario::Fault;
use std::rc::Rc;
use tisync_connect::http::{HttpError, HttpErrorKind, Request, Response};
use tisync_core::model::{Order, Reply, RequestId, Task};
use tisync_server::HttpRequest;

impl<D: Disk> World<D> {
    /// Gives an order to the connector, and what it sends to the network.
    pub(super) fn send(&mut self, who: Who, order: Order) -> Checked {
        if let Task::Listen(listen) = order.task {
            return self.listen(who, order.request, listen);
        }
        let token = self.replicas[who.replica].token.clone();
        if let (Some(plain), Task::Push(items)) = (&mut self.server.plain, &order.task) {
            let replica = &mut self.replicas[who.replica];
            for item in items.iter().filter(|item| plain.is_first(item)) {
                crate::check::sent(&mut replica.disk, &replica.config, item)?;
            }
            plain.sends(who.replica, items, self.now_ms);
        }
        let mix = self.scenario.settings.backend.as_ref();
        let mut exchange = Exchange::new(who, order.request, order.task, &token, mix);
        match exchange.poll() {
            Some(Polled::Sends(request)) => {
                self.exchange_count += 1;
                let number = self.exchange_count;
                self.exchanges.insert(number, exchange);
                self.transmit(number, who.replica, request);
            }
            // A look-up that needs no request.
            Some(Polled::Done(mut reply)) => {
                self.bring_forward(&exchange, &mut reply);
                let (request, from) = (order.request, 0);
                self.queue.add(
                    self.now_ms,
                    Event::Answer {
                        who,
                        request,
                        from,
                        reply,
                    },
                );
            }
            None => {}
        }
        Ok(())
    }

    fn transmit(&mut self, number: u64, replica: usize, sent: Request) {
        self.tally.requests += 1;
        self.replicas[replica].requests += 1;
        let mut dice = self.dice(replica, 1, self.replicas[replica].requests);
        let there_ms = self.now_ms + dice.between(2, 60);
        let timeout_ms = self.now_ms + sent.timeout_ms;
        let away = self.now_ms < self.replicas[replica].cut_off_until_ms
            || self.now_ms < self.server.down_until_ms;
        if away {
            let answer = match dice.chance(700) {
                true => Err(no_answer(
                    HttpErrorKind::NotSent,
                    "the server cannot be reached",
                )),
                false => Err(no_answer(HttpErrorKind::Timeout, "no answer in time")),
            };
            let at_ms = match &answer {
                Err(error) if error.kind == HttpErrorKind::Timeout => timeout_ms,
                _ => there_ms,
            };
            return self.queue.add(
                at_ms,
                Event::Return {
                    exchange: number,
                    answer,
                },
            );
        }
        if let Some(exchange) = self.exchanges.get(&number)
            && exchange.who.replica == replica
            && self.strikes(&mut dice, Fault::Twice)
            && let Some(exchange) = self.exchanges.get_mut(&number)
        {
            exchange.twice = true;
        }
        let request = Rc::new(HttpRequest {
            method: sent.method.to_owned(),
            path: sent.url.trim_start_matches("http://server.sim").to_owned(),
            headers: sent.headers,
            body: sent.body,
        });
        if self.strikes(&mut dice, Fault::Duplicate) {
            let again_ms = there_ms + dice.between(1, 120_000);
            let (request, fate) = (request.clone(), Fate::Silent);
            self.queue.add(
                again_ms,
                Event::Arrive {
                    from: replica,
                    exchange: None,
                    request,
                    fate,
                },
            );
        }
        let gone = |kind, message: &str| Err(no_answer(kind, message));
        let (at_ms, answer) = if self.strikes(&mut dice, Fault::DropRequest) {
            (
                there_ms + dice.between(0, 5_000),
                gone(HttpErrorKind::Broken, "the connection broke"),
            )
        } else if self.strikes(&mut dice, Fault::Hang) {
            (
                timeout_ms,
                gone(HttpErrorKind::Timeout, "no answer in time"),
            )
        } else if self.strikes(&mut dice, Fault::Portal) {
            let body = "<!doctype html><title>Welcome to our network</title>";
            (there_ms, Ok(page(200, "text/html", body, None)))
        } else if self.strikes(&mut dice, Fault::Gateway) {
            (
                there_ms,
                Ok(page(
                    *dice.pick(&[500, 503]),
                    "text/html",
                    "<h1>error</h1>",
                    None,
                )),
            )
        } else if self.strikes(&mut dice, Fault::Throttle) {
            // An absurd wait is cut to an hour, in which those who poll every second do nothing but poll.
            let absurd = if self.scenario.settings.poll_ms < 60_000 {
                "90"
            } else {
                "99999999999"
            };
            let wait = *dice.pick(&[
                "1",
                "7",
                "90",
                absurd,
                "-5",
                "Sat, 22 Nov 2025 10:00:30 GMT",
            ]);
            let status = *dice.pick(&[429, 503]);
            (
                there_ms,
                Ok(page(status, "application/json", "{}", Some(wait))),
            )
        } else {
            let fate = self.fate(&mut dice);
            let there_ms = match self.strikes(&mut dice, Fault::Delay) {
                true => there_ms + dice.between(1, 25_000),
                false => there_ms,
            };
            if let Fate::Arrives(back_ms) = fate
                && there_ms + back_ms < timeout_ms
            {
                // Nothing will be late.
            } else if !matches!(fate, Fate::Lost(_) | Fate::Arrives(60_000..)) {
                let answer = gone(HttpErrorKind::Timeout, "no answer in time");
                self.queue.add(
                    timeout_ms,
                    Event::Return {
                        exchange: number,
                        answer,
                    },
                );
            }
            return self.queue.add(
                there_ms,
                Event::Arrive {
                    from: replica,
                    exchange: Some(number),
                    request,
                    fate,
                },
            );
        };
        self.queue.add(
            at_ms,
            Event::Return {
                exchange: number,
                answer,
            },
        );
    }

    fn fate(&mut self, dice: &mut Dice) -> Fate {
        if self.strikes(dice, Fault::DropAnswer) {
            Fate::Lost(dice.between(1, 10_000))
        } else if self.strikes(dice, Fault::Truncate) {
            Fate::Cut(dice.below(1_000))
        } else if self.strikes(dice, Fault::GatewayAfter) {
            Fate::Gateway
        } else if self.strikes(dice, Fault::Late) {
            Fate::Arrives(dice.between(60_000, 200_000))
        } else if self.strikes(dice, Fault::Delay) {
            Fate::Arrives(dice.between(1, 25_000))
        } else {
            Fate::Arrives(dice.between(2, 60))
        }
    }

    /// A request reaches the server.
    pub(super) fn arrive(
        &mut self,
        from: usize,
        exchange: Option<u64>,
        request: &HttpRequest,
        fate: Fate,
    ) -> Checked {
        if self.now_ms < self.server.down_until_ms {
            let answer = Err(no_answer(HttpErrorKind::Broken, "the server went away"));
            if let Some(exchange) = exchange {
                self.queue
                    .add(self.now_ms + 10, Event::Return { exchange, answer });
            }
            return Ok(());
        }
        let answer = self
            .server
            .answer(&mut self.ledger, self.now_ms, from, request)?;
        if let Some(changed) = &answer.changed {
            self.tell(changed);
        }
        self.trace.note(self.now_ms, || {
            format!(
                "server {} {} → {}",
                request.path,
                answer.status,
                String::from_utf8_lossy(&answer.body)
            )
        });
        let Some(exchange) = exchange else {
            return Ok(());
        };
        let mut response = Response {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        };
        let is_native = self.server.plain.is_none();
        if matches!(fate, Fate::Arrives(_)) && response.status == 200 && is_native {
            self.say_less(from, exchange, request, &mut response.body);
        }
        let (after_ms, answer) = match fate {
            Fate::Arrives(ms) => (ms, Ok(response)),
            Fate::Lost(ms) => (
                ms,
                Err(no_answer(HttpErrorKind::Broken, "the connection broke")),
            ),
            Fate::Cut(share) => {
                response
                    .body
                    .truncate(response.body.len() * share as usize / 1_000);
                (10, Ok(response))
            }
            Fate::Gateway => (10, Ok(page(502, "text/html", "<h1>bad gateway</h1>", None))),
            Fate::Silent => return Ok(()),
        };
        self.queue
            .add(self.now_ms + after_ms, Event::Return { exchange, answer });
        Ok(())
    }

    /// Something reaches the client.
    pub(super) fn returned(&mut self, number: u64, answer: Result<Response, HttpError>) -> Checked {
        // Gone: its process died, or it was answered before.
        let Some(mut exchange) = self.exchanges.remove(&number) else {
            return Ok(());
        };
        exchange.answer(answer);
        match exchange.poll() {
            Some(Polled::Done(mut reply)) => {
                self.bring_forward(&exchange, &mut reply);
                let (who, request) = (exchange.who, exchange.request);
                if exchange.twice {
                    let again = Event::Answer {
                        who,
                        request,
                        from: 0,
                        reply: reply.clone(),
                    };
                    self.queue.add(self.now_ms + 700, again);
                }
                self.answer(who, request, 0, reply)
            }
            Some(Polled::Sends(request)) => {
                let replica = exchange.who.replica;
                self.exchanges.insert(number, exchange);
                self.transmit(number, replica, request);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Does what a driver does with the documents of an answer before the engine sees them.
    fn bring_forward(&self, exchange: &Exchange, reply: &mut Reply) {
        let config = &self.replicas[exchange.who.replica].config;
        let mended = self.healing;
        reply.migrate(config, &exchange.task, &mut |_, from, to, document| {
            app::migrate(from, to, document, mended)
        });
    }

    /// Gives an answer to the engine.
    pub(super) fn answer(
        &mut self,
        who: Who,
        request: RequestId,
        from: usize,
        reply: Reply,
    ) -> Checked {
        let replica = &mut self.replicas[who.replica];
        let Some(process) = replica.processes[who.slot].as_mut() else {
            return Ok(());
        };
        if process.incarnation != who.incarnation {
            return Ok(());
        }
        if self.scenario.settings.slice_items.is_some() {
            process.partly.insert(request, reply.clone());
        }
        self.step(
            who,
            tisync_core::model::Input::Answer {
                request,
                from,
                reply,
            },
            Vec::new(),
        )
    }
}

pub(super) fn no_answer(kind: HttpErrorKind, message: &str) -> HttpError {
    HttpError::new(kind, message)
}

fn page(status: u16, media: &str, body: &str, retry_after: Option<&str>) -> Response {
    let mut headers = vec![("content-type".to_owned(), media.to_owned())];
    if let Some(wait) = retry_after {
        headers.push((
            "date".to_owned(),
            "Sat, 22 Nov 2025 10:00:00 GMT".to_owned(),
        ));
        headers.push(("retry-after".to_owned(), wait.to_owned()));
    }
    Response {
        status,
        headers,
        body: body.as_bytes().to_vec(),
    }
}
