'use strict';

// The stand-in for Titanium has the traps of the SDK. It runs on Node 15.14 too: `node js/test/titanium.test.js`.

const assert = require('assert');
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const { device } = require('./titanium');
const { first } = require('./titanium/sqlite');
const { test } = require('./titanium/runner');

const PLATFORMS = ['android', 'ios'];

// A device whose Resources are these files.
function made(t, platform, files, options) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-titanium-'));
  const resources = path.join(folder, 'Resources');
  for (const name of Object.keys(files || {})) {
    fs.mkdirSync(path.dirname(path.join(resources, name)), { recursive: true });
    fs.writeFileSync(path.join(resources, name), files[name]);
  }
  fs.mkdirSync(resources, { recursive: true });
  const one = device({ resources, platform, folder: path.join(folder, 'device'), ...options });
  t.after(() => {
    one.close();
    fs.rmSync(folder, { recursive: true });
  });
  return one;
}

function each(name, run) {
  for (const platform of PLATFORMS) test(`${platform}: ${name}`, (t) => run(platform, t));
}

// A server that keeps what it was asked, and answers what `reply` says.
async function server(t, reply) {
  const asked = [];
  const one = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      asked.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      const { status, body, headers } = reply(request);
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise((resolve) => one.listen(0, '127.0.0.1', resolve));
  t.after(() => one.close());
  return { asked, url: `http://127.0.0.1:${one.address().port}` };
}

// Sends a request and gives which callback was called, with what, and the client.
function request(Ti, method, url, body, options) {
  return new Promise((resolve) => {
    const client = Ti.Network.createHTTPClient({
      onload: (event) => resolve({ heard: 'onload', event, client }),
      onerror: (event) => resolve({ heard: 'onerror', event, client }),
      ...options
    });
    client.open(method, url);
    client.send(body);
  });
}

each('modules are found as the SDK finds them', (platform, t) => {
  const folder = platform === 'ios' ? 'iphone' : 'android';
  const { require } = made(t, platform, {
    'shared.js': 'exports.from = "all"',
    'deep/a.js': 'exports.b = require("./b").name; exports.up = require("../shared").from; exports.here = [__filename, __dirname, module.id]',
    'deep/b.js': 'module.exports = { name: "b" }',
    [`${folder}/shared.js`]: 'exports.from = "platform"',
    [`${folder}/alloy/sync/ti.sync.js`]: 'exports.dotted = true',
    'bare/bare.js': 'exports.own = true',
    'node_modules/pack/package.json': '{"main":"lib/main"}',
    'node_modules/pack/lib/main.js': 'exports.packed = true',
    'data.json': '{"n":1}',
    'folder/index.js': 'exports.index = true'
  });
  assert.strictEqual(require('/shared').from, 'platform');
  assert.strictEqual(require('shared').from, 'platform');
  assert.strictEqual(require('/deep/a').b, 'b');
  assert.strictEqual(require('/deep/a').up, 'platform');
  assert.deepStrictEqual([...require('/deep/a').here], ['/deep/a.js', '/deep', '/deep/a']);
  assert.strictEqual(require('/alloy/sync/ti.sync').dotted, true);
  assert.strictEqual(require('bare').own, true);
  assert.strictEqual(require('pack').packed, true);
  assert.strictEqual(require('/data').n, 1);
  assert.strictEqual(require('/folder').index, true);
  assert.strictEqual(require('/deep/a'), require('deep/a'));
  assert.throws(() => require('jquery'), /Requested module not found: jquery/);
});

each('the app has the language of an old phone, and nothing of the web', (platform, t) => {
  const { require } = made(t, platform, {
    'probe.js': `exports.missing = ['fetch', 'TextDecoder', 'TextEncoder', 'atob', 'btoa', 'crypto', 'URL', 'structuredClone', 'queueMicrotask',
      'process', 'Buffer', 'performance'].filter(function (name) { return typeof this[name] !== 'undefined' || eval('typeof ' + name) !== 'undefined'; }, this);
      exports.isOld = !Array.prototype.at && !Object.hasOwn;
      exports.hasPromise = typeof Promise === 'function' && new Promise(function () {}) instanceof Promise;
      exports.wasm = typeof WebAssembly;
      exports.error = null;
      try { Ti.Database.open('x').execute('nonsense'); } catch (error) { exports.isError = error instanceof Error; }`
  });
  const probe = require('/probe');
  assert.deepStrictEqual([...probe.missing], []);
  assert.strictEqual(probe.isOld, true);
  assert.strictEqual(probe.hasPromise, true);
  assert.strictEqual(probe.isError, true);
  const hasWasm = platform === 'android' && typeof WebAssembly !== 'undefined';
  assert.strictEqual(probe.wasm, hasWasm ? 'object' : 'undefined');
});

