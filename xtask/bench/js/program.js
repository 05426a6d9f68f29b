'use strict';

// What every program of this folder has in common: it is started with one argument, the workload as JSON, and prints
// the times of it as one line of JSON. What must be there before is made first; starting Node, loading packages and
// opening an empty store count for nobody.

const { fork } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

/** Rounds without changes: one alone is too short to time well. */
const ROUNDS = 50;

/** Mutations of a push, as everywhere in the benchmark. */
exports.PUSH_ROWS = 500;

/** The folder of the packages. */
exports.PACKAGES = process.env.BENCH_PACKAGES;

/** A package that is measured. */
exports.load = (name) => require(path.join(exports.PACKAGES, name));

/** Runs the workload that was asked for; `workloads` has a function for each that the program can do. */
exports.run = async (workloads) => {
  const settings = JSON.parse(process.argv[2]);
  const workload = workloads[settings.workload];
  if (!workload) throw new Error(`expected one of the workloads ${Object.keys(workloads).join(', ')}, but ${settings.workload} came`);
  const times = await workload({ ...settings, file: path.join(settings.folder, 'client.db') });
  console.log(JSON.stringify(times));
  // Some packages keep the process alive.
  process.exit();
};

/** The records of an edition as objects with their ids, as an app has them. */
exports.records = ({ records, count }, edition) => exports.lines(records, edition, count).map((line) => JSON.parse(line));

/** The same as texts. */
exports.lines = (folder, edition, count) => {
  const lines = fs.readFileSync(path.join(folder, `edition-${edition}.ndjson`), 'utf8').split('\n', count);
  expect(count, lines.filter((line) => line !== '').length, 'records in the file');
  return lines;
};

/** Ids all over the collection. */
exports.scattered = (settings) => {
  const all = exports.records(settings, 0);
  return Array.from({ length: settings.reads }, (none, number) => all[number * 7919 % all.length].id);
};

/** How many records the filter finds. */
exports.openAndUrgent = (settings) => exports.records(settings, 0).filter((record) => !record.done && record.priority >= 3).length;

/** Times one piece of work: by the clock, and of the processor, all threads of this process. */
exports.timed = async (work) => {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work();
  const wall_s = (performance.now() - began) / 1e3;
  const { user, system } = process.cpuUsage(cpu);
  return { wall_s, cpu_s: (user + system) / 1e6 };
};

/** The median of rounds that find nothing to do. */
exports.idle = async (round) => {
  const rounds = [];
  for (let number = 0; number < ROUNDS; number++) rounds.push(await exports.timed(round));
  const median = (part) => rounds.map((round) => round[part]).sort((a, b) => a - b)[ROUNDS >> 1];
  return { wall_s: median('wall_s'), cpu_s: median('cpu_s') };
};

/** Times each read on a store that was just opened, so that no cache of objects answers. */
exports.reading = async (open, close, read) => {
  const attempt = async () => {
    const store = await open();
    const spent = await exports.timed(() => read(store));
    await close(store);
    return spent;
  };
  // The first is slow while Node compiles it.
  await attempt();
  return attempt();
};

/** Fails unless what came is what was expected. */
exports.expect = expect;
function expect(expected, came, what) {
  if (came !== expected) throw new Error(`expected ${expected} ${what}, but ${came} came`);
}

/** Has whoever started this program make the changes of others on its server. */
exports.change = () => new Promise((resolve) => {
  const answers = readline.createInterface({ input: process.stdin });
  answers.once('line', () => {
    answers.close();
    resolve();
  });
  console.log('change');
});

/** A stand-in server of this folder, in a process of its own: its address, and `tell(message)` until it has answered. */
exports.standIn = async (name, settings) => {
  const server = fork(path.join(__dirname, 'servers', name), { execArgv: [] });
  server.once('exit', (code) => { throw new Error(`the server ${name} ended with ${code}`); });
  const tell = (message) => new Promise((resolve) => {
    server.once('message', resolve);
    server.send(message);
  });
  return { url: await tell({ start: settings }), tell };
};
