'use strict';

const assert = require('node:assert');
const path = require('node:path');
const { test } = require('node:test');
const { Replica } = require('../core');
const { host } = require('../node/host');
const { device, folder, serve, sqlite } = require('./device');

const merge = { notes: { policy: 'merge', fields: { tags: 'set' } } };

// Two devices of one server, each with a file of its own.
function devices(t, server, collections, config = {}) {
  const one = (name) => device(t, path.join(folder(t), `${name}.db`), { server: server.url, collections, ...config });
  return [one('anna'), one('ben')];
}

test('two devices that wrote offline end up with the same, both edits merged', async (t) => {
  const server = await serve(t);
  const [anna, ben] = devices(t, server, merge);
  anna.collection('notes').put('n1', { title: 'Milk', tags: ['shop'], stars: 1 });
  assert.strictEqual((await anna.sync()).pushed, 1);
  assert.strictEqual((await ben.sync()).pulled, 1);
  anna.collection('notes').patch('n1', { title: 'Oat milk', tags: ['shop', 'anna'] });
  ben.collection('notes').patch('n1', { stars: 5, tags: ['shop', 'ben'] });
  await anna.sync();
  const changes = [];
  ben.on('change', (change) => changes.push(change));
  const report = await ben.sync();
  assert.strictEqual(report.health.outbox.pending, 0);
  assert.ok(changes.some((change) => change.remote && change.records[0][0] === 'n1'));
  await anna.sync();
  for (const replica of [anna, ben]) {
    const { document, state } = replica.collection('notes').get('n1');
    assert.deepStrictEqual({ ...document, tags: document.tags.sort() }, { title: 'Oat milk', stars: 5, tags: ['anna', 'ben', 'shop'] });
    assert.strictEqual(state, 'clean');
  }
});

test('7,000 records come while others have their turn', async (t) => {
  const server = await serve(t);
  const [anna, ben] = devices(t, server, merge);
  anna.bulk((bulk) => { for (let i = 0; i < 7000; i++) bulk.put('notes', `n${i}`, { title: `Note ${i}`, stars: i % 5 }); });
  assert.strictEqual((await anna.sync()).pushed, 7000);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const told = [];
  ben.on('change', ({ records }) => told.push(['change', records.length]));
  ben.on('progress', (progress) => told.push(['progress', progress]));
  assert.strictEqual((await ben.sync()).pulled, 7000);
  clearInterval(timer);
  assert.ok(turns > 5, `${turns} turns`);
  assert.strictEqual(ben.collection('notes').count(), 7000);
  // After each part its progress; the server tells of a total with the last page.
  let stored = 0;
  for (let at = 0; at < told.length; at += 2) {
    const [[change, count], [progress, { total, ...rest }]] = told.slice(at, at + 2);
    stored += count;
    assert.deepStrictEqual([change, progress, rest], ['change', 'progress', { collection: 'notes', stored, complete: stored === 7000 }]);
    assert.ok(total === 7000 || (total === null && stored < 7000), `${total} at ${stored}`);
  }
  assert.strictEqual(stored, 7000);
});

test('what a pull tells is told in turns, and what a call changes before it returns', async (t) => {
  const server = await serve(t);
  const [anna] = devices(t, server, merge);
  anna.bulk((bulk) => { for (let i = 0; i < 1000; i++) bulk.put('notes', `n${i}`, { title: `Note ${i}` }); });
  await anna.sync();
  const made = host(path.join(folder(t), 'ben.db'), { sqlite, module: process.env.TISYNC_MODULE, sliceMs: 0.001 });
  let turn = 0;
  const { later } = made;
  made.later = (ms, call) => later(ms, () => {
    turn++;
    call();
  });
  made.sizes = { slice_items: 100, page_items: 1000 };
  const ben = new Replica(made, { server: server.url, collections: merge });
  t.after(() => ben.close());
  const turns = [];
  ben.on('change', () => {
    turns.push(turn);
    const before = turns.length;
    if (before === 1) ben.collection('notes').put('mine', {});
    assert.strictEqual(turns.length, before, 'a listener is not told of its own change before it ends');
  });
  ben.on('progress', () => turns.push(turn));
  await ben.sync();
  assert.strictEqual(turns.length, 21);
  assert.strictEqual(new Set(turns).size, turns.length, `${turns}`);
  ben.collection('notes').put('later', {});
  assert.strictEqual(turns.length, 22);
});

test('a conflict waits for a person, and what loses can be undone', async (t) => {
  const server = await serve(t);
  const [anna, ben] = devices(t, server, { notes: { policy: 'manual' } });
  anna.collection('notes').put('n1', { title: 'Milk' });
  await anna.sync();
  await ben.sync();
  anna.collection('notes').put('n1', { title: 'Oat milk' });
  ben.collection('notes').put('n1', { title: 'Soy milk' });
  await anna.sync();
  const opened = [];
  ben.on('conflict', (conflict) => opened.push(conflict));
  await ben.sync();
  assert.deepStrictEqual(opened, [{ collection: 'notes', id: 'n1', open: true }]);
  const [conflict] = ben.conflicts();
  assert.deepStrictEqual([conflict.base, conflict.ours, conflict.theirs], [{ title: 'Milk' }, { title: 'Soy milk' }, { title: 'Oat milk' }]);
  ben.resolve('notes', 'n1', 'theirs');
  await ben.sync();
  assert.deepStrictEqual(ben.collection('notes').get('n1').document, { title: 'Oat milk' });
  const [row] = ben.journal({ collection: 'notes', id: 'n1' });
  ben.undo(row.id);
  assert.deepStrictEqual(ben.collection('notes').get('n1').document, { title: 'Soy milk' });
});

