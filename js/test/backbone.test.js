'use strict';

// How Backbone behaves with a sync that answers at once, row by row, in each of its versions.

const assert = require('node:assert');
const { test } = require('node:test');
const { backbone, TiSyncError } = require('..');
const { callbacks, each, heard, made } = require('./backbones');

each('save, fetch and destroy are done when they return, and no global is replaced', ({ Backbone, Todo, Todos, store, offline }) => {
  const before = Backbone.sync;
  assert.strictEqual(Backbone.$, undefined);
  const todo = new Todo({ title: 'Milk' });
  assert.ok(todo.isNew());
  todo.save();
  assert.ok(!todo.isNew());
  assert.deepStrictEqual(store.get(todo.id).document, { title: 'Milk' });
  todo.save({ title: 'Oat milk' });
  assert.deepStrictEqual(store.get(todo.id).document, { title: 'Oat milk' });
  store.patch(todo.id, { stars: 2 });
  todo.fetch();
  assert.deepStrictEqual(todo.toJSON(), { id: todo.id, title: 'Oat milk', stars: 2 });
  const todos = new Todos();
  todos.fetch();
  assert.deepStrictEqual(todos.toJSON(), [todo.toJSON()]);
  todos.at(0).destroy();
  assert.strictEqual(todos.length, 0);
  assert.strictEqual(store.get(todo.id), null);
  assert.strictEqual(offline.state(todo).state, null);
  assert.strictEqual(Backbone.sync, before);
});

each('the success callback', ({ Todo, Todos, isOld }) => {
  const heardBack = callbacks();
  const todo = new Todo({ title: 'Milk' });
  todo.save(null, heardBack);
  const [kind, model, response, options] = heardBack.calls[0];
  assert.deepStrictEqual([kind, model, response], ['success', todo, { id: todo.id, title: 'Milk' }]);
  assert.strictEqual(typeof options, isOld ? 'undefined' : 'object');
  const todos = new Todos();
  todos.fetch(heardBack);
  assert.deepStrictEqual(heardBack.calls[1].slice(0, 3), ['success', todos, [response]]);
  assert.strictEqual(heardBack.calls.length, 2);
});

each('the sync event', ({ Todo, isOld }) => {
  const todo = new Todo({ title: 'Milk' });
  const names = heard(todo);
  const count = () => names.splice(0).filter((name) => name === 'sync').length;
  todo.save();
  assert.strictEqual(count(), 1);
  todo.save(null, { success: () => {} });
  assert.strictEqual(count(), isOld ? 0 : 1);
  todo.fetch();
  assert.strictEqual(count(), isOld ? 0 : 1);
});

each('the request event, since Backbone has it', ({ Todo, isOld }) => {
  const todo = new Todo({ title: 'Milk' });
  const names = heard(todo);
  todo.save();
  assert.strictEqual(names.filter((name) => name === 'request').length, isOld ? 0 : 1);
});

each('the error callback and the error event', async ({ Todo, isOld }) => {
  const missing = new Todo({ id: 'none' });
  const names = heard(missing);
  const heardBack = callbacks();
  const given = missing.fetch(heardBack);
  const [kind, model, error] = heardBack.calls[0];
  assert.deepStrictEqual([kind, model, error instanceof TiSyncError, error.kind], ['error', missing, true, 'not_found']);
  assert.match(error.message, /expected the record "none" in the collection todos/);
  assert.strictEqual(names.filter((name) => name === 'error').length, isOld ? 0 : 1);
  await assert.rejects(given, error);
  names.length = 0;
  missing.fetch();
  assert.strictEqual(names.filter((name) => name === 'error').length, 1);
  new Todo({ title: 'no id' }).fetch(heardBack);
  assert.match(heardBack.calls[1][2].message, /expected a model with an id/);
});

each('what cannot be stored is an error, not an exception', ({ Todo, store }) => {
  const round = {};
  round.round = round;
  const heardBack = callbacks();
  new Todo({ round }).save(null, heardBack);
  assert.strictEqual(heardBack.calls[0][0], 'error');
  assert.strictEqual(store.count(), 0);
});

