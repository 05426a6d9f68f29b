//! The story: its steps, and what must hold after each.
use super::*;

pub struct Story {
    pub device: Device,
    pub server: Server,
    pub dice: Dice,
    pub token: u64,
    pub orders: Vec<Order>,
    pub calm: bool,
    pub log: Vec<String>,
}

pub type Rows = BTreeMap<String, (Record, Option<Dirty>)>;

impl Story {
    pub fn new(rule: Rule, seed: u64) -> Self {
        Story {
            device: Device::new(rule),
            server: Server::default(),
            dice: Dice(seed),
            token: 0,
            orders: Vec::new(),
            calm: false,
            log: Vec::new(),
        }
    }

    pub fn rows(&mut self) -> Rows {
        let mut tx = self.device.store.begin(Durability::Normal).unwrap();
        let ids: Vec<RecordId> = IDS.iter().map(|id| name(id)).collect();
        let loaded = tx
            .load(&name("notes"), Keys::Ids(&ids), Load::Whole)
            .unwrap();
        loaded
            .into_iter()
            .flatten()
            .map(|(record, dirty)| (record.id.to_string(), (record, dirty)))
            .collect()
    }

    /// One step, sometimes with a commit that fails first: the same input must then give the same.
    pub fn step(&mut self, input: Input) {
        self.log.push(format!("{input:?}"));
        let is_write = matches!(
            input,
            Input::Write { .. } | Input::Undo(_) | Input::Edit(..) | Input::Resolve { .. }
        );
        let before = self.rows();
        let now = self.device.now();
        if self.dice.below(6) == 0 {
            let (mut engine, mut store) = (self.device.engine.clone(), self.device.store.clone());
            let expected = engine.step(&mut store, now, input.clone());
            let hash = self.device.store.state_hash();
            self.device.store.fail_next_commit(StoreErrorKind::Busy);
            let failed = self
                .device
                .engine
                .step(&mut self.device.store, now, input.clone());
            assert!(failed.is_err());
            self.device.store.clear_faults();
            assert_eq!(self.device.store.state_hash(), hash);
            let again = self.device.engine.step(&mut self.device.store, now, input);
            assert_eq!(again, expected, "given again after a failed commit");
            assert_eq!(self.device.store.state_hash(), store.state_hash());
            self.take(again);
        } else {
            let outputs = self.device.engine.step(&mut self.device.store, now, input);
            self.take(outputs);
        }
        self.check(&before, is_write);
    }

    pub fn take(&mut self, outputs: Result<Vec<Output>, tisync_core::Error>) {
        let orders = outputs
            .into_iter()
            .flatten()
            .filter_map(|output| match output {
                Output::Order(order) => Some(order),
                _ => None,
            });
        self.orders.extend(orders);
    }

