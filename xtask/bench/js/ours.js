'use strict';

// Ti.Sync's npm package over better-sqlite3, against the reference server.

const { change, expect, idle, load, openAndUrgent, reading, records, run, scattered, timed } = require('./program');
const { open } = require('../../../js');

// Nobody listens there; nothing is sent before a sync is asked for.
const NOWHERE = 'http://127.0.0.1:9';
const sqlite = { name: 'better-sqlite3', module: load('better-sqlite3') };

const plain = { policy: 'merge' };
const declared = { policy: 'merge', columns: { done: 'boolean', priority: 'integer' } };

function replica({ file, url }, items = plain, writeDurability = 'power_cut') {
  return open(file, { sqlite, writeDurability, server: url || NOWHERE, collections: { items } });
}

// A document without its id.
function document({ id, ...fields }) {
  return fields;
}

async function pulled(settings, items) {
  const made = replica(settings, items);
  const report = await made.sync();
  expect(settings.count, report.pulled, 'records');
  return made;
}

async function saved(settings, writeDurability) {
  const all = records(settings, 0).map((record) => [document(record), record.id]);
  const made = replica(settings, plain, writeDurability);
  const items = made.collection('items');
  const save = await timed(() => { for (const [fields, id] of all) items.insert(fields, id); });
  expect(settings.count, made.health().outbox.pending, 'entries that wait');
  return { save };
}

run({
  pull: async (settings) => {
    const made = replica(settings);
    let report;
    const pull = await timed(async () => { report = await made.sync(); });
    expect(settings.count, report.pulled, 'records');
    return { pull };
  },
  save_full: (settings) => saved(settings, 'power_cut'),
  save_normal: (settings) => saved(settings, 'process'),
  push: async (settings) => {
    const made = replica(settings);
    await made.sync();
    made.bulk((writes) => { for (const record of records(settings, 0)) writes.insert('items', document(record), record.id); });
    let report;
    const push = await timed(async () => { report = await made.sync(); });
    expect(settings.count, report.pushed, 'records sent');
    return { push };
  },
  changes: async (settings) => {
    const made = await pulled(settings);
    await change();
    let report;
    const changes = await timed(async () => { report = await made.sync(); });
    expect(settings.changes, report.pulled, 'changes');
    return { changes, idle: await idle(() => made.sync()) };
  },
  conflicts: async (settings) => {
    const made = await pulled(settings);
    await change();
    made.bulk((writes) => { for (const record of records(settings, 2)) writes.put('items', record.id, document(record)); });
    let report;
    const conflicts = await timed(async () => { report = await made.sync(); });
    expect(settings.count, report.pushed, 'merged records sent');
    return { conflicts };
  },
  all: async (settings) => {
    (await pulled(settings, declared)).close();
    return {
      all: await reading(() => replica(settings, declared), (made) => made.close(), (made) => {
        expect(settings.count, made.collection('items').query().length, 'records');
      })
    };
  },
  read: async (settings) => {
    (await pulled(settings, declared)).close();
    const ids = scattered(settings);
    const opened = (read) => reading(() => replica(settings, declared), (made) => made.close(), (made) => read(made.collection('items')));
    return {
      get: await opened((items) => { for (const id of ids) expect(id, items.get(id).id, 'id'); }),
      filter: await opened((items) => {
        expect(openAndUrgent(settings), items.query({ filter: { and: [{ eq: ['/done', false] }, { ge: ['/priority', 3] }] } }).length, 'records');
      })
    };
  }
});
