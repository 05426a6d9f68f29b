'use strict';

// What one would write by hand over better-sqlite3: the same bytes and commits as the limit in Rust, against its server,
// and nothing else.

const crypto = require('node:crypto');
const { PUSH_ROWS, change, expect, idle, load, openAndUrgent, reading, records, run, scattered, timed } = require('./program');
const ask = require('./http');
const Database = load('better-sqlite3');

const INSERT = "INSERT INTO rows (collection, id, body) VALUES ('items', ?, ?)";
const REPLACE = "INSERT OR REPLACE INTO rows (collection, id, body) VALUES ('items', ?, ?)";

function open({ file }) {
  const db = new Database(file);
  db.exec(`PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000; PRAGMA synchronous=NORMAL;
    CREATE TABLE IF NOT EXISTS rows (collection TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (collection, id));
    CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, body TEXT NOT NULL, base TEXT, state INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS outbox_record ON outbox (id);
    CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, seq INTEGER NOT NULL)`);
  return db;
}

/** Asks for pages until so many rows were stored; `store(id, line)` stores one. Gives the place behind them. */
async function pull(db, url, after, expected, store) {
  const keep = db.prepare("INSERT OR REPLACE INTO place (name, seq) VALUES ('feed', ?)");
  const page = db.transaction((lines, until) => {
    for (const line of lines) store(JSON.parse(line).id, line);
    keep.run(until);
  });
  let count = 0;
  do {
    const { headers, text } = await ask('GET', `${url}/pull?after=${after}`);
    after = Number(headers['x-checkpoint']);
    const lines = text.split('\n');
    lines.pop();
    if (lines.length) page(lines, after);
    count += lines.length;
  } while (count < expected);
  expect(expected, count, 'records');
  return after;
}

function writer(db) {
  const replace = db.prepare(REPLACE);
  return (id, line) => replace.run(id, line);
}

async function push(db, url) {
  const select = db.prepare('SELECT seq, id, body FROM outbox WHERE state = 0 ORDER BY seq LIMIT ?');
  const freeze = db.prepare('UPDATE outbox SET state = 1 WHERE seq = ?');
  const remove = db.prepare('DELETE FROM outbox WHERE seq = ?');
  const frozen = db.transaction(() => {
    const entries = select.all(PUSH_ROWS);
    for (const { seq } of entries) freeze.run(seq);
    return entries;
  });
  const settled = db.transaction((entries) => { for (const { seq } of entries) remove.run(seq); });
  for (let entries = frozen(); entries.length; entries = frozen()) {
    const body = entries.map(({ id, body }) => `{"record":"${id}","document":${body}}\n`).join('');
    const places = JSON.parse((await ask('POST', `${url}/push`, body)).text);
    expect(entries.length, places.length, 'places');
    settled(entries);
  }
}

/** Changes all records in one commit, each with an entry in the outbox. */
function saveAll(db, all) {
  const replace = db.prepare(REPLACE);
  const enqueue = db.prepare("INSERT INTO outbox (id, body, base) VALUES (?, ?, (SELECT body FROM rows WHERE collection = 'items' AND id = ?))");
  db.transaction(() => {
    for (const record of all) {
      const body = JSON.stringify(record);
      enqueue.run(record.id, body, record.id);
      replace.run(record.id, body);
    }
  })();
}

/** Three ways, by top-level field; theirs where both changed. */
function merge(base, ours, theirs) {
  for (const key of Object.keys(theirs)) {
    if (JSON.stringify(base[key]) !== JSON.stringify(theirs[key])) ours[key] = theirs[key];
  }
  return JSON.stringify(ours);
}

function merger(db) {
  const select = db.prepare('SELECT seq, base, body FROM outbox WHERE id = ? ORDER BY seq LIMIT 1');
  const write = db.prepare("UPDATE rows SET body = ? WHERE collection = 'items' AND id = ?");
  const rewrite = db.prepare('UPDATE outbox SET body = ?, base = ? WHERE seq = ?');
  return (id, line) => {
    const { seq, base, body } = select.get(id);
    const merged = merge(JSON.parse(base), JSON.parse(body), JSON.parse(line));
    write.run(merged, id);
    rewrite.run(merged, line, seq);
  };
}

/** Single saves, each a commit of the record and its entry. */
function saver(db) {
  const insert = db.prepare(INSERT);
  const enqueue = db.prepare('INSERT INTO outbox (id, body) VALUES (?, ?)');
  return db.transaction((record) => {
    const body = JSON.stringify(record);
    insert.run(record.id, body);
    enqueue.run(record.id, `{"id":"${crypto.randomUUID()}","record":"${record.id}","change":{"create":${body}}}`);
  }).immediate;
}

async function pulled(settings) {
  const db = open(settings);
  return { db, place: await pull(db, settings.url, 0, settings.count, writer(db)) };
}

const opened = (settings, read) => reading(() => open(settings), (db) => db.close(), read);

async function saved(settings, synchronous) {
  const all = records(settings, 0);
  const db = open(settings);
  db.exec(`PRAGMA synchronous=${synchronous}`);
  const save = saver(db);
  return { save: await timed(() => { for (const record of all) save(record); }) };
}

run({
  pull: async (settings) => {
    const db = open(settings);
    return { pull: await timed(() => pull(db, settings.url, 0, settings.count, writer(db))) };
  },
  save_full: (settings) => saved(settings, 'FULL'),
  save_normal: (settings) => saved(settings, 'NORMAL'),
  push: async (settings) => {
    const db = open(settings);
    saveAll(db, records(settings, 0));
    await pull(db, settings.url, 0, 0, writer(db));
    return { push: await timed(() => push(db, settings.url)) };
  },
  changes: async (settings) => {
    const { db, place } = await pulled(settings);
    await change();
    let after;
    const write = writer(db);
    const changes = await timed(async () => { after = await pull(db, settings.url, place, settings.changes, write); });
    return { changes, idle: await idle(() => pull(db, settings.url, after, 0, write)) };
  },
  conflicts: async (settings) => {
    const { db, place } = await pulled(settings);
    await change();
    saveAll(db, records(settings, 2));
    const conflicts = await timed(async () => {
      await pull(db, settings.url, place, settings.count, merger(db));
      await push(db, settings.url);
    });
    return { conflicts };
  },
  all: async (settings) => {
    (await pulled(settings)).db.close();
    return {
      all: await opened(settings, (db) => {
        const select = db.prepare("SELECT body FROM rows NOT INDEXED WHERE collection = 'items'").pluck();
        expect(settings.count, select.all().map((body) => JSON.parse(body)).length, 'records');
      })
    };
  },
  read: async (settings) => {
    (await pulled(settings)).db.close();
    const ids = scattered(settings);
    return {
      get: await opened(settings, (db) => {
        const select = db.prepare("SELECT body FROM rows WHERE collection = 'items' AND id = ?").pluck();
        for (const id of ids) expect(id, JSON.parse(select.get(id)).id, 'id');
      }),
      filter: await opened(settings, (db) => {
        const select = db.prepare("SELECT body FROM rows NOT INDEXED WHERE collection = 'items' " +
          "AND json_extract(body, '$.priority') >= 3 AND json_extract(body, '$.done') = 0").pluck();
        expect(openAndUrgent(settings), select.all().map((body) => JSON.parse(body)).length, 'records');
      })
    };
  }
});
