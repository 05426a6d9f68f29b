'use strict';

// `npx ti.sync doctor`: looks for the usual mistakes in an Alloy project.

const checks = require('./checks');
const { Project } = require('./project');

const HELP = `Look for the usual mistakes in an Alloy project. Nothing is changed.

Usage: npx ti.sync doctor [FOLDER] [--json]

  FOLDER     the project: the folder of tiapp.xml (this one)
  --json     print one object a finding

It looks at tiapp.xml, the Backbone of config.json, the copy of ti.sync.js and its connectors, what lies in Resources
from former builds, and every model. Models are run with stand-ins for the app, so that their configuration can be read.
Exit code 0: nothing is wrong, though there may be notes; 1: something is wrong; 2: there is no project.`;

const ARGUMENTS = { words: 1, options: { json: 'flag' } };

function run(args, out) {
  const project = Project.at(args.words[0] || '.');
  const found = checks.all(project);
  const wrong = found.filter(({ level }) => level === 'wrong');
  if (args.json) {
    for (const finding of found) out(JSON.stringify(finding));
  } else {
    for (const { level, where, what, todo } of found) out(`${level === 'wrong' ? 'WRONG' : 'note '}  ${where}: ${what}\n       ${todo}`);
    const notes = found.length - wrong.length;
    out(wrong.length ? `${wrong.length} wrong, ${notes} to know` : notes ? `nothing wrong, ${notes} to know` : 'nothing wrong');
  }
  return wrong.length ? 1 : 0;
}

module.exports = { HELP, ARGUMENTS, run };
