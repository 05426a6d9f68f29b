//! Takes in what came back.
use super::run::{Done, WorkerLoop};
use crate::local::lock;
use crate::shared::Shared;
use crate::{exchange, log};
use tisync_core::model::{Input, Order, Reply, Verdict};
use tokio::task::{Id, JoinError};

impl WorkerLoop {
    pub(super) fn finish(&mut self, done: Result<(Id, Done), JoinError>) {
        match done {
            Ok((id, Done::Answer(request, mut reply))) => {
                if let Some((order, _)) = self.orders.remove(&id) {
                    let Shared {
                        config, migrations, ..
                    } = &*self.shared;
                    reply.migrate(
                        config,
                        &order.task,
                        &mut |collection, from, to, document| {
                            migrations.forward(collection, from, to, document)
                        },
                    );
                    self.note(&order, &reply);
                }
                self.inputs.push_back(Input::Answer {
                    request,
                    from: 0,
                    reply,
                });
            }
            Ok((_, Done::Decided(decide, resolution))) => {
                self.inputs.push_back(Input::Decision {
                    collection: decide.collection,
                    rid: decide.rid,
                    version: decide.remote.version,
                    resolution,
                });
            }
            Ok((_, Done::Renewed(connector, revision, result))) => {
                self.renewed(connector, revision, result);
            }
            Err(error) => {
                let order = self.orders.remove(&error.id()).map(|(order, _)| order);
                if let Some(order) = order.filter(|_| error.is_panic()) {
                    let reply = exchange::panicked(&order.task);
                    self.note(&order, &reply);
                    self.inputs.push_back(Input::Answer {
                        request: order.request,
                        from: 0,
                        reply,
                    });
                }
            }
        }
    }

    /// Counts what came and remembers why nothing did.
    pub(super) fn note(&mut self, order: &Order, reply: &Reply) {
        lock(&self.shared.busy).remove(&order.connector);
        if let Reply::Pushed(Ok(answer)) = reply {
            let accepted = answer
                .verdicts
                .iter()
                .filter(|(_, verdict)| matches!(verdict, Verdict::Accepted { .. }));
            if let Some(counters) = self.shared.traffic.of(&order.connector) {
                counters.pushed.add(accepted.count());
            }
        }
        self.walks.came(order, reply);
        let key = (order.connector.clone(), log::kind(&order.task));
        match reply.failure() {
            Some(failure) => {
                self.failures.insert(key, failure.clone());
            }
            None => {
                self.failures.remove(&key);
            }
        }
    }
}
