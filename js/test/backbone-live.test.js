'use strict';

// What changes beneath Backbone arrives at live collections and models.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { each, heard, made } = require('./backbones');
const { device, folder, serve } = require('./device');

const TOLD = /^(add|change|remove|reset|destroy|change:id|conflict|parked)$/;

// A backend in memory that makes the ids itself, and takes no document with `refused`.
function backend() {
  const rows = new Map();
  let made = 0;
  const use = {
    capability: { ids: 'server', idempotency: 'none' },
    pull: async ({ collections: [collection] }) => ({
      items: [...rows].map(([id, document]) => ({ upsert: { collection, id, document } })),
      end: { complete: { total: rows.size } }
    }),
    push: async (batch) => batch.map(({ id, record, document }) => {
      if (document === null) return [id, rows.delete(record) && { accepted: {} }];
      if (document.refused) return [id, { rejected: { reason: 'refused by the rules' } }];
      const name = rows.has(record) ? record : `s${++made}`;
      rows.set(name, document);
      return [id, { accepted: name === record ? {} : { id: name } }];
    }),
    fetch: async ({ ids }) => ids.map(([collection, id]) => [collection, id, { image: { image: rows.has(id) ? { present: rows.get(id) } : 'gone' } }]),
    probe: async () => {}
  };
  return { rows, connectors: { main: { url: 'memory://here', use } } };
}

// Every version, with that backend.
function withBackend(name, run) {
  for (const version of ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0']) {
    test(`Backbone ${version}: ${name}`, (t) => {
      const { rows, connectors } = backend();
      return run({ rows, ...made(t, version, { connectors, collections: { todos: { policy: 'merge' } } }, { live: true }) });
    });
  }
}

withBackend('changes of others arrive as add, change and remove', async ({ rows, replica, Todos }) => {
  rows.set('a', { n: 1 });
  rows.set('b', { n: 2 });
  await replica.sync();
  const todos = new Todos();
  todos.fetch();
  const a = todos.get('a');
  const names = heard(todos);
  const told = () => names.splice(0).filter((name) => TOLD.test(name));
  rows.set('c', { n: 3 });
  await replica.sync();
  assert.deepStrictEqual(told(), ['add']);
  rows.set('a', { m: 9, n: 5 });
  await replica.sync();
  assert.deepStrictEqual(told(), ['change']);
  assert.strictEqual(todos.get('a'), a);
  assert.deepStrictEqual(a.toJSON(), { id: 'a', n: 5, m: 9 });
  rows.set('a', { n: 5 });
  await replica.sync();
  assert.deepStrictEqual(told(), ['change']);
  assert.ok(!('m' in a.attributes));
  rows.delete('b');
  await replica.sync();
  await replica.sync();
  assert.deepStrictEqual(told(), ['remove']);
  assert.deepStrictEqual(todos.pluck('id').sort(), ['a', 'c']);
});

withBackend('an id that the server makes is one change:id, in place', async ({ rows, replica, store, Todos }) => {
  const todos = new Todos();
  todos.fetch();
  const todo = todos.create({ title: 'Milk' });
  const former = todo.id;
  const names = heard(todos);
  await replica.sync();
  assert.deepStrictEqual(names.filter((name) => TOLD.test(name)), ['change:id', 'change']);
  assert.deepStrictEqual([...rows.keys()], [todo.id]);
  assert.notStrictEqual(todo.id, former);
  assert.deepStrictEqual([todos.length, todos.get(todo.id)], [1, todo]);
  todo.save({ title: 'Oat milk' });
  await replica.sync();
  assert.deepStrictEqual([...rows], [[todo.id, { title: 'Oat milk' }]]);
  assert.deepStrictEqual(store.query().map(({ id }) => id), [todo.id]);
});

withBackend('a model that is not live takes its new id when it is saved, and can be destroyed by the former one', async ({ rows, replica, store, Todo }) => {
  const [saved, destroyed] = [new Todo({ n: 1 }), new Todo({ n: 2 })];
  saved.save();
  destroyed.save();
  await replica.sync();
  saved.save({ n: 3 });
  assert.ok(rows.has(saved.id));
  destroyed.destroy();
  assert.deepStrictEqual(store.query().map(({ id }) => id), [saved.id]);
});