test('android: every value is bound as a string, and affinity decides what is stored', (t) => {
  const db = made(t, 'android').Ti.Database.open('x');
  db.execute('CREATE TABLE t (i INTEGER, n, s TEXT)');
  db.execute('INSERT INTO t VALUES (?, ?, ?)', 5, 5, 1764000000123);
  const row = db.execute('SELECT typeof(i), typeof(n), s, i, n, (? = 5) FROM t', [5]);
  assert.deepStrictEqual([0, 1, 2, 3, 4, 5].map((at) => row.field(at)), ['integer', 'text', '1.764000000123E12', 5, '5', 0]);
  db.execute('INSERT INTO t (i) VALUES (?)', [1764000000123]);
  assert.strictEqual(db.execute('SELECT i FROM t WHERE rowid = 2').field(0), 1764000000123);
  assert.throws(() => db.execute('SELECT ?', null), /bind value at index 1 is null/);
});

test('android: rows come from SELECT and PRAGMA only', (t) => {
  const db = made(t, 'android').Ti.Database.open('x');
  assert.strictEqual(db.execute('CREATE TABLE t (a)'), null);
  assert.strictEqual(db.execute('INSERT INTO t VALUES (?)', [1]), null);
  assert.throws(() => db.execute('INSERT INTO t VALUES (2) RETURNING a'), /Queries can be performed/);
  assert.throws(() => db.execute('WITH x AS (SELECT 1) SELECT * FROM x'), /Queries can be performed/);
  assert.throws(() => db.execute('PRAGMA journal_mode=WAL'), /Queries can be performed/);
  assert.strictEqual(db.execute('PRAGMA table_info(t)').fieldByName('NAME'), 'a');
});

test('ios: values keep their type, and any statement with columns gives rows', (t) => {
  const db = made(t, 'ios').Ti.Database.open('x');
  db.execute('CREATE TABLE t (a)');
  db.execute('INSERT INTO t VALUES (?)', 5);
  assert.strictEqual(db.execute('SELECT typeof(a) FROM t').field(0), 'integer');
  assert.strictEqual(db.execute('WITH x AS (SELECT 7 AS n) SELECT * FROM x').fieldByName('n'), 7);
  assert.strictEqual(db.execute('SELECT ? AS n', null).field(0), null);
  const rows = db.execute('SELECT a FROM t');
  db.close();
  assert.strictEqual(rows.isValidRow(), false);
});

each('a result set begins on its first row', (platform, t) => {
  const db = made(t, platform).Ti.Database.open('x');
  db.execute('CREATE TABLE t (a, b)');
  db.execute("INSERT INTO t VALUES ('1', 'x')");
  db.execute('INSERT INTO t VALUES (?, ?)', ['2', null]);
  const rows = db.execute('SELECT a, b FROM t ORDER BY a');
  assert.deepStrictEqual([rows.fieldCount, rows.rowCount, rows.fieldName(1)], [2, 2, 'b']);
  const seen = [];
  while (rows.isValidRow()) {
    seen.push([rows.field(0), rows.fieldByName('B')]);
    rows.next();
  }
  assert.deepStrictEqual(seen, [['1', 'x'], ['2', null]]);
  rows.close();
  const none = db.execute('SELECT a, b FROM t WHERE a = ?', 'nobody');
  assert.deepStrictEqual([none.isValidRow(), none.validRow, none.fieldCount], [false, false, 2]);
  assert.deepStrictEqual([db.rowsAffected, db.lastInsertRowId], [1, 2]);
});

each('only the first statement of a text is carried out', (platform, t) => {
  const db = made(t, platform).Ti.Database.open('x');
  db.execute("CREATE TABLE t (a); INSERT INTO t VALUES (';')");
  assert.strictEqual(db.execute('SELECT count(*) FROM t').field(0), 0);
  db.execute('CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; SELECT 1; END; DROP TABLE t');
  db.execute("INSERT INTO t VALUES ('gone')");
  assert.strictEqual(db.execute('SELECT count(*) FROM t').field(0), 0);
  assert.strictEqual(first("SELECT ';' -- ; \n; x"), "SELECT ';' -- ; \n");
});

each('a device that is started again has its data', (platform, t) => {
  const one = made(t, platform);
  const db = one.Ti.Database.open('x');
  db.execute('CREATE TABLE t (a)');
  one.Ti.App.Properties.setObject('o', { a: [1] });
  one.close();
  const again = made(t, platform, {}, { folder: path.dirname(path.dirname(db.file.nativePath)) });
  assert.strictEqual(again.Ti.Database.open('x').execute('SELECT count(*) FROM t').field(0), 0);
  assert.deepStrictEqual(JSON.stringify(again.Ti.App.Properties.getObject('o')), '{"a":[1]}');
  assert.strictEqual(again.Ti.App.Properties.getString('none', 'or'), 'or');
});

