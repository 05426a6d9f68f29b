'use strict';

// Connectors of models: those in the folder, one of the app's own, and the keys of older adapters.

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { app, definition, each, resources } = require('./alloys');
const { heard } = require('./backbones');
const { folder } = require('./device');

const json = (value) => JSON.parse(JSON.stringify(value));
const TEMPLATE = fs.readFileSync(path.join(__dirname, '../dist/alloy/connectors/template.js'), 'utf8');

// A backend of rows: `GET /name` lists them; with `makesIds` it numbers what is posted.
const backend = async (t, { wrap = (rows) => rows, makesIds = false, refuses = () => false } = {}) => {
  const rows = new Map();
  const asked = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    const id = request.url.split('?')[0].split('/')[2];
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(value === undefined ? '' : JSON.stringify(value));
    };
    const row = (key) => ({ ...rows.get(key), id: makesIds ? Number(key) : key });
    const given = body ? JSON.parse(body) : null;
    if (given && refuses(given)) return answer(422, { error: 'refused' });
    if (request.method === 'GET' && id === undefined) return answer(200, wrap([...rows.keys()].map(row)));
    if (request.method === 'POST') {
      const key = makesIds ? String(rows.size + 1) : given.id;
      rows.set(key, given);
      return answer(201, row(key));
    }
    if (request.method !== 'PUT' && !rows.has(id)) return answer(404, {});
    if (request.method === 'DELETE') {
      rows.delete(id);
      return answer(200, {});
    }
    if (request.method === 'PUT') rows.set(id, given);
    answer(200, row(id));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { rows, asked, url: `http://127.0.0.1:${server.address().port}` };
};

each('a connector written in JavaScript is one file, found by its name', async ({ t, start }) => {
  const { rows, asked, url } = await backend(t, { refuses: ({ title }) => title === 'refused' });
  rows.set('theirs', { title: 'Milk' });
  const note = definition({ connector: { type: 'mine', url, token: 'secret', probe: '/note' } });
  const { Alloy, sync } = start({ note }, { files: { 'alloy/sync/connectors/mine.js': TEMPLATE } });
  const notes = Alloy.Collections.instance('note');
  notes.fetch();
  const ours = notes.create({ title: 'Tëa ☕' });
  const refused = notes.create({ title: 'refused' });
  const told = [];
  notes.on('parked', (model, { reason }) => told.push([model, reason]));
  await sync.syncNow().catch(() => {});
  assert.deepStrictEqual(rows.get(ours.id), { title: 'Tëa ☕' });
  assert.deepStrictEqual([...notes.pluck('title')].sort(), ['Milk', 'Tëa ☕', 'refused']);
  assert.strictEqual(asked[0].headers.authorization, 'Bearer secret');
  assert.deepStrictEqual(told, [[refused, 'status 422']]);
  assert.strictEqual(notes.waiting().length, 1);
  assert.strictEqual(refused.syncState().waiting.length, 1);
  refused.save({ title: 'accepted' });
  refused.retry();
  await sync.syncNow().catch(() => {});
  assert.deepStrictEqual([notes.waiting().length, rows.get(refused.id)], [0, { title: 'accepted' }]);
  const again = notes.create({ title: 'refused' });
  await sync.syncNow().catch(() => {});
  again.discard();
  assert.strictEqual(notes.get(again.id), undefined);
  assert.ok(!rows.has(again.id));
});

test('a connector that has one feed for everything is asked for each collection by itself', async (t) => {
  const { rows, asked, url } = await backend(t);
  rows.set('a', { title: 'Milk' });
  const models = { note: definition({ connector: { type: 'mine', url, probe: '/note' } }), other: definition({ connector: { type: 'mine', url, probe: '/note' } }) };
  const { Alloy, sync } = app(t, resources(t, '1.4.0', models, { files: { 'alloy/sync/connectors/mine.js': `${TEMPLATE}\nexports.oneFeed = true;\n` } }));
  Alloy.createCollection('note').fetch();
  await sync.syncNow();
  const others = Alloy.createCollection('other');
  others.fetch();
  await sync.syncNow();
  others.fetch();
  assert.deepStrictEqual([...others.pluck('title')], ['Milk']);
  assert.deepStrictEqual([...new Set(asked.map(({ url: place }) => place))].sort(), ['/note', '/other']);
});

each('a model of the adapter restapi changes its type alone, and what was saved offline is sent', async ({ t, start, isOld }) => {
  const { rows, asked, url } = await backend(t, { makesIds: true, wrap: (all) => ({ data: { items: all } }) });
  rows.set('1', { title: 'Milk' });
  const todo = definition({ URL: `${url}/todos?app=7`, headers: { 'X-Key': 'k' }, parentNode: 'data.items', columns: { id: 'INTEGER', title: 'TEXT' } });
  const device = start({ todo }, { network: 'offline' });
  const todos = device.Alloy.Collections.instance('todo');
  todos.fetch();
  const tea = todos.create({ title: 'Tea' });
  assert.ok(typeof tea.id === 'string' && !asked.length);
  const names = heard(todos);
  device.network.set('online');
  await device.sync.syncNow();
  assert.deepStrictEqual(names.filter((name) => name === 'change:id'), ['change:id']);
  assert.deepStrictEqual([tea.id, todos.get(2), rows.get('2').title], [2, tea, 'Tea']);
  assert.deepStrictEqual(json(todos.pluck('id').sort()), [1, 2]);
  assert.strictEqual(todos.get(1).get('title'), 'Milk');
  assert.ok(asked.every(({ headers }) => headers['x-key'] === 'k'));
  assert.ok(asked.some(({ method, url: address }) => method === 'GET' && address.startsWith('/todos?') && address.includes('app=7')));
  tea.save({ title: 'Green tea' });
  todos.get(1).destroy();
  await device.sync.syncNow();
  assert.deepStrictEqual([...rows.entries()].map(([id, row]) => [id, row.title]), [['2', 'Green tea']]);
});