each('a collection is fetched, merged, reset and added to', ({ Todos, store, isOld }) => {
  store.put('a', { n: 1 });
  store.put('b', { n: 2 });
  const todos = new Todos();
  const names = heard(todos);
  todos.fetch();
  const drawn = names.splice(0).filter((name) => name === 'add' || name === 'reset');
  assert.deepStrictEqual(drawn, isOld ? ['reset'] : ['add', 'add']);
  store.put('a', { n: 5 });
  store.remove('b');
  store.put('c', { n: 3 });
  todos.fetch();
  const merged = names.splice(0).filter((name) => /^(add|remove|change|reset)$/.test(name)).sort();
  assert.deepStrictEqual(merged, isOld ? ['reset'] : ['add', 'change', 'remove']);
  assert.deepStrictEqual(todos.pluck('n'), [5, 3]);
  todos.fetch({ reset: true });
  assert.deepStrictEqual(names.splice(0).filter((name) => /^(add|remove|change|reset)$/.test(name)), ['reset']);
  store.put('d', { n: 4 });
  todos.fetch({ add: true, remove: false });
  assert.deepStrictEqual(names.splice(0).filter((name) => name === 'add'), ['add']);
  todos.fetch({ silent: true });
  assert.deepStrictEqual(names.filter((name) => /^(add|remove|change|reset)$/.test(name)), []);
  assert.deepStrictEqual(todos.pluck('n'), [5, 3, 4]);
});

each('a query is given to fetch', ({ Todos, store }) => {
  for (const n of [1, 2, 3]) store.put(`r${n}`, { n });
  const todos = new Todos();
  todos.fetch({ query: { filter: { ge: ['/n', 2] }, order: [{ path: '/n', descending: true }] } });
  assert.deepStrictEqual(todos.pluck('n'), [3, 2]);
  const heardBack = callbacks();
  todos.fetch({ query: { filter: { about: ['/n', 2] } }, ...heardBack });
  assert.strictEqual(heardBack.calls[0][0], 'error');
});

each('patch sends what is named', ({ Todo, store, isOld }) => {
  const todo = new Todo({ title: 'Milk', stars: 1 });
  todo.save();
  store.patch(todo.id, { stars: 9 });
  todo.save({ title: 'Oat milk', 'a/b~c': 1 }, { patch: true });
  assert.deepStrictEqual(store.get(todo.id).document, { title: 'Oat milk', stars: 9, 'a/b~c': 1 });
  assert.strictEqual(todo.get('stars'), 9);
  const heardBack = callbacks();
  new Todo({ id: 'none' }).save({ title: 'x' }, { patch: true, ...heardBack });
  assert.strictEqual(heardBack.calls[0][0], isOld ? 'success' : 'error');
});

each('an update sends what changed since the model was read', ({ Todo, store }) => {
  store.put('a', { title: 'Milk', stars: 1, old: true });
  const todo = new Todo({ id: 'a' });
  todo.fetch();
  store.patch('a', { stars: 9 });
  todo.unset('old');
  todo.save({ title: 'Oat milk' });
  assert.deepStrictEqual(store.get('a').document, { title: 'Oat milk', stars: 9 });
  new Todo({ id: 'a', title: 'Whole' }).save();
  assert.deepStrictEqual(store.get('a').document, { title: 'Whole' });
  new Todo({ id: 'mine', title: 'New' }).save();
  assert.deepStrictEqual(store.get('mine').document, { title: 'New' });
});

each('save and create with wait', ({ Todo, Todos, store }) => {
  const todo = new Todo({ title: 'Milk' });
  todo.save({ title: 'Oat milk' }, { wait: true });
  assert.deepStrictEqual([todo.get('title'), todo.isNew()], ['Oat milk', false]);
  todo.save({ title: 'Soy milk' }, { wait: true });
  assert.deepStrictEqual([todo.get('title'), store.get(todo.id).document.title], ['Soy milk', 'Soy milk']);
  const todos = new Todos();
  const made = todos.create({ title: 'Tea' }, { wait: true });
  assert.strictEqual(todos.get(made.id), made);
  const other = todos.create({ title: 'Coffee' });
  assert.strictEqual(todos.get(other.id), other);
  assert.strictEqual(todos.length, 2);
});

each('a save that fails with wait changes nothing', ({ Todo, replica }) => {
  const todo = new Todo({ title: 'Milk' });
  todo.save();
  replica.close();
  todo.save({ title: 'Oat milk' }, { wait: true, error: () => {} });
  assert.strictEqual(todo.get('title'), 'Milk');
});

