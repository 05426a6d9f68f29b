// arrowdb 1.0.12 walks through every call that it has for users, custom objects and ACLs.
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {ADMIN, KEY, client, serve} from './server.mjs';

const ArrowDB = client('arrowdb');
const called = new Set();
let server;

/** An app of its own, signed in or not, whose calls are promises. */
function app() {
  const db = new ArrowDB(KEY, {apiEntryPoint: server.url});
  const call = (name, params = {}) => new Promise((resolve, reject) => {
    called.add(name);
    db[name](params, (error, result) => (error ? reject(error) : resolve(result)));
  });
  /** The answer to a call that must succeed, whose method is named so. */
  const ok = async (name, method, params) => {
    const result = await call(name, params);
    assert.equal(result.statusCode, 200);
    assert.deepEqual(
      {status: result.body.meta.status, code: result.body.meta.code, method: result.body.meta.method_name},
      {status: 'ok', code: 200, method});
    return result.body;
  };
  /** The reason of a call that must fail with this status. */
  const fails = async (statusCode, name, params) => {
    const error = await call(name, params).then(() => assert.fail(`${name} succeeded`), (error) => error);
    assert.equal(error.statusCode, statusCode, error.message);
    assert.equal(error.body.meta.status, 'fail');
    assert.equal(error.body.meta.code, statusCode);
    return error.reason;
  };
  return {db, call, ok, fails};
}

/** An app with a user who is signed in. */
async function signedIn(name, more = {}) {
  const it = app();
  const made = await it.ok('usersCreate', 'createUser',
    {username: name, password: 'p&ss wörd', password_confirmation: 'p&ss wörd', ...more});
  await it.ok('usersLogin', 'loginUser', {login: name, password: 'p&ss wörd'});
  return {...it, id: made.response.users[0].id};
}

async function admin() {
  const it = app();
  const {response} = await it.ok('usersLogin', 'loginUser', ADMIN);
  assert.equal(response.users[0].admin, 'true');
  return it;
}

const titles = (body, classname) => body.response[classname].map((object) => object.title).join(' ');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

before(async () => {
  server = await serve();
});

after(() => server.stop());

test('users sign in by the cookie, which only login keeps', async () => {
  const {db, call, ok, fails} = app();
  const created = await call('usersCreate',
    {username: 'joe', password: 'p&ss wörd', password_confirmation: 'p&ss wörd', custom_fields: {age: 28}, tags: 'a,b'});
  assert.match(created.cookieString, /^_session_id=[\w-]{27}$/);
  assert.equal(db.sessionCookieString, null);
  assert.equal(await fails(401, 'usersShowMe'), 'You need to sign in or sign up before continuing.');

  const login = await call('usersLogin', {login: 'joe', password: 'p&ss wörd'});
  assert.equal(login.cookieString, `_session_id=${login.body.meta.session_id}`);
  assert.equal(db.sessionCookieString, login.cookieString);
  const [me] = (await ok('usersShowMe', 'showMe')).response.users;
  assert.equal(me.username, 'joe');
  assert.deepEqual([me.custom_fields, me.tags, me.admin, me.external_accounts], [{age: 28}, ['a', 'b'], 'false', []]);
  assert.match(me.id, /^[0-9a-f]{24}$/);
  assert.match(me.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/);

  // The session alone, without the name of the cookie.
  const other = app();
  other.db.sessionCookieString = login.body.meta.session_id;
  await other.ok('usersShowMe', 'showMe');

  await ok('usersLogout', 'logoutUser');
  assert.equal(db.sessionCookieString, null);
  assert.match(await other.fails(404, 'usersShowMe'), /^Failed to find current_user/);
  assert.match(await fails(401, 'usersLogin', {login: 'joe', password: 'wrong'}), /Invalid email\/username or password/);
});

