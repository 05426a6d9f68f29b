'use strict';

const assert = require('node:assert');
const path = require('node:path');
const { test } = require('node:test');
const { TiSyncError } = require('..');
const { open } = require('../node/sqlite');
const { device, folder, sqlite } = require('./device');

const collections = { notes: { policy: 'merge', columns: { stars: 'integer' } } };

test('writes are read at once, in every way, and after the file is opened again', (t) => {
  const file = path.join(folder(t), 'notes.db');
  const first = device(t, file, { collections });
  const notes = first.collection('notes');
  const id = notes.insert({ title: 'Grüße 👋', stars: 3, big: 0.1 });
  notes.put('b', { title: 'Milk', stars: 1 });
  notes.patch('b', { done: true, '/address/city': 'Bern', title: undefined });
  assert.deepStrictEqual(notes.get('b').document, { address: { city: 'Bern' }, done: true, stars: 1 });
  notes.update('b', { stars: 2 });
  notes.put('c', { stars: 9 });
  notes.remove('c');
  assert.strictEqual(notes.get('c'), null);
  first.close();
  const again = device(t, file, { collections }).collection('notes');
  assert.deepStrictEqual(again.get(id).document, { title: 'Grüße 👋', stars: 3, big: 0.1 });
  const found = again.query({ filter: { ge: ['/stars', 2] }, order: [{ path: '/stars', descending: true }] });
  assert.deepStrictEqual(found.map((record) => record.id), [id, 'b']);
  assert.strictEqual(again.count(), 2);
  assert.deepStrictEqual(again.replica.sql('SELECT id, stars FROM notes WHERE stars = ?', [2]), { columns: ['id', 'stars'], rows: [['b', 2]], more: false });
});

test('errors say what was expected, and change nothing', (t) => {
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections });
  const notes = replica.collection('notes');
  const kind = (call, expected) => assert.throws(call, (error) => error instanceof TiSyncError && error instanceof Error && error.kind === expected);
  kind(() => notes.update('none', {}), 'not_found');
  kind(() => replica.collection('none'), 'not_found');
  kind(() => replica.sql('DELETE FROM notes'), 'invalid');
  notes.insert({}, 'a');
  kind(() => notes.insert({}, 'a'), 'already_exists');
  kind(() => replica.group((group) => { group.put('notes', 'x', {}); group.update('notes', 'none', {}); }), 'not_found');
  assert.strictEqual(notes.get('x'), null);
  replica.close();
  kind(() => notes.get('a'), 'closed');
  assert.throws(() => device(t, path.join(folder(t), 'x.db'), { collections: { notes: { policy: 'coin' } } }), /expected client-wins/);
});

test('what a query finds is the same, whether the core reads it or the host', (t) => {
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections });
  const notes = replica.collection('notes');
  replica.bulk((writes) => { for (let i = 0; i < 120; i++) writes.put('notes', `${['é', '😀', '\ue000', 'z', ''][i % 5]}${i}`, { title: `Note ${i} 👋`, stars: i % 7, big: 9007199254740993 }); });
  notes.remove(notes.query()[3].id);
  const read = replica.core.sql.records;
  const isRead = (query, wanted) => {
    let rows = null;
    replica.core.sql.records = (sql, values) => (rows = read.call(replica.core.sql, sql, values));
    const found = notes.query(query);
    assert.strictEqual(rows !== null, wanted, JSON.stringify(query));
    assert.deepStrictEqual(found, replica.command({ query: { collection: 'notes', query } }));
    return found;
  };
  const sorted = { order: [{ path: '/stars', descending: true }] };
  assert.strictEqual(isRead({}, true).length, 119);
  assert.strictEqual(isRead({ ...sorted, limit: 5, offset: 2 }, true).length, 5);
  const [last] = isRead({ ...sorted, filter: { ge: ['/stars', 3] }, limit: 9 }, true).slice(-1);
  assert.ok(isRead({ ...sorted, after: [last.id, last.document], limit: 4 }, true).length);
  assert.ok(isRead({ filter: { in: ['/stars', [1, 2.5, null]] } }, true).length);
  // An undeclared field is looked at after reading.
  assert.strictEqual(isRead({ filter: { eq: ['/title', 'Note 8 👋'] } }, false).length, 1);
  // More statements than are kept prepared.
  for (let i = 0; i < 60; i++) isRead({ filter: { or: Array(i).fill({ eq: ['/stars', i % 7] }) } }, true);
  // What cannot be read is the core's to tell.
  replica.core.host.database.exec("UPDATE tisync_c1 SET doc = '{' WHERE rid = 1");
  assert.throws(() => notes.query(), (error) => error instanceof TiSyncError && error.kind === 'corrupt');
  assert.strictEqual(notes.query({ ...sorted, limit: 1 }).length, 1);
});

