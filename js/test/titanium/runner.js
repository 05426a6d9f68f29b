'use strict';

// `test` of node:test, or as much of it as these tests need where Node is older than that.

const queue = [];

function old(name, run) {
  queue.push(async () => {
    const after = [];
    try {
      await run({ after: (call) => after.push(call) });
      console.log(`ok ${name}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`not ok ${name}\n${error.stack}`);
    } finally {
      for (const call of after.reverse()) await call();
    }
  });
  if (queue.length === 1) setImmediate(async () => { for (const one of queue) await one(); });
}

function found() {
  try {
    return require('node:test').test;
  } catch (error) {
    return old;
  }
}

exports.test = found();
