'use strict';

// `npx ti.sync add` and `npx ti.sync doctor` on projects in a folder.

const assert = require('node:assert');
const { execFile, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { folder } = require('./device');

const MAIN = path.join(__dirname, '../cli/main.js');

const SHIPPED = {
  'ti.sync.js': 'module.exports = require("./connectors/core/adapter");\n',
  'connectors/rest.js': '// rest\n',
  'connectors/acs.js': '// acs\n',
  'connectors/template.js': '// template\n',
  'connectors/core/adapter.js': '// adapter\n'
};
const TIAPP = '<ti:app xmlns:ti="http://ti.appcelerator.org"><id>a.b</id><sdk-version>12.7.1.GA</sdk-version></ti:app>\n';
const MODEL = (adapter, more = '') => `exports.definition = { config: { columns: { id: 'TEXT PRIMARY KEY' }, adapter: ${adapter}${more} } };\n`;

function write(root, files) {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
}

const read = (root, name) => fs.readFileSync(path.join(root, name), 'utf8');

// A sound project with these files, and what the package ships.
function project(t, files = {}, shipped = SHIPPED) {
  const root = folder(t);
  write(path.join(root, 'package'), shipped);
  write(path.join(root, 'app'), {
    'tiapp.xml': TIAPP,
    'app/config.json': '{ "backbone": "1.4.0" }',
    'app/controllers/index.js': '',
    ...files
  });
  const run = (command, ...args) => new Promise((resolve) => {
    const env = { ...process.env, TISYNC_ALLOY: path.join(root, 'package') };
    execFile(process.execPath, [MAIN, command, ...args], { cwd: path.join(root, 'app'), env }, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr });
    });
  });
  const doctor = async () => {
    const { code, stdout } = await run('doctor', '--json');
    return { code, found: stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
  };
  return { root: path.join(root, 'app'), shipped: path.join(root, 'package'), run, doctor };
}

