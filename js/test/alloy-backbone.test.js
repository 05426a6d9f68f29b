'use strict';

// The behaviour of Backbone's versions in Alloy, row by row.

const assert = require('node:assert');
const { app, definition, draws, each, resources } = require('./alloys');
const { callbacks, heard } = require('./backbones');

const todo = definition({ columns: { title: 'TEXT', stars: 'INTEGER' }, adapter: { idAttribute: 'todo_id' } });
const json = (value) => JSON.parse(JSON.stringify(value));
const only = (names, ...wanted) => names.filter((name) => wanted.includes(name));

each('the success callback gets the model, the answer, and since 1.0 the options', ({ start, isOld }) => {
  const { Alloy } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  const { calls, ...back } = callbacks();
  milk.save(null, back);
  milk.fetch(back);
  const todos = Alloy.createCollection('todo');
  todos.fetch(back);
  assert.deepStrictEqual(calls.map(([kind, of]) => [kind, of]), [['success', milk], ['success', milk], ['success', todos]]);
  assert.deepStrictEqual(json(calls[0][2]), { title: 'Milk', todo_id: milk.id });
  assert.deepStrictEqual(json(calls[2][2]), [{ title: 'Milk', todo_id: milk.id }]);
  assert.deepStrictEqual(calls.map((call) => typeof call[3]), Array(3).fill(isOld ? 'undefined' : 'object'));
});

each('the event sync: in 0.9.2 only without a callback, and never of a fetch', ({ start, isOld }) => {
  const { Alloy } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  const order = [];
  milk.on('sync', () => order.push('sync'));
  milk.save();
  assert.deepStrictEqual(order.splice(0), ['sync']);
  milk.save(null, { success: () => order.push('success') });
  assert.deepStrictEqual(order.splice(0), isOld ? ['success'] : ['success', 'sync']);
  milk.fetch();
  assert.deepStrictEqual(order, isOld ? [] : ['sync']);
});

each('an error is one value for the callback, and an event: in 0.9.2 only without a callback', ({ start, isOld, version }) => {
  const { Alloy, sync } = start({ todo });
  const missing = Alloy.createModel('todo', { todo_id: 'none' });
  const names = heard(missing);
  const { calls, ...back } = callbacks();
  missing.fetch(back);
  assert.deepStrictEqual(calls.map(([kind, of, error]) => [kind, of, error.kind, error instanceof sync.TiSyncError]), [['error', missing, 'not_found', true]]);
  assert.deepStrictEqual(only(names, 'error'), isOld ? [] : ['error']);
  names.length = 0;
  missing.fetch();
  assert.deepStrictEqual(only(names, 'error'), ['error']);
});

each('a collection that is fetched: reset in 0.9.2, later add, change and remove', ({ start, isOld, version }) => {
  const { Alloy } = start({ todo });
  const save = (attributes) => {
    const model = Alloy.createModel('todo', attributes);
    model.save();
    return model;
  };
  const first = save({ title: 'a' });
  save({ title: 'b' });
  const todos = Alloy.createCollection('todo');
  const drawn = draws(todos, version);
  const names = heard(todos);
  const told = () => only(names.splice(0), 'add', 'change', 'remove', 'reset', 'fetch');
  todos.fetch();
  assert.deepStrictEqual(told(), isOld ? ['reset', 'fetch'] : ['add', 'add', 'fetch']);
  first.save({ title: 'A' });
  todos.at(1).destroy();
  names.length = 0;
  drawn.length = 0;
  save({ title: 'c' });
  todos.fetch();
  assert.deepStrictEqual(told().sort(), isOld ? ['fetch', 'reset'] : ['add', 'change', 'fetch']);
  assert.strictEqual(drawn.length, 1);
  todos.fetch({ reset: true });
  assert.deepStrictEqual(told(), ['reset', 'fetch']);
  save({ title: 'd' });
  todos.fetch({ add: true, remove: false });
  assert.deepStrictEqual(only(told(), 'add', 'reset'), ['add']);
  assert.strictEqual(drawn.length, 3);
  todos.comparator = (model) => model.get('title');
  todos.fetch();
  assert.deepStrictEqual(json(todos.pluck('title')), ['A', 'c', 'd']);
  assert.strictEqual(drawn.length, 4);
});

