'use strict';

// PowerSync for Node over better-sqlite3 (a write-ahead log, synchronous=NORMAL unless a row says otherwise), against a stand-in for its
// service.

const { pathToFileURL } = require('node:url');
const path = require('node:path');
const { PACKAGES, PUSH_ROWS, expect, openAndUrgent, reading, records, run, scattered, standIn, timed } = require('./program');
const ask = require('./http');

const FIELDS = ['title', 'done', 'priority', 'due', 'notes', 'tags', 'updated_at'];
const INSERT = `INSERT INTO items (id, ${FIELDS.join(', ')}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;

const library = import(pathToFileURL(path.join(PACKAGES, '@powersync/node/lib/index.js')).href);

// The columns of a record, as its documentation stores what SQLite has no type for.
function values(record) {
  return [record.id, ...FIELDS.map((name) => (name === 'done' ? Number(record.done) : name === 'tags' ? JSON.stringify(record.tags) : record[name]))];
}

async function open({ folder }, synchronous = 'NORMAL') {
  const { PowerSyncDatabase, Schema, Table, column } = await library;
  const columns = Object.fromEntries(FIELDS.map((name) => [name, name === 'done' || name === 'priority' ? column.integer : column.text]));
  const database = new PowerSyncDatabase({
    schema: new Schema({ items: new Table(columns) }),
    database: {
      dbFilename: 'client.db',
      dbLocation: folder,
      initializeConnection: (connection) => connection.execute(`PRAGMA synchronous=${synchronous}`)
    }
  });
  await database.init();
  return database;
}

/** What it connects with; `uploaded` is called when the queue is empty. */
function connector(url, uploaded) {
  return {
    fetchCredentials: () => ({ endpoint: url, token: 'token' }),
    uploadData: async (database) => {
      const batch = await database.getCrudBatch(PUSH_ROWS);
      if (!batch) return;
      await ask('POST', `${url}/upload`, JSON.stringify(batch.crud));
      await batch.complete();
      if (!batch.haveMore) uploaded();
    }
  };
}

/** Resolves once everything that the service has announced since is applied. */
function applied(database) {
  const before = Number(database.currentStatus.lastSyncedAt);
  return new Promise((resolve) => {
    const end = database.registerListener({
      statusChanged: (status) => {
        if (Number(status.lastSyncedAt) === before || status.dataFlowStatus.downloading) return;
        end();
        resolve();
      }
    });
  });
}

async function sync(database, url, uploaded = () => {}) {
  database.connect(connector(url, uploaded));
  await database.waitForFirstSync();
}

async function count(database, where) {
  return (await database.get(`SELECT count(*) AS n FROM items WHERE ${where}`)).n;
}

async function pulled(settings) {
  const server = await standIn('powersync.js', settings);
  const database = await open(settings);
  await sync(database, server.url);
  expect(settings.count, await count(database, 'true'), 'records');
  return { server, database };
}

const opened = (settings, read) => reading(() => open(settings), (database) => database.close(), read);

async function saved(settings, synchronous) {
  const all = records(settings, 0);
  const database = await open(settings, synchronous);
  const save = await timed(async () => { for (const record of all) await database.execute(INSERT, values(record)); });
  expect(settings.count, (await database.getUploadQueueStats()).count, 'entries that wait');
  return { save };
}

run({
  pull: async (settings) => {
    const server = await standIn('powersync.js', settings);
    const database = await open(settings);
    const pull = await timed(() => sync(database, server.url));
    expect(settings.count, await count(database, 'true'), 'records');
    return { pull };
  },
  save_full: (settings) => saved(settings, 'FULL'),
  save_normal: (settings) => saved(settings, 'NORMAL'),
  push: async (settings) => {
    const { server, database } = await pulled({ ...settings, count: 0 });
    await database.disconnect();
    await database.executeBatch(INSERT, records(settings, 0).map(values));
    const push = await timed(() => new Promise((resolve) => sync(database, server.url, resolve)));
    expect(settings.count, await server.tell('count'), 'records on the server');
    return { push };
  },
  changes: async (settings) => {
    const { server, database } = await pulled(settings);
    await server.tell({ prepare: settings.changes });
    const changes = await timed(async () => {
      const done = applied(database);
      server.tell('announce');
      await done;
    });
    expect(settings.changes, await count(database, "title LIKE '%edition 01'"), 'changes');
    return { changes };
  },
  all: async (settings) => {
    await (await pulled(settings)).database.close();
    return {
      all: await opened(settings, async (database) => expect(settings.count, (await database.getAll('SELECT * FROM items')).length, 'records'))
    };
  },
  read: async (settings) => {
    await (await pulled(settings)).database.close();
    const ids = scattered(settings);
    return {
      get: await opened(settings, async (database) => {
        for (const id of ids) expect(id, (await database.get('SELECT * FROM items WHERE id = ?', [id])).id, 'id');
      }),
      filter: await opened(settings, async (database) => {
        const found = await database.getAll('SELECT * FROM items WHERE done = 0 AND priority >= 3');
        expect(openAndUrgent(settings), found.length, 'records');
      })
    };
  }
});
