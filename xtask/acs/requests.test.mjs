// Requests that other clients send, as they were captured from them, and some that nobody should.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {raw, serve} from './server.mjs';

let server;
let session;

before(async () => {
  server = await serve();
  const body = new URLSearchParams({username: 'joe', password: 'p', password_confirmation: 'p'});
  const {body: made} = await raw(server, 'POST', '/v1/users/create.json', {body});
  session = made.meta.session_id;
});

after(() => server.stop());

const create = (fields) => raw(server, 'POST', '/v1/objects/todo/create.json',
  {query: {_session_id: session}, body: new URLSearchParams({fields: JSON.stringify(fields)})});

test('Ti.Cloud sends its parameters in the address, and reads the code in the answer', async () => {
  await create({title: 'a'});
  const query = {_session_id: session, where: '{"title":"a"}', order: 'updated_at', limit: '1000', count: '1', suppress_response_codes: 'true'};
  const found = await raw(server, 'GET', '/v1/objects/todo/query.json', {query});
  assert.deepEqual([found.status, found.body.meta.count], [200, 1]);
  const {id} = found.body.response.todo[0];
  const both = await raw(server, 'GET', '/v1/objects/todo/show.json', {query: {ids: `["${id}","4ec42e91d9ca72c507000010"]`, suppress_response_codes: 'true'}});
  assert.deepEqual([both.status, both.body.meta.code], [200, 400]);
  assert.equal(both.body.meta.message, 'One or more invalid object id(s): ["4ec42e91d9ca72c507000010"]');
  const removed = await raw(server, 'DELETE', '/v1/objects/todo/delete.json', {query: {_session_id: session, id, suppress_response_codes: 'true'}});
  assert.deepEqual(removed.body, {meta: {code: 200, status: 'ok', method_name: 'deleteObjects'}});
});

test('multipart bodies are read, for POST, PUT and DELETE', async () => {
  const form = (pairs) => {
    const data = new FormData();
    Object.entries(pairs).forEach(([name, value]) => data.append(name, value));
    return data;
  };
  const query = {_session_id: session};
  const made = await raw(server, 'POST', '/v1/objects/form/create.json', {query, body: form({fields: '{"title":"é\\r\\n--x"}', tags: 'a, b'})});
  const [object] = made.body.response.form;
  assert.deepEqual([object.title, object.tags], ['é\r\n--x', ['a', 'b']]);
  const changed = await raw(server, 'PUT', '/v1/objects/form/update.json', {query, body: form({id: object.id, fields: '{"n":1}'})});
  assert.equal(changed.body.response.form[0].n, 1);
  const removed = await raw(server, 'DELETE', '/v1/objects/form/delete.json', {query, body: form({id: object.id})});
  assert.equal(removed.status, 200);
});

test('a session by cookie, and an answer that is packed if asked', async () => {
  const me = await raw(server, 'GET', '/v1/users/show/me.json', {headers: {cookie: `a=b; _session_id=${session}`}});
  assert.equal(me.body.response.users[0].username, 'joe');
  assert.equal(me.headers.get('content-encoding'), null);
  assert.equal(me.headers.get('content-type'), 'application/json; charset=utf-8');
  const login = await raw(server, 'POST', '/v1/users/login.json', {body: new URLSearchParams({login: 'joe', password: 'p'})});
  assert.equal(login.headers.get('set-cookie'), `_session_id=${login.body.meta.session_id}; path=/; HttpOnly`);
});

test('a body over the limit is told in the envelope', async () => {
  const body = new URLSearchParams({fields: JSON.stringify({a: 'x'.repeat(9 << 20)})});
  const large = await raw(server, 'POST', '/v1/objects/todo/create.json', {query: {_session_id: session}, body});
  assert.deepEqual([large.status, large.body.meta.code, large.body.meta.status], [413, 413, 'fail']);
  const quiet = await raw(server, 'POST', '/v1/objects/todo/create.json', {query: {suppress_response_codes: 'true'}, body});
  assert.deepEqual([quiet.status, quiet.body.meta.code], [200, 413]);
  const long = await create({a: 'x'.repeat(2 << 20)});
  assert.equal(long.status, 413);
  const packed = await raw(server, 'POST', '/v1/users/login.json', {headers: {'content-encoding': 'br'}, body: 'x'});
  assert.deepEqual([packed.status, packed.body.meta.code], [415, 415]);
});

test('what nobody should send is refused in the envelope', async () => {
  const query = (params) => raw(server, 'GET', '/v1/objects/todo/query.json', {query: params});
  const deep = `${'{"$and":['.repeat(500)}1${']}'.repeat(500)}`;
  for (const params of [
    {where: '{'}, {where: '{"$where":"sleep(1)"}'}, {where: deep}, {where: '{"a":{"$regex":"^(a+)+$"}}'},
    {skip: '5000'}, {skip: '99999999999999999999'}, {limit: '-1'}, {page: '0'}, {sel: '[]'}, {response_json_depth: '99'},
  ]) {
    const {status, body} = await query(params);
    assert.deepEqual([status, body.meta.code, body.meta.status, typeof body.meta.message], [400, 400, 'fail', 'string'], JSON.stringify(params));
  }
  const long = await query({where: `{"a":"${'x'.repeat(60_000)}"}`});
  assert.deepEqual(long.body.response, {todo: []}, 'a long value matches nothing');
  // Expressions take time in proportion to what they look at.
  await create({title: 'a'.repeat(1_000)});
  const slow = await query({where: '{"title":{"$regex":"^a(a|aa)+$b"}}'});
  assert.deepEqual(slow.body.response, {todo: []});
  for (const [verb, path, status] of [
    ['GET', '/v1/photos/query.json', 400], ['GET', '/v1/users/fly.json', 404], ['POST', '/v1/users/logout.json', 405],
    ['GET', '/v1/objects/acs:users/query.json', 400], ['GET', '/v1/objects/%ff/query.json', 400],
  ]) {
    const answer = await raw(server, verb, path);
    assert.deepEqual([answer.status, answer.body.meta.code], [status, status], path);
  }
});

test('the native protocol shows none of the hidden records', async () => {
  const post = async (path, body) => (await fetch(`${server.url}${path}`, {method: 'POST', body: JSON.stringify(body)}));
  const refused = await post('/v1/pull', {collections: ['acs:users']});
  assert.deepEqual([refused.status, refused.headers.get('content-type')], [422, 'application/problem+json']);
  const page = await (await post('/v1/pull', {collections: ['todo', 'users', 'acs']})).json();
  assert.ok(page.items.every((item) => item.collection === 'todo'), JSON.stringify(page));
});