test('users are shown, found, searched, counted and changed', async () => {
  const ann = await signedIn('ann', {first_name: 'Ann', last_name: 'Smith', email: 'ann@example.org'});
  const bob = await signedIn('bob', {custom_fields: {favorite_color: 'blue', age: 30}});
  const [shown] = (await bob.ok('usersShow', 'showUsers', {user_id: ann.id})).response.users;
  assert.deepEqual([shown.first_name, shown.email], ['Ann', undefined]);
  const both = await bob.ok('usersShow', 'showUsers', {user_ids: [ann.id, bob.id]});
  assert.deepEqual(both.response.users.map((user) => user.id), [ann.id, bob.id]);
  const reason = await bob.fails(400, 'usersShow', {user_id: '000000000000000000000000'});
  assert.equal(reason, 'One or more invalid object id(s): ["000000000000000000000000"]');

  const found = await bob.ok('usersQuery', 'queryUsers',
    {where: {favorite_color: 'blue', age: {$gt: 28}}, order: '-created_at', limit: 5, count: true});
  assert.deepEqual([found.response.users.map((user) => user.username), found.meta.count], [['bob'], 1]);
  const searched = await bob.ok('usersSearch', 'searchUsers', {q: 'SMITH', page: 1, per_page: 10});
  assert.deepEqual(searched.response.users.map((user) => user.username), ['ann']);
  assert.deepEqual([searched.meta.page, searched.meta.per_page, searched.meta.total_pages, searched.meta.total_results], [1, 10, 1, 1]);
  assert.ok((await bob.ok('usersCount', 'usersCount')).meta.count >= 3);

  const updated = await bob.ok('usersUpdate', 'updateUser', {custom_fields: {age: {$inc: 1}, favorite_color: null}, role: 'teacher'});
  assert.deepEqual([updated.response.users[0].custom_fields, updated.response.users[0].role], [{age: 31}, 'teacher']);
  // The raw call, with the fields as a text.
  const put = await new Promise((resolve, reject) => bob.db.put('/v1/users/update.json', {custom_fields: '{"test":true}'},
    (error, result) => (error ? reject(error) : resolve(result))));
  assert.deepEqual(put.body.response.users[0].custom_fields, {age: 31, test: true});
  await bob.fails(400, 'usersCreate', {username: 'ann', password: 'x', password_confirmation: 'x'});
  await bob.fails(400, 'usersCreate', {username: 'new', password: 'x', password_confirmation: 'y'});
});

test('users are deleted, one by itself and many by an admin', async () => {
  const one = await signedIn('one');
  assert.equal((await one.ok('usersRemove', 'deleteUser')).response, undefined);
  await one.fails(404, 'usersShowMe');
  const two = await signedIn('two');
  await two.ok('usersDelete', 'deleteUser');
  await two.fails(401, 'usersLogin', {login: 'two', password: 'p&ss wörd'});

  const boss = await admin();
  const three = await signedIn('three');
  await three.fails(403, 'usersBatchDelete', {where: {username: 'joe'}});
  await boss.ok('usersBatchDelete', 'batchDelete', {where: {username: 'three'}});
  await boss.fails(400, 'usersShow', {user_id: three.id});
  await boss.fails(422, 'usersRequestResetPassword', {email: 'ann@example.org'});
  await boss.fails(422, 'usersResendConfirmation', {email: 'ann@example.org'});
});

