'use strict';

// `npx ti.sync certify`: tries a connector on its live backend, without Rust on the machine.

const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');
const fields = require('../core/fields');
const { Failure } = require('./failure');
const { certify } = require('./trial');

const KINDS = ['native', 'rest', 'couchdb', 'kinto', 'acs'];
const CALLS = ['pull', 'push', 'fetch', 'probe'];

const HELP = `Try whether a connector and its live backend keep what the connector declares.

Usage: npx ti.sync certify CONNECTOR --url URL [OPTIONS]

  CONNECTOR              a file such as ./mine.js that exports a connector, or a built-in one:
                         ${KINDS.join(', ')}
  --url URL              where the backend is
  --collection NAME      the collection that is written to (notes)
  --document JSON        a document that the backend accepts, or @FILE ({"title": "certify"})
  --field PATH           a field of it that takes any text (/title)
  --token TOKEN          the token, where the backend wants one; other users of this machine can see it
  --token-env NAME       the name of the variable that holds it
  --option NAME=VALUE    an option of a built-in connector, as JSON or text; once for each
  --json                 print one object a check, then the report

Examples:
  npx ti.sync certify ./connectors/mine.js --url http://127.0.0.1:3000
  npx ti.sync certify rest --url https://api.example.org --token-env TOKEN --option 'paths={"notes": "v1/notes"}'

It writes records of its own to the collection, lets messages be lost, repeated and answered by strangers, and
deletes its records at the end; records of others are left alone. Best use a collection that holds nothing else.
What a connector sends by itself, and not by the \`http\` that it is given, cannot be lost: such checks are not tried.
Exit code 0: everything declared holds; 1: something does not; 4: the backend cannot be worked with.`;

const ARGUMENTS = {
  words: 1,
  options: { url: 'text', collection: 'text', document: 'text', field: 'text', token: 'text', 'token-env': 'text', option: 'list', json: 'flag' }
};

async function run(args, out) {
  const [connector] = args.words;
  if (!connector) throw wrong(`expected a connector: a file, or one of ${KINDS.join(', ')}`);
  if (!args.url) throw wrong('expected --url with the address of the backend');
  const options = Object.fromEntries(args.option.map(option));
  const isKind = KINDS.includes(connector);
  const given = isKind ? { kind: connector, url: args.url, options } : { url: args.url, options, use: await load(connector, options) };
  const look = looks();
  let group = '';
  let last = '';
  let report;
  try {
    report = await certify({
      connector: given,
      token: token(args),
      collection: args.collection || 'notes',
      document: document(args.document || '{"title": "certify"}'),
      field: field(args.field || '/title')
    }, ({ words, ...check }) => {
      last = check.group;
      if (args.json) return out(JSON.stringify(check));
      if (check.group !== group) out(group = check.group);
      out(look(check.outcome, words));
    });
  } catch (error) {
    throw new Failure(error.kind === 'broken' ? 1 : 2, error.message);
  }
  const { words, ...counts } = report;
  out(args.json ? JSON.stringify(counts) : `\n${words}`);
  if (report.failed === 0) return 0;
  return last === 'reach' ? 4 : 1;
}

// A connector out of a file: what it exports, or what its function makes of the options.
async function load(file, options) {
  const whole = path.resolve(file);
  if (!fs.existsSync(whole)) {
    throw new Failure(2, `expected a file with a connector, or one of ${KINDS.join(', ')}, but there is no file ${whole}`);
  }
  let module;
  try {
    module = await import(pathToFileURL(whole).href);
  } catch (error) {
    throw new Failure(2, `expected a connector in ${file}, but it cannot be loaded: ${error.message}`);
  }
  const exported = module.default !== undefined ? module.default : module;
  const use = typeof exported === 'function' ? exported(options) : exported;
  const missing = CALLS.filter((call) => !use || typeof use[call] !== 'function');
  if (missing.length) {
    throw new Failure(2, `expected ${file} to export a connector, an object with ${CALLS.join(', ')}, but it has no function ${missing.join(', ')}`);
  }
  return use;
}

function option(text) {
  const at = text.indexOf('=');
  if (at < 1) throw wrong(`expected --option NAME=VALUE, but ${text} came`);
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), JSON.parse(value)];
  } catch {
    return [text.slice(0, at), value];
  }
}

function token(args) {
  if (!args['token-env']) return args.token;
  const value = process.env[args['token-env']];
  if (!value) throw new Failure(2, `expected a token in the variable ${args['token-env']}, but it is empty`);
  return value;
}

function document(text) {
  let value;
  try {
    value = JSON.parse(text.startsWith('@') ? fs.readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    throw new Failure(2, `expected a document in JSON behind --document, but ${error.message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Failure(2, `expected an object in JSON behind --document, but ${text} came`);
  }
  return value;
}

function field(text) {
  return text.startsWith('/') ? text : fields.path(text);
}

function wrong(message) {
  return new Failure(2, `${message}; \`npx ti.sync help certify\` tells more`);
}

// Colours, where a person looks.
function looks() {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return (outcome, words) => words;
  return (outcome, words) => {
    if (outcome === 'failed') return words.replace('FAIL', '\x1b[31mFAIL\x1b[0m');
    if (outcome === 'skipped') return `\x1b[2m${words}\x1b[0m`;
    return words.replace('ok', '\x1b[32mok\x1b[0m');
  };
}

module.exports = { HELP, ARGUMENTS, run };