withBackend('a write that is refused for good is told of and can be reached', async ({ replica, offline, Todos }) => {
  const todos = new Todos();
  todos.fetch();
  const todo = todos.create({ refused: true });
  assert.deepStrictEqual(offline.state(todo).waiting, []);
  const told = [];
  todos.on('parked', (model, { reason }) => told.push([model, reason]));
  await replica.sync().catch(() => {});
  assert.deepStrictEqual(told, [[todo, 'refused by the rules']]);
  const [entry] = offline.state(todo).waiting;
  replica.discard(entry.id);
  assert.deepStrictEqual(offline.state(todo).waiting, []);
  assert.strictEqual(todos.length, 0);
});

each('what is edited and not saved yet stays', ({ Todos, offline, store }) => {
  store.put('a', { title: 'Milk', stars: 1 });
  const todos = new Todos();
  offline.bind(todos);
  todos.fetch();
  const todo = todos.get('a');
  todo.set({ title: 'Oat milk' });
  store.put('a', { title: 'Tea', stars: 2 });
  assert.deepStrictEqual(todo.toJSON(), { id: 'a', title: 'Oat milk', stars: 2 });
  todo.save();
  assert.deepStrictEqual(store.get('a').document, { title: 'Oat milk', stars: 2 });
});

each('writes of the app itself are told once', ({ Todos, Todo, offline, store }) => {
  const [first, second] = [new Todos(), new Todos()];
  offline.bind(first);
  offline.bind(second);
  const names = [heard(first), heard(second)];
  const told = () => names.map((list) => list.splice(0).filter((name) => /^(add|change|remove)$/.test(name)));
  const todo = first.create({ title: 'Milk' }, { wait: true });
  assert.deepStrictEqual(told()[1], ['add']);
  assert.deepStrictEqual([first.length, second.length], [1, 1]);
  todo.save({ title: 'Tea' });
  assert.deepStrictEqual(told(), [['change'], ['change']]);
  assert.strictEqual(second.get(todo.id).get('title'), 'Tea');
  new Todo({ id: 'alone', title: 'Coffee' }).save();
  store.put('beside', { title: 'Water' });
  assert.deepStrictEqual(told(), [['add', 'add'], ['add', 'add']]);
  todo.destroy();
  assert.deepStrictEqual(told(), [['remove'], ['remove']]);
});

each('a live collection keeps to the query it was fetched by', ({ Todos, offline, store }) => {
  store.put('a', { n: 1 });
  store.put('b', { n: 5 });
  const todos = new Todos();
  offline.bind(todos);
  todos.fetch({ query: { filter: { ge: ['/n', 3] } } });
  store.put('c', { n: 2 });
  store.patch('a', { n: 7 });
  store.patch('b', { n: 0 });
  assert.deepStrictEqual(todos.pluck('id'), ['a']);
});

each('a model alone is live too, until it is unbound', ({ Todo, offline, store }) => {
  store.put('a', { n: 1 });
  const todo = new Todo({ id: 'a' });
  todo.fetch();
  const end = offline.bind(todo);
  const names = heard(todo);
  store.put('a', { n: 2 });
  assert.strictEqual(todo.get('n'), 2);
  store.remove('a');
  assert.deepStrictEqual(names.filter((name) => TOLD.test(name)), ['change', 'destroy']);
  end();
  store.put('a', { n: 3 });
  assert.strictEqual(todo.get('n'), 2);
});

each('a listener may save, and one that throws stops nothing', async ({ Todos, offline, replica, store }) => {
  const thrown = [];
  replica.host = { ...replica.host, later: (ms, call) => (/throw error/.test(call) ? thrown.push(call) : undefined) };
  const todos = new Todos();
  offline.bind(todos);
  todos.on('add', (todo) => {
    if (todo.id === 'a') todo.save({ seen: true });
    if (todo.id === 'b') throw new Error('of the app');
  });
  store.put('a', { n: 1 });
  store.put('b', { n: 2 });
  store.put('c', { n: 3 });
  assert.deepStrictEqual(store.get('a').document, { n: 1, seen: true });
  assert.deepStrictEqual(todos.pluck('id'), ['a', 'b', 'c']);
  assert.strictEqual(thrown.length, 1);
  assert.throws(thrown[0], /of the app/);
});