test('add copies both things to app/lib, and says what to write in a model', async (t) => {
  const { root, run } = project(t);
  const { code, stdout } = await run('add');
  assert.strictEqual(code, 0);
  for (const [name, text] of Object.entries(SHIPPED)) assert.strictEqual(read(root, `app/lib/alloy/sync/${name}`), text);
  assert.match(stdout, /is in app\/lib\/alloy\/sync: ti\.sync\.js and connectors\//);
  assert.match(stdout, /adapter: \{ type: 'ti\.sync'/);
  assert.match((await run('add')).stdout, /app\/lib\/alloy\/sync is up to date/);
});

test('add copies what this package ships, whole', async (t) => {
  const { root } = project(t);
  const run = (...args) => execFileSync(process.execPath, [MAIN, ...args], { cwd: root, encoding: 'utf8' });
  run('add');
  const shipped = fs.readdirSync(path.join(__dirname, '../dist/alloy'), { recursive: true });
  const copied = fs.readdirSync(path.join(root, 'app/lib/alloy/sync'), { recursive: true });
  assert.deepStrictEqual(copied.sort(), [...shipped, 'connectors/core/copied.json'].sort());
  assert.match(run('doctor'), /no model uses ti\.sync yet/);
});

test('add goes where other adapters are, or where it is told, also from the folder app', async (t) => {
  const { root, run } = project(t, { 'app/assets/alloy/sync/restapi.js': '', 'app/models/todo.js': MODEL("{ type: 'restapi' }") });
  assert.match((await run('add', path.join(root, 'app'))).stdout, /it is 'restapi' now/);
  assert.ok(fs.existsSync(path.join(root, 'app/assets/alloy/sync/ti.sync.js')));
  const other = project(t);
  await other.run('add', '--to', 'vendor');
  assert.ok(fs.existsSync(path.join(other.root, 'app/vendor/alloy/sync/connectors/core/adapter.js')));
});

test('add brings an older copy up to date, and leaves alone what the app wrote', async (t) => {
  const { root, shipped, run } = project(t, { 'app/models/todo.js': MODEL("{ type: 'ti.sync' }") });
  const at = (name) => `app/lib/alloy/sync/${name}`;
  await run('add');
  write(root, { [at('connectors/mine.js')]: '// mine\n', [at('connectors/rest.js')]: '// rest, as we want it\n' });
  write(shipped, { 'ti.sync.js': '// newer\n', 'connectors/rest.js': '// newer rest\n', 'connectors/core/new.js': '// new\n' });
  fs.rmSync(path.join(shipped, 'connectors/acs.js'));
  const { code, stdout } = await run('add');
  assert.strictEqual(code, 0);
  assert.strictEqual(read(root, at('ti.sync.js')), '// newer\n');
  assert.strictEqual(read(root, at('connectors/core/new.js')), '// new\n');
  assert.strictEqual(read(root, at('connectors/mine.js')), '// mine\n');
  assert.strictEqual(read(root, at('connectors/rest.js')), '// rest, as we want it\n');
  assert.ok(!fs.existsSync(path.join(root, at('connectors/acs.js'))));
  assert.match(stdout, /3 files were replaced, added or taken away/);
  assert.match(stdout, /Kept as this app has it: app\/lib\/alloy\/sync\/connectors\/rest\.js/);
  assert.match(stdout, /Delete the folder Resources/);
  assert.doesNotMatch(stdout, /Name it as the adapter/);
  // What was kept is the app's own from now on, also for the next version.
  assert.match((await run('add')).stdout, /up to date[\s\S]*Kept as this app has it: .*rest\.js/);
  await run('add', '--force');
  assert.strictEqual(read(root, at('connectors/rest.js')), '// newer rest\n');
});

test('add brings a copy that was made by hand up to date, without its own connectors', async (t) => {
  const { root, run } = project(t, {
    'app/assets/alloy/sync/ti.sync.js': '// old\n',
    'app/assets/alloy/sync/connectors/core/adapter.js': '// old\n',
    'app/assets/alloy/sync/connectors/acs.js': '// who knows\n'
  });
  const { stdout } = await run('add');
  assert.strictEqual(read(root, 'app/assets/alloy/sync/ti.sync.js'), SHIPPED['ti.sync.js']);
  assert.strictEqual(read(root, 'app/assets/alloy/sync/connectors/acs.js'), '// who knows\n');
  assert.match(stdout, /Kept as this app has it: .*acs\.js/);
});

test('add touches nothing when the adapter itself was changed', async (t) => {
  const { root, shipped, run } = project(t);
  await run('add');
  write(root, { 'app/lib/alloy/sync/ti.sync.js': '// hacked\n' });
  write(shipped, { 'connectors/rest.js': '// newer\n' });
  const { code, stderr } = await run('add');
  assert.strictEqual(code, 1);
  assert.match(stderr, /expected app\/lib\/alloy\/sync\/ti\.sync\.js as it was copied.*nothing was copied.*--force/);
  assert.strictEqual(read(root, 'app/lib/alloy/sync/connectors/rest.js'), SHIPPED['connectors/rest.js']);
});

test('a folder that is no project is refused with what to do', async (t) => {
  const { run } = project(t);
  for (const command of ['add', 'doctor']) {
    const { code, stderr } = await run(command, folder(t));
    assert.strictEqual(code, 2);
    assert.match(stderr, /expected an Alloy project.*go to the folder of tiapp\.xml/);
  }
  const { code, stderr } = await run('ad');
  assert.strictEqual(code, 2);
  assert.match(stderr, /expected one of add, doctor, certify, but "ad" came/);
  assert.strictEqual((await run('add', '--to', 'libs')).code, 2);
  assert.match((await run('help')).stdout, /Usage: npx ti\.sync COMMAND/);
  assert.match((await run('help', 'doctor')).stdout, /Usage: npx ti\.sync doctor/);
});

test('the doctor finds nothing in a sound project', async (t) => {
  const { run } = project(t, { 'app/models/todo.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", ", connector: { type: 'rest', url: 'https://api.example.org' }, policy: 'merge'") });
  await run('add');
  assert.deepStrictEqual(await run('doctor'), { code: 0, stdout: 'nothing wrong\n', stderr: '' });
});

test('the doctor leaves what code of the app makes to who reads it, as in examples/alloy-todo', async (t) => {
  const example = path.join(__dirname, '../../examples/alloy-todo/app');
  const files = Object.fromEntries(['lib/backend.js', 'models/list.js', 'models/todo.js'].map((name) => [`app/${name}`, read(example, name)]));
  const { run, doctor } = project(t, files);
  await run('add');
  const { code, found } = await doctor();
  assert.deepStrictEqual([code, found.map(({ where, level }) => [where, level])], [0, [['app/models/list.js', 'note'], ['app/models/todo.js', 'note']]]);
  assert.match(found[0].what, /its connector comes from code of the app/);
});

// A mistake each: files, and what the doctor says of them.
const MISTAKES = {
  'no sdk-version': [{ 'tiapp.xml': '<ti:app><!-- <sdk-version>12</sdk-version> --></ti:app>' }, 'tiapp.xml', /no <sdk-version>/],
  'no backbone': [{ 'app/config.json': '{}' }, 'app/config.json', /names no "backbone", so Alloy takes Backbone 0\.9\.2/, 'note'],
  'an unknown backbone': [{ 'app/config.json': '{"backbone": "1.6.1"}' }, 'app/config.json', /"1\.6\.1" is none that Alloy has/],
  'a backbone of a newer Alloy': [{ 'app/config.json': '{"backbone": "1.6.0"}', 'node_modules/alloy/package.json': '{"version": "2.1.0"}' }, 'app/config.json', /Alloy 2\.1\.0 has no Backbone 1\.6\.0/],
  'a configuration that is no JSON': [{ 'app/config.json': '{' }, 'app/config.json', /is no JSON/],
  'another copy': [{ 'app/assets/alloy/sync/ti.sync.js': '// old' }, 'app/assets/alloy/sync', /another copy in app\/lib\/alloy\/sync/],
  'a connector that is not there': [{ 'app/models/b.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", ", connector: 'Rest'") }, 'app/models/b.js', /connectors\/ has no Rest\.js/],
  'a connector without an address': [{ 'app/models/b.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", ", connector: 'rest'") }, 'app/models/b.js', /'rest' has no url/, 'wrong', /\.configure\(\{ connectors: /],
  'a connector without a type': [{ 'app/models/b.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", ", connector: { url: 'https://a.b' }") }, 'app/models/b.js', /names no `type`/],
  'a policy that is none': [{ 'app/models/b.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", ", policy: 'clientWins'") }, 'app/models/b.js', /no policy "clientWins"/],
  'a type that is misspelt': [{ 'app/models/b.js': MODEL("{ type: 'tisync' }") }, 'app/models/b.js', /no adapter of the type 'tisync'/],
  'a type that is nowhere': [{ 'app/widgets/w/models/b.js': MODEL("{ type: 'restful' }") }, 'app/widgets/w/models/b.js', /no adapter of the type 'restful'/],
  'an id that is no column': [{ 'app/models/b.js': MODEL("{ type: 'ti.sync', idAttribute: 'key' }") }, 'app/models/b.js', /columns has no key/],
  'an id that counts': [{ 'app/models/b.js': "exports.definition = { config: { columns: { n: 'INTEGER PRIMARY KEY AUTOINCREMENT' }, adapter: { type: 'ti.sync', idAttribute: 'n' } } };" }, 'app/models/b.js', /the same id to different records/, 'note'],
  'no id': [{ 'app/models/b.js': "exports.definition = { config: { columns: { id: 'TEXT' }, connector: { type: 'rest', url: 'https://a.b' }, adapter: { type: 'ti.sync' } } };" }, 'app/models/b.js', /names no adapter\.idAttribute, so the id of its records is in alloy_id, and `id` is a field/, 'note'],
  'a model that cannot be read': [{ 'app/models/b.js': 'exports.definition = what.is.this;' }, 'app/models/b.js', /cannot be read without the app/, 'note'],
  'a stale connector': [{ 'Resources/iphone/alloy/sync/connectors/old.js': '' }, 'Resources/iphone/alloy/sync', /connectors\/old\.js is left from a former build/],
  'a connector that is an ES module': [{ 'app/lib/alloy/sync/connectors/mine.js': 'export default { pull() {} };' }, 'app/lib/alloy/sync/connectors/mine.js', /is an ES module/],
  'a property that Alloy dies of': [{ 'app/lib/alloy/sync/connectors/mine.js': 'exports.OS_IOS = 1;' }, 'app/lib/alloy/sync/connectors/mine.js', /OS_IOS is a property/],
  'new language for an old Alloy': [{ 'app/lib/alloy/sync/connectors/mine.js': 'exports.pull = () => 1;', 'node_modules/alloy/package.json': '{"version": "1.7.1"}' }, 'app/lib/alloy/sync/connectors/mine.js', /reads ES5 only, and "=>" is newer/],
  'a connector of ours that was changed': [{ 'app/lib/alloy/sync/connectors/acs.js': '// ours' }, 'app/lib/alloy/sync/connectors/acs.js', /differs from what ti\.sync ships/, 'note'],
  'a part of the core that is missing': [{ 'app/lib/alloy/sync/connectors/core/adapter.js': null }, 'app/lib/alloy/sync', /not whole: connectors\/core\/adapter\.js is missing/],
  'a part of the core that was changed': [{ 'app/lib/alloy/sync/connectors/core/adapter.js': '// hacked' }, 'app/lib/alloy/sync/connectors/core/adapter.js', /was changed in this app/]
};

for (const [name, [files, where, what, level = 'wrong', todo = /^/]] of Object.entries(MISTAKES)) {
  test(`the doctor finds ${name}`, async (t) => {
    const { root, run, doctor } = project(t, { 'app/models/a.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }") });
    await run('add', '--to', 'lib');
    for (const [file, text] of Object.entries(files)) {
      if (text === null) fs.rmSync(path.join(root, file));
      else write(root, { [file]: text });
    }
    const { code, found } = await doctor();
    assert.strictEqual(found.length, 1, JSON.stringify(found));
    assert.deepStrictEqual([found[0].where, found[0].level], [where, level]);
    assert.match(found[0].what, what);
    assert.match(found[0].todo, todo);
    assert.match(found[0].todo, /^(Write|Run|Delete|Mend|Undo|Give|Look|Add|Put)/);
    assert.strictEqual(code, level === 'wrong' ? 1 : 0);
  });
}

test('the doctor knows connectors that are configured for all models', async (t) => {
  const shared = ", connector: 'main', policy: function () {}";
  const { run, doctor } = project(t, {
    'app/alloy.js': "require('/alloy/sync/ti.sync').configure({ connectors: { main: { type: 'acs', url: 'https://a.b' } } });",
    'app/models/a.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }", shared)
  });
  await run('add');
  assert.deepStrictEqual((await doctor()).found, []);
});

test('the doctor finds an outdated copy, and one that is missing or unused', async (t) => {
  const { shipped, root, run, doctor } = project(t);
  assert.deepStrictEqual((await doctor()).found.map(({ what }) => what), ['there is no copy of ti.sync.js']);
  write(root, { 'app/models/a.js': MODEL("{ type: 'ti.sync', idAttribute: 'id' }") });
  const { code, found } = await doctor();
  assert.deepStrictEqual([code, found.length], [1, 1]);
  assert.match(found[0].what, /a model wants ti\.sync, and ti\.sync\.js is not there/);
  await run('add');
  write(shipped, { 'ti.sync.js': '// newer\n' });
  const { stdout } = await run('doctor');
  assert.match(stdout, /^WRONG {2}app\/lib\/alloy\/sync: the copy is outdated: ti\.sync\.js is not of ti\.sync .*\n {7}Run `npx ti\.sync add`\.\n1 wrong, 0 to know\n$/);
  await run('add');
  fs.rmSync(path.join(root, 'app/models/a.js'));
  const unused = (await doctor()).found;
  assert.match(unused[0].todo, /`alloy generate model` refuses that type: generate with sql/);
});
