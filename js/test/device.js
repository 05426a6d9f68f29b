'use strict';

// Replicas of tests, and a real `tisync serve`. JS_TOOLS names the folder of the packages, TISYNC the binary, and
// TISYNC_MODULE is `js` for the module in plain JavaScript; `cargo xtask js` sets them.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { open } = require('..');

const DRIVER = process.env.TISYNC_SQLITE || 'node-sqlite3-wasm';

/** The SQLite that tests run on. */
exports.sqlite = { name: DRIVER, module: require(DRIVER.startsWith('node:') ? DRIVER : path.join(wanted('JS_TOOLS'), DRIVER)) };

/** An empty folder that goes with the test. */
exports.folder = (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-js-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A replica that is closed with the test. */
exports.device = (t, file, config) => {
  const replica = open(file, { sqlite: exports.sqlite, module: process.env.TISYNC_MODULE, ...config });
  t.after(() => replica.close());
  return replica;
};

/** A server on a free port, with an empty file; it may want a token. */
exports.serve = async (t, token) => {
  const folder = exports.folder(t);
  const options = token ? ['--token-env', 'SERVER_TOKEN'] : [];
  const env = { ...process.env, SERVER_TOKEN: token };
  const server = spawn(wanted('TISYNC'), ['serve', '--json', '--listen', '127.0.0.1:0', ...options], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  t.after(async () => {
    server.kill();
    await ended;
  });
  const first = new Promise((resolve) => readline.createInterface(server.stdout).once('line', resolve));
  const line = await Promise.race([first, ended]);
  if (typeof line !== 'string') throw new Error(`tisync serve ended with ${line} instead of listening`);
  return { url: JSON.parse(line).listening };
};

function wanted(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask js\``);
  return value;
}
