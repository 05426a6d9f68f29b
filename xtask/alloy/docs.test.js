'use strict';

// The snippets of docs/ALLOY.md: those that begin with a path are the files of one app, the others are parts of its code.
// All of it is compiled by the oldest and the newest Alloy; the app is run, and so is every part that needs no backend of
// its own.

const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { test } = require('node:test');
const { device } = require('../../js/test/titanium');
const { project, compile, needed } = require('./compile');
const { folder } = require('./phones');
const servers = require('./servers');

const PAGE = path.join(__dirname, '../../docs/ALLOY.md');
const ADDRESS = 'http://127.0.0.1:7400';

/** `{files: {path: text}, parts: [text]}` of the page. */
function snippets() {
  const found = { files: {}, parts: [] };
  for (const [, kind, text] of fs.readFileSync(PAGE, 'utf8').matchAll(/^```(js|xml)\n([\s\S]*?)^```$/gm)) {
    const named = /^(?:\/\/|<!--) (app\/\S+)/.exec(text);
    if (named) {
      assert.ok(!found.files[named[1]], `expected ${named[1]} once on the page`);
      found.files[named[1]] = text;
    } else {
      assert.strictEqual(kind, 'js');
      found.parts.push(text);
    }
  }
  return found;
}

/** Compiles the app of the page, with its parts as functions of modules; gives its Resources. */
async function compiled(version, platform, url) {
  const { files, parts } = snippets();
  const to = path.join(needed('ALLOY_FOLDER'), `page-${version}`);
  project({ from: path.join(__dirname, 'app'), to, files: needed('ALLOY_ADAPTER_FILES') });
  fs.rmSync(path.join(to, 'app/models'), { recursive: true });
  fs.rmSync(path.join(to, 'app/migrations'), { recursive: true });
  const write = (name, text) => {
    fs.mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
    fs.writeFileSync(path.join(to, name), text.split(ADDRESS).join(url));
  };
  for (const name of Object.keys(files)) write(name, files[name]);
  parts.forEach((text, at) => write(`app/lib/part${at}.js`, `module.exports = function () {\n${text}\n};\n`));
  write('app/config.json', '{"backbone": "1.1.2"}');
  return { ...await compile({ version, platform, folder: to }), files, parts };
}

for (const [version, platform] of [['1.7.1', 'android'], ['3.0.1', 'ios']]) {
  test(`the app of docs/ALLOY.md works with Alloy ${version} on ${platform}`, async (t) => {
    const { url, stop } = await servers.tisync(folder(t));
    t.after(stop);
    const { resources, files, parts } = await compiled(version, platform, url);
    const one = device({ resources, platform, folder: folder(t) });
    t.after(() => one.close());
    one.start();
    const { Alloy } = one.global;
    assert.deepStrictEqual(Array.from(one.ui.find('ListSection')[0].items, ({ properties }) => properties.title), ['Milk']);
    for (const file of Object.keys(files).filter((name) => name.startsWith('app/models/'))) {
      const heard = [];
      Alloy.createCollection(path.basename(file, '.js')).fetch({ success: () => heard.push('success'), error: (_, error) => heard.push(error.message) });
      assert.deepStrictEqual(heard, ['success'], file);
    }
    const errors = one.logs.filter(([level]) => level === 'error');
    assert.deepStrictEqual(errors, []);
    const sync = one.require('/alloy/sync/ti.sync');
    // Some parts are for an app with one database: this one has several.
    const run = parts.filter((text) => !/syncNow|health\(\)|sync\.conflicts\(\)|sync\.adopt/.test(text));
    assert.ok(run.length >= 2, `expected some parts to be run, but there are ${run.length}`);
    for (const text of run) one.require(`/part${parts.indexOf(text)}`)();
    assert.ok(one.logs.some(([, text]) => text === 'dirty'), 'expected the saved note to be dirty');
    await sync.syncNow('_alloy_');
    assert.strictEqual(Alloy.Collections.instance('note').pending().length, 0);
    const other = device({ resources, platform, folder: folder(t) });
    t.after(() => other.close());
    other.start();
    const notes = other.global.Alloy.Collections.instance('note');
    notes.fetch();
    await other.require('/alloy/sync/ti.sync').syncNow('_alloy_');
    assert.deepStrictEqual([...notes.pluck('text')], ['Call Ben']);
  });
}