test('an object is made, shown, changed and deleted', async () => {
  const {ok, fails, id: user} = await signedIn('maker');
  const fields = {
    title: 'a b+c&d="é"', done: false, n: 1.5, nul: null, nested: {x: [1, {y: 2, z: null}]},
    due: '2014-11-02 17:07:37 -0700', iso: '2014-11-02T17:07:37.000Z', coordinates: [-122.1, 37.1],
  };
  const {response} = await ok('customObjectsCreate', 'createObject', {classname: 'todo', fields, tags: 'sdk,test'});
  const [made] = response.todo;
  const {id, created_at, updated_at, user: owner, ...own} = made;
  assert.deepEqual(own, {
    title: 'a b+c&d="é"', done: false, n: 1.5, nested: {x: [1, {y: 2, z: null}]},
    due: '2014-11-03T00:07:37+0000', iso: '2014-11-02T17:07:37.000Z', coordinates: [[-122.1, 37.1]],
    tags: ['sdk', 'test'], user_id: user,
  });
  assert.equal(owner.username, 'maker');
  assert.equal(String(made.tags), 'sdk,test', 'as the tests of the SDK compare it');
  assert.deepEqual((await ok('customObjectsShow', 'showObjects', {classname: 'todo', id})).response.todo, [made]);
  assert.equal(created_at, updated_at);

  const changed = await ok('customObjectsUpdate', 'updateCustomObject',
    {classname: 'todo', id, fields: {done: true, nested: null, n: {$inc: 2}, id: 'x', user: {id: 'y'}}, tags: ''});
  const [after] = changed.response.todo;
  assert.deepEqual([after.done, after.nested, after.n, after.tags, after.id, after.user_id], [true, undefined, 3.5, undefined, id, user]);
  assert.equal(after.title, made.title, 'what is not named stays');

  assert.equal(await fails(400, 'customObjectsUpdate', {classname: 'todo', id: '000000000000000000000000', fields: {done: true}}),
    'One or more invalid object id(s): ["000000000000000000000000"]');
  await fails(400, 'customObjectsUpdate', {classname: 'todo', id});
  await fails(400, 'customObjectsCreate', {classname: 'todo'});
  await fails(400, 'customObjectsShow', {classname: 'todo', ids: '5457657cdda0954dfe000016,5457657cdda0954dfe000017'});
  const missing = await app().call('customObjectsCreate', {fields: {}}).catch((error) => error.message);
  assert.equal(missing, 'Required parameter classname is missing.', 'the client asks for it itself');

  assert.equal((await ok('customObjectsDelete', 'deleteObjects', {classname: 'todo', id})).response, undefined);
  await fails(400, 'customObjectsDelete', {classname: 'todo', id});
  const more = [];
  for (const title of ['x', 'y']) {
    more.push((await ok('customObjectsCreate', 'createObject', {classname: 'todo', fields: {title}})).response.todo[0].id);
  }
  assert.ok(id < more[0] && more[0] < more[1], 'ids grow with time');
  await ok('customObjectsRemove', 'deleteObjects', {classname: 'todo', ids: more});
  assert.equal((await ok('customObjectsCount', 'objectsCount', {classname: 'todo'})).meta.count, 0);
});