each('what is fetched is parsed', ({ start, isOld }) => {
  const wrapped = definition({ adapter: { collection_name: 'todo' } }, `, extendModel: function (Model) {
    return Model.extend({ parse: function (response) { return response && { id: response.id, name: response.title }; }, toJSON: function () { return { title: this.get('name') }; } });
  }`);
  const { Alloy } = start({ wrapped });
  const milk = Alloy.createModel('wrapped', { name: 'Milk' });
  milk.save();
  assert.strictEqual(milk.get('name'), 'Milk');
  const all = Alloy.createCollection('wrapped');
  all.fetch();
  assert.deepStrictEqual(json(all.map((model) => model.attributes.name)), ['Milk']);
  milk.fetch();
  assert.strictEqual(milk.get('name'), 'Milk');
});

each('patch stores what is named; 0.9.2 stores it all', ({ start, isOld }) => {
  const { Alloy } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk', stars: 1 });
  milk.save();
  Alloy.createModel('todo', { todo_id: milk.id, title: 'Milk', stars: 5 }).save();
  milk.save({ title: 'Oat milk' }, { patch: true });
  milk.fetch();
  assert.deepStrictEqual(json(milk), { title: 'Oat milk', stars: 5, todo_id: milk.id });
  const { calls, ...back } = callbacks();
  Alloy.createModel('todo', { todo_id: 'none' }).save({ stars: 1 }, { patch: true, ...back });
  assert.strictEqual(calls[0][0], isOld ? 'success' : 'error');
});

each('a new model that is destroyed: no callback in 0.9.2, one at once in 1.1, a later one since 1.2', async ({ start, version }) => {
  const { Alloy } = start({ todo });
  const { calls, ...back } = callbacks();
  assert.strictEqual(Alloy.createModel('todo', { title: 'Milk' }).destroy(back), false);
  assert.strictEqual(calls.length, version === '1.1.2' ? 1 : 0);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.strictEqual(calls.length, version === '0.9.2' ? 0 : 1);
});

each('a destroy: success, then sync, destroy and remove, and the list is drawn', ({ start, isOld, version }) => {
  const { Alloy } = start({ todo });
  const todos = Alloy.createCollection('todo');
  const milk = todos.create({ title: 'Milk' });
  const order = [];
  for (const name of ['sync', 'destroy', 'remove']) milk.on(name, () => order.push(name));
  milk.destroy({ success: () => order.push('success') });
  assert.deepStrictEqual(order, isOld ? ['success', 'destroy', 'remove'] : ['success', 'sync', 'destroy', 'remove']);
  const waits = todos.create({ title: 'Tea' });
  waits.destroy({ wait: true });
  assert.strictEqual(todos.length, 0);
});

each('a destroy that fails is not undone, unless it waits', ({ start }) => {
  const { Alloy, sync } = start({ todo });
  const todos = Alloy.createCollection('todo');
  const [first, second] = [todos.create({ title: 'Milk' }), todos.create({ title: 'Tea' })];
  const { calls, ...back } = callbacks();
  sync.replica().command = () => { throw new sync.TiSyncError('storage', 'the disk is full'); };
  first.destroy(back);
  second.destroy({ wait: true, ...back });
  assert.deepStrictEqual(calls.map(([kind, , error]) => [kind, error.kind]), [['error', 'storage'], ['error', 'storage']]);
  assert.deepStrictEqual([...todos.models], [second]);
});

each('set of a collection, where Backbone has it, stores nothing by itself', ({ start, isOld }) => {
  const { Alloy } = start({ todo });
  const todos = Alloy.createCollection('todo');
  if (isOld) {
    assert.strictEqual(todos.set, undefined);
    todos.add([{ todo_id: 'a', title: 'Milk' }]);
  } else {
    todos.set([{ todo_id: 'a', title: 'Milk' }]);
  }
  assert.deepStrictEqual(json(todos.pluck('title')), ['Milk']);
  todos.fetch();
  assert.strictEqual(todos.length, 0);
});

