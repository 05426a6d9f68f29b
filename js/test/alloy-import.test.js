'use strict';

// An app that changes the `type` of a model keeps the rows that the former adapter had.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { app, definition, resources } = require('./alloys');
const { folder, serve, device } = require('./device');

const json = (value) => JSON.parse(JSON.stringify(value));
const COLUMNS = { title: 'TEXT', stars: 'INTEGER', state: 'TEXT' };

// A table as the stock adapter makes it.
const stock = ({ Ti }, rows) => {
  const database = Ti.Database.open('_alloy_');
  database.execute('CREATE TABLE IF NOT EXISTS todo (title TEXT, stars INTEGER, state TEXT, alloy_id TEXT UNIQUE)');
  for (const row of rows) database.execute('INSERT INTO todo (title, stars, state, alloy_id) VALUES (?, ?, ?, ?)', row);
  database.close();
};
const ROWS = [['Milk', 2, 'new', 'a'], ['Tea', null, 'old', 'b'], ['Water', 7, 'new', 'c']];

for (const platform of ['android', 'ios']) {
  test(`rows of a model that stays on the device are its records (${platform})`, (t) => {
    const place = folder(t);
    const root = resources(t, '1.4.0', { todo: definition({ columns: COLUMNS }) });
    const first = app(t, root, { folder: place, platform });
    stock(first, ROWS);
    const todos = first.Alloy.createCollection('todo');
    todos.fetch();
    assert.deepStrictEqual(json(todos), [
      { title: 'Milk', stars: 2, state: 'new', alloy_id: 'a' }, { title: 'Tea', stars: null, state: 'old', alloy_id: 'b' }, { title: 'Water', stars: 7, state: 'new', alloy_id: 'c' }
    ]);
    todos.get('b').destroy();
    first.close();
    const again = app(t, root, { folder: place, platform }).Alloy.createCollection('todo');
    again.fetch({ query: 'SELECT * FROM todo WHERE state = \'new\' ORDER BY stars DESC' });
    assert.deepStrictEqual([...again.pluck('title')], ['Water', 'Milk']);
    again.fetch();
    assert.strictEqual(again.length, 2);
  });

  test(`migrations are run as the stock adapter runs them, and the rows that they insert arrive (${platform})`, (t) => {
    const place = folder(t);
    const step = (id, body) => `function (migration) { migration.id = '${id}'; migration.up = function (db) { ${body} }; }`;
    const one = step('201', 'db.createTable({ columns: { title: "string", alloy_id: "TEXT UNIQUE" } }); db.insertRow({ title: "Welcome" });');
    const two = step('202', 'db.db.execute("ALTER TABLE todo ADD COLUMN stars INTEGER"); db.insertRow({ title: "News", stars: 3 });');
    const model = { todo: definition({ columns: { title: 'TEXT', stars: 'INTEGER' } }) };
    const first = app(t, resources(t, '1.4.0', model, { migrations: { todo: `[${one}]` } }), { folder: place, platform });
    const todos = first.Alloy.createCollection('todo');
    todos.fetch();
    assert.deepStrictEqual([...todos.pluck('title')], ['Welcome']);
    todos.at(0).destroy();
    first.close();
    const next = app(t, resources(t, '1.4.0', model, { migrations: { todo: `[${one}, ${two}]` } }), { folder: place, platform });
    const again = next.Alloy.createCollection('todo');
    again.fetch();
    assert.deepStrictEqual(json(again.map((one) => one.omit ? one.get('title') + one.get('stars') : null)), ['News3']);
  });
}

for (const platform of ['android', 'ios']) {
  test(`integers that a number does not hold are read as texts (${platform})`, (t) => {
    const place = folder(t);
    const first = app(t, resources(t, '1.4.0', { todo: definition({ columns: COLUMNS }) }), { folder: place, platform });
    stock(first, []);
    const database = first.Ti.Database.open('_alloy_');
    database.execute("INSERT INTO todo VALUES ('Milk', 9007199254740993, 'new', 9223372036854775807)");
    database.close();
    const todos = first.Alloy.createCollection('todo');
    todos.fetch();
    assert.deepStrictEqual(json(todos), [{ title: 'Milk', stars: '9007199254740993', state: 'new', alloy_id: '9223372036854775807' }]);
  });
}