test('objects are found by where, order, sel, and both dialects of paging', async () => {
  const {ok, fails} = await signedIn('finder');
  const ids = [];
  for (const [title, n] of [['a', 1], ['b', 2], ['c', 3], ['d', 4], ['e', 5]]) {
    const fields = {title, n, odd: n % 2 === 1, list: [n, n + 1], due: `2014-01-0${n}T00:00:00+0000`};
    const {response} = await ok('customObjectsCreate', 'createObject', {classname: 'Letter', fields, tags: title});
    ids.push(response.Letter[0].id);
  }
  const query = async (params) => ok('customObjectsQuery', 'queryCustomObjects', {classname: 'Letter', ...params});
  const find = async (where, more = {}) => titles(await query({where, order: 'title', ...more}), 'Letter');
  assert.equal(titles(await query({}), 'Letter'), 'e d c b a', 'the newest first');
  assert.equal(titles(await query({order: 'odd,-n'}), 'Letter'), 'd b e c a');
  const cases = [
    [{title: 'b'}, 'b'], [{n: {$gt: 1, $lte: 3}}, 'b c'], [{n: {$lt: 2}}, 'a'], [{n: {$gte: 5}}, 'e'],
    [{n: {$ne: 3}}, 'a b d e'], [{n: {$in: [1, 5]}}, 'a e'], [{n: {$nin: [1, 5]}}, 'b c d'],
    [{$or: [{n: 1}, {title: 'c'}]}, 'a c'], [{$nor: [{n: 1}, {title: 'c'}]}, 'b d e'], [{$and: [{odd: true}, {n: {$gt: 1}}]}, 'c e'],
    [{list: {$all: [2, 3]}}, 'b'], [{list: 3}, 'b c'], [{missing: {$exists: false}}, 'a b c d e'], [{missing: {$exists: true}}, ''],
    [{title: {$regex: '^[ab]'}}, null], [{title: {$regex: '^a.*$'}}, 'a'], [{tags_array: 'd'}, 'd'],
    [{due: {$gt: '2014-01-03T00:00:00.000Z'}}, 'd e'], [{due: {$lte: '2014-01-01 17:00:00 -0700'}}, 'a b'],
    [{due: '2014-01-02T00:00:00'}, 'b'], [{_id: {$gt: ids[2]}}, 'd e'], [{id: ids[1]}, 'b'], [{_id: {$in: [ids[0], 'x', ids[4]]}}, 'a e'],
  ];
  for (const [where, expected] of cases) {
    if (expected === null) {
      assert.match(await fails(400, 'customObjectsQuery', {classname: 'Letter', where}), /^This regex query is not supported/);
    } else {
      assert.equal(await find(where), expected, JSON.stringify(where));
    }
  }
  assert.equal(await find({}, {limit: 2, skip: 1}), 'b c');
  assert.equal(await find({}, {page: 2, per_page: 2}), 'c d');
  const paged = await query({page: 3, per_page: 2, order: 'n', count: true});
  assert.deepEqual(paged.meta, {code: 200, status: 'ok', method_name: 'queryCustomObjects',
    count: 5, page: 3, per_page: 2, total_pages: 3, total_results: 5});
  for (const wrong of [{limit: 0}, {limit: 1001}, {skip: 5000}, {where: '{'}, {where: {a: {$size: 1}}}, {sel: {some: []}}]) {
    await fails(400, 'customObjectsQuery', {classname: 'Letter', ...wrong});
  }
  assert.equal(await fails(400, 'customObjectsQuery', {classname: 'Letter', limit: 1001}),
    'Invalid limit parameter; value must be in a valid range of 1~1000');
  assert.deepEqual((await query({sel: {all: ['id', 'title']}, order: 'n', limit: 1})).response.Letter, [{id: ids[0], title: 'a'}]);
  const without = (await query({unsel: {all: ['user', 'list']}, limit: 1})).response.Letter[0];
  assert.deepEqual([without.user, without.list, without.title], [undefined, undefined, 'e']);
  const flat = (await query({response_json_depth: 1, limit: 1})).response.Letter[0];
  assert.equal(flat.user, undefined);
  assert.equal((await ok('customObjectsCount', 'objectsCount', {classname: 'Letter', where: {odd: true}})).meta.count, 3);
  assert.deepEqual((await ok('customObjectsQuery', 'queryCustomObjects', {classname: 'never'})).response, {never: []});

  // As an app pulls what has changed: a place of two seconds ago, and none that was not changed.
  await wait(1_100);
  const since = (await ok('customObjectsUpdate', 'updateCustomObject', {classname: 'Letter', id: ids[0], fields: {n: 10}})).response.Letter[0].updated_at;
  assert.equal(await find({updated_at: {$gte: since}}), 'a');
});