each('destroy: order of what is told', ({ Todos, isOld }) => {
  const todos = new Todos();
  const todo = todos.create({ title: 'Milk' });
  const names = [];
  for (const name of ['sync', 'destroy', 'remove']) todo.on(name, () => names.push(name));
  todo.destroy({ success: () => names.push('success') });
  assert.deepStrictEqual(names, isOld ? ['success', 'destroy', 'remove'] : ['success', 'sync', 'destroy', 'remove']);
  const waited = todos.create({ title: 'Tea' });
  waited.destroy({ wait: true });
  assert.strictEqual(todos.length, 0);
});

each('destroy of a new model asks nothing of the replica', ({ Todo, replica }) => {
  assert.strictEqual(new Todo({ title: 'Milk' }).destroy(), false);
  assert.strictEqual(replica.outbox().length, 0);
});

each('a destroy that fails is not rolled back, unless it waits', ({ Todos, replica }) => {
  const todos = new Todos();
  const first = todos.create({ title: 'Milk' });
  const second = todos.create({ title: 'Tea' });
  replica.close();
  const heardBack = callbacks();
  first.destroy(heardBack);
  second.destroy({ wait: true, ...heardBack });
  assert.deepStrictEqual(heardBack.calls.map(([kind, , error]) => [kind, error.kind]), [['error', 'closed'], ['error', 'closed']]);
  assert.deepStrictEqual(todos.models, [second]);
});

each('a destroy of what is gone already succeeds', ({ Todo, store }) => {
  const todo = new Todo({ title: 'Milk' });
  todo.save();
  store.remove(todo.id);
  const heardBack = callbacks();
  todo.destroy(heardBack);
  assert.strictEqual(heardBack.calls[0][0], 'success');
});

each('an idAttribute of the app, and ids that are numbers', ({ Todo, Todos, store }) => {
  const Named = Todo.extend({ idAttribute: '_id' });
  const todo = new Named({ title: 'Milk' });
  todo.save();
  assert.strictEqual(todo.get('_id'), todo.id);
  assert.deepStrictEqual(store.get(todo.id).document, { title: 'Milk' });
  const numbered = new Named({ _id: 7, title: 'Tea' });
  numbered.save();
  assert.strictEqual(numbered.id, 7);
  assert.deepStrictEqual(store.get('7').document, { title: 'Tea' });
  const all = new (Todos.extend({ model: Named }))();
  all.fetch();
  assert.deepStrictEqual(all.pluck('_id').sort(), ['7', todo.id].sort());
});

each('parse and toJSON of the app translate', ({ Todo, store }) => {
  const Wrapped = Todo.extend({
    parse: (response) => response && { id: response.id, name: response.title },
    toJSON() { return { title: this.get('name') }; }
  });
  const todo = new Wrapped({ name: 'Milk' });
  todo.save();
  assert.deepStrictEqual(store.get(todo.id).document, { title: 'Milk' });
  store.put(todo.id, { title: 'Tea' });
  todo.fetch();
  assert.strictEqual(todo.get('name'), 'Tea');
});

each('validate keeps a model from being saved', ({ Todo, store }) => {
  const Strict = Todo.extend({ validate: (attributes) => (attributes.title ? undefined : 'a title is wanted') });
  const todo = new Strict({ title: 'Milk' });
  assert.strictEqual(todo.save({ title: '' }), false);
  assert.strictEqual(store.count(), 0);
});

each('what save, fetch and destroy return can be awaited', async ({ Todo }) => {
  const todo = new Todo({ title: 'Milk' });
  assert.deepStrictEqual(await todo.save(), { id: todo.id, title: 'Milk' });
  assert.deepStrictEqual(await todo.fetch(), { id: todo.id, title: 'Milk' });
  assert.strictEqual(await todo.destroy(), null);
});

test('what is not meant is refused with what was expected', (t) => {
  const { Backbone, replica, offline } = made(t);
  assert.throws(() => backbone({}, replica), /expected Backbone/);
  assert.throws(() => backbone(Backbone, null), /expected a replica, as open\(\) gives it, but null came/);
  assert.throws(() => offline('none'), /expected one of the collections todos, people/);
  assert.throws(() => offline.bind(new Backbone.Collection()), /sync was made here/);
  assert.throws(() => offline.state(new Backbone.Model()), /sync was made here/);
  const heardBack = callbacks();
  offline('todos')('merge', new Backbone.Model(), heardBack);
  assert.match(heardBack.calls[0][1].message, /but the method "merge" came/);
});
