'use strict';

// Models of Alloy that sync, against a real server.

const assert = require('node:assert');
const { test } = require('node:test');
const { app, definition, draws, each, resources } = require('./alloys');
const { heard } = require('./backbones');
const { device, folder, serve } = require('./device');
const path = require('node:path');

const synced = (url, more) => definition({ columns: { title: 'TEXT' }, connector: { type: 'native', url }, ...more });

each('what one device saves arrives at a live collection of another, and draws once', async ({ t, start, version }) => {
  const { url } = await serve(t);
  const models = { todo: synced(url), list: synced(url, { adapter: { collection_name: 'lists' } }) };
  const anna = start(models);
  const ben = start(models, { platform: 'ios' });
  // Else it hears of them and pulls before anyone looks.
  ben.sync.configure({ autostart: false });
  const todos = ben.Alloy.Collections.instance('todo');
  const drawn = draws(todos, version);
  todos.fetch();
  for (let n = 0; n < 5; n++) anna.Alloy.createModel('todo', { title: `t${n}` }).save();
  anna.Alloy.createModel('list', { title: 'shopping' }).save();
  assert.strictEqual(anna.sync.health().outbox.pending, 6);
  await anna.sync.syncNow();
  assert.strictEqual(anna.sync.health().outbox.pending, 0);
  const names = heard(todos);
  drawn.length = 0;
  await ben.sync.syncNow();
  assert.strictEqual(todos.length, 5);
  assert.strictEqual(names.filter((name) => name === 'add').length, 5);
  assert.strictEqual(drawn.length, 1);
  // A model that is required after sync has begun.
  const lists = ben.Alloy.createCollection('list');
  lists.fetch();
  assert.strictEqual(lists.length, 0);
  await ben.sync.syncNow();
  lists.fetch();
  assert.deepStrictEqual([...lists.pluck('title')], ['shopping']);
  const first = todos.at(0);
  first.save({ title: 'changed' });
  assert.strictEqual(first.syncState().state, 'dirty');
  await ben.sync.syncNow();
  assert.strictEqual(first.syncState().state, 'clean');
});

each('changes of others arrive as change and remove, one redraw each time, and a conflict is settled on the model', async ({ t, start, version }) => {
  const { url } = await serve(t);
  const models = { todo: synced(url, { policy: 'manual' }) };
  const anna = start(models);
  const ben = start(models, { platform: 'ios' });
  [anna, ben].forEach(({ sync }) => sync.configure({ autostart: false }));
  const [one, two] = ['one', 'two'].map((title) => anna.Alloy.Collections.instance('todo').create({ title }));
  await anna.sync.syncNow();
  const todos = ben.Alloy.Collections.instance('todo');
  todos.fetch();
  await ben.sync.syncNow();
  assert.strictEqual(todos.length, 2);
  const drawn = draws(todos, version);
  const names = heard(todos);
  one.save({ title: 'one of anna' });
  two.destroy();
  await anna.sync.syncNow();
  await ben.sync.syncNow();
  assert.deepStrictEqual(names.filter((name) => name === 'change' || name === 'remove').sort(), ['change', 'remove']);
  assert.deepStrictEqual([...todos.pluck('title')], ['one of anna']);
  assert.strictEqual(drawn.length, 1);
  // A model that is bound alone, and a local change that is drawn once.
  drawn.length = 0;
  todos.at(0).save({ title: 'one of ben' });
  assert.strictEqual(drawn.length, 1);
  one.save({ title: 'anna again' });
  await anna.sync.syncNow();
  const told = [];
  todos.on('conflict', (model, { open }) => told.push([model, open]));
  ben.sync.on('conflict', ({ id, open }) => told.push([id, open]));
  await ben.sync.syncNow();
  const model = todos.at(0);
  assert.deepStrictEqual(told.map(([, open]) => open), [true, true]);
  const { conflict } = model.syncState();
  assert.deepStrictEqual([conflict.ours.title, conflict.theirs.title, todos.conflicts().length, ben.sync.conflicts().length], ['one of ben', 'anna again', 1, 1]);
  model.resolve('theirs');
  assert.deepStrictEqual([model.get('title'), todos.conflicts().length], ['anna again', 0]);
  assert.strictEqual(ben.sync.journal().length, 1);
});

