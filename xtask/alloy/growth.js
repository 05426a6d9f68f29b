'use strict';

// How much longer `alloy compile` takes with the adapter in the app: by medians of compiles that take turns.

const path = require('path');
const { project, compile } = require('./compile');

const VERSIONS = ['1.7.1', '3.0.1'];
const TIMES = 5;

/** The budget, in milliseconds; it is printed. */
const BUDGET_MS = 2000;

/** Only what is far beyond it fails: the machine has other things to do. */
const FAR_MS = 10000;

module.exports = async (folder, files) => {
  const grown = [];
  for (const version of VERSIONS) {
    const of = { without: [], with: [] };
    for (let time = 0; time < TIMES; time++) {
      for (const name of Object.keys(of)) {
        const to = path.join(folder, `${version}-${name}`);
        project({ from: path.join(__dirname, 'app'), to, files: name === 'with' ? files : null });
        of[name].push((await compile({ version, platform: 'android', folder: to })).ms);
      }
    }
    grown.push({ version, ms: median(of.with) - median(of.without) });
  }
  const seconds = (ms) => (ms / 1000).toFixed(2);
  const list = grown.map(({ version, ms }) => `${seconds(ms)} s with Alloy ${version}`).join(', ');
  const slow = grown.filter(({ ms }) => ms > BUDGET_MS).length;
  return {
    line: `alloy compile grows by ${list} (budget ${seconds(BUDGET_MS)} s${slow ? ', MISSED' : ''})`,
    failed: grown.some(({ ms }) => ms > FAR_MS) ? `alloy compile grows by ${list}, far more than ${seconds(BUDGET_MS)} s` : null
  };
};

function median(list) {
  return list.slice().sort((a, b) => a - b)[Math.floor(list.length / 2)];
}