each('a model is new until it is saved, and takes its id by one change:id', ({ start, version }) => {
  const { Alloy } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  assert.ok(milk.isNew());
  const names = heard(milk);
  milk.save();
  assert.ok(!milk.isNew());
  assert.deepStrictEqual(only(names.splice(0), 'change:todo_id', 'changeId').sort(), version === '1.6.0' ? ['change:todo_id', 'changeId'] : ['change:todo_id']);
  milk.save({ title: 'Oat milk' });
  // 1.6.0 tells `changeId` of every set that names the id attribute, also when it is the same.
  assert.deepStrictEqual(only(names, 'change:todo_id'), []);
  assert.ok(only(names, 'changeId').length <= (version === '1.6.0' ? 1 : 0));
});

each('save and create with wait show the new value when it is stored', ({ start }) => {
  const { Alloy, sync } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  milk.save({ title: 'Oat milk' }, { wait: true });
  assert.deepStrictEqual([milk.get('title'), milk.isNew()], ['Oat milk', false]);
  const todos = Alloy.createCollection('todo');
  const tea = todos.create({ title: 'Tea' }, { wait: true });
  assert.strictEqual(todos.get(tea.id), tea);
  sync.replica().command = () => { throw new Error('the disk is full'); };
  milk.save({ title: 'Soy milk' }, { wait: true, error: () => {} });
  assert.strictEqual(milk.get('title'), 'Oat milk');
});

each('a fetch of one row, of none, and without an id', ({ start }) => {
  const { Alloy } = start({ todo });
  const { calls, ...back } = callbacks();
  const todos = Alloy.createCollection('todo');
  todos.fetch(back);
  const settings = Alloy.createModel('todo');
  settings.fetch(back);
  assert.deepStrictEqual(json(settings), {});
  Alloy.createModel('todo', { title: 'Milk' }).save();
  todos.fetch(back);
  assert.strictEqual(todos.length, 1);
  settings.fetch(back);
  assert.strictEqual(settings.get('title'), 'Milk');
  assert.deepStrictEqual(calls.map(([kind]) => kind), Array(4).fill('success'));
  Alloy.createModel('todo', { title: 'Tea' }).save();
  Alloy.createModel('todo').fetch(back);
  assert.match(calls[4][2].message, /has more than one record/);
});

each('what save, fetch and destroy return can be awaited', async ({ start }) => {
  const { Alloy } = start({ todo });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  assert.deepStrictEqual(json(await milk.save()), { title: 'Milk', todo_id: milk.id });
  assert.deepStrictEqual(json(await milk.fetch()), { title: 'Milk', todo_id: milk.id });
  assert.strictEqual(await milk.destroy(), null);
});

each('what cannot be stored is told to the error callback: sync throws nothing', ({ start }) => {
  const wrong = definition({ policy: 'whoever-shouts', adapter: { collection_name: 'wrong' } });
  const lost = definition({ connector: 'nowhere' });
  const { Alloy, logs } = start({ todo, wrong, lost });
  const { calls, ...back } = callbacks();
  const round = {};
  round.round = round;
  Alloy.createModel('todo', { round }).save(null, back);
  Alloy.createModel('wrong', { title: 'Milk' }).save(null, back);
  Alloy.createCollection('lost').fetch(back);
  assert.deepStrictEqual(calls.map(([kind]) => kind), ['error', 'error', 'error']);
  assert.match(calls[1][2].message, /"whoever-shouts"/);
  assert.match(calls[2][2].message, /connectors\/nowhere.js/);
  assert.strictEqual(logs.filter(([level]) => level === 'error').length, 2);
  // The others are not held up by it.
  Alloy.createModel('todo', { title: 'Milk' }).save(null, back);
  assert.strictEqual(calls[3][0], 'success');
});
