'use strict';

// The snippets of docs/ALLOY.md: those that begin with a path are the files of one app, the others are parts of its code,
// each run where the app stands, for what the page says of it. All of it is compiled by the oldest and the newest Alloy.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { test } = require('node:test');
const { device } = require('../../js/test/titanium');
const { project, compile, needed } = require('./compile');
const { folder } = require('./phones');
const servers = require('./servers');

const PAGE = path.join(__dirname, '../../docs/ALLOY.md');
const ADDRESSES = { native: 'http://127.0.0.1:7400', shop: 'https://api.example.org', people: 'https://people.example.org' };

/** `{files: {path: text}, parts: [text]}` of the page. */
function snippets() {
  const found = { files: {}, parts: [] };
  for (const [, kind, text] of fs.readFileSync(PAGE, 'utf8').matchAll(/^```(js|xml)\n([\s\S]*?)^```$/gm)) {
    const named = /^(?:\/\/|<!--) (app\/\S+)/.exec(text);
    if (named) {
      assert.ok(!found.files[named[1]], `expected ${named[1]} once on the page`);
      found.files[named[1]] = text;
    } else {
      assert.strictEqual(kind, 'js');
      found.parts.push(text);
    }
  }
  return found;
}

/** Compiles the app of the page, with its parts as functions of modules; `urls` stand for its addresses. */
async function compiled(version, platform, urls) {
  const { files, parts } = snippets();
  const to = path.join(needed('ALLOY_FOLDER'), `page-${version}`);
  project({ from: path.join(__dirname, 'app'), to, files: needed('ALLOY_ADAPTER_FILES') });
  fs.rmSync(path.join(to, 'app/models'), { recursive: true });
  fs.rmSync(path.join(to, 'app/migrations'), { recursive: true });
  const write = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
    fs.writeFileSync(path.join(to, name), Object.keys(urls).reduce((one, key) => one.split(ADDRESSES[key]).join(urls[key]), text));
  };
  for (const name of Object.keys(files)) write(name, files[name]);
  parts.forEach((text, at) => write(`app/lib/part${at}.js`, `module.exports = function () {\n${text}\n};\n`));
  write('app/config.json', '{"backbone": "1.1.2"}');
  return { ...await compile({ version, platform, folder: to }), files, parts };
}

/** The backends of the page. */
async function backends(t) {
  const native = await servers.tisync(folder(t));
  t.after(native.stop);
  const shop = await servers.rest((name, rows) => ({ data: name === 'orders' ? { items: rows, total: rows.length } : rows }));
  t.after(shop.stop);
  const people = await servers.rest((name, rows) => rows);
  t.after(people.stop);
  return { native, shop, people };
}

// An app on a device of its own; `prepare` comes before its first start.
class Phone {
  constructor(t, resources, platform, parts, prepare) {
    this.device = device({ resources, platform, folder: folder(t) });
    t.after(() => this.device.close());
    if (prepare) prepare(this.device);
    this.device.start();
    this.parts = parts;
    this.left = new Set(parts);
    this.sync = this.device.require('/alloy/sync/ti.sync');
    this.Alloy = this.device.global.Alloy;
  }

  /** Runs the part of the page that has these words. */
  run(words) {
    const found = this.parts.filter((text) => text.includes(words));
    assert.strictEqual(found.length, 1, `expected one part of the page with ${words}`);
    this.left.delete(found[0]);
    this.device.require(`/part${this.parts.indexOf(found[0])}`)();
  }

  /** What the app has logged. */
  get said() { return this.device.logs.map(([, text]) => text); }

  fetched(name, options) {
    const collection = this.Alloy.createCollection(name);
    const heard = [];
    collection.fetch({ ...options, success: () => heard.push('success'), error: (_, error) => heard.push(error.message) });
    assert.deepStrictEqual(heard, ['success'], name);
    return Array.from(collection.toJSON());
  }
}

// Rows that the adapter `sqlrest` has left on a device.
function customers({ Ti }) {
  const database = Ti.Database.open('_alloy_');
  database.execute('CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)');
  database.execute('INSERT INTO customer VALUES (1, ?)', 'Ann');
  database.execute('INSERT INTO customer VALUES (7, ?)', 'Ben');
  database.close();
}