test('a function decides, and so does a rule of a field', async (t) => {
  const { url } = await serve(t);
  const game = definition({
    policy: 'merge',
    fields: { score: function highest(asked) { return Math.max(asked.ours, asked.theirs); }, tags: 'set' },
    connector: { type: 'native', url }
  });
  const root = resources(t, '1.4.0', { game });
  const [anna, ben] = [app(t, root), app(t, root)];
  const first = anna.Alloy.createModel('game', { id: 'g', score: 1, tags: [] });
  first.save();
  await anna.sync.syncNow();
  const second = ben.Alloy.createModel('game', { id: 'g' });
  second.fetch({ error: () => {} });
  await ben.sync.syncNow();
  second.fetch();
  first.save({ score: 5, tags: ['a'] });
  second.save({ score: 3, tags: ['b'] });
  await anna.sync.syncNow();
  await ben.sync.syncNow();
  second.fetch();
  assert.deepStrictEqual([second.get('score'), [...second.get('tags')].sort()], [5, ['a', 'b']]);
});

test('what an earlier run left to be sent is sent before the app needs its model', async (t) => {
  const { url } = await serve(t);
  const root = resources(t, '1.4.0', { todo: synced(url), list: synced(url, { adapter: { collection_name: 'lists' } }) });
  const place = folder(t);
  const first = app(t, root, { folder: place, network: 'offline' });
  first.Alloy.createModel('list', { title: 'shopping' }).save();
  first.close();
  const second = app(t, root, { folder: place });
  second.Alloy.createCollection('todo').fetch();
  await second.sync.syncNow();
  assert.strictEqual(second.sync.health().outbox.pending, 0);
  const other = app(t, root).Alloy.createCollection('list');
  other.fetch();
  await new Promise((resolve) => { other.live(); other.on('add', resolve); });
  assert.deepStrictEqual([...other.pluck('title')], ['shopping']);
});

test('the network is told of, and what was saved without it is sent when it is back', async (t) => {
  const { url } = await serve(t);
  const device = app(t, resources(t, '1.4.0', { todo: synced(url) }), { network: 'offline' });
  const told = [];
  const online = new Promise((resolve) => device.sync.on('network', ({ state }) => {
    told.push(state.reach);
    if (state.reach === 'online') resolve();
  }));
  const todo = device.Alloy.createModel('todo', { title: 'Milk' });
  todo.save();
  await assert.rejects(device.sync.syncNow(), (error) => error.kind === 'offline');
  assert.strictEqual(todo.syncState().state, 'dirty');
  device.network.set('online');
  await online;
  await device.sync.syncNow();
  assert.strictEqual(todo.syncState().state, 'clean');
  assert.strictEqual(told[told.length - 1], 'online');
});

