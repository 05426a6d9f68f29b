'use strict';

// The adapter in apps of Alloy: models that stay on the device, and the behaviour of each Backbone.

const assert = require('node:assert');
const { test } = require('node:test');
const { app, definition, draws, each, resources } = require('./alloys');
const { callbacks, heard } = require('./backbones');
const { folder } = require('./device');

const COLUMNS = { title: 'TEXT', stars: 'INTEGER', done: 'INTEGER' };
const todo = definition({ columns: COLUMNS, defaults: { stars: 0 } });
const json = (value) => JSON.parse(JSON.stringify(value));

each('a model is saved, fetched and destroyed at once, without a network', ({ start }) => {
  const { Alloy } = start({ todo }, { network: 'offline' });
  const milk = Alloy.createModel('todo', { title: 'Milk' });
  milk.save();
  assert.strictEqual(milk.idAttribute, 'alloy_id');
  assert.ok(milk.id);
  const todos = Alloy.createCollection('todo');
  todos.fetch();
  assert.deepStrictEqual(json(todos), [{ title: 'Milk', stars: 0, alloy_id: milk.id }]);
  const again = Alloy.createModel('todo', { alloy_id: milk.id });
  again.fetch();
  assert.strictEqual(again.get('title'), 'Milk');
  todos.at(0).destroy();
  todos.fetch();
  assert.strictEqual(todos.length, 0);
});

each('5 models fetched draw a bound list once', ({ start, version, isOld }) => {
  const { Alloy } = start({ todo });
  for (let n = 0; n < 5; n++) Alloy.createModel('todo', { title: `t${n}` }).save();
  const todos = Alloy.createCollection('todo');
  const drawn = draws(todos, version);
  const names = heard(todos);
  todos.fetch();
  assert.deepStrictEqual(drawn.map((models) => models.length), [5]);
  assert.strictEqual(names.filter((name) => name === 'fetch').length, 1);
  assert.strictEqual(names.filter((name) => name === (isOld ? 'reset' : 'add')).length, isOld ? 1 : 5);
  todos.fetch({ reset: true });
  assert.strictEqual(drawn.length, 2);
  todos.at(0).set({ title: 'not saved' });
  assert.strictEqual(drawn.length, 3);
  todos.fetch();
  assert.strictEqual(drawn.length, 4);
  todos.fetch({ silent: true });
  assert.strictEqual(drawn.length, 4);
  assert.ok(!('fromAdapter' in todos) && !todos.models.some((model) => 'fromAdapter' in model));
});

each('queries in SQL, over the columns that the model declares', ({ start }) => {
  const person = definition({
    columns: { id: 'INTEGER PRIMARY KEY AUTOINCREMENT', name: 'TEXT', state: 'TEXT', born: 'DATE', member: 'BOOLEAN' },
    adapter: { collection_name: 'people', idAttribute: 'id' }
  });
  const { Alloy } = start({ person });
  const all = [{ name: 'Anna', state: 'new', member: true, born: 12345678901 }, { name: 'Ben', state: 'old', member: 0 }, { name: 'Cleo', other: [1] }];
  all.forEach((one) => Alloy.createModel('person', one).save());
  const people = Alloy.createCollection('person');
  const names = (query) => {
    people.fetch({ query });
    return json(people.pluck('name').sort());
  };
  assert.deepStrictEqual(names('SELECT * FROM people WHERE member = 1'), ['Anna']);
  assert.deepStrictEqual(people.at(0).toJSON().member, true);
  assert.deepStrictEqual(names({ statement: 'SELECT * FROM people WHERE state = ? OR id > ? ORDER BY name;', params: ['old', 2] }), ['Ben', 'Cleo']);
  assert.deepStrictEqual(json(people.get(3).get('other')), [1]);
  assert.deepStrictEqual(names({ statement: 'select name, id from people where born > ?', params: 12345678900 }), ['Anna']);
  assert.deepStrictEqual(names('SELECT COUNT(*) AS n, \'all\' AS name FROM people'), ['all']);
  assert.strictEqual(people.at(0).get('n'), 3);
  const one = Alloy.createModel('person');
  one.fetch({ query: "SELECT * FROM people WHERE name = 'Ben'" });
  assert.deepStrictEqual([one.id, one.get('state')], [2, 'old']);
  one.save({ name: 'Benno' });
  people.fetch({ id: 2 });
  assert.deepStrictEqual(json(people.pluck('name')), ['Benno']);
  one.fetch({ id: 1 });
  assert.strictEqual(one.get('name'), 'Anna');
  const failed = callbacks();
  people.fetch({ query: 'DELETE FROM people', ...failed });
  people.fetch({ query: 'SELECT nothing FROM people', ...failed });
  assert.deepStrictEqual(failed.calls.map(([kind]) => kind), ['error', 'error']);
  assert.match(failed.calls[0][2].message, /begins with SELECT/);
  assert.strictEqual(names().length, 3);
});
