#!/usr/bin/env node
'use strict';

// `npx ti.sync`: what an app's developer runs.

const { Failure } = require('./failure');
const { parse } = require('./words');

const COMMANDS = { add: './add', doctor: './doctor', certify: './certify' };

const HELP = `Ti.Sync keeps an app's data in sync with its backend.

Usage: npx ti.sync COMMAND

  add [FOLDER]          copy the adapter and its connectors into an Alloy project, or bring its copy up to date
  doctor [FOLDER]       look for the usual mistakes in an Alloy project
  certify CONNECTOR     try a connector on its live backend: one of your own, or a built-in one
  help [COMMAND]        tell more of a command
  version               tell the version

Exit codes: 0 all is well; 1 something is not; 2 the arguments are wrong; 4 the backend cannot be worked with.`;

/** Runs the program; gives its exit code. `out` gets lines. */
async function main(args, out, err) {
  let [name = 'help', ...rest] = args;
  try {
    if (name === '--version' || name === '-V' || name === 'version') {
      out(require('../package.json').version);
      return 0;
    }
    if (name === 'help' || name === '--help' || name === '-h') {
      if (!rest.length) {
        out(HELP);
        return 0;
      }
      [name, ...rest] = [rest[0], '--help'];
    }
    if (!Object.hasOwn(COMMANDS, name)) {
      throw new Failure(2, `expected one of ${Object.keys(COMMANDS).join(', ')}, but ${JSON.stringify(name)} came; \`npx ti.sync help\` tells of them`);
    }
    const command = require(COMMANDS[name]);
    if (rest.includes('--help') || rest.includes('-h')) {
      out(command.HELP);
      return 0;
    }
    return await command.run(parse(name, rest, command.ARGUMENTS), out);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    err(`ti.sync: ${error.message}`);
    return error.code;
  }
}

// Whoever reads the output may stop, as `head` does.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(1);
});
main(process.argv.slice(2), console.log, console.error).then((code) => {
  process.exitCode = code;
});