test('an ACL decides who sees and who changes an object', async () => {
  const ann = await signedIn('acl-ann');
  const bob = await signedIn('acl-bob');
  const {ok, fails} = await signedIn('acl-joe');
  const boss = await admin();
  const {response} = await ok('aclsCreate', 'createAcl', {name: 'mine', reader_ids: ann.id, writer_ids: bob.id});
  const acl = response.acls[0].id;
  const made = await ok('customObjectsCreate', 'createObject', {classname: 'secret', fields: {title: 's'}, acl_name: 'mine'});
  const object = made.response.secret[0];
  assert.equal(object.acls[0].id, acl);
  const show = {classname: 'secret', id: object.id};
  const update = {...show, fields: {n: 1}};
  const query = {classname: 'secret'};

  assert.equal(titles(await ann.ok('customObjectsQuery', 'queryCustomObjects', query), 'secret'), 's');
  assert.match(await ann.fails(401, 'customObjectsUpdate', update), /cannot update/);
  await bob.fails(401, 'customObjectsShow', show);
  await bob.ok('customObjectsUpdate', 'updateCustomObject', update);
  assert.deepEqual((await app().ok('customObjectsQuery', 'queryCustomObjects', query)).response.secret, []);
  assert.equal((await app().ok('customObjectsCount', 'objectsCount', query)).meta.count, 0);
  await boss.ok('customObjectsShow', 'showObjects', show);

  const check = async (user_id) => {
    const {permission} = (await ok('aclsCheckUser', 'checkAcl', {name: 'mine', user_id})).response;
    return [permission.read_permission, permission.write_permission];
  };
  assert.deepEqual(await check(bob.id), [false, true]);
  await ok('aclsAddUser', 'addAcl', {name: 'mine', reader_ids: bob.id});
  assert.deepEqual(await check(bob.id), [true, true]);
  await bob.ok('customObjectsShow', 'showObjects', show);
  await ok('aclsRemoveUser', 'removeAcl', {name: 'mine', reader_ids: bob.id, writer_ids: bob.id});
  assert.deepEqual(await check(bob.id), [false, false]);
  const shown = (await ok('aclsShow', 'showAcl', {id: acl})).response.acls[0];
  assert.deepEqual([shown.name, shown.public_read, shown.readers.includes(ann.id)], ['mine', false, true]);
  assert.equal((await ok('aclsQuery', 'queryACL', {where: {name: 'mine'}})).response.acls[0].id, acl);
  assert.equal((await ok('aclsCount', 'aclsCount')).meta.count, 1);
  await ann.fails(401, 'aclsUpdate', {id: acl, public_read: true});
  const open = (await ok('aclsUpdate', 'updateAcl', {id: acl, public_read: true, reader_ids: ''})).response.acls[0];
  assert.equal(open.public_read, true);
  await app().ok('customObjectsShow', 'showObjects', show);
  await ok('aclsDelete', 'deleteAcl', {name: 'mine'});
  await app().fails(401, 'customObjectsShow', show);
  await ok('aclsCreate', 'createAcl', {name: 'other'});
  await ok('aclsRemove', 'deleteAcl', {name: 'other'});
  await fails(400, 'aclsShow', {id: acl});
});

test('admins make and delete many objects, and drop a class', async () => {
  const {fails} = await signedIn('not-an-admin');
  await fails(403, 'customObjectsBatchCreate', {classname: 'many', json_array: [{}]});
  await fails(403, 'customObjectsBatchDelete', {classname: 'many'});
  await fails(400, 'customObjectsAdminDropCollection', {classname: 'many'});
  const boss = await admin();
  const hundred = Array.from({length: 100}, (_, n) => ({n, odd: n % 2 === 1}));
  for (let batch = 0; batch < 50; batch += 1) {
    const made = await boss.ok('customObjectsBatchCreate', 'batchCreate', {classname: 'many', json_array: hundred});
    assert.match(made.meta.message, /"n"=>100, "nInserted"=>100/);
  }
  const count = async (where) => (await boss.ok('customObjectsQuery', 'queryCustomObjects',
    {classname: 'many', limit: 1, count: true, ...(where && {where})})).meta.count;
  assert.equal(await count(), 5000);
  await boss.ok('customObjectsBatchCreate', 'batchCreate', {classname: 'many', json_array: [{n: 100}]});
  assert.equal(await count(), '5000+');
  const far = await boss.ok('customObjectsQuery', 'queryCustomObjects', {classname: 'many', limit: 1000, skip: 4999, order: 'n'});
  assert.equal(far.response.many.length, 2);
  const partly = await boss.call('customObjectsBatchCreate', {classname: 'many', json_array: [{n: 1}, 5]});
  assert.deepEqual([partly.statusCode, partly.body.meta.code], [202, 200]);
  assert.equal(await boss.fails(400, 'customObjectsBatchCreate', {classname: 'many', json_array: [...hundred, {}]}),
    '100 objects batch create limit exceeded');
  assert.equal((await boss.ok('customObjectsBatchDelete', 'batchDelete', {classname: 'many', where: {odd: true}})).response, undefined);
  assert.equal(await count(), 2502);
  assert.equal(await count({odd: true}), 0);
  await boss.ok('customObjectsAdminDropCollection', 'dropCollection', {classname: 'many'});
  assert.equal(await count(), 0);
});

