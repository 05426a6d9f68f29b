'use strict';

// Collections that are declared one after another, and some that are not declared for a while.

const assert = require('node:assert');
const path = require('node:path');
const { test } = require('node:test');
const { device, folder, serve } = require('./device');

const POLICY = { policy: 'merge' };
const of = (url, collections) => ({
  connectors: { main: { url, options: { feeds: 'collection' } } },
  collections: Object.fromEntries(collections.map((name) => [name, POLICY]))
});

test('a collection is declared while sync goes on, and what was there before its time arrives', async (t) => {
  const { url } = await serve(t);
  const other = device(t, path.join(folder(t), 'other.db'), of(url, ['lists', 'todos']));
  other.collection('lists').put('a', { n: 1 });
  other.collection('todos').put('b', { n: 2 });
  await other.sync();
  const replica = device(t, path.join(folder(t), 'own.db'), of(url, ['todos']));
  replica.start();
  await replica.sync();
  assert.deepStrictEqual(Object.keys(replica.guarantees), ['todos']);
  assert.throws(() => replica.collection('lists'), /declare it/);
  const going = replica.sync();
  replica.declare(of(url, ['lists', 'todos']));
  await going;
  await replica.sync();
  assert.deepStrictEqual(Object.keys(replica.guarantees), ['lists', 'todos']);
  assert.deepStrictEqual(replica.collection('lists').get('a').document, { n: 1 });
  assert.deepStrictEqual(replica.collection('todos').get('b').document, { n: 2 });
});

test('what was declared before is named again, and a configuration that is refused changes nothing', (t) => {
  const replica = device(t, path.join(folder(t), 'own.db'), { collections: { todos: POLICY } });
  assert.throws(() => replica.declare({ collections: { lists: POLICY } }), (error) => error.kind === 'invalid' && /but todos is missing/.test(error.message));
  assert.throws(() => replica.declare({ collections: { todos: POLICY, lists: { policy: 'whoever' } } }), (error) => error.kind === 'bad_config');
  assert.throws(() => replica.declare({ collections: { todos: POLICY, lists: { policy: 'function:none' } } }), /none/);
  replica.collection('todos').put('a', { n: 1 });
  replica.declare({ collections: { todos: POLICY, lists: { policy: 'function:mine', fallback: 'manual' } }, policies: { mine: () => 'ours' } });
  replica.collection('lists').put('b', {});
  assert.deepStrictEqual(replica.collection('todos').get('a').document, { n: 1 });
});

test('what a collection has to send is kept while nobody declares it', async (t) => {
  const { url } = await serve(t);
  const file = path.join(folder(t), 'own.db');
  const first = device(t, file, of(url, ['lists', 'todos']));
  first.collection('todos').put('a', { n: 1 });
  await first.sync();
  first.collection('todos').patch('a', { n: 2 });
  first.collection('todos').put('b', { n: 3 });
  first.collection('lists').put('c', { n: 4 });
  // It is cut off in the middle of a push.
  first.start();
  await new Promise((resolve) => setImmediate(resolve));
  first.close();
  const without = device(t, file, of(url, ['lists']));
  await without.sync().catch(() => {});
  assert.strictEqual(without.outbox().filter(({ collection }) => collection === 'todos').length, 2);
  assert.ok(without.health());
  without.close();
  const again = device(t, file, of(url, ['lists', 'todos']));
  assert.deepStrictEqual(again.collection('todos').get('a').document, { n: 2 });
  assert.deepStrictEqual(again.outbox().filter(({ collection }) => collection === 'todos').map(({ record }) => record), ['a', 'b']);
});

test('a collection that joins a feed of several is shown what was there before', async (t) => {
  const { url } = await serve(t);
  const both = { server: url, collections: { lists: POLICY, todos: POLICY } };
  const other = device(t, path.join(folder(t), 'other.db'), both);
  other.collection('lists').put('a', { n: 1 });
  other.collection('todos').put('b', { n: 2 });
  await other.sync();
  const replica = device(t, path.join(folder(t), 'own.db'), { server: url, collections: { todos: POLICY } });
  await replica.sync();
  replica.declare(both);
  await replica.sync();
  assert.deepStrictEqual(replica.collection('lists').get('a').document, { n: 1 });
  assert.deepStrictEqual(replica.collection('todos').get('b').document, { n: 2 });
});
