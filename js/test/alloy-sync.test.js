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