test('an admin acts for another user', async () => {
  const joe = await signedIn('on-behalf');
  const boss = await admin();
  const made = await boss.ok('customObjectsCreate', 'createObject', {classname: 'given', fields: {title: 'x'}, su_id: joe.id});
  assert.equal(made.response.given[0].user.username, 'on-behalf');
  await joe.fails(403, 'customObjectsCreate', {classname: 'given', fields: {}, su_id: made.response.given[0].id});
});

test('files are refused, and arrive as multipart', async () => {
  const {fails} = await signedIn('photographer');
  const photo = join(server.folder, 'p.png');
  writeFileSync(photo, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  const reason = await fails(400, 'customObjectsCreate', {classname: 'todo', fields: {t: 1}, photo});
  assert.match(reason, /^This server keeps no photos or files/);
  assert.match(await fails(400, 'usersUpdate', {photo}), /^This server keeps no photos or files/);
  await fails(400, 'photosCreate', {photo});
  await fails(400, 'keyValuesSet', {name: 'foo', value: 'bar'});
});

test('options of the app, an address that ends with a slash, and a wrong key', async () => {
  const shown = (key, options) => new Promise((resolve) => {
    new ArrowDB(key, options).usersQuery({limit: 1}, (error, result) => resolve(error ?? result));
  });
  const pretty = await shown(KEY, {apiEntryPoint: `${server.url}/`, prettyJson: true, responseJsonDepth: 3});
  assert.equal(pretty.body.meta.status, 'ok');
  assert.match(pretty.response.body, /\n {2}"meta": \{/);
  const wrong = await shown('OTHER', {apiEntryPoint: server.url});
  assert.equal(wrong.statusCode, 401);
  assert.equal(wrong.reason, '401 Unauthorized request. Please provide a valid App key or Oauth key.');
});

test('an object goes to a device that syncs, and back', async () => {
  const {ok} = await signedIn('traveller');
  const {id} = (await ok('customObjectsCreate', 'createObject', {classname: 'trip', fields: {title: 'Rome'}})).response.trip[0];
  server.tisync('init', '--server', server.url, '--collection', 'trip:merge');
  server.tisync('sync');
  assert.equal(JSON.parse(server.tisync('get', 'trip', id)).title, 'Rome');
  server.tisync('patch', 'trip', id, 'title=Ostia');
  server.tisync('sync');
  assert.equal((await ok('customObjectsShow', 'showObjects', {classname: 'trip', id})).response.trip[0].title, 'Ostia');
  await ok('customObjectsRemove', 'deleteObjects', {classname: 'trip', id});
  server.tisync('sync');
  assert.equal(server.tisync('query', 'trip', '--count').trim(), '0');
});

test('every call of the client was made', () => {
  const theirs = Object.keys(Object.getPrototypeOf(ArrowDB.prototype)).filter((name) => /^(users|customObjects|acls)[A-Z]/.test(name));
  assert.ok(theirs.length >= 30, `the client has ${theirs.length} calls`);
  assert.deepEqual(theirs.filter((name) => !called.has(name)), []);
});
