'use strict';

// Compiles the fixture app with each version of Alloy, for each platform, with each Backbone that the version can
// choose, runs what came out, and prints the table. `cargo xtask alloy` starts it.

const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');
const { VERSIONS, PLATFORMS, project, compile, needed } = require('./compile');
const growth = require('./growth');
const samples = require('./samples');
const servers = require('./servers');

// As many at a time as the smallest machine has cores.
const AT_ONCE = 2;

const ADAPTER = process.env.ALLOY_ADAPTER || 'ti.sync';

/** Every cell. */
function cells() {
  const all = [];
  for (const version of Object.keys(VERSIONS)) {
    for (const platform of PLATFORMS) {
      for (const backbone of VERSIONS[version]) all.push({ version, platform, backbone, ran: {} });
    }
  }
  return all;
}

// A set in which every version, platform and Backbone occurs: the engines that phones have run these.
const COVERING = [['1.7.1', 'android', '0.9.2'], ['1.14.6', 'ios', '1.1.2'], ['1.17.3', 'android', '1.3.3'], ['2.1.0', 'ios', '1.4.0'], ['3.0.1', 'android', '1.6.0']];
const isCovering = ({ version, platform, backbone }) => COVERING.some((one) => one.join() === [version, platform, backbone].join());

/** What cells run on: a program with its flags and variables. */
function engines() {
  const all = [{ name: 'Node', program: process.execPath, flags: [], env: {} }];
  const old = process.env.OLD_NODE;
  if (old) all.push({ name: 'Node 15.14', program: old, flags: [], env: {}, only: isCovering });
  all.push({ name: '--jitless', program: process.execPath, flags: ['--jitless'], env: { TISYNC_SQLITE: 'better-sqlite3' }, only: isCovering });
  return all;
}

async function carryOut(cell, folder, files) {
  const to = path.join(folder, `${cell.version}-${cell.platform}-${cell.backbone}`);
  project({ from: path.join(__dirname, 'app'), to, adapter: ADAPTER, backbone: cell.backbone, files });
  const { resources } = await compile({ version: cell.version, platform: cell.platform, folder: to });
  for (const engine of engines()) {
    if (engine.only && !engine.only(cell)) continue;
    const server = await servers.tisync(`${to}-server`);
    const given = JSON.stringify({ resources, platform: cell.platform, backbone: cell.backbone, adapter: ADAPTER, server: server.url });
    try {
      cell.ran[engine.name] = JSON.parse(await output(engine.program, [...engine.flags, path.join(__dirname, 'cell.js'), given], engine.env));
    } finally {
      await server.stop();
      fs.rmSync(`${to}-server`, { recursive: true, force: true });
    }
  }
  fs.rmSync(to, { recursive: true, force: true });
}

function output(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].on('data', (part) => { printed[name] += part; });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(printed.stdout) : reject(new Error(printed.stderr))));
  });
}

/** Carries out all of `list`, some at a time; gives what went wrong. */
async function each(list, run) {
  const left = list.slice();
  const failures = [];
  const worker = async () => {
    for (let one = left.shift(); one; one = left.shift()) {
      try {
        await run(one);
      } catch (error) {
        one.failed = true;
        failures.push(`Alloy ${one.version}, ${one.platform}, Backbone ${one.backbone}: ${error.message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return failures;
}

function table(all) {
  const backbones = VERSIONS['3.0.1'];
  const names = engines().slice(1).map(({ name }) => name);
  const lines = [`Alloy    ${PLATFORMS.map((platform) => `${platform}: ${backbones.join(' ')}`).join('   ')}   ${names.join('  ')}`];
  for (const version of Object.keys(VERSIONS)) {
    const of = (platform) => backbones.map((backbone) => {
      const cell = all.find((one) => one.version === version && one.platform === platform && one.backbone === backbone);
      return (cell ? (cell.failed ? 'FAIL' : 'ok') : '-').padEnd(5);
    }).join(' ');
    const more = names.map((name) => {
      const cell = all.find((one) => one.version === version && isCovering(one));
      return (cell && cell.ran[name] ? 'ok' : '-').padEnd(name.length);
    });
    lines.push(`${version.padEnd(8)} ${PLATFORMS.map((platform) => `${' '.repeat(platform.length + 2)}${of(platform)}`).join('   ')}   ${more.join('  ')}`);
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

async function main() {
  const folder = path.join(needed('ALLOY_FOLDER'), 'matrix');
  const files = ADAPTER === 'ti.sync' ? needed('ALLOY_ADAPTER_FILES') : null;
  const only = process.argv[2];
  const all = cells().filter((cell) => !only || `${cell.version}-${cell.platform}-${cell.backbone}`.includes(only));
  const failures = await each(all, (cell) => carryOut(cell, folder, files));
  console.log(table(all));
  if (!only) {
    const { tried, failures: more } = await samples(path.join(folder, 'samples'), ADAPTER, files, each);
    console.log(`${tried} sample apps of Alloy`);
    failures.push(...more);
  }
  if (files && !only) {
    const { line, failed } = await growth(path.join(folder, 'growth'), files);
    console.log(line);
    if (failed) failures.push(failed);
  }
  const tried = all.reduce((sum, { ran }) => sum + Object.keys(ran).reduce((more, name) => more + ran[name].tried, 0), 0);
  const runs = all.reduce((sum, { ran }) => sum + Object.keys(ran).length, 0);
  console.log(`${all.length} cells, ${runs} runs, ${tried} checks`);
  if (failures.length) {
    console.error(failures.join('\n'));
    process.exitCode = 1;
  }
}

main().catch((error) => {
  console.error(error.stack);
  process.exitCode = 1;
});