test('a policy function decides, at once or later', async (t) => {
  const server = await serve(t);
  const longer = async ({ ours, theirs }) => (ours.title.length > theirs.title.length ? 'ours' : 'theirs');
  const highest = ({ ours, theirs }) => Math.max(ours, theirs);
  const collections = {
    notes: { policy: 'function:longer', fallback: 'server' },
    games: { policy: 'merge', fields: { score: 'function:highest' }, fallback: 'server' }
  };
  const [anna, ben] = devices(t, server, collections, { policies: { longer, highest } });
  anna.collection('notes').put('n1', { title: 'a' });
  anna.collection('games').put('g1', { score: 1 });
  await anna.sync();
  await ben.sync();
  anna.collection('notes').put('n1', { title: 'short' });
  anna.collection('games').put('g1', { score: 7 });
  ben.collection('notes').put('n1', { title: 'much longer' });
  ben.collection('games').put('g1', { score: 5 });
  await anna.sync();
  await ben.sync();
  await ben.sync();
  assert.deepStrictEqual(ben.collection('notes').get('n1').document, { title: 'much longer' });
  assert.deepStrictEqual(ben.collection('games').get('g1').document, { score: 7 });
});

test('background sync carries a write over without being asked', async (t) => {
  const server = await serve(t);
  const [anna, ben] = devices(t, server, merge, { connectors: { main: { url: server.url, pollMs: 50 } } });
  const arrived = new Promise((resolve) => ben.on('change', (change) => { if (change.remote) resolve(change); }));
  anna.start();
  ben.start();
  anna.collection('notes').put('n1', { title: 'Milk' });
  assert.deepStrictEqual((await arrived).records, [['n1', 'added']]);
  anna.stop();
  await assert.doesNotReject(ben.sync());
});

test('nothing listens: a sync fails, writes wait, and health says why', async (t) => {
  const file = path.join(folder(t), 'notes.db');
  const replica = device(t, file, { server: 'http://127.0.0.1:9', collections: merge });
  replica.collection('notes').put('n1', {});
  await assert.rejects(replica.sync(), (error) => error.kind === 'offline');
  assert.strictEqual(replica.health().outbox.pending, 1);
  assert.strictEqual(replica.outbox()[0].record, 'n1');
});

test('a token is asked for, and again when it is refused', async (t) => {
  const server = await serve(t, 'right');
  const asked = [];
  const credentials = (connector, again) => { asked.push([connector, again]); return again ? 'right' : 'wrong'; };
  const replica = device(t, path.join(folder(t), 'notes.db'), { server: server.url, collections: merge, credentials });
  replica.collection('notes').put('n1', {});
  await replica.sync().catch(() => replica.sync());
  assert.deepStrictEqual(asked, [['main', false], ['main', true]]);
  assert.strictEqual(replica.collection('notes').get('n1').state, 'clean');
});

// node-sqlite3-wasm has no locks that end with their process, so there one process has the file for itself.
if (sqlite.name !== 'node-sqlite3-wasm') {
  test('a second process may write, and only one syncs', async (t) => {
    const server = await serve(t);
    const file = path.join(folder(t), 'notes.db');
    const config = { server: server.url, collections: merge };
    const [first, second] = [device(t, file, config), device(t, file, config)];
    await first.sync();
    second.collection('notes').put('n1', {});
    await assert.rejects(second.sync(), (error) => error.kind === 'lease_elsewhere');
    assert.strictEqual((await first.sync()).pushed, 1);
  });
}

test('a feed is walked from the beginning again when it is asked for', async (t) => {
  const { url } = await serve(t);
  const replica = device(t, path.join(folder(t), 'notes.db'), { server: url, collections: { notes: { policy: 'merge' } } });
  replica.collection('notes').put('a', {});
  await replica.sync();
  const [{ feed }] = replica.health().feeds;
  replica.resync(feed);
  assert.ok(replica.health().feeds[0].behind);
  await replica.sync();
  assert.ok(!replica.health().feeds[0].behind);
  assert.throws(() => replica.confirmShrink(feed, false), /waits for no confirmation/);
  assert.strictEqual(replica.collection('notes').count(), 1);
});

test('after start() changes of others come without a poll, and stop() ends that', async (t) => {
  const server = await serve(t);
  const { url } = server;
  const connectors = { main: { url, pollMs: 3600000 } };
  const [anna, ben] = ['anna', 'ben'].map((name) => device(t, path.join(folder(t), `${name}.db`), { connectors, collections: merge }));
  const listening = new Promise((resolve) => {
    ben.on('health', () => ben.health().connectors[0].listening && resolve());
  });
  ben.start();
  await listening;
  const came = new Promise((resolve) => {
    ben.on('change', ({ remote, records: [[id]] }) => remote && resolve(id));
  });
  anna.collection('notes').put('n1', { title: 'Milk' });
  await anna.sync();
  assert.strictEqual(await came, 'n1');
  ben.stop();
  assert.ok(!ben.health().connectors[0].listening);
});

test('a backend is not listened to where that is not wanted', async (t) => {
  const { url } = await serve(t);
  const replica = device(t, path.join(folder(t), 'notes.db'), { connectors: { main: { url, hints: false } }, collections: merge });
  const done = new Promise((resolve) => {
    replica.on('health', () => replica.health().feeds[0].complete_ms && !replica.health().connectors[0].busy && resolve());
  });
  replica.start();
  await done;
  assert.ok(!replica.health().connectors[0].listening);
});
