'use strict';

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { folder, sqlite } = require('./device');

const ROOT = path.join(__dirname, '..');

test('what `npm pack` gives works, as CommonJS and as an ES module', (t) => {
  const place = folder(t);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', place], { cwd: ROOT });
  const [packed] = fs.readdirSync(place);
  const installed = path.join(place, 'node_modules', 'ti.sync');
  fs.mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(place, packed), '-C', installed, '--strip-components=1']);
  assert.deepStrictEqual(fs.readdirSync(installed).sort(), ['README.md', 'backbone.js', 'cli', 'core', 'dist', 'index.d.ts', 'index.js', 'index.mjs', 'node', 'package.json', 'types']);
  const use = `
    const sqlite = { name: '${sqlite.name}', module: createRequire(process.env.JS_TOOLS + '/')('${sqlite.name}') };
    const replica = open('notes.db', { sqlite, collections: { notes: { policy: 'merge' } } });
    replica.collection('notes').put('a', { n: 1 });
    console.log(replica.collection('notes').count());
    replica.close();`;
  fs.writeFileSync(path.join(place, 'a.cjs'), `const { createRequire } = require('module'); const { open } = require('ti.sync');${use}`);
  fs.writeFileSync(path.join(place, 'b.mjs'), `import { createRequire } from 'module'; import { open } from 'ti.sync';${use}`);
  for (const file of ['a.cjs', 'b.mjs']) {
    assert.strictEqual(execFileSync(process.execPath, [file], { cwd: place, encoding: 'utf8' }).trim(), '1');
    fs.rmSync(path.join(place, 'notes.db'));
  }
  // npm links the program that package.json names.
  const { bin } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
  const certify = (...args) => execFileSync(process.execPath, [path.join(installed, bin['ti.sync']), ...args], { cwd: place, encoding: 'utf8' });
  assert.match(certify('help', 'certify'), /Usage: npx ti\.sync certify/);
  assert.ok(fs.existsSync(path.join(installed, 'dist/certify.wasm')));
});

test('what apps of Alloy copy is ES5, and no property has a name that the compiler replaces', () => {
  const below = (folder) => fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? below(path.join(folder, entry.name)) : [path.join(folder, entry.name)]));
  for (const file of below('alloy')) {
    const code = fs.readFileSync(path.join(ROOT, file), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
      .replace(/\/\/.*/g, '');
    const found = code.match(/=>|`|\.\.\.|\b(let|const|class|async|await|fetch\(|TextDecoder|TextEncoder|crypto|process|Buffer|performance|console|(OS|ENV|DIST)_\w+)\b/);
    assert.strictEqual(found && found[0], null, file);
  }
});

test('the core is ES5 and asks nothing of the host but what it is given', () => {
  const core = fs.readdirSync(path.join(ROOT, 'core')).map((file) => path.join('core', file));
  for (const file of [...core, 'backbone.js']) {
    const code = fs.readFileSync(path.join(ROOT, file), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''")
      .replace(/\/\/.*/g, '');
    const found = code.match(/=>|`|\.\.\.|\b(let|const|class|async|await|of|fetch|setTimeout|setInterval|setImmediate|TextDecoder|TextEncoder|crypto|process|Buffer|performance|console)\b/);
    assert.strictEqual(found && found[0], null, file);
  }
});
