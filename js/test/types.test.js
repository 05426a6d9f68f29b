'use strict';

// The types of the package: a program that uses every one of them, and what the classes really have. JS_TOOLS is the folder
// of TypeScript.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Replica, TiSyncError } = require('..');
const { device, folder, serve } = require('./device');
const ts = require(path.join(process.env.JS_TOOLS, 'typescript'));

const ROOT = path.join(__dirname, '..');
const SAMPLE = path.join(__dirname, 'types/sample.ts');

function program(files) {
  return ts.createProgram(files, {
    strict: true,
    noEmit: true,
    types: [],
    lib: ['lib.es2020.d.ts', 'lib.dom.d.ts'],
    target: ts.ScriptTarget.ES2020,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    paths: { 'ti.sync': ['./index.d.ts'], 'ti.sync/core': ['./types/core.d.ts'], 'ti.sync/backbone': ['./types/backbone.d.ts'] },
    baseUrl: ROOT
  });
}

// What is wrong with a program.
function messages(whole) {
  return ts.getPreEmitDiagnostics(whole).map(({ file, start, messageText }) => {
    const at = file ? `${path.basename(file.fileName)}:${file.getLineAndCharacterOfPosition(start).line + 1} ` : '';
    return at + ts.flattenDiagnosticMessageText(messageText, ' ');
  });
}

// The names that a file of types exports.
function exportsOf(whole, file) {
  const checker = whole.getTypeChecker();
  return checker.getExportsOfModule(checker.getSymbolAtLocation(whole.getSourceFile(path.join(ROOT, file))));
}

test('a program that uses the package has the right types', () => {
  assert.deepStrictEqual(messages(program([SAMPLE])), []);
});

test('that program uses every type and every method', () => {
  const whole = program([SAMPLE]);
  const used = new Set(fs.readFileSync(SAMPLE, 'utf8').match(/\w+/g));
  const types = exportsOf(whole, 'index.d.ts');
  assert.ok(types.length > 40);
  assert.deepStrictEqual(types.map(({ name }) => name).filter((name) => !used.has(name)), []);
  for (const name of ['Replica', 'Collection', 'Writer', 'OfflineBackbone']) {
    const members = [...types.find((type) => type.name === name).members.keys()].filter((member) => /^[a-z]/.test(member));
    assert.deepStrictEqual(members.filter((member) => !used.has(member)), ['guarantees'].filter((member) => members.includes(member)), name);
  }
});

test('the package has what its types say', () => {
  const whole = program([SAMPLE]);
  const types = exportsOf(whole, 'index.d.ts');
  const values = types.filter(({ flags }) => flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function)).map(({ name }) => name);
  const exported = require('..');
  assert.deepStrictEqual(values.sort(), Object.keys(exported).sort());
  const methods = (name) => [...types.find((type) => type.name === name).members.values()].filter(({ flags }) => flags & ts.SymbolFlags.Method).map((method) => method.name);
  assert.deepStrictEqual(methods('Replica').filter((name) => typeof Replica.prototype[name] !== 'function'), []);
  const Collection = require('../core/collection');
  assert.deepStrictEqual(methods('Collection').filter((name) => typeof Collection.prototype[name] !== 'function'), []);
  assert.ok(new TiSyncError('invalid', '') instanceof Error);
  for (const file of ['core', 'backbone']) assert.ok(fs.existsSync(path.join(ROOT, `types/${file}.d.ts`)));
});

test('a mistake in a program is found', (t) => {
  const file = path.join(folder(t), 'wrong.ts');
  fs.writeFileSync(file, "import { open } from 'ti.sync';\nopen('a.db', { collections: { notes: { policy: 'mine' } } });\n");
  assert.strictEqual(ts.getPreEmitDiagnostics(program([file])).length, 1);
});

test('what a replica tells is as its types say', async (t) => {
  const { url } = await serve(t);
  const collections = { notes: { policy: 'client-wins' }, todos: { policy: 'manual' } };
  const [a, b] = ['a', 'b'].map((name) => device(t, path.join(folder(t), `${name}.db`), { server: url, collections }));
  for (const name of ['notes', 'todos']) {
    a.collection(name).put('n', { n: 1 });
    await a.sync();
    await b.sync();
    a.collection(name).put('n', { n: 2 });
    b.collection(name).put('n', { n: 3 });
    await a.sync();
    await b.sync();
  }
  b.collection('notes').put('waits', {});
  const told = {
    Health: b.health(),
    Report: await a.sync(),
    'OutboxEntry[]': b.outbox(),
    'JournalRow[]': b.journal(),
    'OpenConflict[]': b.conflicts(),
    'Planned[]': b.plan(),
    Why: b.why('todos', 'n'),
    'Visible[]': b.collection('todos').query()
  };
  for (const [name, value] of Object.entries(told)) assert.ok(!Array.isArray(value) || value.length > 0, name);
  const file = path.join(folder(t), 'told.ts');
  const lines = Object.entries(told).map(([type, value], number) => `export const told${number}: sync.${type} = ${JSON.stringify(value)};`);
  fs.writeFileSync(file, `import * as sync from 'ti.sync';\n${lines.join('\n')}\n`);
  assert.deepStrictEqual(messages(program([file])), []);
});
