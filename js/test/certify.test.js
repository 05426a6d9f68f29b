'use strict';

// `npx ti.sync certify` on a real json-server: JSON_SERVER is the folder of the package.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { test } = require('node:test');
const { start } = require('./connectors/backend');
const { folder } = require('./device');

const MAIN = path.join(__dirname, '../cli/main.js');
const GOOD = path.join(__dirname, 'connectors/json-server.js');

// A server with an empty list; gives its address.
async function backend(t) {
  const jsonServer = createRequire(path.join(process.env.JSON_SERVER, 'package.json'))('json-server');
  const file = path.join(folder(t), 'db.json');
  fs.writeFileSync(file, JSON.stringify({ notes: [] }));
  const app = jsonServer.create();
  // It prints each create under an id that is taken.
  t.mock.method(console, 'error', () => {});
  app.use(jsonServer.defaults({ logger: false, noCors: true }));
  app.use(jsonServer.router(file));
  const server = await new Promise((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => resolve(started));
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

// Runs the command; gives its code, what it printed, and its checks by name.
async function certify(...args) {
  const child = spawn(process.execPath, [MAIN, 'certify', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '' };
  for (const name of Object.keys(printed)) child[name].setEncoding('utf8').on('data', (text) => { printed[name] += text; });
  const code = await new Promise((resolve) => child.once('close', resolve));
  const objects = args.includes('--json') ? printed.stdout.trim().split('\n').map((line) => JSON.parse(line)) : [];
  const report = objects.pop();
  return { code, ...printed, report, checks: objects, failed: objects.filter((check) => check.outcome === 'failed') };
}

// A connector that is the good one but for this.
function broken(t, code) {
  const file = path.join(folder(t), 'mine.js');
  fs.writeFileSync(file, `const good = require(${JSON.stringify(GOOD)});\nmodule.exports = { ...good, ${code} };\n`);
  return file;
}

test('a good connector keeps what it declares, also when messages are lost', async (t) => {
  const { code, report, failed, checks } = await certify(GOOD, '--url', await backend(t), '--json');
  assert.deepStrictEqual(failed, []);
  assert.strictEqual(code, 0);
  assert.ok(report.passed > 80, `${report.passed} passed`);
  assert.ok(checks.some((check) => check.name === 'a create whose answer is lost happens once' && check.outcome !== 'skipped'));
  assert.match(report.guarantee, /changes found at each full pass/);
});

test('the connector to begin with keeps what it declares', async (t) => {
  const { url, close } = await start();
  t.after(close);
  const template = path.join(__dirname, '../alloy/connectors/template.js');
  const { code, failed, report } = await certify(template, '--url', url, '--option', 'probe=/notes', '--json');
  assert.deepStrictEqual(failed, []);
  assert.strictEqual(code, 0);
  assert.ok(report.passed > 80);
});

test('the report is printed in words', async (t) => {
  const { code, stdout } = await certify(GOOD, `--url=${await backend(t)}`);
  assert.strictEqual(code, 0);
  assert.match(stdout, /^reach\n {2}ok {4}the backend answers a probe\n/);
  assert.match(stdout, /\nlost messages\n {2}ok {4}a create that cannot be sent happens once\n/);
  assert.match(stdout, /\nguarantee: .*\nfor more: .*[\s\S]*\n\d+ passed, 0 failed, \d+ not tried\n$/);
});

test('a write that is called accepted and was never sent is found at once', async (t) => {
  const mine = broken(t, 'push: (batch) => batch.map((item) => [item.id, { accepted: {} }])');
  const { code, failed } = await certify(mine, '--url', await backend(t), '--json');
  assert.strictEqual(code, 4);
  assert.deepStrictEqual(failed.map((check) => check.name), ['a record can be made, read and deleted']);
  assert.match(failed[0].expected, /^certify-.* with /);
  assert.match(failed[0].came, /that it is gone/);
});

test('a lost answer that is told as not sent is found', async (t) => {
  const mine = broken(t, `push: async (batch, context) => {
    try {
      return await good.push(batch, context);
    } catch (error) {
      throw Object.assign(error, { notSent: true });
    }
  }`);
  const { code, failed } = await certify(mine, '--url', await backend(t), '--json');
  assert.strictEqual(code, 1);
  const lost = failed.find((check) => check.name === 'a create whose answer is lost happens once');
  assert.match(lost.expected, /not sent/);
  assert.ok(!failed.some((check) => check.group === 'feed'), JSON.stringify(failed));
});

test('a list that a sign-in page emptied is found', async (t) => {
  const mine = broken(t, `pull: async ({ collections: [collection] }, context) => {
    const { status, body } = await context.http({ url: context.url + '/' + collection });
    let rows = [];
    try { rows = JSON.parse(Buffer.from(body).toString()); } catch {}
    if (!Array.isArray(rows)) rows = [];
    const items = rows.map(({ id, ...document }) => ({ upsert: { collection, id, document } }));
    return { items, end: { complete: { total: items.length } } };
  }`);
  const { code, failed } = await certify(mine, '--url', await backend(t), '--json');
  assert.strictEqual(code, 1);
  const page = failed.find((check) => check.name === 'a page of HTML with 200 is not the backend');
  assert.deepStrictEqual([page.expected, page.came], ['a fitting failure of the pull', 'an empty page, the end']);
  assert.ok(failed.some((check) => check.name.startsWith('a walk of which a request fails is not at its end')));
});

test('what a connector sends by itself is not called tried', async (t) => {
  const file = path.join(folder(t), 'mine.mjs');
  fs.writeFileSync(file, `
    import good from ${JSON.stringify(GOOD)};
    const http = async ({ method, url, headers, body }) => {
      const answer = await fetch(url, { method, headers, body: body || undefined });
      return { status: answer.status, headers: [...answer.headers], body: new Uint8Array(await answer.arrayBuffer()) };
    };
    const by = (call) => (asked, context) => good[call](asked, { ...context, http });
    export default { pull: by('pull'), push: by('push'), fetch: by('fetch'), probe: (context) => good.probe({ ...context, http }) };
  `);
  const { code, checks, failed } = await certify(file, '--url', await backend(t), '--json');
  assert.deepStrictEqual(failed, []);
  assert.strictEqual(code, 0);
  const lost = checks.filter((check) => ['lost messages', 'foreign answers'].includes(check.group));
  assert.ok(lost.length > 40);
  assert.deepStrictEqual(lost.filter((check) => check.outcome !== 'skipped'), []);
  const why = lost.find((check) => check.name === 'a create whose answer is lost happens once').why;
  assert.match(why, /^no request went through the `http` that the connector is given/);
});

test('a built-in connector is tried by its name', async (t) => {
  const options = ['paths={"notes": "notes"}', 'auth=none', 'paging={"by": "page", "page": "_page", "limit": "_limit"}', 'total={"header": "X-Total-Count"}', 'slash_in_ids=true', 'page_items=10'];
  const { code, failed, report } = await certify('rest', '--url', await backend(t), '--json', ...options.map((option) => `--option=${option}`));
  assert.deepStrictEqual(failed, []);
  assert.strictEqual(code, 0);
  assert.ok(report.passed > 80);
});

test('wrong arguments say what was expected', async (t) => {
  const table = [
    [[], /expected a connector: a file, or one of native, rest/],
    [['rest'], /expected --url/],
    [['./none.js', '--url', 'http://x'], /there is no file/],
    [[path.join(__dirname, 'device.js'), '--url', 'http://x'], /expected .* to export a connector, an object with pull, push, fetch, probe/],
    [['rest', '--url', 'http://x', '--document', '[]'], /expected an object in JSON/],
    [['rest', '--url', 'nowhere'], /expected an address that begins with http/],
    [['rest', '--url', 'http://x', '--option', 'path=1'], /path/],
    [['rest', '--url', 'http://x', '--colour'], /expected an option out of --url/]
  ];
  for (const [args, message] of table) {
    const { code, stderr } = await certify(...args);
    assert.match(stderr, message);
    assert.strictEqual(code, 2, args.join(' '));
  }
  const away = await certify(broken(t, 'capability: { conditionel: true }'), '--url', 'http://x');
  assert.match(away.stderr, /expected a capability out of .*conditional.* but "conditionel" came/);
  const help = await certify('--help');
  assert.match(help.stdout, /Usage: npx ti.sync certify CONNECTOR/);
});
