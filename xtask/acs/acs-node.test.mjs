// acs-node 0.9.5 walks through every call that it has for users, objects and ACLs: with the app key, and
// signing its requests (OAuth 1.0a).
import assert from 'node:assert/strict';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';
import {KEY, OAUTH, client, raw, serve} from './server.mjs';

const ACS = client('acs-node');
const called = new Set();
let server;

/** The answer to a call; the client gives errors the same way. */
function call(kind, method, ...params) {
  called.add(`${kind}.${method}`);
  return new Promise((resolve) => ACS[kind][method](...params, resolve));
}

async function ok(kind, method, name, ...params) {
  const answer = await call(kind, method, ...params);
  assert.deepEqual([answer.success, answer.error, answer.meta?.method_name], [true, false, name], JSON.stringify(answer));
  return answer;
}

async function fails(code, kind, method, ...params) {
  const answer = await call(kind, method, ...params);
  assert.deepEqual([answer.success, answer.error, answer.code], [false, true, code], JSON.stringify(answer));
  return answer.message;
}

before(async () => {
  server = await serve();
});

after(() => server.stop());

async function walk(name) {
  await ok('Users', 'create', 'createUser', {username: name, password: 'pässword', password_confirmation: 'pässword',
    custom_fields: {age: 28}});
  const [me] = (await ok('Users', 'showMe', 'showMe')).users;
  assert.deepEqual([me.username, me.custom_fields], [name, {age: 28}]);
  await ok('Users', 'logout', 'logoutUser');
  assert.equal(await fails(401, 'Users', 'showMe'), 'You need to sign in or sign up before continuing.');
  assert.match(await fails(401, 'Users', 'login', {login: name, password: 'wrong'}), /Invalid email\/username or password/);
  const login = await ok('Users', 'login', 'loginUser', {login: name, password: 'pässword'});
  assert.match(login.meta.session_id, /^[\w-]{27}$/);
  assert.equal((await ok('Users', 'show', 'showUsers', {user_id: me.id})).users[0].username, name);
  assert.equal((await ok('Users', 'query', 'queryUsers', {where: {username: name}})).users[0].id, me.id);
  assert.equal((await ok('Users', 'search', 'searchUsers', {q: name})).users[0].id, me.id);
  assert.equal((await ok('Users', 'update', 'updateUser', {role: 'teacher'})).users[0].role, 'teacher');
  await fails(422, 'Users', 'requestResetPassword', {email: 'a@example.org'});

  const classname = `todo_${name}`;
  const fields = {title: 'a b+c&d="é"', done: false, n: 1.5, nul: null, nested: {x: [1, {y: 2}]}};
  const [made] = (await ok('Objects', 'create', 'createObject', {classname, fields, tags: 'a,b', flag: true}))[classname];
  assert.deepEqual([made.title, made.nested, made.tags, made.user_id], [fields.title, fields.nested, ['a', 'b'], me.id]);
  const {id} = made;
  assert.equal((await ok('Objects', 'show', 'showObjects', {classname, id}))[classname][0].title, fields.title);
  const query = {classname, where: {updated_at: {$gte: made.updated_at}}, order: 'updated_at', limit: 1000};
  assert.equal((await ok('Objects', 'query', 'queryCustomObjects', query))[classname][0].id, id);
  const [changed] = (await ok('Objects', 'update', 'updateCustomObject', {classname, id, fields: {done: true, nested: null}}))[classname];
  assert.deepEqual([changed.done, changed.nested, changed.title], [true, undefined, fields.title]);
  const gone = '000000000000000000000000';
  assert.equal(await fails(400, 'Objects', 'update', {classname, id: gone, fields: {}}), `One or more invalid object id(s): ["${gone}"]`);
  assert.match(await fails(400, 'Objects', 'query', {classname, where: {a: {$regex: '.*'}}}), /^This regex query is not supported/);

  const [acl] = (await ok('ACLs', 'create', 'createAcl', {name: 'mine'})).acls;
  assert.equal((await ok('ACLs', 'show', 'showAcl', {id: acl.id})).acls[0].name, 'mine');
  assert.equal((await ok('ACLs', 'query', 'queryACL', {where: {user_id: me.id}})).acls[0].id, acl.id);
  await ok('ACLs', 'update', 'updateAcl', {name: 'mine', public_read: true});
  await ok('ACLs', 'addUser', 'addAcl', {name: 'mine', reader_ids: gone});
  assert.deepEqual((await ok('ACLs', 'checkUser', 'checkAcl', {name: 'mine', user_id: gone})).permission,
    {read_permission: true, write_permission: false});
  await ok('ACLs', 'removeUser', 'removeAcl', {name: 'mine', reader_ids: gone});
  await ok('ACLs', 'remove', 'deleteAcl', {name: 'mine'});

  const photo = join(server.folder, 'p.png');
  writeFileSync(photo, Buffer.from([0x89, 0x50, 0x4e, 0x47]));
  assert.match(await fails(400, 'Objects', 'create', {classname, fields: {t: 1}, photo}), /^This server keeps no photos or files/);
  await ok('Objects', 'remove', 'deleteObjects', {classname, id});
  await fails(400, 'Objects', 'remove', {classname, id});
  assert.deepEqual((await ok('Objects', 'query', 'queryCustomObjects', {classname}))[classname], []);
  await ok('Users', 'remove', 'deleteUser');
  await fails(404, 'Users', 'showMe');
  await ok('Users', 'logout', 'logoutUser');
}

test('with the app key', async () => {
  ACS.useSecure = false;
  ACS.initACS(KEY, null, server.host);
  await walk('keyed');
  // What the key alone allows: a list of ids repeats the name, and `sel` is JSON.
  await ok('Users', 'create', 'createUser', {username: 'lists', password: 'p', password_confirmation: 'p'});
  const ids = [];
  for (const title of ['x', 'y']) {
    ids.push((await ok('Objects', 'create', 'createObject', {classname: 'list', fields: {title}})).list[0].id);
  }
  assert.deepEqual((await ok('Objects', 'show', 'showObjects', {classname: 'list', ids})).list.map((object) => object.title), ['x', 'y']);
  const selected = await ok('Objects', 'query', 'queryCustomObjects', {classname: 'list', order: 'title', sel: {all: ['title']}});
  assert.deepEqual(selected.list, [{title: 'x'}, {title: 'y'}]);
  await ok('Users', 'logout', 'logoutUser');
});

test('with signed requests', async () => {
  ACS.initACS(OAUTH.key, OAUTH.secret, server.host);
  await walk('signed');
  // The same without the key, and unsigned: nobody comes in.
  const {status} = await raw(server, 'GET', '/v1/users/query.json', {query: {key: ''}});
  assert.equal(status, 401);
});

test('with a wrong secret', async () => {
  await call('Users', 'logout');
  ACS.initACS(OAUTH.key, 'OTHER', server.host);
  assert.equal(await fails(401, 'Users', 'query', {}), 'Invalid OAuth signature');
});

test('every call of the client was made', () => {
  const theirs = ['Users', 'Objects', 'ACLs'].flatMap((kind) => Object.keys(ACS[kind]).map((method) => `${kind}.${method}`));
  assert.ok(theirs.length >= 20, `the client has ${theirs.length} calls`);
  assert.deepEqual(theirs.filter((name) => !called.has(name)), []);
});
