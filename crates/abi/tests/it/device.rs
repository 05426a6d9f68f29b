//! A host: SQLite in memory, time that the test moves, and requests that it answers.
use rusqlite::Connection;
use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tisync_abi::{Call, Core, Error, Host};

/// SQLite behind the form of statements that hosts get.
pub(crate) struct Database {
    connection: Connection,
    statements: RefCell<BTreeMap<u32, String>>,
}

impl Host for Database {
    fn ask(&self, call: Call, request: &[u8], reply: &mut Vec<u8>) -> Result<(), Error> {
        assert_eq!(call, Call::Sql);
        reply.clear();
        let mut answer = Vec::new();
        match self.answer(&mut Reader(request), &mut answer) {
            Ok(()) => {
                reply.push(0);
                reply.extend(answer);
            }
            Err(error) => {
                reply.extend([1, 4]);
                reply.extend(error.to_string().as_bytes());
            }
        }
        Ok(())
    }
}

impl Database {
    pub(crate) fn in_memory() -> Self {
        Database {
            connection: Connection::open_in_memory().unwrap(),
            statements: RefCell::default(),
        }
    }

    /// What a statement answers with.
    pub(crate) fn integer(&self, sql: &str) -> i64 {
        (self.connection.query_row(sql, [], |row| row.get(0))).unwrap()
    }

    fn answer(&self, request: &mut Reader<'_>, out: &mut Vec<u8>) -> rusqlite::Result<()> {
        let operation = request.byte();
        let number = request.number();
        let text = request.text();
        if operation == 4 {
            self.statements.borrow_mut().clear();
            return Ok(());
        }
        let sql = match text.is_empty() {
            true => self.statements.borrow()[&number].clone(),
            false => text,
        };
        if operation == 0 {
            return self.connection.execute_batch(&sql);
        }
        if number != 0 {
            self.statements.borrow_mut().insert(number, sql.clone());
        }
        let width = request.number() as usize;
        let runs = request.number() as usize;
        let mut statement = self.connection.prepare_cached(&sql)?;
        let columns = statement.column_count();
        if operation == 3 {
            put(out, columns as u32);
            for name in statement.column_names() {
                put(out, name.len() as u32);
                out.extend(name.as_bytes());
            }
        }
        if operation != 1 {
            put(out, runs as u32);
        }
        let mut changed = 0;
        for _ in 0..runs {
            let values: Vec<Cell> = (0..width).map(|_| request.value()).collect();
            let values = rusqlite::params_from_iter(values);
            if operation == 1 && columns == 0 {
                changed += statement.execute(values)? as u32;
                continue;
            }
            let mut rows = statement.query(values)?;
            let (mut count, mut cells) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                count += 1;
                for column in 0..columns {
                    put_value(&mut cells, row.get_ref(column)?);
                }
            }
            if operation != 1 {
                put(out, count);
                put(out, columns as u32);
                out.extend(cells);
            }
        }
        if operation == 1 {
            put(out, changed);
        }
        Ok(())
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap();
        self.0 = rest;
        *first
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        *taken
    }

    fn number(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    fn text(&mut self) -> String {
        let bytes = self.number() as usize;
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        String::from_utf8(taken.to_vec()).unwrap()
    }

    fn value(&mut self) -> Cell {
        match self.byte() {
            0 => Cell::Null,
            1 => Cell::Integer(i64::from_le_bytes(self.bytes())),
            2 => Cell::Real(f64::from_le_bytes(self.bytes())),
            _ => Cell::Text(self.text()),
        }
    }
}

fn put(out: &mut Vec<u8>, number: u32) {
    out.extend(number.to_le_bytes());
}

fn put_value(out: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Integer(value) => {
            out.push(1);
            out.extend(value.to_le_bytes());
        }
        ValueRef::Real(value) => {
            out.push(2);
            out.extend(value.to_le_bytes());
        }
        ValueRef::Text(text) => {
            out.push(3);
            put(out, text.len() as u32);
            out.extend(text);
        }
        _ => out.push(0),
    }
}