each('a status from 400 on is an error, and an empty answer has no text', async (platform, t) => {
  const { Ti } = made(t, platform);
  const { asked, url } = await server(t, ({ url: at }) => ({ status: Number(at.slice(1)), body: at === '/200' ? 'yes' : '', headers: { 'X-One': '1' } }));
  const fine = await request(Ti, 'GET', `${url}/200`);
  assert.deepStrictEqual([fine.heard, fine.client.status, fine.client.responseText], ['onload', 200, 'yes']);
  assert.strictEqual(fine.client.getResponseHeader('x-one'), '1');
  assert.strictEqual(fine.client.getResponseHeader('nothing'), platform === 'android' ? '' : null);
  const empty = await request(Ti, 'PUT', `${url}/204`, '{}');
  assert.deepStrictEqual([empty.heard, empty.client.responseText], ['onload', null]);
  const gone = await request(Ti, 'GET', `${url}/404`);
  assert.deepStrictEqual([gone.heard, gone.event.success, gone.client.status, gone.client.responseText], ['onerror', false, 404, null]);
  const deaf = await request(Ti, 'GET', `${url}/500`, null, { onerror: undefined });
  assert.strictEqual(deaf.heard, 'onload');
  assert.strictEqual(asked[1].headers['content-type'], platform === 'android' ? 'application/x-www-form-urlencoded' : undefined);
});

each('an object is sent as a form, and a client carries out one request', async (platform, t) => {
  const { Ti } = made(t, platform);
  const { asked, url } = await server(t, () => ({ status: 200, body: 'ok' }));
  const { client } = await request(Ti, 'POST', url, { a: 1 });
  assert.match(asked[0].headers['content-type'], /^multipart\/form-data/);
  assert.throws(() => client.open('GET', url), /one client carries out one request/);
  const early = Ti.Network.createHTTPClient();
  assert.throws(() => early.setRequestHeader('a', 'b'), /after open/);
  early.open('GET', url);
  early.send();
  assert.throws(() => early.setRequestHeader('a', 'b'), /before invoking send/);
  early.abort();
});

each('the network can be switched off, or be broken in other ways', async (platform, t) => {
  const { Ti, network } = made(t, platform);
  const { asked, url } = await server(t, () => ({ status: 200, body: 'ok' }));
  const changes = [];
  Ti.Network.addEventListener('change', ({ online, networkTypeName }) => changes.push([online, networkTypeName]));
  network.set('offline');
  assert.strictEqual(Ti.Network.online, false);
  assert.strictEqual((await request(Ti, 'GET', url)).heard, 'onerror');
  network.set('silent');
  assert.strictEqual(Ti.Network.online, true);
  const silent = await request(Ti, 'GET', url, null, { timeout: 20 });
  assert.deepStrictEqual([silent.heard, silent.client.status, silent.event.code], ['onerror', 0, -1001]);
  network.set('portal');
  assert.match((await request(Ti, 'GET', url)).client.responseText, /accept our terms/);
  assert.strictEqual(asked.length, 0);
  network.set('deaf');
  assert.strictEqual((await request(Ti, 'POST', url, 'x')).heard, 'onerror');
  assert.strictEqual(asked.length, 1);
  network.set('online');
  assert.strictEqual((await request(Ti, 'GET', url)).heard, 'onload');
  assert.deepStrictEqual(changes, [[false, 'NONE'], [true, 'WIFI']]);
  assert.throws(() => network.set('slow'), /expected the network to be/);
});

each('lists count how often they are drawn', (platform, t) => {
  const { Ti, ui } = made(t, platform);
  const list = Ti.UI.createListSection({ id: 'todos' });
  const table = Ti.UI.createTableView({});
  list.items = [1, 2];
  list.setItems([1]);
  table.setData([]);
  table.setText('x');
  assert.deepStrictEqual([ui.redraws, ui.find('#todos')[0].items.length, ui.find('TableView').length, table.text], [3, 1, 1, 'x']);
});

each('timers have numbers and end with the app', async (platform, t) => {
  const one = made(t, platform);
  const number = one.global.setTimeout(() => assert.fail('it was taken back'), 1);
  assert.strictEqual(typeof number, 'number');
  one.global.clearTimeout(number);
  assert.strictEqual(await new Promise((resolve) => one.global.setTimeout(resolve, 0, 'given')), 'given');
  one.global.setInterval(() => assert.fail('the app has ended'), 1);
  one.close();
  await new Promise((resolve) => setTimeout(resolve, 5));
});
