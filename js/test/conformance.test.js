'use strict';

// The specification of stores, on the SQLite of this host: TISYNC_TRACED is a module that can run it.

const assert = require('node:assert');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { Core } = require('../core');
const { open } = require('../node/sqlite');
const { folder, sqlite } = require('./device');

test(`every case of the specification of stores holds on ${sqlite.name}`, (t) => {
  const database = open(path.join(folder(t), 'store.db'), sqlite);
  const module = new WebAssembly.Module(fs.readFileSync(process.env.TISYNC_TRACED));
  const core = new Core((imports) => new WebAssembly.Instance(module, imports).exports, { database, wallMs: Date.now, monotonicMs: () => performance.now() });
  assert.ok(core.call('conformance').ok > 100);
  core.free();
  database.close();
});