/// A core with its host.
pub(crate) struct Device {
    core: Core,
    pub(crate) now_ms: u64,
    /// What was asked and not answered yet.
    pub(crate) asks: Vec<Value>,
    /// What was told.
    pub(crate) told: Vec<Value>,
    /// The bodies of requests, by id.
    pub(crate) bodies: BTreeMap<u64, Value>,
    pub(crate) more: bool,
}

impl Device {
    pub(crate) fn new() -> Self {
        Device::on(Rc::new(Database::in_memory()))
    }

    /// On this database.
    pub(crate) fn on(database: Rc<Database>) -> Self {
        Device {
            core: Core::new(database),
            now_ms: 1_000,
            asks: Vec::new(),
            told: Vec::new(),
            bodies: BTreeMap::new(),
            more: false,
        }
    }

    /// Opened with these connectors, and a collection `notes`.
    pub(crate) fn open(connectors: Value) -> Self {
        let mut device = Device::new();
        device.ok(json!({"open": {
            "entropy": "11".repeat(32),
            "connectors": connectors,
            "collections": {"notes": {"policy": "merge", "columns": {"stars": "integer"}}},
            "slice_items": 2,
            "listens": true,
        }}));
        device
    }

    /// Gives a command that must succeed.
    pub(crate) fn ok(&mut self, command: Value) -> Value {
        let answer = self.call(&command, b"");
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer["ok"].clone()
    }

    /// Gives a command that must fail; gives its kind.
    pub(crate) fn kind(&mut self, command: Value) -> String {
        let answer = self.call(&command, b"");
        answer["error"]["kind"].as_str().unwrap().to_owned()
    }

    pub(crate) fn call(&mut self, command: &Value, body: &[u8]) -> Value {
        let (mut out, mut tail) = (Vec::new(), Vec::new());
        let command = command.to_string();
        let wall_ms = 1_700_000_000_000 + self.now_ms;
        let core = &mut self.core;
        core.call(
            command.as_bytes(),
            body,
            wall_ms,
            self.now_ms,
            &mut out,
            &mut tail,
        );
        let answer: Value = serde_json::from_slice(&out).unwrap();
        for ask in answer["asks"].as_array().into_iter().flatten() {
            if let Some(http) = ask.get("http") {
                let (at, size) = (http["body"][0].as_u64(), http["body"][1].as_u64());
                let (at, size) = (at.unwrap() as usize, size.unwrap() as usize);
                let body = serde_json::from_slice(&tail[at..at + size]).unwrap_or(Value::Null);
                self.bodies.insert(http["id"].as_u64().unwrap(), body);
            }
            self.asks.push(ask.clone());
        }
        let events = answer["events"].as_array().into_iter().flatten();
        self.told.extend(events.cloned());
        self.more = answer["more"].as_bool().unwrap();
        answer
    }

    /// Works until nothing is left to do before the host answers.
    pub(crate) fn work(&mut self) {
        self.ok(json!("run"));
        for _ in 0..10_000 {
            if !self.more {
                return;
            }
            self.ok(json!("run"));
        }
        panic!("it never rests");
    }

    /// The next request over HTTP, with its path and body.
    pub(crate) fn request(&mut self) -> Option<(u64, String, Value)> {
        self.work();
        let place = self.asks.iter().position(|ask| ask.get("http").is_some())?;
        let http = self.asks.remove(place)["http"].clone();
        let id = http["id"].as_u64().unwrap();
        let path = http["url"].as_str().unwrap().to_owned();
        let body = self.bodies.remove(&id).unwrap_or(Value::Null);
        Some((id, path, body))
    }

    /// Answers a request with JSON.
    pub(crate) fn answer(&mut self, id: u64, status: u16, body: &Value) {
        let headers = json!([["content-type", "application/json"]]);
        let command = json!({"http": {"id": id, "status": status, "headers": headers}});
        self.call(&command, body.to_string().as_bytes());
        self.work();
    }
}