    pub fn check(&mut self, before: &Rows, is_write: bool) {
        let rows = self.rows();
        let outbox = self.device.outbox();
        let conflicts = self.device.conflicts();
        let journal = self.device.journal();
        let log = self.log.join("\n");
        let mut seen = String::new();
        for row in &journal {
            for image in [&row.base, &row.ours, &row.theirs, &row.outcome] {
                seen.push_str(image.document().map_or("", Document::text));
            }
            if row.state == JournalState::Decided {
                assert!(
                    outbox.iter().any(|entry| Some(entry.id) == row.mutation),
                    "an open row without its mutation: {row:?}\n{log}"
                );
            }
        }
        for entry in &outbox {
            let id = rows
                .iter()
                .find(|(_, (record, _))| record.rid == entry.rid)
                .unwrap_or_else(|| panic!("no record of {entry:?}\n{log}"));
            assert_eq!(id.1.0.state, RecordState::Dirty, "{log}");
            if let EntryState::InFlight { request, .. } = entry.state {
                assert!(
                    self.orders.iter().any(|order| order.request == request),
                    "in flight without a request: {entry:?}\n{log}"
                );
            }
        }
        for (id, (record, dirty)) in &rows {
            let chain: Vec<&Entry> = outbox
                .iter()
                .filter(|entry| entry.rid == record.rid)
                .collect();
            let conflict = conflicts.iter().find(|conflict| conflict.rid == record.rid);
            assert_eq!(dirty.is_some(), !chain.is_empty(), "{id} {record:?}\n{log}");
            if let Some(dirty) = dirty {
                let shown = chain
                    .iter()
                    .fold(dirty.base.document().cloned(), |document, entry| {
                        entry.change.apply(document.as_ref())
                    });
                assert!(
                    Image::from(shown.clone()).same(&Image::from(record.document.clone())),
                    "{id}: {shown:?} but {record:?}\n{log}"
                );
                let is_out = chain.iter().any(|entry| entry.state.is_out());
                assert!(
                    dirty.remote.is_none() || is_out,
                    "{id} is not reconciled\n{log}"
                );
            }
            let held = |entry: &&&Entry| entry.state == EntryState::Held(Blocker::Conflict);
            let parked = |entry: &&&Entry| matches!(entry.state, EntryState::Parked { .. });
            let held = chain.iter().filter(held).count() + chain.iter().filter(parked).count();
            assert!(
                conflict.is_none() || held == chain.len(),
                "{id}: {chain:?}\n{log}"
            );
            assert!(conflict.is_none() || !chain.is_empty(), "{id}\n{log}");
        }
        for entry in &outbox {
            let Some(group) = entry.group else { continue };
            let stuck = outbox.iter().any(|other| {
                other.group == Some(group)
                    && matches!(
                        other.state,
                        EntryState::Parked { .. }
                            | EntryState::Held(Blocker::Conflict | Blocker::ParkedAncestor)
                    )
            });
            assert!(
                !stuck || entry.state != EntryState::Pending,
                "{entry:?}\n{log}"
            );
        }
        if is_write {
            return;
        }
        // Nothing that was visible goes without a trace.
        for (id, (record, _)) in before {
            let Some(old) = &record.document else {
                continue;
            };
            let now = rows
                .get(id)
                .and_then(|(record, _)| record.document.as_ref());
            let now = now.map_or("", Document::text).to_owned();
            for token in tokens(old.text()) {
                assert!(
                    now.contains(&token)
                        || seen.contains(&token)
                        || self.server.history.contains(&token),
                    "{token} of {id} is lost\n{log}"
                );
            }
        }
    }

    /// The same page twice changes nothing.
    pub fn twice(&mut self, page: &Input) {
        let (mut engine, mut store) = (self.device.engine.clone(), self.device.store.clone());
        let mut now = self.device.now();
        let mut step = |engine: &mut tisync_core::Engine, input: Input| {
            now.entropy[31] = now.entropy[31].wrapping_add(1);
            engine.step(&mut store, now, input).unwrap_or_default()
        };
        step(&mut engine, page.clone());
        let mut outputs = step(&mut engine, Input::Hint(name("main")));
        outputs.extend(step(&mut engine, Input::Wake));
        let orders: Vec<Order> = outputs
            .into_iter()
            .filter_map(|output| match output {
                Output::Order(order) => Some(order),
                _ => None,
            })
            .collect();
        let [
            Order {
                request,
                task: Task::Pull(_),
                ..
            },
        ] = &orders[..]
        else {
            return;
        };
        let Input::Answer { reply, .. } = page.clone() else {
            return;
        };
        // Hints and waits are none of the page's business: the state after each page is compared.
        let after_one = {
            let mut tx = store.begin(Durability::Normal).unwrap();
            (
                tx.entries(tisync_core::store::EntryFilter::All, None, 1_000)
                    .unwrap(),
                tx.conflicts(None, 1_000).unwrap(),
                tx.scan(&name("notes"), None, 1_000).unwrap(),
                tx.journal(tisync_core::store::JournalFilter::All, None, 1_000)
                    .unwrap(),
            )
        };
        now.entropy[31] = now.entropy[31].wrapping_add(1);
        let input = Input::Answer {
            request: *request,
            from: 0,
            reply,
        };
        engine.step(&mut store, now, input).unwrap();
        let mut tx = store.begin(Durability::Normal).unwrap();
        let after_two = (
            tx.entries(tisync_core::store::EntryFilter::All, None, 1_000)
                .unwrap(),
            tx.conflicts(None, 1_000).unwrap(),
            tx.scan(&name("notes"), None, 1_000).unwrap(),
            tx.journal(tisync_core::store::JournalFilter::All, None, 1_000)
                .unwrap(),
        );
        assert_eq!(
            after_one,
            after_two,
            "the same page twice\n{}\n{page:?}",
            self.log.join("\n")
        );
    }
}

pub fn tokens(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    parts
        .into_iter()
        .filter(|part| part.starts_with('w') && part.ends_with('w'))
        .map(|part| format!("\"{part}\""))
        .collect()
}
