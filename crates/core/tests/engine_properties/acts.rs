//! What happens in the story.
use super::*;

impl Story {
    pub fn document(&mut self, shown: Option<&Document>) -> Document {
        let mut fields: BTreeMap<String, String> = shown
            .map(|shown| serde_json::from_str(shown.text()).unwrap())
            .unwrap_or_default();
        for _ in 0..=self.dice.below(2) {
            self.token += 1;
            let field = (*self.dice.one(&FIELDS)).to_owned();
            fields.insert(field, format!("w{}w", self.token));
        }
        document(&serde_json::to_string(&fields).unwrap())
    }

    pub fn write(&mut self, group: bool) {
        let rows = self.rows();
        let mut writes = Vec::new();
        for id in IDS {
            if self.dice.below(3) == 0 || writes.is_empty() && id == "c" {
                let shown = rows.get(id).and_then(|(record, _)| record.document.clone());
                let kind = match &shown {
                    Some(_) if self.dice.below(4) == 0 => WriteKind::Delete,
                    shown => WriteKind::Put(self.document(shown.as_ref())),
                };
                writes.push(Write {
                    collection: name("notes"),
                    id: Some(name(id)),
                    kind,
                });
            }
        }
        self.step(Input::Write { writes, group });
    }

    pub fn others(&mut self) {
        let id = *self.dice.one(&IDS);
        let shown = self.server.remote(id).image.document().cloned();
        let document = match shown {
            Some(_) if self.dice.below(4) == 0 => None,
            shown => Some(self.document(shown.as_ref())),
        };
        self.log.push(format!("others: {id} {document:?}"));
        self.server.set(id, document);
    }

    pub fn answer(&mut self, order: &Order) {
        let trouble = if self.calm { 9 } else { self.dice.below(10) };
        let reply = match &order.task {
            Task::Push(_) if trouble == 0 => {
                Reply::Pushed(Err(failure(FailureKind::Offline, true)))
            }
            Task::Push(items) => {
                let verdicts = self.server.push(items, &mut self.dice);
                match trouble {
                    1 => Reply::Pushed(Err(failure(FailureKind::Offline, false))),
                    2 => Reply::Pushed(Ok(verdicts.into_iter().skip(1).collect())),
                    3 => Reply::Pushed(Ok(items
                        .iter()
                        .zip(verdicts)
                        .map(|(item, (id, verdict))| match verdict {
                            Verdict::Conflict { .. } => (id, Verdict::Conflict { remote: None }),
                            Verdict::Rejected { .. } => {
                                (item.id, Verdict::Deferred { after_ms: 100 })
                            }
                            verdict => (id, verdict),
                        })
                        .collect())),
                    _ => Reply::Pushed(Ok(verdicts.into())),
                }
            }
            Task::Pull(_) if trouble < 2 => {
                Reply::Pulled(Err(failure(FailureKind::Retry { after_ms: None }, true)))
            }
            Task::Pull(_) if trouble == 2 => Reply::Pulled(Err(failure(
                FailureKind::ExpiredCheckpoint { epoch: None },
                true,
            ))),
            Task::Pull(pull) => {
                let after = pull.checkpoint.as_ref().map_or("0", Checkpoint::as_str);
                // A feed may repeat itself.
                let back = if trouble == 3 { 5 } else { 0 };
                let after = after.parse::<u64>().unwrap().saturating_sub(back);
                Reply::Pulled(Ok(self.server.page(after)))
            }
            Task::Fetch(Wanted::Ids(ids)) => Reply::Fetched(Ok(ids
                .iter()
                .skip(usize::from(trouble == 0))
                .map(|(collection, id)| {
                    let found = Found::Image(self.server.remote(id.as_str()));
                    (collection.clone(), id.clone(), found)
                })
                .collect())),
            Task::Fetch(Wanted::Marks(_)) => Reply::Fetched(Ok(vec![].into())),
            Task::Probe | Task::Listen(_) => Reply::Probed(Ok(())),
            Task::Digest(_) => {
                Reply::Digested(Err(failure(FailureKind::Retry { after_ms: None }, true)))
            }
        };
        let input = Input::Answer {
            request: order.request,
            from: 0,
            reply,
        };
        self.orders.push(order.clone());
        let open = self.orders.len() - 1;
        if let (
            Input::Answer {
                reply: Reply::Pulled(Ok(_)),
                ..
            },
            true,
        ) = (&input, self.dice.below(4) == 0)
        {
            self.twice(&input);
        }
        self.log.push("answer".to_owned());
        // It is answered only when the step is done: a failed commit may need it again.
        self.step(input);
        if self
            .orders
            .get(open)
            .is_some_and(|other| other.request == order.request)
        {
            self.orders.remove(open);
        }
    }