for (const [what, model, adapter] of [['a table that the model names', 'product', { collection_name: 'products' }], ['a table named as the model', 'products', {}]]) {
  test(`a database that comes with the app is installed, and its columns are the model's: ${what}`, (t) => {
    const place = folder(t);
    const made = path.join(place, 'shop.sqlite');
    const other = app(t, resources(t, '1.4.0', {}), { folder: path.join(place, 'other') });
    const built = other.Ti.Database.open('built');
    built.execute('CREATE TABLE products (name TEXT, price REAL)');
    built.execute('INSERT INTO products VALUES (?, ?)', 'Milk', 1.5);
    const source = fs.readdirSync(path.join(place, 'other', 'databases')).find((name) => /^built\.sql$/.test(name));
    built.close();
    fs.copyFileSync(path.join(place, 'other', 'databases', source), made);
    const root = resources(t, '1.4.0', { [model]: definition({ adapter: { ...adapter, db_file: 'shop.sqlite' } }) });
    fs.copyFileSync(made, path.join(root, 'android', 'shop.sqlite'));
    const products = app(t, root, { folder: path.join(place, 'own') }).Alloy.createCollection(model);
    products.on('error', (model, error) => { throw error; });
    products.fetch({ query: 'SELECT * FROM products WHERE price > 1' });
    assert.deepStrictEqual(json(products), [{ name: 'Milk', price: 1.5, alloy_id: '1' }]);
  });
}

test('an app that had no table before has nothing to tell of it', async (t) => {
  const { url } = await serve(t);
  const root = resources(t, '1.4.0', { todo: definition({ columns: COLUMNS, connector: { type: 'native', url } }), own: definition({ columns: COLUMNS }) });
  const { Alloy, sync, logs } = app(t, root);
  Alloy.createModel('own', { title: 'stays here' }).save();
  Alloy.createModel('todo', { title: 'goes' }).save();
  assert.deepStrictEqual([sync.health().unsent, sync.health().outbox.pending], [1, 2]);
  const pending = (name) => Alloy.Collections.instance(name).pending().length;
  assert.deepStrictEqual([pending('own'), pending('todo')], [0, 1]);
  await sync.syncNow();
  assert.strictEqual(sync.health().unsent, 0);
  assert.deepStrictEqual(logs, []);
});

test('rows of a model that syncs are shown and never pushed, until the backend has shown what it has', async (t) => {
  const { url } = await serve(t);
  const server = device(t, path.join(folder(t), 'server.db'), { server: url, collections: { todo: { policy: 'merge' } } });
  server.collection('todo').put('a', { title: 'Milk of the server', stars: 2 });
  server.collection('todo').put('c', { title: 'Water', stars: 7 });
  await server.sync();
  const place = folder(t);
  const root = resources(t, '1.4.0', { todo: definition({ columns: COLUMNS, connector: { type: 'native', url } }) });
  const first = app(t, root, { folder: place, network: 'offline' });
  stock(first, [...ROWS, ['Juice', 1, 'new', 'd'], ['Wine', 1, 'new', 'e']]);
  const todos = first.Alloy.Collections.instance('todo');
  todos.fetch();
  assert.strictEqual(todos.length, 5);
  assert.strictEqual(first.sync.health().unsent, 0);
  assert.strictEqual(todos.pending().length, 0);
  assert.strictEqual(todos.get('b').syncState().state, 'unconfirmed');
  // What is changed of them meanwhile goes with them.
  todos.get('a').save({ stars: 5 });
  todos.get('b').save({ title: 'Green tea' });
  todos.get('c').destroy();
  todos.get('e').destroy();
  todos.fetch({ query: { statement: 'SELECT * FROM todo WHERE stars = ?', params: [5] } });
  assert.deepStrictEqual([...todos.pluck('title')], ['Milk']);
  todos.fetch({ query: { filter: { eq: ['/title', 'Green tea'] } } });
  assert.deepStrictEqual([...todos.pluck('alloy_id')], ['b']);
  assert.strictEqual(todos.pending().length, 0);
  assert.throws(() => first.sync.adopt('todo', 'upload'), /sync first/);
  first.close();

  const second = app(t, root, { folder: place });
  const told = [];
  second.sync.on('unconfirmed', (event) => told.push(json(event)));
  const again = second.Alloy.Collections.instance('todo');
  again.fetch();
  assert.deepStrictEqual(json(again.map((model) => model.id)).sort(), ['a', 'b', 'd']);
  await second.sync.syncNow();
  await second.sync.syncNow();
  assert.deepStrictEqual(told, [{ collection: 'todo', rows: 2 }]);
  again.fetch();
  assert.deepStrictEqual(json(again.get('a')), { title: 'Milk of the server', stars: 5, alloy_id: 'a' });
  await server.sync();
  assert.deepStrictEqual(server.collection('todo').query().map(({ id, document }) => [id, document.stars]), [['a', 5]]);
  assert.deepStrictEqual(json(second.sync.unconfirmed('todo').map(({ id }) => id)), ['b', 'd']);
  second.sync.adopt('todo', 'upload', ['b']);
  second.sync.adopt('todo', 'discard');
  assert.deepStrictEqual(json(second.sync.unconfirmed('todo')), []);
  await second.sync.syncNow();
  await server.sync();
  assert.deepStrictEqual(server.collection('todo').get('b').document, { title: 'Green tea', stars: null, state: 'old' });
  again.fetch();
  assert.deepStrictEqual(json(again.map((model) => model.id)).sort(), ['a', 'b']);
});

