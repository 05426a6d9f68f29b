'use strict';

// PouchDB over LevelDB, whose writes no disk is waited for, against pouchdb-server in memory.

const { expect, idle, load, openAndUrgent, reading, records, run, scattered, timed } = require('./program');
const PouchDB = load('pouchdb-node');
PouchDB.plugin(load('pouchdb-find'));

// Documents that are written or replicated at once; the default of 100 is slower.
const BATCH = 1000;

const open = ({ file }) => new PouchDB(file);
const server = ({ url }) => new PouchDB(`${url}/items`);
const replicate = (from, to) => PouchDB.replicate(from, to, { batch_size: BATCH });
const sync = (here, there) => PouchDB.sync(here, there, { batch_size: BATCH });

function document({ id, ...fields }, rev) {
  return { _id: id, ...fields, ...(rev && { _rev: rev }) };
}

/** Writes records as documents; gives their revisions by id. */
async function write(database, all, revs = new Map()) {
  const written = new Map();
  for (let at = 0; at < all.length; at += BATCH) {
    for (const { ok, id, rev } of await database.bulkDocs(all.slice(at, at + BATCH).map((record) => document(record, revs.get(record.id))))) {
      expect(true, ok, `for ${id}`);
      written.set(id, rev);
    }
  }
  return written;
}

async function pulled(settings) {
  const there = server(settings);
  const revs = await write(there, records(settings, 0));
  const here = open(settings);
  const pull = await timed(() => replicate(there, here));
  expect(settings.count, (await here.info()).doc_count, 'records');
  return { here, there, revs, pull };
}

/** Settles every conflict by its fields, as its guide does: the merged document replaces the winner, the loser goes. */
async function settle(database, bases) {
  const { rows } = await database.allDocs({ include_docs: true, conflicts: true });
  const open = rows.filter(({ doc }) => doc._conflicts).map(({ doc }) => doc);
  const { results } = await database.bulkGet({ docs: open.map((doc) => ({ id: doc._id, rev: doc._conflicts[0] })) });
  const settled = [];
  open.forEach((winner, number) => {
    const { _conflicts, ...merged } = winner;
    const loser = results[number].docs[0].ok;
    const base = bases.get(winner._id);
    for (const [name, value] of Object.entries(loser)) {
      if (!name.startsWith('_') && JSON.stringify(value) !== JSON.stringify(base[name]) && JSON.stringify(merged[name]) === JSON.stringify(base[name])) merged[name] = value;
    }
    settled.push(merged, { _id: loser._id, _rev: loser._rev, _deleted: true });
  });
  for (let at = 0; at < settled.length; at += BATCH) await database.bulkDocs(settled.slice(at, at + BATCH));
  return open.length;
}

const opened = (settings, read) => reading(() => open(settings), (database) => database.close(), read);

run({
  pull: async (settings) => ({ pull: (await pulled(settings)).pull }),
  save_normal: async (settings) => {
    const all = records(settings, 0).map((record) => document(record));
    const database = open(settings);
    await database.info();
    const save = await timed(async () => { for (const record of all) await database.put(record); });
    expect(settings.count, (await database.info()).doc_count, 'records');
    return { save };
  },
  push: async (settings) => {
    const [here, there] = [open(settings), server(settings)];
    await write(here, records(settings, 0));
    await there.info();
    const push = await timed(() => sync(here, there));
    expect(settings.count, (await there.info()).doc_count, 'records on the server');
    return { push };
  },
  changes: async (settings) => {
    const { here, there, revs } = await pulled(settings);
    await sync(here, there);
    await write(there, records({ ...settings, count: settings.changes }, 1), revs);
    let report;
    const changes = await timed(async () => { report = await sync(here, there); });
    expect(settings.changes, report.pull.docs_written, 'changes');
    return { changes, idle: await idle(() => sync(here, there)) };
  },
  conflicts: async (settings) => {
    const { here, there, revs } = await pulled(settings);
    await sync(here, there);
    await write(there, records(settings, 1), revs);
    await write(here, records(settings, 2), revs);
    const bases = new Map(records(settings, 0).map((record) => [record.id, record]));
    let found;
    const conflicts = await timed(async () => {
      await replicate(there, here);
      found = await settle(here, bases);
      await replicate(here, there);
    });
    expect(settings.count, found, 'conflicts');
    return { conflicts };
  },
  all: async (settings) => {
    await (await pulled(settings)).here.close();
    return {
      all: await opened(settings, async (database) => expect(settings.count, (await database.allDocs({ include_docs: true })).rows.length, 'records'))
    };
  },
  read: async (settings) => {
    const { here } = await pulled(settings);
    const selector = { done: false, priority: { $gte: 3 } };
    await here.createIndex({ index: { fields: ['done', 'priority'] } });
    await here.find({ selector, limit: 1 });
    await here.close();
    const ids = scattered(settings);
    return {
      get: await opened(settings, async (database) => { for (const id of ids) expect(id, (await database.get(id))._id, 'id'); }),
      filter: await opened(settings, async (database) => {
        const { docs } = await database.find({ selector, limit: settings.count });
        expect(openAndUrgent(settings), docs.length, 'records');
      })
    };
  }
});
