'use strict';

// What apps do with their models, whatever the adapter: the contract of the stock `sql` adapter, and what `ti.sync` adds
// to it. A check gets `start()`, which starts the app on a device of its own.

const checks = module.exports = [];
const check = (name, run, needs) => checks.push({ name, check: run, needs });

const ours = ({ adapter }) => adapter === 'ti.sync';

// What a call told its callbacks before it returned.
function told(call) {
  const heard = [];
  call({
    success: (target, response) => heard.push(['success', response]),
    error: (target, response) => heard.push(['error', response])
  });
  return heard.map(([name]) => name);
}

// Values out of the app's context, as plain ones of ours.
const plain = (value) => JSON.parse(JSON.stringify(value));

const titles = (collection) => plain(collection.map((model) => model.get('title')));

check('the version of Backbone is the one that config.json names', ({ start, backbone, assert }) => {
  assert.strictEqual(start().alloy().Backbone.VERSION, backbone);
});

check('migrations run once, and their rows are there', ({ start, assert }) => {
  const one = start();
  const todos = one.alloy().createCollection('todo');
  assert.deepStrictEqual(told((options) => todos.fetch(options)), ['success']);
  assert.deepStrictEqual(titles(todos), ['a first one']);
  assert.strictEqual(todos.at(0).get('done'), 1);
  one.close();
  const again = start().alloy().createCollection('todo');
  again.fetch();
  assert.deepStrictEqual(titles(again), ['a first one']);
});

check('create, save, fetch and destroy answer at once, without a network', ({ start, assert }) => {
  const one = start();
  one.network.set('offline');
  const Alloy = one.alloy();
  const todo = Alloy.createModel('todo', { title: 'b', rank: 2 });
  assert.strictEqual(todo.get('done'), 0);
  assert.strictEqual(todo.isNew(), true);
  assert.deepStrictEqual(told((options) => todo.save(null, options)), ['success']);
  assert.strictEqual(todo.isNew(), false);
  assert.deepStrictEqual(told((options) => todo.save({ title: 'c' }, options)), ['success']);
  const todos = Alloy.createCollection('todo');
  todos.fetch();
  assert.deepStrictEqual(titles(todos), ['a first one', 'c']);
  const same = todos.get(todo.id);
  assert.deepStrictEqual(plain([same.get('rank'), same.get('done')]), [2, 0]);
  assert.deepStrictEqual(told((options) => same.destroy(options)), ['success']);
  todos.fetch();
  assert.deepStrictEqual(titles(todos), ['a first one']);
  assert.deepStrictEqual(one.network.sent, []);
});

check('what was saved is there after a start', ({ start, assert }) => {
  const one = start();
  one.alloy().createModel('todo', { title: 'kept' }).save();
  one.close();
  const todos = start().alloy().createCollection('todo');
  todos.fetch();
  assert.deepStrictEqual(titles(todos), ['a first one', 'kept']);
});

check('validate keeps what is wrong from being saved', ({ start, assert }) => {
  const Alloy = start().alloy();
  const todo = Alloy.createModel('todo', { title: 'fine' });
  assert.strictEqual(todo.save({ title: '' }), false);
  const todos = Alloy.createCollection('todo');
  todos.fetch();
  assert.strictEqual(todos.length, 1);
});

check('a query in SQL, as a text and with parameters', ({ start, assert }) => {
  const Alloy = start().alloy();
  [['b', 0, 3], ['c', 1, 1], ['d', 1, 2]].forEach(([title, done, rank]) => Alloy.createModel('todo', { title, done, rank }).save());
  const todos = Alloy.createCollection('todo');
  todos.fetch({ query: 'SELECT * FROM ' + todos.config.adapter.collection_name + ' WHERE done = 0' });
  assert.deepStrictEqual(titles(todos), ['b']);
  todos.fetch({ query: { statement: 'SELECT * FROM todo WHERE done = ? AND rank > ?', params: [1, 1] } });
  assert.deepStrictEqual(titles(todos), ['d']);
  todos.fetch({ query: 'SELECT id, title FROM todo ORDER BY rank DESC LIMIT 2' });
  assert.deepStrictEqual(titles(todos).sort(), ['b', 'd']);
  todos.fetch({ query: { statement: 'SELECT * FROM todo WHERE title LIKE ?', params: ['nothing%'] } });
  assert.strictEqual(todos.length, 0);
});

check('a model is fetched by its id', ({ start, assert }) => {
  const Alloy = start().alloy();
  const todo = Alloy.createModel('todo', { title: 'one' });
  todo.save();
  const one = Alloy.createModel('todo', { id: todo.id });
  assert.deepStrictEqual(told((options) => one.fetch({ id: todo.id, ...options })), ['success']);
  assert.strictEqual(one.get('title'), 'one');
});

check('a model without an id of its own has alloy_id', ({ start, assert }) => {
  const Alloy = start().alloy();
  const note = Alloy.createModel('note', { text: 'x', weight: 1.5 });
  note.save();
  assert.strictEqual(note.idAttribute, 'alloy_id');
  assert.strictEqual(typeof note.id, 'string');
  const notes = Alloy.createCollection('note');
  notes.fetch();
  assert.deepStrictEqual(plain(notes.toJSON()), [{ text: 'x', weight: 1.5, alloy_id: note.id }]);
});