// An app that had rows of an older adapter, and a device that has put some of them on the server already.
const moved = async (t, onServer, rows = ROWS) => {
  const { url } = await serve(t);
  const server = device(t, path.join(folder(t), 'server.db'), { server: url, collections: { todo: { policy: 'merge' } } });
  for (const id in onServer) server.collection('todo').put(id, onServer[id]);
  await server.sync();
  const place = folder(t);
  const model = definition({ columns: COLUMNS, connector: { type: 'native', url } });
  const root = resources(t, '1.4.0', { todo: model, other: definition({ columns: COLUMNS, connector: { type: 'native', url }, adapter: { collection_name: 'todo' } }) });
  const start = (options) => {
    const made = app(t, root, { folder: place, ...options });
    made.sync.configure({ autostart: false });
    return { ...made, todos: made.Alloy.Collections.instance('todo') };
  };
  const before = app(t, root, { folder: place });
  stock(before, rows);
  before.close();
  return { server, start };
};

test('a row that is kept on the device stays so when it is saved', async (t) => {
  const { start } = await moved(t, {});
  const { sync, todos } = start();
  todos.fetch();
  await sync.syncNow();
  sync.adopt('todo', 'keep');
  todos.get('a').save({ stars: 9 });
  todos.get('b').save({ title: 'Green tea' }, { patch: true });
  assert.deepStrictEqual(json(sync.unconfirmed('todo')), []);
  sync.adopt('todo', 'discard');
  todos.fetch();
  assert.deepStrictEqual(json(todos.map((model) => [model.id, model.get('title'), model.get('stars')])).sort(), [['a', 'Milk', 9], ['b', 'Green tea', null], ['c', 'Water', 7]]);
});

test('a row is matched as soon as its record comes: what the app changes then is not changed back', async (t) => {
  const { server, start } = await moved(t, { a: { title: 'Milk', stars: 2 }, c: { title: 'Water', stars: 7 } });
  const first = start();
  first.todos.fetch();
  first.todos.get('a').save({ stars: 5 });
  first.todos.get('b').save({ stars: 1 });
  first.todos.get('c').destroy();
  const writes = [];
  const seen = [];
  const replica = first.sync.replica();
  const command = replica.command;
  replica.command = function (given, body) {
    if (given.write) writes.push(given.write.writes.map((one) => `${one.collection} ${one.id}`).sort().join());
    return command.call(this, given, body);
  };
  first.sync.on('change', ({ collection, remote }) => {
    if (collection !== 'todo' || !remote) return;
    const model = first.Alloy.createModel('todo', { alloy_id: 'a' });
    model.fetch();
    seen.push([model.get('stars'), json(first.sync.unconfirmed('todo').map(({ id }) => id))]);
    model.save({ stars: 8 });
  });
  await first.sync.syncNow();
  await first.sync.syncNow();
  assert.deepStrictEqual(seen, [[5, ['b']]]);
  await server.sync();
  assert.deepStrictEqual(server.collection('todo').query().map(({ id, document }) => [id, document.stars]), [['a', 8]]);
  // The change of the record and the end of the row are one transaction.
  assert.deepStrictEqual(writes, ['todo a,todo c,unconfirmed_todo a,unconfirmed_todo c', 'todo a']);
});

