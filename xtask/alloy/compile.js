'use strict';

// The real compiler of Alloy, in each version, on a copy of an app.

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');

/** Every version, with what can be chosen in its config.json as "backbone". */
exports.VERSIONS = {
  '1.7.1': ['0.9.2', '1.1.2'],
  '1.14.6': ['0.9.2', '1.1.2', '1.3.3', '1.4.0'],
  '1.17.3': ['0.9.2', '1.1.2', '1.3.3', '1.4.0'],
  '2.1.0': ['0.9.2', '1.1.2', '1.3.3', '1.4.0'],
  '3.0.1': ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0']
};
exports.PLATFORMS = ['android', 'ios'];

/**
 * Copies the project `from` to the empty folder `to`, and prepares it: the models' `type` becomes `adapter`, config.json
 * names `backbone`, and the folder `files` is laid over `app/assets/alloy/sync`.
 */
exports.project = ({ from, to, adapter, backbone, files }) => {
  fs.rmSync(to, { recursive: true, force: true });
  fs.mkdirSync(to, { recursive: true });
  copy(from, to);
  const config = path.join(to, 'app/config.json');
  const settings = JSON.parse(fs.readFileSync(config, 'utf8'));
  if (backbone) fs.writeFileSync(config, JSON.stringify({ ...settings, backbone }));
  if (adapter) retype(path.join(to, 'app/models'), adapter);
  if (files) copy(files, path.join(to, 'app/assets/alloy/sync'));
};

/** Compiles the project in `folder`; gives `{resources, ms}`. A compiler that fails is an error with what it printed. */
exports.compile = ({ version, platform, folder, env }) => new Promise((resolve, reject) => {
  // What an earlier compile left in there would stay.
  fs.rmSync(path.join(folder, 'Resources'), { recursive: true, force: true });
  const program = path.join(needed('ALLOY_COMPILERS'), `alloy-${version}`, 'bin/alloy');
  const began = process.hrtime.bigint();
  const child = spawn(process.execPath, [program, 'compile', folder, '--config', `platform=${platform}`, '--no-colors'], { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  const keep = (part) => { printed += part; };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', reject);
  child.on('close', (code) => {
    const ms = Number(process.hrtime.bigint() - began) / 1e6;
    if (code === 0) return resolve({ resources: path.join(folder, 'Resources'), ms });
    return reject(new Error(`alloy ${version} compile --config platform=${platform} ended with ${code}:\n${printed}`));
  });
});

/** Changes `type: 'sql'` in every model of a folder. */
function retype(folder, adapter) {
  for (const name of fs.readdirSync(folder)) {
    const file = path.join(folder, name);
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, text.replace(/(['"]?type['"]?\s*:\s*)(['"])sql\2/, `$1'${adapter}'`));
  }
}

function copy(from, to) {
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) copy(source, target);
    else fs.copyFileSync(source, target);
  }
}

/** A variable of the environment that `cargo xtask alloy` sets. */
function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run \`cargo xtask alloy\``);
  return value;
}

exports.copy = copy;
exports.needed = needed;
