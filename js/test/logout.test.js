'use strict';

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Replica } = require('../core');
const { host } = require('../node/host');
const { device, folder, serve, sqlite } = require('./device');

const collections = { notes: { policy: 'merge' } };
const whole = { parked: 0, already: 0, waiting: 0, damaged_lines: [], is_cut: false };

test('what was not sent is saved at a logout, and comes back once', async (t) => {
  const server = await serve(t);
  const anna = device(t, path.join(folder(t), 'anna.db'), { server: server.url, collections });
  const notes = anna.collection('notes');
  notes.put('old', { title: 'Milk' });
  await anna.sync();
  notes.patch('old', { title: 'Oat milk 👋' });
  anna.bulk((bulk) => { for (let i = 0; i < 1200; i++) bulk.put('notes', `n${i}`, { number: i }); });
  assert.throws(() => anna.logOut(), { kind: 'pending' });
  const told = new Set();
  anna.on('change', (change) => change.records.forEach(([id]) => told.add(id)));
  let boat;
  assert.strictEqual(anna.logOut((text) => { boat = text; }), 1201);
  assert.strictEqual(boat.split('\n').length, 1 + 1201 + 1 + 1);
  // The server's side shows, and the journal has what was given up.
  assert.deepStrictEqual(notes.get('old').document, { title: 'Milk' });
  assert.strictEqual(notes.count(), 1);
  await assert.rejects(anna.sync(), { kind: 'credentials' });
  assert.strictEqual(told.size, 1201);
  anna.logIn();
  assert.deepStrictEqual(anna.bringBack(boat), { ...whole, back: 1201 });
  assert.deepStrictEqual(notes.get('old').document, { title: 'Oat milk 👋' });
  assert.strictEqual((await anna.sync()).pushed, 1201);
  assert.deepStrictEqual(anna.bringBack(boat), { ...whole, back: 0, already: 1201 });
  assert.strictEqual((await anna.sync()).pushed, 0);
});

test('nothing is given up that was not saved', (t) => {
  const anna = device(t, path.join(folder(t), 'anna.db'), { server: 'http://127.0.0.1:9', collections });
  const notes = anna.collection('notes');
  assert.strictEqual(anna.logOut(() => assert.fail('there is nothing to save')), 0);
  anna.logIn();
  notes.put('a', { title: 'Milk' });
  const full = new Error('the disk is full');
  assert.throws(() => anna.logOut(() => { throw full; }), full);
  // What a host's write gives when it failed, and what is not done yet.
  assert.throws(() => anna.logOut(() => false), { kind: 'storage', message: /but it gave false: nothing was given up/ });
  assert.throws(() => anna.logOut(async () => {}), { kind: 'storage', message: /but it gave a promise/ });
  assert.deepStrictEqual(notes.get('a').document, { title: 'Milk' });
  assert.strictEqual(anna.health().outbox.pending, 1);
  for (const late of [() => notes.put('b', { title: 'Bread' }), () => notes.patch('a', { title: 'Oat milk' })]) {
    assert.throws(() => anna.logOut(late), { kind: 'pending', message: /something was written meanwhile: nothing was given up/ });
  }
  assert.deepStrictEqual(notes.query().map(({ id, document }) => [id, document.title]), [['a', 'Oat milk'], ['b', 'Bread']]);
  assert.strictEqual(anna.health().outbox.pending, 2);
});

test('what another process writes while a logout gives up waits', (t) => {
  const file = path.join(folder(t), 'anna.db');
  const config = { server: 'http://127.0.0.1:9', collections };
  const [anna, other] = [device(t, file, config), device(t, file, config)];
  const notes = anna.collection('notes');
  notes.put('a', { title: 'Milk' });
  notes.put('b', { title: 'Bread' });
  const { board } = anna;
  let boards = 0;
  anna.board = () => {
    const boat = board.call(anna);
    // After the last look.
    if (++boards === 2) {
      other.collection('notes').patch('b', { title: 'Rye bread' });
      other.collection('notes').put('c', { title: 'Salt' });
    }
    return boat;
  };
  assert.strictEqual(anna.logOut(() => {}), 1);
  assert.deepStrictEqual(notes.query().map(({ id, document }) => [id, document.title]), [['b', 'Rye bread'], ['c', 'Salt']]);
  assert.strictEqual(anna.outbox().length, 2);
});

