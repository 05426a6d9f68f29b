//! Carries out the steps of a request, each on a thread that may block.
use super::{Edge, Unpacked, clock, gzip, limits};
use crate::faces::{self, Next, Task};
use crate::{HttpResponse, SqliteServerStore};
use std::sync::Arc;
use tisync_protocol::Problem;
use tokio::task::spawn_blocking;

impl Edge {
    /// Unpacks, answers and packs one request.
    pub(super) async fn run(self: &Arc<Self>, request: Unpacked, pack: bool) -> HttpResponse {
        let path = request.path.clone();
        let mut next = self.start(request).await;
        loop {
            next = match next {
                Some(Next::Answer(answer)) => return answer,
                Some(Next::Read(task)) if self.admit(task.tenant()).await.is_some() => {
                    self.stores.read(self.job(task, pack)).await
                }
                Some(Next::Write(task)) if self.admit(task.tenant()).await.is_some() => {
                    self.stores.write(self.job(task, pack)).await
                }
                Some(Next::Compute(compute)) => self.compute(compute).await,
                Some(Next::Read(_) | Next::Write(_)) | None => return self.failed(&path),
            };
        }
    }

    /// Reads the request, beside the runtime's own threads if that takes a while.
    async fn start(self: &Arc<Self>, request: Unpacked) -> Option<Next> {
        if request.gzip {
            // Nothing is unpacked for who is not let in.
            let head = request.head();
            if let Err(refused) = faces::let_in(&clock::now(), &self.service, &head) {
                return Some(Next::Answer(*refused));
            }
        }
        let large = request.gzip || request.body.len() > limits::INLINE_BYTES_MAX;
        let edge = self.clone();
        let start = move || {
            let path = request.path.clone();
            match request.unpack(edge.service.limits.push_bytes_max) {
                Ok(request) => faces::start(&clock::now(), &edge.service, request),
                Err(problem) => Next::Answer(faces::refuse(&edge.service, &path, &problem)),
            }
        };
        if large {
            spawn_blocking(start).await.ok()
        } else {
            Some(start())
        }
    }

    fn job(
        self: &Arc<Self>,
        task: Task,
        pack: bool,
    ) -> impl FnOnce(&mut SqliteServerStore) -> Next + Send + 'static {
        let edge = self.clone();
        move |store| {
            let mut next = task.run(store, &clock::now(), &edge.service);
            if let (Next::Answer(answer), true) = (&mut next, pack) {
                gzip::pack(answer);
            }
            next
        }
    }

    /// A few at a time: this work is heavy on purpose.
    async fn compute(self: &Arc<Self>, compute: faces::Compute) -> Option<Next> {
        let permit = self.computing.clone().acquire_owned().await.ok()?;
        let work = move || {
            let next = compute.run();
            drop(permit);
            next
        };
        spawn_blocking(work).await.ok()
    }

    /// The work panicked, or the runtime is going down.
    fn failed(&self, path: &str) -> HttpResponse {
        let detail = "The request was not carried out. The server's log has the cause.";
        let problem = Problem::new(Problem::INTERNAL, "The server failed", 500, detail.into());
        faces::refuse(&self.service, path, &problem)
    }
}
