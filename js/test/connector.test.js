'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const { device, folder } = require('./device');

// A backend in memory, which takes whole documents and has no versions.
function backend() {
  const rows = new Map();
  return {
    rows,
    pull: async ({ collections: [collection] }) => ({
      items: [...rows].map(([id, document]) => ({ upsert: { collection, id, document } })),
      end: { complete: { total: rows.size } }
    }),
    push: (batch) => batch.map((item) => {
      if (item.document === null) rows.delete(item.record);
      else rows.set(item.record, item.document);
      return [item.id, { accepted: {} }];
    }),
    fetch: ({ ids }) => ids.map(([collection, id]) => [collection, id, { image: { image: rows.has(id) ? { present: rows.get(id) } : 'gone' } }]),
    probe: () => {}
  };
}

const collections = { notes: { policy: 'merge' } };

test('a connector written in JavaScript carries writes both ways', async (t) => {
  const use = backend();
  use.rows.set('theirs', { n: 1 });
  const config = { collections, connectors: { mine: { url: 'memory://here', use } } };
  const replica = device(t, path.join(folder(t), 'notes.db'), config);
  const notes = replica.collection('notes');
  notes.put('ours', { n: 2 });
  await replica.sync();
  assert.deepStrictEqual(use.rows.get('ours'), { n: 2 });
  assert.deepStrictEqual(notes.get('theirs').document, { n: 1 });
  notes.remove('theirs');
  await replica.sync();
  assert.ok(!use.rows.has('theirs'));
  use.rows.delete('ours');
  await replica.sync();
  await replica.sync();
  assert.strictEqual(notes.get('ours'), null, replica.guarantees.notes);
});

test('what a connector throws is a failure, and its write waits', async (t) => {
  const use = { ...backend(), push: () => { throw Object.assign(new Error('closed for today'), { kind: { retry: { after_ms: 60000 } }, notSent: true }); } };
  const config = { collections, connectors: { mine: { url: 'memory://here', use } } };
  const replica = device(t, path.join(folder(t), 'notes.db'), config);
  replica.collection('notes').put('a', {});
  await assert.rejects(replica.sync(), (error) => error.kind === 'backend' && /closed for today/.test(error.message));
  assert.strictEqual(replica.health().outbox.pending, 1);
});

test('the connector of docs/JAVASCRIPT.md works as it stands there', async (t) => {
  const page = fs.readFileSync(path.join(__dirname, '../../docs/JAVASCRIPT.md'), 'utf8');
  const code = page.split('```js\n').find((block) => block.includes('const mine = {')).split('```')[0];
  const use = new Function(`${code}\nreturn mine;`)();
  const rows = new Map([['theirs', { n: 1 }]]);
  const server = http.createServer(async (request, response) => {
    const id = request.url.split('/')[2];
    let body = '';
    for await (const part of request) body += part;
    if (request.method === 'PUT') rows.set(id, JSON.parse(body));
    if (request.method === 'DELETE') rows.delete(id);
    if (request.method === 'GET' && id && !rows.has(id)) response.statusCode = 404;
    response.end(JSON.stringify(id ? { id, ...rows.get(id) } : [...rows].map(([key, document]) => ({ id: key, ...document }))));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.address().port}`;
  const replica = device(t, path.join(folder(t), 'notes.db'), { collections, connectors: { mine: { url, use } } });
  const notes = replica.collection('notes');
  notes.put('ours', { n: 2 });
  await replica.sync();
  assert.deepStrictEqual(rows.get('ours'), { n: 2 });
  assert.deepStrictEqual(notes.get('theirs').document, { n: 1 });
  notes.remove('theirs');
  rows.set('ours', { n: 3 });
  await replica.sync();
  assert.ok(!rows.has('theirs'));
  assert.deepStrictEqual(notes.get('ours').document, { n: 3 });
});
