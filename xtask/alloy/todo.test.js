'use strict';

// examples/alloy-todo on two phones, an Android and an iPhone, with one backend.

const assert = require('assert');
const { test } = require('node:test');
const { folder, phone } = require('./phones');
const servers = require('./servers');

// Each backend: how it is started, and what the app is told of it.
const BACKENDS = {
  native: async (t) => {
    const { url, stop } = await servers.tisync(folder(t));
    t.after(stop);
    return { connector: 'native', server: url };
  },
  rest: async (t) => {
    const { url, stop } = await servers.jsonServer(folder(t));
    t.after(stop);
    return { connector: 'rest', server: url };
  },
  acs: async (t) => {
    const { url, stop } = await servers.tisync(folder(t), ['--acs-key', 'APPKEY']);
    t.after(stop);
    await servers.ask('POST', `${url}/v1/users/create.json?key=APPKEY`, { username: 'ann', password: 'a-secret', password_confirmation: 'a-secret' });
    return { connector: 'acs', server: url, user: 'ann', password: 'a-secret' };
  }
};

// Ann edits after Ben, and reaches the backend after him: who stands, by policy.
const POLICIES = {
  'client-wins': { native: 'Oat milk', rest: 'Oat milk', acs: 'Oat milk' },
  'server-wins': { native: 'Soy milk', rest: 'Soy milk', acs: 'Soy milk' },
  // The native server keeps when each field was written; for ACS the edit that arrived first counts as later.
  'latest-timestamp-wins': { native: 'Oat milk', acs: 'Soy milk' },
  merge: { native: 'Oat milk', rest: 'Soy milk', acs: 'Soy milk' },
  function: { native: 'Oat milk / Soy milk', rest: 'Oat milk / Soy milk', acs: 'Oat milk / Soy milk' }
};

/** Two phones that both have the to-do "Milk" of the list "Home". */
async function pair(t, backend, policy) {
  const told = { ...await BACKENDS[backend](t), policy };
  const ann = await phone(t, 'android', told);
  const ben = await phone(t, 'ios', told);
  ann.go('offline');
  ann.add('Milk');
  assert.deepStrictEqual(ann.rows, ['☐ Milk ↑ (Home)']);
  assert.strictEqual(ann.state, 'offline, 1 to send');
  await ann.exchange();
  assert.match(ann.state, /^online(, \d received)?$/);
  await ben.exchange();
  await ben.exchange();
  assert.deepStrictEqual(ben.rows, ['☐ Milk (Home)']);
  assert.deepStrictEqual(ben.documents, ann.documents);
  return { ann, ben };
}

/** Both edit offline; Ben is online first. */
async function collide({ ann, ben }, anns = 'Oat milk', bens = 'Soy milk') {
  ann.go('offline');
  ben.go('offline');
  ben.edit({ title: bens });
  // Times are compared in milliseconds.
  for (const then = Date.now(); Date.now() === then;);
  ann.edit({ title: anns });
  await ben.exchange();
  await ann.exchange();
}

for (const policy of Object.keys(POLICIES)) {
  for (const backend of Object.keys(POLICIES[policy])) {
    test(`${policy} with ${backend}: edits made offline on both phones`, async (t) => {
      const { ann, ben } = await pair(t, backend, policy);
      await collide({ ann, ben });
      await ben.exchange();
      assert.deepStrictEqual(ann.documents.map(({ title }) => title), [POLICIES[policy][backend]]);
      assert.deepStrictEqual(ben.documents, ann.documents);
      assert.deepStrictEqual(ben.rows, ann.rows);
    });
  }
}

for (const backend of Object.keys(BACKENDS)) {
  test(`manual with ${backend}: the screen of conflicts settles it`, async (t) => {
    const { ann, ben } = await pair(t, backend, 'manual');
    await collide({ ann, ben });
    assert.deepStrictEqual(ann.rows, ['☐ Oat milk ⚠ (Home)']);
    assert.match(ann.state, /1 to settle/);
    assert.deepStrictEqual(ann.settle('mine'), ['Mine: Oat milk', 'Theirs: Soy milk']);
    await ann.exchange();
    assert.doesNotMatch(ann.state, /to s/);
    await ben.exchange();
    assert.deepStrictEqual(ben.rows, ['☐ Oat milk (Home)']);
    await collide({ ann, ben }, 'Rice milk', 'Goat milk');
    ann.settle('theirs');
    await ann.exchange();
    assert.deepStrictEqual(ann.rows, ['☐ Goat milk (Home)']);
  });

  test(`merge with ${backend}: different fields of one to-do both stand, and a deletion arrives`, async (t) => {
    const { ann, ben } = await pair(t, backend, 'merge');
    ann.go('offline');
    ben.go('offline');
    ben.toggle();
    ann.edit({ title: 'Oat milk' });
    await ben.exchange();
    await ann.exchange();
    await ben.exchange();
    assert.deepStrictEqual([ann.rows, ben.rows], [['☑ Oat milk (Home)'], ['☑ Oat milk (Home)']]);
    ben.go('offline');
    ben.remove();
    assert.deepStrictEqual(ben.rows, []);
    await ben.exchange();
    await ann.exchange();
    await ann.exchange();
    assert.deepStrictEqual(ann.rows, []);
  });
}

test('latest-timestamp-wins with rest: a backend without times is refused, and the error says so', async (t) => {
  const told = { ...await BACKENDS.rest(t), policy: 'latest-timestamp-wins' };
  await assert.rejects(phone(t, 'android', told), /times/);
});

test('7,000 rows of a REST backend arrive in seconds, and the app tells how far it is', async (t) => {
  const told = await BACKENDS.rest(t);
  await servers.ask('POST', `${told.server}/fill/notes/7000`);
  const began = Date.now();
  const ann = await phone(t, 'android', told);
  const parts = [];
  ann.sync.on('change', ({ records }) => parts.push(records.length));
  const progress = [];
  ann.sync.on('progress', ({ collection, stored, total, complete }) => progress.push([collection, stored, total, complete, ann.state]));
  await ann.exchange();
  const ms = Date.now() - began;
  assert.strictEqual(ann.todos.length, 7000);
  assert.strictEqual(ann.rows.length, 7000);
  assert.strictEqual(parts.reduce((sum, count) => sum + count, 0), 7000);
  let sum = 0;
  const expected = parts.map((count) => {
    sum += count;
    return ['todo', sum, 7000, sum === 7000, `online, ${sum === 7000 ? 7000 : `${sum} of 7000`} received`];
  });
  assert.deepStrictEqual(progress, expected);
  const { redraws } = ann.view('rows');
  t.diagnostic(`7,000 rows in ${(ms / 1000).toFixed(1)} s, told in ${parts.length} parts, drawn ${redraws} times`);
  assert.ok(parts.length >= 140, `expected to hear of every part, but heard ${parts.length} times`);
  assert.ok(ms < 60000, `expected some seconds, but it took ${ms} ms`);
});
