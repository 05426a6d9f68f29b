'use strict';

// One cell of the matrix: a compiled app runs in the stand-in for Titanium, and does what apps do with their models. It
// runs on Node 15.14 and under `node --jitless` too: `node cell.js '{"resources": …, "platform": …, …}'` prints how many
// things were tried, in JSON.

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { device } = require('../../js/test/titanium');
const checks = require('./checks');

async function run({ resources, platform, backbone, adapter, server }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-alloy-'));
  const began = Date.now();
  const failed = [];
  let tried = 0;
  const devices = [];
  const start = (name) => {
    const one = device({ resources, platform, folder: path.join(folder, name) });
    devices.push(one);
    if (server) one.Ti.App.Properties.setString('server', server);
    return one;
  };
  try {
    for (const { name, check, needs } of checks) {
      if (needs && !needs({ adapter, backbone, server })) continue;
      try {
        await check({ start: (as) => start(`${tried}${as || ''}`), adapter, backbone, platform, isOld: backbone === '0.9.2', assert });
      } catch (error) {
        failed.push(`${name}: ${error.stack}`);
      }
      tried++;
    }
  } finally {
    devices.forEach((one) => one.close());
    fs.rmSync(folder, { recursive: true, force: true });
  }
  if (failed.length) throw new Error(failed.join('\n'));
  return { tried, ms: Date.now() - began };
}

run(JSON.parse(process.argv[2])).then((done) => {
  console.log(JSON.stringify(done));
  process.exit(0);
}, (error) => {
  console.error(error.message);
  process.exit(1);
});