test('fetches in the words of older REST adapters show what is on the device', (t) => {
  const device = app(t, resources(t, '1.4.0', { todo: definition({ columns: { title: 'TEXT', stars: 'INTEGER' } }) }));
  for (const [title, stars] of [['Milk', 1], ['Tea', 2], ['Oat milk', 3]]) device.Alloy.createModel('todo', { title, stars }).save();
  const todos = device.Alloy.createCollection('todo');
  const titles = (options) => {
    todos.fetch({ error: (of, error) => { throw error; }, ...options });
    return [...todos.pluck('title')];
  };
  assert.deepStrictEqual(titles({ urlparams: { stars: 2, page: 1 } }), ['Tea']);
  assert.deepStrictEqual(titles({ urlparams: { page: 1 }, localOnly: true }), ['Milk', 'Tea', 'Oat milk']);
  assert.deepStrictEqual(titles({ sql: { where: { stars: 3 } } }), ['Oat milk']);
  assert.deepStrictEqual(titles({ sql: { wherenot: { stars: 3 }, like: { title: 'il' } } }), ['Milk']);
  assert.deepStrictEqual(titles({ sql: { where: 'stars > 1', orderBy: 'stars DESC', limit: 1 } }), ['Oat milk']);
  assert.deepStrictEqual(titles({ sql: { likeor: { title: 'ea', stars: '3' }, orderBy: ['title'], offset: 1 } }), ['Tea']);
  assert.throws(() => titles({ sql: { union: 'x' } }), /but `union` came; write `query/);
  const warned = device.logs.filter(([level]) => level === 'warn').map(([, text]) => text);
  assert.strictEqual(warned.length, 1);
  assert.match(warned[0], /`urlparams.page` of a fetch of "todo" is not used/);
});

test('documents of an older schema are brought forward by the model', (t) => {
  const place = folder(t);
  const run = (config) => {
    const made = app(t, resources(t, '1.4.0', { note: definition(config) }), { folder: place });
    const notes = made.Alloy.createCollection('note');
    return { ...made, notes };
  };
  const first = run({});
  first.notes.create({ title: 'Milk' });
  first.close();
  let told = null;
  const without = run({ schema: 1 });
  without.notes.fetch({ error: (of, error) => { told = error; } });
  assert.match(told.message, /note/);
  without.close();
  const { notes } = run({ schema: 1, migrate: function forward(document) { return { name: document.title }; } });
  notes.fetch();
  assert.strictEqual(notes.at(0).get('name'), 'Milk');
});

test('a replica that was closed is opened again by the next use, and syncs as before', async (t) => {
  const { url } = await serve(t);
  const device = app(t, resources(t, '1.4.0', { todo: synced(url), wrong: definition({ policy: 'whoever-shouts' }) }));
  const clean = (todo) => new Promise((resolve) => device.sync.on('health', () => { if (todo.syncState().state === 'clean') resolve(); }));
  const resumed = () => device.Ti.App.listeners.resumed.length;
  const titles = () => {
    const todos = device.Alloy.createCollection('todo');
    todos.fetch({ query: 'SELECT * FROM todo ORDER BY title', error: (of, error) => { throw error; } });
    return [...todos.map((todo) => todo.id ? todo.get('title') : null)];
  };
  for (const title of ['Milk', 'Tea']) {
    const todo = device.Alloy.createModel('todo', { title });
    todo.save();
    await clean(todo);
    assert.strictEqual(titles().pop(), title);
    assert.strictEqual(resumed(), 1);
    device.sync.replica().close();
    assert.strictEqual(resumed(), 0);
  }
  // A model with a mistake does not keep the others out.
  device.Alloy.createModel('wrong');
  assert.deepStrictEqual(titles(), ['Milk', 'Tea']);
});

test('a model of an earlier run that is gone is passed by in silence, and one that fails is told', (t) => {
  const begun = (models) => {
    const place = folder(t);
    const first = app(t, resources(t, '1.4.0', { todo: synced('http://127.0.0.1:1'), list: synced('http://127.0.0.1:1') }), { folder: place, network: 'offline' });
    first.Alloy.createModel('list', { title: 'shopping' }).save();
    first.close();
    const second = app(t, resources(t, '1.4.0', { todo: synced('http://127.0.0.1:1'), ...models }), { folder: place, network: 'offline' });
    second.Alloy.createCollection('todo').fetch();
    return second.logs;
  };
  assert.deepStrictEqual(begun({}), []);
  for (const [text, told] of [["throw new Error('the app has a mistake');", /the app has a mistake/], ["require('/lists');", /not found: \/lists/], ["require('/alloy/models/Listing');", /not found: .*Listing/]]) {
    const logs = begun({ list: text });
    assert.deepStrictEqual(logs.map(([level]) => level), ['error'], text);
    assert.match(logs[0][1], /^ti\.sync: alloy\/models\/List\.js cannot be run/);
    assert.match(logs[0][1], told);
  }
});

test('the token of the app is for connectors without one of their own, whichever model comes first', async (t) => {
  const { url } = await serve(t, 'secret');
  const shared = (name, token) => definition({ connector: { type: 'native', name: 'main', url, token }, adapter: { collection_name: name } });
  const models = { todo: shared('todos'), list: shared('lists', 'secret') };
  for (const [order, given] of [[['todo', 'list'], 'other'], [['list', 'todo'], 'other'], [['todo'], 'secret']]) {
    const { Alloy, sync, logs } = app(t, resources(t, '1.4.0', models));
    sync.configure({ autostart: false, token: given });
    for (const name of order) Alloy.createModel(name, { title: name }).save(null, { error: (of, error) => { throw error; } });
    await sync.syncNow();
    assert.strictEqual(sync.health().unsent, 0);
    assert.deepStrictEqual(logs, []);
    sync.replica().close();
  }
});
