'use strict';

// The same result everywhere: what engines gave natively in the simulator, they give in the module. TISYNC_TRACES is what
// `tisync-sim --trace` wrote, and TISYNC_TRACED a module that can replay it.

const assert = require('node:assert');
const fs = require('node:fs');
const { test } = require('node:test');
const { Core } = require('../core');
const { utf8 } = require('../node/host');
const { open } = require('../node/sqlite');
const { sqlite } = require('./device');

// One trace in so many is replayed on the host's database too, which takes longer.
const DATABASE_EVERY = 20;

// The traces of the file, each as its bytes.
function* traces() {
  const bytes = fs.readFileSync(process.env.TISYNC_TRACES);
  const begin = Buffer.from('{"seed":');
  for (let from = 0; from < bytes.length;) {
    const next = bytes.indexOf(begin, from + 1);
    const to = next < 0 ? bytes.length : next;
    yield bytes.subarray(from, to);
    from = to;
  }
}

// A core of the module that can replay, on an empty database.
function player(t) {
  const database = open(':memory:', sqlite);
  const module = new WebAssembly.Module(fs.readFileSync(process.env.TISYNC_TRACED));
  const core = new Core((imports) => new WebAssembly.Instance(module, imports).exports, { database, text: utf8(), wallMs: Date.now, monotonicMs: () => performance.now() });
  t.after(() => database.close());
  return (trace, replica) => core.call({ replay: { replica } }, trace).ok;
}

test('a thousand traces of the simulator give the same hashes in the module', (t) => {
  const play = player(t);
  const sum = { traces: 0, steps: 0, states: 0 };
  for (const trace of traces()) {
    const { steps, states, left_out: leftOut } = play(trace, null);
    assert.strictEqual(leftOut, 0);
    sum.traces++;
    sum.steps += steps;
    sum.states += states;
  }
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.traces >= 1000 && sum.steps > 100000 && sum.states > 5000, JSON.stringify(sum));
});

test('and on the database of the host', (t) => {
  const play = player(t);
  const sum = { traces: 0, steps: 0 };
  let number = 0;
  for (const trace of traces()) {
    if (number++ % DATABASE_EVERY !== 0) continue;
    sum.traces++;
    for (const replica of new Set([...trace.toString().matchAll(/^\{"open":\{"replica":(\d+)/gm)].map(([, name]) => Number(name)))) {
      sum.steps += play(trace, replica).steps;
    }
  }
  t.diagnostic(JSON.stringify(sum));
  assert.ok(sum.steps > 1000, JSON.stringify(sum));
});

test('another result, or another state, is told with its line', (t) => {
  const play = player(t);
  const [first] = traces();
  const lines = first.toString().split('\n');
  const bent = (key) => {
    const at = lines.findIndex((line) => line.includes(`"${key}":"`));
    const changed = [...lines];
    changed[at] = lines[at].replace(new RegExp(`"${key}":"[0-9a-f]{16}"`), `"${key}":"0123456789abcdef"`);
    return { line: at + 1, trace: Buffer.from(changed.join('\n')) };
  };
  for (const [key, what] of [['result', 'a result'], ['state', 'a state']]) {
    const { line, trace } = bent(key);
    assert.throws(() => play(trace, null), { message: new RegExp(`line ${line}: expected ${what} with the hash 0123456789abcdef, but [0-9a-f]{16} came`) });
  }
  assert.throws(() => play(Buffer.from('{"step":'), null), /line 1: expected a line of a trace/);
});