test('what a listener writes before a logout is over is not given up', async (t) => {
  const server = await serve(t);
  const ben = device(t, path.join(folder(t), 'ben.db'), { server: server.url, collections });
  ben.collection('notes').put('his', { title: 'Bread' });
  await ben.sync();
  const made = host(path.join(folder(t), 'anna.db'), { sqlite, module: process.env.TISYNC_MODULE, sliceMs: 0.001 });
  const anna = new Replica(made, { server: server.url, collections });
  t.after(() => anna.close());
  const notes = anna.collection('notes');
  notes.put('mine', { title: 'Milk' });
  anna.on('change', ({ records }) => { if (records[0][0] === 'his') notes.put('late', { title: 'Read' }); });
  const synced = assert.rejects(anna.sync(), { kind: 'credentials' });
  const isTold = ({ event }) => event && event.changed && event.changed.records[0][0] === 'his';
  while (!anna.told.some(isTold)) await new Promise(setImmediate);
  let boat = '';
  anna.logOut((text) => { boat = text; });
  await synced;
  assert.ok(boat.includes('Milk') !== (notes.get('mine') !== null), 'saved, or there');
  assert.ok(boat.includes('Read') !== (notes.get('late') !== null), 'saved, or there');
});

test('a damaged lifeboat says what it has lost, and another account refuses it', (t) => {
  const own = (name, account) => {
    const replica = device(t, path.join(folder(t), `${name}.db`), { server: 'http://127.0.0.1:9', account, collections });
    return [replica, replica.collection('notes')];
  };
  const [anna, notes] = own('anna', 'anna');
  notes.put('a', { title: 'Milk' });
  notes.put('b', { title: 'Bread' });
  const lines = anna.lifeboat().split('\n');
  assert.strictEqual(anna.health().outbox.pending, 2);
  const [again, kept] = own('again', 'anna');
  const damaged = [lines[0], lines[1].replace('Milk', 'Silk'), lines[2]].join('\n');
  assert.deepStrictEqual(again.bringBack(damaged), { ...whole, back: 1, damaged_lines: [2], is_cut: true });
  assert.deepStrictEqual(kept.query().map((record) => record.id), ['b']);
  for (const text of ['', 'hello', lines[1]]) assert.throws(() => again.bringBack(text), { kind: 'invalid' });
  for (const none of [undefined, null, Buffer.from(lines.join('\n'))]) {
    assert.throws(() => again.bringBack(none), { kind: 'invalid', message: /expected the text of a lifeboat file, but .* came; read the file as UTF-8/ });
  }
  const [ben, others] = own('ben', 'ben');
  assert.throws(() => ben.bringBack(lines.join('\n')), { kind: 'wrong_account' });
  assert.strictEqual(others.count(), 0);
});

test('what came back is on the disk, however little an app waits for it', (t) => {
  const anna = device(t, path.join(folder(t), 'anna.db'), { server: 'http://127.0.0.1:9', writeDurability: 'process', collections });
  const synchronous = () => anna.host.database.prepare('PRAGMA synchronous').all([])[0][0];
  anna.collection('notes').put('a', { title: 'Milk' });
  assert.strictEqual(synchronous(), 1);
  anna.bringBack(anna.lifeboat());
  assert.strictEqual(synchronous(), 2);
});

test('the command line brings back what an app has saved', async (t) => {
  const server = await serve(t);
  const anna = device(t, path.join(folder(t), 'anna.db'), { server: server.url, collections });
  anna.collection('notes').put('a', { title: 'Grüße' });
  const laptop = folder(t);
  anna.logOut((text) => fs.writeFileSync(path.join(laptop, 'anna.lifeboat'), text));
  const tisync = (...args) => execFileSync(process.env.TISYNC, ['-C', laptop, ...args], { encoding: 'utf8' });
  tisync('init', '--server', server.url, '--collection', 'notes:merge');
  tisync('import', '--lifeboat', 'anna.lifeboat');
  tisync('sync');
  anna.logIn();
  assert.strictEqual((await anna.sync()).pulled, 1);
  assert.deepStrictEqual(anna.collection('notes').get('a').document, { title: 'Grüße' });
});