test('a write waits for the disk, unless the app says that it need not', (t) => {
  // 1 is NORMAL, 2 is FULL.
  const synchronous = (name, config) => {
    const replica = device(t, path.join(folder(t), name), { collections, ...config });
    replica.collection('notes').put('a', { stars: 1 });
    return replica.host.database.prepare('PRAGMA synchronous').all([])[0][0];
  };
  assert.strictEqual(synchronous('a.db', {}), 2);
  assert.strictEqual(synchronous('b.db', { writeDurability: 'power_cut' }), 2);
  assert.strictEqual(synchronous('c.db', { writeDurability: 'process' }), 1);
  assert.throws(() => synchronous('d.db', { writeDurability: 'never' }), /expected `power_cut` or `process`/);
});

test('a live query follows, and a listener may write', async (t) => {
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections });
  const notes = replica.collection('notes');
  const seen = [];
  const shown = new Promise((resolve) => {
    const end = notes.watch({ filter: { eq: ['/done', true] } }, (found) => {
      seen.push(found.length);
      if (found.length === 2) { end(); resolve(); }
    });
  });
  replica.on('change', ({ records }) => {
    if (records[0][0] === 'a') notes.put('b', { done: true });
  });
  notes.put('a', { done: true });
  await shown;
  assert.strictEqual(seen[0], 0);
});

test('an app upgrade migrates what is there', (t) => {
  const file = path.join(folder(t), 'notes.db');
  const old = device(t, file, { collections });
  old.collection('notes').put('a', { title: 'Milk' });
  old.close();
  const newer = { notes: { policy: 'merge', schema: 1 } };
  assert.throws(() => device(t, file, { collections: newer }), (error) => error.kind === 'bad_config');
  const migrate = { notes: (document, from, to) => ({ name: document.title, from, to }) };
  const replica = device(t, file, { collections: newer, migrate });
  assert.deepStrictEqual(replica.collection('notes').get('a').document, { name: 'Milk', from: 0, to: 1 });
});

// The next command breaks a core.
function breaks(core) {
  const { tisync_call: call } = core.exports;
  core.exports = { ...core.exports, tisync_call: (...values) => { call(...values); throw new Error('unreachable'); } };
}

test('a core that breaks is replaced, and nothing is lost', (t) => {
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections });
  const notes = replica.collection('notes');
  notes.put('a', { n: 1 });
  const core = replica.core;
  breaks(core);
  assert.throws(() => notes.put('b', { n: 2 }), (error) => error.kind === 'broken');
  assert.notStrictEqual(replica.core, core);
  notes.put('c', { n: 3 });
  assert.deepStrictEqual(notes.query().map((record) => record.id), ['a', 'b', 'c']);
});

test('what a core told before it broke answers no sync of the next one', async (t) => {
  let answer;
  let gate = Promise.resolve();
  const use = {
    pull: async () => {
      await gate;
      return { items: [{ upsert: { collection: 'notes', id: 'a', document: {} } }], end: { complete: {} } };
    },
    push: () => [],
    fetch: () => [],
    probe: () => {}
  };
  const config = { collections, connectors: { mine: { url: 'memory://here', use } } };
  const replica = device(t, path.join(folder(t), 'notes.db'), config);
  let again;
  replica.on('over', () => {
    if (again) return;
    breaks(replica.core);
    assert.throws(() => replica.health(), { kind: 'broken' });
    gate = new Promise((resolve) => { answer = resolve; });
    again = [replica.sync(), replica.sync()];
  });
  const [first, second] = [replica.sync(), replica.sync()];
  await assert.rejects(second, { kind: 'broken' });
  await first;
  let done = 0;
  for (const sync of again) sync.then(() => done++);
  // Each thing that is told may have a turn of its own.
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.strictEqual(done, 0, 'the backend has not answered yet');
  answer();
  await Promise.all(again);
});

test('nothing is told once a listener has closed the replica', (t) => {
  const two = { notes: { policy: 'merge' }, tasks: { policy: 'merge' } };
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections: two });
  const told = [];
  replica.on('change', ({ collection }) => {
    told.push(collection);
    replica.close();
  });
  replica.bulk((bulk) => {
    bulk.put('notes', 'a', {});
    bulk.put('tasks', 'a', {});
  });
  assert.strictEqual(told.length, 1);
});

test('an older node:sqlite is refused, with what to do', () => {
  const module = { DatabaseSync: class {}, StatementSync: class {} };
  assert.throws(() => open('notes.db', { name: 'node:sqlite', module }), /expected node:sqlite as Node 22\.16 .*, but this is Node v\d.*npm install better-sqlite3/);
});

// The others give an object for a row, or a number for each integer.
if (sqlite.name === 'node:sqlite') {
  test('SQL of the app gives columns that have one name, and integers that a number does not hold as texts', (t) => {
    const replica = device(t, path.join(folder(t), 'notes.db'), { collections });
    const { columns, rows } = replica.sql('SELECT 9007199254740993 AS n, 1 AS a, -2 AS a, 5');
    assert.deepStrictEqual([columns, rows], [['n', 'a', 'a', '5'], [['9007199254740993', 1, -2, 5]]]);
  });
}