each('a live model is destroyed as any other, and parses what arrives', ({ Todo, Todos, offline, store }) => {
  const Wrapped = Todo.extend({ parse: (response) => response && { id: response.id, name: response.title } });
  const todos = new (Todos.extend({ model: Wrapped }))();
  offline.bind(todos);
  store.put('a', { title: 'Milk' });
  store.put('a', { title: 'Tea' });
  const todo = todos.get('a');
  assert.deepStrictEqual(todo.toJSON(), { id: 'a', name: 'Tea' });
  const names = [];
  for (const name of ['destroy', 'remove']) todo.on(name, () => names.push(name));
  todo.destroy({ success: () => names.push('success') });
  assert.deepStrictEqual(names, ['success', 'destroy', 'remove']);
  assert.strictEqual(todos.length, 0);
});

each('a record that was taken for another one gives way to the model that has its id now', ({ Todos, offline, replica, store }) => {
  const todos = new Todos();
  offline.bind(todos);
  store.put('former', { n: 1 });
  store.put('s1', { n: 1 });
  const todo = todos.get('former');
  replica.emit('mapped', { collection: 'todos', former: 'former', id: 's1' });
  assert.deepStrictEqual(todos.models, [todo]);
  assert.strictEqual(todos.get('s1'), todo);
});

test('a conflict of two devices is reached from the model, on a real server', async (t) => {
  const server = await serve(t);
  const config = { server: server.url, collections: { todos: { policy: 'manual' } } };
  const [anna, ben] = [made(t, '1.4.0', config, { live: true }), made(t, '1.4.0', config, { live: true })];
  anna.store.put('a', { title: 'Milk' });
  await anna.replica.sync();
  await ben.replica.sync();
  const todos = new ben.Todos();
  todos.fetch();
  const todo = todos.get('a');
  const told = [];
  todos.on('conflict', (model, { open }) => told.push([model, open]));
  anna.store.put('a', { title: 'Oat milk' });
  todo.save({ title: 'Soy milk' });
  assert.strictEqual(ben.offline.state(todo).state, 'dirty');
  await anna.replica.sync();
  await ben.replica.sync();
  assert.deepStrictEqual(told, [[todo, true]]);
  const { conflict } = ben.offline.state(todo);
  assert.deepStrictEqual([conflict.ours, conflict.theirs], [{ title: 'Soy milk' }, { title: 'Oat milk' }]);
  ben.replica.resolve('todos', todo.id, 'theirs');
  assert.strictEqual(todo.get('title'), 'Oat milk');
  assert.deepStrictEqual(told, [[todo, true], [todo, false]]);
  assert.strictEqual(ben.offline.state(todo).conflict, null);
});

test('the example of docs/JAVASCRIPT.md works as it stands there', async (t) => {
  const page = fs.readFileSync(path.join(__dirname, '../../docs/JAVASCRIPT.md'), 'utf8');
  const code = page.split('```js\n').find((block) => block.includes("require('backbone')")).split('```')[0];
  const server = await serve(t);
  const { Backbone } = made(t);
  const open = (file, config) => device(t, path.join(folder(t), file), { ...config, server: server.url });
  const packages = { backbone: Backbone, 'ti.sync': { ...require('..'), open } };
  const printed = [];
  const log = { log: (...values) => printed.push(...values) };
  const run = new Function('require', 'console', `${code}\nreturn { offline, replica, milk };`);
  const { offline, replica, milk } = run((name) => packages[name], log);
  assert.deepStrictEqual(printed, [['Milk'], ['Milk'], ['Oat milk'], 'dirty']);
  await replica.sync();
  assert.strictEqual(offline.state(milk).state, 'clean');
  assert.strictEqual(milk.get('title'), 'Oat milk');
});