test('a row whose record came before the app ended is matched when it is opened again', async (t) => {
  const { server, start } = await moved(t, { a: { title: 'Milk', stars: 2 } });
  const first = start();
  first.todos.fetch();
  first.todos.get('a').save({ stars: 5 });
  // The app ends between the page and the match.
  const replica = first.sync.replica();
  const command = replica.command;
  replica.command = function (given, body) {
    if (given.write) throw new Error('the app has ended');
    return command.call(this, given, body);
  };
  await first.sync.syncNow();
  first.close();
  const { sync, todos } = start();
  todos.fetch();
  assert.strictEqual(todos.get('a').get('stars'), 5);
  todos.get('a').save({ stars: 8 });
  await sync.syncNow();
  await sync.syncNow();
  await server.sync();
  assert.strictEqual(server.collection('todo').get('a').document.stars, 8);
});

test('a second model of a collection shows the rows that the first has brought', async (t) => {
  const { start } = await moved(t, { a: { title: 'Milk', stars: 2 } });
  const { sync, todos, Alloy } = start();
  const told = [];
  sync.on('unconfirmed', (event) => told.push(json(event)));
  todos.fetch();
  const others = Alloy.createCollection('other');
  others.fetch();
  assert.deepStrictEqual([...others.pluck('title')].sort(), ['Milk', 'Tea', 'Water']);
  await sync.syncNow();
  await sync.syncNow();
  assert.deepStrictEqual(told, [{ collection: 'todo', rows: 2 }]);
  assert.deepStrictEqual(json(sync.unconfirmed('todo').map(({ id }) => id)), ['b', 'c']);
});

test('a query orders and limits records and unconfirmed rows together', async (t) => {
  const rows = [['Milk', 2, 'new', 'a'], ['Tea', null, 'old', 'b'], ['Water', 7, 'new', 'c'], ['Juice', 4, 'new', 'd'], ['\ud83c\udf77', 9, 'new', 'e']];
  const { start } = await moved(t, { a: { title: 'Milk', stars: 6 }, f: { title: 'Beer', stars: 5 }, g: { title: '\uffe5', stars: 3 }, h: { title: 7, stars: 'x' } }, rows);
  const { sync, todos } = start();
  todos.fetch();
  await sync.syncNow();
  const replica = sync.replica();
  const ids = (query) => {
    todos.fetch({ query, reset: true, error: (of, error) => { throw error; } });
    return todos.map((model) => model.id).join('');
  };
  const queries = [
    { order: [{ path: '/stars' }] },
    { order: [{ path: '/stars', descending: true }], limit: 3 },
    { order: [{ path: '/title' }], limit: 3, offset: 2 },
    { order: [{ path: '/title', descending: true }], offset: 1 },
    { order: [{ path: '/state' }, { path: '/id', descending: true }], limit: 4 },
    { limit: 4 }, { limit: 3, offset: 4 }, { limit: 0 },
    { filter: { in: ['/title', ['Milk', 'Tea', 'Juice']] }, order: [{ path: '/title' }] },
    { filter: { or: [{ eq: ['/id', 'c'] }, { not: { is_null: '/stars' } }] }, order: [{ path: '/id' }], limit: 5 },
    { order: [{ path: '/stars' }], after: ['d', { title: 'Juice', stars: 4 }], limit: 2 }
  ];
  const before = queries.map((query) => ids(query));
  assert.strictEqual(before[1], 'eca');
  // The core orders them the same when they are all records.
  sync.adopt('todo', 'upload');
  assert.deepStrictEqual(before, queries.map((query) => ids(query)));
  assert.deepStrictEqual(before, queries.map((query) => replica.collection('todo').query(query).map(({ id }) => id).join('')));
});
