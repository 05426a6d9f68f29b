'use strict';

// Titanium as a host of the core: its database and its HTTP client, with the traps of both platforms.

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const { test } = require('node:test');
const { Core } = require('../core');
const { app, resources } = require('./alloys');

const CORE = '/alloy/sync/connectors/core';
// Written as bytes in parts, with a character of two halves where one ends.
const LONG = `${'a'.repeat(65535)}💧${'ü'.repeat(100000)}`;
const json = (value) => JSON.parse(JSON.stringify(value));

for (const platform of ['android', 'ios']) {
  const started = (t) => app(t, resources(t, '1.4.0', {}), { platform });
  const opened = (t) => started(t).require(`${CORE}/database`).open('store', platform === 'android');

  test(`every case of the specification of stores holds on Ti.Database (${platform})`, (t) => {
    const database = opened(t);
    const module = new WebAssembly.Module(fs.readFileSync(process.env.TISYNC_TRACED));
    const core = new Core((imports) => new WebAssembly.Instance(module, imports).exports, { database, wallMs: Date.now, monotonicMs: () => performance.now() });
    assert.ok(core.call('conformance').ok > 100);
    core.free();
    database.close();
  });

  test(`statements, values and rows (${platform})`, (t) => {
    const database = opened(t);
    database.exec("CREATE TABLE a (n INTEGER, t TEXT, r REAL); -- a ; comment\nINSERT INTO a VALUES (1, 'a;''b', 1.5); /* ; */ PRAGMA user_version = 7");
    assert.deepStrictEqual(json(database.prepare('PRAGMA user_version').all([])), [[7]]);
    const write = database.prepare('INSERT INTO a VALUES (?, ?, ?)');
    assert.strictEqual(write.run([1764475200000, null, 2.5e-7]), 1);
    write.run([9007199254740991, 'ü ☕ 💧', -12345678.5]);
    const read = database.prepare('SELECT n, t AS "the text", r FROM a WHERE n > ? ORDER BY n');
    assert.deepStrictEqual(json(read.all([1])), [[1764475200000, null, 2.5e-7], [9007199254740991, 'ü ☕ 💧', -12345678.5]]);
    assert.deepStrictEqual([...read.columns()], ['n', 'the text', 'r']);
    assert.deepStrictEqual(json(database.prepare("SELECT '?', ?, t FROM a WHERE n = ? AND ? IS NULL").all(['x', 1764475200000, null])), [['?', 'x', null]]);
    // A number that Java would print with an exponent, where no column says what it is.
    assert.deepStrictEqual(json(database.prepare('SELECT CAST(? AS TEXT)').all([1764475200000])), [['1764475200000']]);
    assert.deepStrictEqual(json(read.all([9007199254740991])), []);
    assert.strictEqual(database.prepare('DELETE FROM a').run([]), 3);
    for (const [sql, kind] of [['SELECT nothing', 'misuse'], ['INSERT INTO a VALUES (1)', 'misuse']]) {
      try {
        database.prepare(sql).all([]);
        assert.fail('expected an error');
      } catch (error) {
        assert.strictEqual(database.errorKind(error), kind);
      }
    }
    for (const [message, kind] of [['database is locked (code 5)', 'busy'], ['database or disk is full', 'full'], ['database disk image is malformed', 'corrupt'], ['disk I/O error (code 1802)', 'io']]) {
      assert.strictEqual(database.errorKind(new Error(message)), kind);
    }
    database.close();
  });

  test(`requests and answers (${platform})`, async (t) => {
    const other = http.createServer((request, response) => response.end('other')).listen(0, '127.0.0.1');
    const asked = [];
    const server = http.createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      asked.push([request.method, request.url, request.headers['content-type'], body]);
      if (request.url === '/there') response.writeHead(307, { location: '/here?a=1' });
      else if (request.url === '/away') response.writeHead(302, { location: `http://127.0.0.1:${other.address().port}/` });
      else if (request.url === '/silent') return;
      else if (request.url === '/refused') response.writeHead(422, { 'content-type': 'application/json', 'retry-after': '7' });
      else response.writeHead(200, { etag: '"1"', 'content-type': 'application/json; charset=utf-8' });
      response.end({ '/empty': '', '/long': LONG }[request.url] ?? '{"a":"ü ☕"}');
    }).listen(0, '127.0.0.1');
    await Promise.all([server, other].map((one) => new Promise((resolve) => (one.listening ? resolve() : one.once('listening', resolve)))));
    t.after(() => [server, other].forEach((one) => one.close() && one.closeAllConnections()));
    const device = started(t);
    const { send } = device.require(`${CORE}/http`);
    const url = `http://127.0.0.1:${server.address().port}`;
    const ask = (place, more) => new Promise((resolve) => send({ method: 'GET', url: place.startsWith('http') ? place : url + place, headers: [], body: null, timeoutMs: 5000, answerBytesMax: 1000, ...more }, resolve));
    const text = (answer) => Buffer.from(answer.body).toString();
    const header = (answer, name) => (answer.headers.find((pair) => pair[0] === name) || [])[1];

    const body = Buffer.from('{"b":"ö"}');
    const patched = await ask('/x', { method: 'PATCH', headers: [['content-type', 'application/json']], body });
    assert.deepStrictEqual([patched.status, text(patched), header(patched, 'etag')], [200, '{"a":"ü ☕"}', '"1"']);
    assert.deepStrictEqual(asked[0], ['PATCH', '/x', 'application/json', '{"b":"ö"}']);
    const refused = await ask('/refused');
    assert.deepStrictEqual([refused.status, header(refused, 'retry-after')], [422, '7']);
    assert.deepStrictEqual(text(await ask('/empty')), '');
    assert.strictEqual(text(await ask('/long', { answerBytesMax: LONG.length * 2 })), LONG);
    const moved = await ask('/there', { method: 'POST', headers: [['content-type', 'application/json']], body });
    assert.deepStrictEqual([moved.status, asked[asked.length - 1].slice(0, 2)], [200, ['POST', '/here?a=1']]);
    assert.strictEqual((await ask('/away')).status, 302);
    // 11 characters, 14 bytes.
    for (const [answerBytesMax, came] of [[5, /but at least 11 came/], [12, /but 14 came/]]) {
      const { kind, message } = await ask('/x', { answerBytesMax });
      assert.strictEqual(kind, 'too_large');
      assert.match(message, came);
    }
    assert.strictEqual((await ask('/silent', { timeoutMs: 60 })).kind, 'timeout');
    const nowhere = http.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => nowhere.once('listening', resolve));
    const { port } = nowhere.address();
    await new Promise((resolve) => nowhere.close(resolve));
    assert.strictEqual((await ask(`http://127.0.0.1:${port}/`)).kind, 'not_sent');
    device.network.set('offline');
    assert.strictEqual((await ask('/x')).kind, 'not_sent');
    device.network.set('deaf');
    assert.notStrictEqual((await ask('/x', { timeoutMs: 100 })).kind, 'not_sent');
    device.network.set('online');
    const end = send({ method: 'GET', url: `${url}/silent`, headers: [], body: null, timeoutMs: 5000, answerBytesMax: 1000 }, () => assert.fail('it was ended'));
    end();
  });
}

test('the module is WebAssembly where that runs, and plain JavaScript where it does so by name only', (t) => {
  const load = (change) => {
    const device = app(t, resources(t, '1.4.0', {}));
    change(device.global);
    return device.require(`${CORE}/module`).load(true);
  };
  if (process.env.TISYNC_MODULE !== 'js') assert.strictEqual(load(() => {}).kind, 'wasm');
  assert.strictEqual(load((global) => { delete global.WebAssembly; }).kind, 'js');
  assert.strictEqual(load((global) => { global.WebAssembly = { Module: function Module() {}, Instance: function Instance() { this.exports = {}; } }; }).kind, 'js');
});

test('random bytes are of all the random digits of UUIDs', (t) => {
  const { require } = app(t, resources(t, '1.4.0', {}));
  const host = require(`${CORE}/host`)('store');
  const [one, two] = [host.entropy(), host.entropy()];
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.notStrictEqual(one, two);
  const before = host.monotonicMs();
  assert.ok(host.monotonicMs() >= before);
  host.close();
});