    pub fn verb(&mut self) {
        let parked: Vec<MutationId> = self
            .device
            .outbox()
            .into_iter()
            .filter(|entry| matches!(entry.state, EntryState::Parked { .. }))
            .map(|entry| entry.id)
            .collect();
        if !parked.is_empty() {
            let id = *self.dice.one(&parked);
            let input = match self.dice.below(3) {
                0 => Input::Retry(id),
                1 => Input::Discard(id),
                _ => Input::Edit(id, self.document(None)),
            };
            return self.step(input);
        }
        if let Some(conflict) = self.device.conflicts().first().cloned() {
            let answers = [
                Resolution::Ours,
                Resolution::Theirs,
                Resolution::Delete,
                Resolution::Document(self.document(None)),
            ];
            let resolution = self.dice.one(&answers).clone();
            return self.step(Input::Resolve {
                collection: conflict.collection,
                id: conflict.id,
                resolution,
            });
        }
        let rows = self.device.journal();
        if !rows.is_empty() {
            let id = self.dice.one(&rows).id;
            self.step(Input::Undo(id));
        }
    }

    pub fn act(&mut self) {
        match self.dice.below(16) {
            0..=3 => self.write(false),
            4 => self.write(true),
            5..=6 => self.others(),
            7 => self.verb(),
            8 => {
                let ms = self.dice.below(40_000);
                self.device.advance(ms);
                self.step(Input::Wake);
            }
            9 if self.dice.below(4) == 0 => {
                self.log.push("restart".to_owned());
                self.orders.clear();
                self.device.start();
                let outputs = std::mem::take(&mut self.device.outputs);
                self.take(Ok(outputs));
            }
            10 => self.step(Input::SyncNow),
            _ if !self.orders.is_empty() => {
                let order = self.orders.remove(0);
                self.answer(&order);
            }
            _ => self.step(Input::Wake),
        }
    }

    /// Without trouble everything comes to rest, and both sides show the same.
    pub fn end(&mut self) {
        self.calm = true;
        for round in 0..400 {
            self.device.advance(20_000);
            if self.orders.is_empty() {
                self.step(Input::Wake);
            } else {
                let order = self.orders.remove(0);
                self.answer(&order);
            }
            let outbox = self.device.outbox();
            for entry in &outbox {
                if matches!(entry.state, EntryState::Parked { .. }) {
                    self.step(Input::Discard(entry.id));
                }
            }
            for conflict in self.device.conflicts() {
                self.step(Input::Resolve {
                    collection: conflict.collection,
                    id: conflict.id,
                    resolution: Resolution::Ours,
                });
            }
            if round > 40 && self.device.outbox().is_empty() && self.device.feed().pass.is_none() {
                break;
            }
        }
        let log = self.log.join("\n");
        assert!(
            self.device.outbox().is_empty(),
            "{:?}\n{log}",
            self.device.outbox()
        );
        for id in IDS {
            let theirs = self
                .server
                .remote(id)
                .image
                .document()
                .map(Document::canonical);
            assert_eq!(self.device.get(id), theirs, "{id}\n{log}");
        }
        assert!(
            self.device
                .journal()
                .iter()
                .all(|row| row.state != JournalState::Decided),
            "{log}"
        );
    }
}