for (const [version, platform] of [['1.7.1', 'android'], ['3.0.1', 'ios']]) {
  test(`all of docs/ALLOY.md works with Alloy ${version} on ${platform}`, async (t) => {
    const { native, shop, people } = await backends(t);
    shop.rows.orders = new Map([[1, { id: 1, item: 'Tea', count: 2 }], [2, { id: 2, item: 'Cups', count: 6 }]]);
    shop.rows.customers = new Map([[1, { id: 1, name: 'Ann' }]]);
    people.rows.person = new Map([[1, { id: 1, name: 'Carla', visits: 3 }]]);
    const { resources, files, parts } = await compiled(version, platform, { native: native.url, shop: shop.url, people: people.url });
    const one = new Phone(t, resources, platform, parts, customers);
    assert.deepStrictEqual(Array.from(one.device.ui.find('ListSection')[0].items, ({ properties }) => properties.title), ['Milk']);
    for (const file of Object.keys(files).filter((name) => name.startsWith('app/models/'))) one.fetched(path.basename(file, '.js'));

    // What syncs, and what it tells.
    one.run("sync.on('health'");
    one.run('syncNow()');
    await one.sync.syncNow();
    assert.ok(one.said.includes('0 sent, 4 received'), one.said.join('\n'));
    assert.ok(one.said.includes('2 records of order came'));
    assert.ok(one.said.includes('order: 2 of 2, complete'));
    assert.ok(one.said.some((text) => /^\{"pending":\d/.test(text)), 'expected the outbox');
    assert.deepStrictEqual(one.fetched('order').map(({ item }) => item), ['Tea', 'Cups']);
    assert.deepStrictEqual(one.fetched('person').map(({ name }) => name), ['Carla']);
    assert.ok(people.asked.every(({ headers }) => headers.authorization === 'Bearer none'));
    const changed = new Promise((resolve) => one.sync.on('network', resolve));
    one.device.network.set('offline');
    await changed;
    assert.ok(one.said.includes('the way to a backend has changed'));
    one.device.network.set('online');

    // Records of the device's own.
    one.run('SELECT * FROM todo');
    assert.deepStrictEqual(one.fetched('todo').map(({ title, done }) => [title, done]), [['Milk', 1]]);
    one.run("createModel('note'");
    assert.deepStrictEqual(one.said.slice(-2), ['dirty', '1']);
    await one.sync.syncNow();
    assert.strictEqual(one.Alloy.Collections.instance('note').pending().length, 0);

    // Rows of an older adapter.
    assert.deepStrictEqual(one.fetched('customer').map(({ id, name }) => [id, name]), [[1, 'Ann'], [7, 'Ben']]);
    one.run("adopt('customer'");
    assert.match(one.said.find((text) => /Ben/.test(text)), /"id":"7"/);
    await one.sync.syncNow();
    assert.deepStrictEqual([...shop.rows.customers.values()].map(({ name }) => name), ['Ann', 'Ben']);

    // Another device, and a conflict.
    const other = new Phone(t, resources, platform, parts);
    other.fetched('note');
    await other.sync.syncNow();
    assert.deepStrictEqual(other.fetched('note').map(({ text }) => text), ['Call Ben']);
    one.Alloy.createModel('price', { id: 'tea', item: 'Tea', cents: 300 }).save();
    await one.sync.syncNow();
    other.fetched('price');
    await other.sync.syncNow();
    for (const [phone, cents] of [[one, 310], [other, 320]]) {
      phone.device.network.set('offline');
      const price = phone.Alloy.createModel('price', { id: 'tea' });
      price.fetch();
      price.save({ cents });
    }
    one.run('sync.resolve');
    other.device.network.set('online');
    await other.sync.syncNow();
    one.device.network.set('online');
    await one.sync.syncNow();
    const sides = /^mine: (.*), theirs: (.*)$/.exec(one.said.find((text) => text.startsWith('mine: ')));
    assert.deepStrictEqual([JSON.parse(sides[1]).cents, JSON.parse(sides[2]).cents], [310, 320]);
    await one.sync.syncNow();
    await other.sync.syncNow();
    assert.deepStrictEqual(other.fetched('price').map(({ cents }) => cents), [310]);

    assert.deepStrictEqual([...one.left], [], 'expected every part of the page to be run');
    assert.deepStrictEqual(one.device.logs.filter(([level]) => level === 'error' || level === 'warn'), []);
  });
}
