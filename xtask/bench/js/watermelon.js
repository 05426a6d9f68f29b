'use strict';

// WatermelonDB: its SQLite adapter for Node, which is better-sqlite3 with a rollback journal and synchronous=FULL, and
// `synchronize` against a stand-in server.

const { expect, idle, load, openAndUrgent, reading, records, run, scattered, standIn, timed } = require('./program');
const ask = require('./http');
const { Database, Model, Q, appSchema, tableSchema } = load('@nozbe/watermelondb');
const SQLiteAdapter = load('@nozbe/watermelondb/adapters/sqlite').default;
const decorators = load('@nozbe/watermelondb/decorators');
const { synchronize } = load('@nozbe/watermelondb/sync');

// It keeps a column `updated_at` by itself, and as a number: the record's has another name.
const TYPES = { title: 'string', done: 'boolean', priority: 'number', due: 'string', notes: 'string', tags: 'string', changed_at: 'string' };

class Item extends Model {
  static table = 'items';
}
for (const name of Object.keys(TYPES)) {
  const decorator = name === 'tags' ? decorators.json(name, (tags) => tags) : decorators.field(name);
  Object.defineProperty(Item.prototype, name, decorator(Item.prototype, name, { initializer: null }));
}

load('@nozbe/watermelondb/utils/common/logger').default.silence();

async function open({ file }) {
  const schema = appSchema({
    version: 1,
    tables: [tableSchema({ name: 'items', columns: Object.entries(TYPES).map(([name, type]) => ({ name, type })) })]
  });
  const database = new Database({ adapter: new SQLiteAdapter({ schema, dbName: file }), modelClasses: [Item] });
  // Its tables are made at the first use.
  await database.get('items').query().fetchCount();
  return database;
}

// It has no way to close a database.
const close = () => {};

function sync(database, url) {
  return synchronize({
    database,
    pullChanges: async ({ lastPulledAt }) => JSON.parse((await ask('GET', `${url}/pull?since=${lastPulledAt || 0}`)).text),
    pushChanges: async ({ changes, lastPulledAt }) => {
      await ask('POST', `${url}/push?since=${lastPulledAt}`, JSON.stringify(changes));
    }
  });
}

function fill(item, { id, updated_at: changed_at, ...fields }) {
  item._raw.id = id;
  Object.assign(item, fields, { changed_at });
}

async function pulled(settings, count) {
  const server = await standIn('watermelon.js', settings);
  const database = await open(settings);
  await sync(database, server.url);
  expect(count, await database.get('items').query().fetchCount(), 'records');
  return { server, database };
}

const opened = (settings, read) => reading(() => open(settings), close, (database) => read(database.get('items')));

run({
  pull: async (settings) => {
    const server = await standIn('watermelon.js', settings);
    const database = await open(settings);
    const pull = await timed(() => sync(database, server.url));
    expect(settings.count, await database.get('items').query().fetchCount(), 'records');
    return { pull };
  },
  save_full: async (settings) => {
    const all = records(settings, 0);
    const database = await open(settings);
    const items = database.get('items');
    const save = await timed(async () => {
      for (const record of all) await database.write(() => items.create((item) => fill(item, record)));
    });
    expect(settings.count, await items.query().fetchCount(), 'records');
    return { save };
  },
  push: async (settings) => {
    const { server, database } = await pulled({ ...settings, count: 0 }, 0);
    const items = database.get('items');
    const all = records(settings, 0);
    await database.write(() => database.batch(all.map((record) => items.prepareCreate((item) => fill(item, record)))));
    const push = await timed(() => sync(database, server.url));
    expect(settings.count, await server.tell('count'), 'records on the server');
    return { push };
  },
  changes: async (settings) => {
    const { server, database } = await pulled(settings, settings.count);
    await server.tell({ change: settings.changes });
    const changes = await timed(() => sync(database, server.url));
    expect(settings.changes, await edition(database, 1), 'changes');
    return { changes, idle: await idle(() => sync(database, server.url)) };
  },
  conflicts: async (settings) => {
    const { server, database } = await pulled(settings, settings.count);
    await server.tell({ change: settings.count });
    const edited = new Map(records(settings, 2).map((record) => [record.id, record]));
    const all = await database.get('items').query().fetch();
    await database.write(() => database.batch(all.map((item) => item.prepareUpdate(() => fill(item, edited.get(item.id))))));
    const conflicts = await timed(() => sync(database, server.url));
    expect(settings.count, await server.tell('pushed'), 'merged records sent');
    return { conflicts };
  },
  all: async (settings) => {
    await pulled(settings, settings.count);
    return { all: await opened(settings, async (items) => expect(settings.count, (await items.query().fetch()).length, 'records')) };
  },
  read: async (settings) => {
    await pulled(settings, settings.count);
    const ids = scattered(settings);
    return {
      get: await opened(settings, async (items) => { for (const id of ids) expect(id, (await items.find(id)).id, 'id'); }),
      filter: await opened(settings, async (items) => {
        const found = await items.query(Q.where('done', false), Q.where('priority', Q.gte(3))).fetch();
        expect(openAndUrgent(settings), found.length, 'records');
      })
    };
  }
});

/** How many records are of an edition. */
function edition(database, number) {
  return database.get('items').query(Q.where('title', Q.like(`%edition 0${number}`))).fetchCount();
}