test('keys of older adapters that cannot be understood are refused with what to write', (t) => {
  const address = 'https://example.org/todos';
  const wrong = {
    a: [{ URL: address, headers: { Authorization: () => 'x' } }, /`headers.Authorization` of the model to be a text.*`credentials`/],
    b: [{ URL: address, parentNode: () => [] }, /`parentNode` of the model to be a text.*rows/],
    c: [{ URL: () => address }, /`URL` of the model to be a text.*connector: \{ type: 'rest'/],
    d: [{ URL: 'nowhere' }, /an address/],
    e: [{ URL: address, URLPARAMS: () => ({}) }, /`URLPARAMS`.*query/],
    f: [{ connector: { type: 'native' } }, /to have a `url`, but nothing came/],
    g: [{ connector: 7 }, /`connector` to be a name/],
    h: [{ connector: 'lost' }, /connectors\/lost.js/]
  };
  const models = Object.fromEntries(Object.entries(wrong).map(([name, [config]]) => [name, definition(config)]));
  const { Alloy } = app(t, resources(t, '1.4.0', models));
  for (const name in wrong) {
    let told = null;
    Alloy.createCollection(name).fetch({ error: (of, error) => { told = error; } });
    assert.strictEqual(told.kind, 'bad_config');
    assert.match(told.message, wrong[name][1]);
  }
});

test('each connector of the folder asks its backend, with the options of all models that share it', async (t) => {
  const { asked, url } = await backend(t);
  const models = {
    acs: definition({ adapter: { collection_name: 'cars' }, connector: { type: 'acs', url, key: 'APP', class: 'vehicle', token: 's' } }),
    couch: definition({ adapter: { collection_name: 'couch' }, connector: { type: 'couchdb', url, database: 'mine', token: 'a:b' } }),
    couch2: definition({ adapter: { collection_name: 'couch2' }, connector: { type: 'couchdb', url, database: 'other' } }),
    kinto: definition({ adapter: { collection_name: 'kinto' }, connector: { type: 'kinto', url: `${url}/v1`, bucket: 'b', collection: 'c', token: 'a:b' } }),
    rest: definition({ adapter: { collection_name: 'rest' }, connector: { type: 'rest', url, path: 'things' } })
  };
  const { Alloy, sync } = app(t, resources(t, '1.4.0', models));
  for (const name in models) Alloy.createCollection(name).fetch({ error: (of, error) => assert.fail(error) });
  await sync.syncNow().catch(() => {});
  const places = asked.map(({ url: place }) => place);
  for (const wanted of [/^\/v1\/objects\/vehicle\/.*key=APP/, /^\/mine/, /^\/v1\/buckets\/b\/collections\/c\/records/, /^\/things/]) {
    assert.ok(places.some((place) => wanted.test(place)), `${wanted} in ${places}`);
  }
  assert.deepStrictEqual(json(sync.replica().config.connectors.couchdb.options), { databases: { couch: 'mine', couch2: 'other' } });
  assert.strictEqual(asked.find(({ url: place }) => place.startsWith('/mine')).headers.authorization, 'Basic YTpi');
});

test('models that share a connector and say different things of it are told so', (t) => {
  const models = {
    one: definition({ connector: { type: 'rest', url: 'https://one.example.org' } }),
    two: definition({ connector: { type: 'rest', url: 'https://two.example.org' } }),
    three: definition({ connector: { type: 'rest', name: 'third', url: 'https://three.example.org' } })
  };
  const { Alloy } = app(t, resources(t, '1.4.0', models), { network: 'offline' });
  const told = {};
  for (const name in models) Alloy.createCollection(name).fetch({ error: (of, error) => { told[name] = error.message; } });
  assert.deepStrictEqual(Object.keys(told), ['two']);
  assert.match(told.two, /the connector "rest" to say the same of it, but `url` differs; give one of them a `name`/);
});

test('connectors are configured once for all models, with one source of tokens', async (t) => {
  const { rows, asked, url } = await backend(t);
  rows.set('a', { title: 'Milk' });
  const { Alloy, sync } = app(t, resources(t, '1.4.0', { note: definition({ connector: 'shop' }) }));
  // What is configured counts from the first use of a model on, not from when its file is read.
  const notes = Alloy.createCollection('note');
  const asks = [];
  sync.configure({
    connectors: { shop: { type: 'rest', url, paths: { note: 'things' } } },
    credentials: (connector, again) => { asks.push([connector, again]); return Promise.resolve('t1'); }
  });
  notes.fetch();
  await sync.syncNow();
  notes.fetch();
  assert.deepStrictEqual([...notes.pluck('title')], ['Milk']);
  assert.deepStrictEqual(asks, [['shop', false]]);
  assert.strictEqual(asked[0].headers.authorization, 'Bearer t1');
});
