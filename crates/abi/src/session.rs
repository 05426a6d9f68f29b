//! Sessions: the tokens in use, and who was asked for the next.
use crate::answer::Ask;
use crate::exchange::failure;
use crate::replica::Replica;
use tisync_connect::Session;
use tisync_connect::{Error, ErrorKind};
use tisync_core::model::{Account, ConnectorName, FailureKind, Input, Now, Order};
use tisync_core::store::{Durability, Store, Tx};
use tisync_json::tree::{BTreeMap, BTreeSet};

/// The session of each connector.
#[derive(Default)]
pub(crate) struct Sessions {
    by_connector: BTreeMap<ConnectorName, State>,
}

#[derive(Default)]
struct State {
    /// Whether the backend wants a token.
    guarded: bool,
    session: Option<Session>,
    /// What the host is being asked for.
    asked: Option<Asked>,
    /// The orders that wait for it.
    waiting: Vec<Order>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A first token.
    First,
    /// A newer one than that of this revision, which was refused.
    After(u64),
}

/// What the host gives.
pub(crate) struct Given {
    pub(crate) token: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) failure: Option<String>,
}

impl Sessions {
    pub(crate) fn new(guarded: BTreeSet<ConnectorName>) -> Self {
        let states = guarded.into_iter().map(|name| {
            let state = State {
                guarded: true,
                ..State::default()
            };
            (name, state)
        });
        Sessions {
            by_connector: states.collect(),
        }
    }

    /// These connectors want a token, from now on.
    pub(crate) fn guard(&mut self, guarded: BTreeSet<ConnectorName>) {
        for name in guarded {
            self.by_connector.entry(name).or_default().guarded = true;
        }
    }

    /// The session to use now; an order that has none yet is kept, and the host is asked.
    pub(crate) fn of(&mut self, order: Order, asks: &mut Vec<Ask>) -> Option<(Order, Session)> {
        let Some(state) = self.by_connector.get_mut(&order.connector) else {
            return Some((order, Session::anonymous()));
        };
        match &state.session {
            _ if state.asked.is_some() => {}
            Some(session) => return Some((order, session.clone())),
            None if !state.guarded => return Some((order, Session::anonymous())),
            None => {
                state.asked = Some(Asked::First);
                asks.push(Ask::Token {
                    connector: order.connector.clone(),
                    again: false,
                });
            }
        }
        state.waiting.push(order);
        None
    }

    /// Whether an order waits for a token.
    pub(crate) fn is_waiting(&self) -> bool {
        let mut states = self.by_connector.values();
        states.any(|state| state.asked.is_some())
    }

    /// Forgets all tokens, and what waits for one.
    pub(crate) fn forget(&mut self) {
        for state in self.by_connector.values_mut() {
            state.session = None;
        }
        self.rest();
    }

    /// Forgets what waits for a token.
    pub(crate) fn rest(&mut self) {
        for state in self.by_connector.values_mut() {
            state.asked = None;
            state.waiting.clear();
        }
    }
}

impl Replica {
    /// Asks the host for a newer token than the one that was refused; one question at a time.
    pub(crate) fn renew(&mut self, connector: ConnectorName, revision: u64) {
        let state = self.sessions.by_connector.entry(connector.clone());
        let state = state.or_default();
        if state.asked.is_none() {
            state.asked = Some(Asked::After(revision));
            self.asks.push(Ask::Token {
                connector,
                again: true,
            });
        }
    }

    /// Takes what the host gives, asked or not.
    pub(crate) fn credentials(
        &mut self,
        now: Now,
        connector: ConnectorName,
        given: Given,
    ) -> Result<(), Error> {
        if !self.connectors.contains_key(&connector) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("expected one of the configured connectors, but {connector} came"),
            ));
        }
        let mut refused = given
            .failure
            .map(|why| failure(FailureKind::Credentials, true, why));
        // Nothing is sent for an account before the file is durably its own.
        if let (None, Some(account)) = (&refused, given.account) {
            let owned = Account::new(account)
                .map_err(Error::from)
                .and_then(|account| self.local(now, Input::Own(account)).map(drop));
            refused = owned.err().map(|error| {
                let kind = match error.kind() {
                    ErrorKind::WrongAccount => FailureKind::WrongAccount,
                    _ => FailureKind::Credentials,
                };
                failure(kind, true, error.to_string())
            });
        }
        let stored = {
            let mut tx = self.store.begin(Durability::Normal)?;
            tx.connector(&connector)?.map_or(0, |state| state.revision)
        };
        let state = self.sessions.by_connector.entry(connector.clone());
        let state = state.or_default();
        let asked = state.asked.take();
        let waiting = std::mem::take(&mut state.waiting);
        if let Some(refused) = refused {
            for order in waiting {
                let reply = order.task.failed(refused.clone());
                self.finish(order, reply);
            }
            self.failures.insert((connector, "credentials"), refused);
            return Ok(());
        }
        let session = given
            .token
            .as_deref()
            .map_or_else(Session::anonymous, Session::with_token);
        let before = state.session.replace(session.clone());
        state.guarded = true;
        let is_new = before.as_ref().and_then(Session::token) != session.token();
        if is_new && asked != Some(Asked::First) {
            self.failures.retain(|(other, _), _| *other != connector);
            if self.leased {
                let refused = match asked {
                    Some(Asked::After(revision)) => revision,
                    _ => 0,
                };
                let revision = 1 + refused.max(stored);
                self.inputs.push_back(Input::CredentialsChanged {
                    connector,
                    revision,
                });
            }
        }
        for order in waiting {
            self.send(now, order);
        }
        Ok(())
    }
}
