'use strict';

// What an app copies: `ti.sync.js` and `connectors/`, as this package ships them; and a copy, compared with it.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { Failure } = require('./failure');
const { ADAPTER, files } = require('./project');

/** Says in a copy what was copied: by it a later version tells its own files from those of the app. */
const LIST = 'connectors/core/copied.json';

/** The files that this package ships, each as bytes by its path. */
function shipped() {
  const folder = process.env.TISYNC_ALLOY || path.join(__dirname, '..', 'dist', 'alloy');
  const found = [ADAPTER, ...files(path.join(folder, 'connectors')).map((file) => `connectors/${file}`)];
  if (!fs.existsSync(path.join(folder, ADAPTER))) {
    throw new Failure(1, `expected the package's files for Alloy in ${folder}, but they are not there; install ti.sync again, or in its repository run \`cargo xtask wasm\``);
  }
  return new Map(found.map((file) => [file, fs.readFileSync(path.join(folder, file))]));
}

/**
 * What became of a copy. Its files are `same`, `older` (not changed since they were copied), `changed` (in the app),
 * `missing`, or `gone` (no longer shipped and not changed).
 */
function compare(folder, ours) {
  const copied = listOf(folder);
  const states = new Map();
  for (const [file, bytes] of ours) {
    const place = path.join(folder, file);
    if (!fs.existsSync(place)) states.set(file, 'missing');
    else if (fs.readFileSync(place).equals(bytes)) states.set(file, 'same');
    else states.set(file, isUntouched(file, place, copied) ? 'older' : 'changed');
  }
  for (const file of Object.keys(copied.files)) {
    const place = path.join(folder, file);
    if (!ours.has(file) && fs.existsSync(place) && copied.files[file] === hash(fs.readFileSync(place))) states.set(file, 'gone');
  }
  return { version: copied.version, states };
}

// A copy that was made by hand has no list: then what can only be ours counts as such.
function isUntouched(file, place, { files: known }) {
  if (known[file]) return known[file] === hash(fs.readFileSync(place));
  return file === ADAPTER || file.startsWith('connectors/core/');
}

function listOf(folder) {
  try {
    const { version, files: known } = JSON.parse(fs.readFileSync(path.join(folder, LIST), 'utf8'));
    return { version, files: known || {} };
  } catch {
    return { version: null, files: {} };
  }
}

/** Notes what was copied; a file that the app keeps as its own is not in the list. */
function note(folder, version, copied) {
  const hashes = Object.fromEntries([...copied].map(([file, bytes]) => [file, hash(bytes)]));
  fs.writeFileSync(path.join(folder, LIST), `${JSON.stringify({ version, files: hashes }, null, 1)}\n`);
}

function hash(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

module.exports = { compare, note, shipped };