check('a model with an id of the app keeps it', ({ start, assert }) => {
  const Alloy = start().alloy();
  Alloy.createModel('person', { email: 'a@example.org', name: 'Ann', age: 30 }).save();
  const ann = Alloy.createModel('person', { email: 'a@example.org', name: 'Anna', age: 31 });
  ann.save();
  const people = Alloy.createCollection('person');
  people.fetch();
  assert.deepStrictEqual(plain(people.toJSON()), [{ email: 'a@example.org', name: 'Anna', age: 31 }]);
  people.at(0).destroy();
  assert.strictEqual(people.length, 0);
  people.fetch();
  assert.strictEqual(people.length, 0);
});

check('singletons, and a stock adapter beside ours', ({ start, assert }) => {
  const Alloy = start().alloy();
  assert.strictEqual(Alloy.Collections.instance('todo'), Alloy.Collections.instance('todo'));
  Alloy.createModel('setting', { id: 'colour', value: 'red' }).save();
  const settings = Alloy.createCollection('setting');
  settings.fetch();
  assert.deepStrictEqual(plain(settings.pluck('value')), ['red']);
});

check('a bound list shows what a collection holds', ({ start, assert }) => {
  const one = start().start();
  const Alloy = one.global.Alloy;
  const [list] = one.ui.find('ListSection');
  Alloy.createModel('todo', { title: 'z', done: 1 }).save();
  Alloy.Collections.todo.fetch();
  assert.deepStrictEqual(plain(list.items.map((item) => item.properties.title)), ['a first one', 'z']);
  const before = list.redraws;
  Alloy.Collections.todo.at(1).destroy();
  assert.ok(list.redraws > before);
  assert.strictEqual(list.items.length, 1);
});

check('5 models fetched cause 1 redraw', ({ start, assert }) => {
  const one = start().start();
  const Alloy = one.global.Alloy;
  const [list] = one.ui.find('ListSection');
  for (let n = 1; n <= 4; n++) Alloy.createModel('todo', { title: `n${n}` }).save();
  const before = list.redraws;
  Alloy.Collections.todo.fetch();
  assert.strictEqual(list.items.length, 5);
  assert.strictEqual(list.redraws - before, 1);
  Alloy.Collections.todo.fetch();
  assert.strictEqual(list.redraws - before, 2);
}, ours);

check('a patch saves what it names', ({ start, assert, isOld }) => {
  const Alloy = start().alloy();
  const todo = Alloy.createModel('todo', { title: 'b', rank: 1 });
  todo.save();
  assert.deepStrictEqual(told((options) => todo.save({ rank: 2 }, { patch: true, ...options })), ['success']);
  const same = Alloy.createCollection('todo');
  same.fetch();
  assert.deepStrictEqual(plain([same.get(todo.id).get('title'), same.get(todo.id).get('rank')]), ['b', 2], isOld ? 'as an update' : 'as a patch');
}, ours);

check('a save that waits sets the attributes with the answer', ({ start, assert }) => {
  const Alloy = start().alloy();
  const todo = Alloy.createModel('todo');
  assert.deepStrictEqual(told((options) => todo.save({ title: 'w' }, { wait: true, ...options })), ['success']);
  assert.deepStrictEqual(plain([todo.get('title'), todo.isNew()]), ['w', false]);
  const todos = Alloy.createCollection('todo');
  todos.fetch();
  const made = todos.create({ title: 'x' }, { wait: true });
  assert.strictEqual(made.get('title'), 'x');
  assert.deepStrictEqual(titles(todos), ['a first one', 'w', 'x']);
  assert.deepStrictEqual(told((options) => made.destroy({ wait: true, ...options })), ['success']);
  assert.deepStrictEqual(titles(todos), ['a first one', 'w']);
}, ours);

check('a model that is not there is an error, told to the callback', ({ start, assert }) => {
  const Alloy = start().alloy();
  assert.deepStrictEqual(told((options) => Alloy.createModel('person', { email: 'nobody' }).fetch(options)), ['error']);
}, ours);

check('SQL that is wrong is an error, told to the callback', ({ start, assert }) => {
  const todos = start().alloy().createCollection('todo');
  assert.deepStrictEqual(told((options) => todos.fetch({ query: 'SELECT nonsense FROM', ...options })), ['error']);
}, ours);

check('two devices sync with a server, and a live list shows it', async ({ start, assert }) => {
  const [here, there] = [start('a'), start('b')].map((one) => ({ one: one.start(), Alloy: one.global.Alloy, sync: one.require('/alloy/sync/ti.sync') }));
  const mine = here.Alloy.createModel('shared', { text: 'ours', stars: 1 });
  here.one.network.set('offline');
  mine.save();
  here.one.network.set('online');
  await here.sync.syncNow('shared');
  const theirs = there.Alloy.createCollection('shared');
  theirs.fetch();
  assert.strictEqual(theirs.length, 0);
  const heard = [];
  theirs.on('add change remove', (model) => heard.push(model.get('text')));
  await there.sync.syncNow('shared');
  assert.deepStrictEqual([plain(theirs.pluck('text')), heard], [['ours'], ['ours']]);
  theirs.at(0).save({ stars: 5 });
  mine.save({ text: 'edited' });
  await there.sync.syncNow('shared');
  await here.sync.syncNow('shared');
  await there.sync.syncNow('shared');
  assert.deepStrictEqual(plain(theirs.toJSON()), [{ id: mine.id, text: 'edited', stars: 5 }]);
  mine.fetch();
  assert.deepStrictEqual(plain([mine.get('stars'), mine.get('text')]), [5, 'edited']);
}, ours);
