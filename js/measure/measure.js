'use strict';

// Measures a pull of 7,000 records and single saves through the module, against answers of a server that live in this
// process and have the sizes of real ones. Usage: node measure.js MODULE SQLITE [SLICE PAGE]
// MODULE is a .wasm, or its translation to JavaScript; SQLITE the folder of a package (see drivers.js). SLICE and PAGE
// are how many records one piece of work stores, and how many are asked for at once.
// Prints one line of JSON with milliseconds of the processor.

var fs = require('fs');
var os = require('os');
var path = require('path');
var Core = require('../core/core').Core;
var drivers = require('./drivers');
var server = require('./server');

var RECORDS = 7000;
var SAVES = 100;

var modulePath = path.resolve(process.argv[2]);
var driver = process.argv[3];
var slice = Number(process.argv[4] || 100);
var page = Number(process.argv[5] || 500);

function monotonic() {
  var now = process.hrtime();
  return now[0] * 1e3 + now[1] / 1e6;
}

// What this process has used of the processor: what else runs on the machine does not count.
function spent() {
  var used = process.cpuUsage();
  return (used.user + used.system) / 1e3;
}

function instantiate(imports) {
  if (/\.wasm$/.test(modulePath)) {
    return new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(modulePath)), imports).exports;
  }
  return require(modulePath)(imports.tisync);
}

var folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-measure-'));
var database = drivers.open(driver, path.join(folder, 'replica.db'));
var sqlMs = 0;
timed(database);

var started = monotonic();
var core = new Core(instantiate, { database: database, wallMs: Date.now, monotonicMs: monotonic, text: process.env.TEXT === 'plain' ? undefined : drivers.text });
var loadMs = monotonic() - started;

var longest = 0;
var commands = 0;
var spans = [];
function call(command, body) {
  var began = spent();
  var answer = core.call(command, body);
  var took = spent() - began;
  spans.push(took);
  if (took > longest) {
    longest = took;
    call.longest = typeof command === 'string' ? command : Object.keys(command)[0];
  }
  commands++;
  return answer;
}

started = monotonic();
call({ open: {
  entropy: '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff',
  connectors: { main: { url: 'http://127.0.0.1:1' } },
  collections: { todos: { policy: 'merge', columns: { title: 'text', done: 'boolean', priority: 'integer' } } },
  slice_items: slice,
  page_items: page
} });
var openMs = monotonic() - started;

var answers = server.feed('todos', RECORDS);
longest = 0;
commands = 0;
spans = [];
sqlMs = 0;
started = spent();
var answer = call('sync');
var synced = false;
var pulled = 0;
var queue = [];
while (!synced) {
  take(answer);
  if (queue.length) {
    var ask = queue.shift();
    var got = answers.answer(ask, answer.body(ask));
    answer = call({ http: { id: ask.id, status: 200, headers: [['content-type', 'application/json']] } }, got);
  } else {
    answer = call('run');
  }
}
var pullMs = spent() - started;
spans.sort(function (a, b) { return a - b; });
var p99 = spans[Math.floor(spans.length * 0.99)];
var pull = { ms: pullMs, longest_ms: longest, longest: call.longest, commands: commands, sql_ms: sqlMs, requests: answers.requests };

function take(answer) {
  (answer.asks || []).forEach(function (ask) {
    if (ask.http) queue.push(ask.http);
  });
  (answer.events || []).forEach(function (told) {
    if (told.synced) synced = true;
    if (told.sync_failed) throw new Error(told.sync_failed.error.message);
    if (told.trouble) throw new Error(told.trouble.message);
    if (told.event && told.event.changed) pulled += told.event.changed.records.length;
  });
}
if (pulled !== RECORDS) throw new Error('expected ' + RECORDS + ' records, but ' + pulled + ' came');

var saves = [];
sqlMs = 0;
for (var i = 0; i < SAVES; i++) {
  var id = server.id(i * 61);
  var began = spent();
  call({ write: { writes: [{ collection: 'todos', id: id, kind: { patch: { set: { '/done': true, '/notes': 'changed here ' + i } } } }] } });
  saves.push(spent() - began);
}
saves.sort(function (a, b) { return a - b; });

var began2 = monotonic();
var found = call({ query: { collection: 'todos', query: { filter: { eq: ['/done', true] }, order: [{ path: '/title' }], limit: 50 } } }).ok;
var queryMs = monotonic() - began2;
began2 = monotonic();
call({ get: { collection: 'todos', id: server.id(5) } });
var getMs = monotonic() - began2;

console.log(JSON.stringify({
  node: process.version,
  wasm: /\.wasm$/.test(modulePath),
  load_ms: round(loadMs),
  open_ms: round(openMs),
  pull_ms: round(pull.ms),
  pull_sql_ms: round(pull.sql_ms),
  longest_ms: round(pull.longest_ms),
  longest: pull.longest,
  p99_ms: round(p99),
  commands: pull.commands,
  requests: pull.requests,
  save_median_ms: round(saves[SAVES >> 1]),
  save_max_ms: round(saves[SAVES - 1]),
  save_sql_ms: round(sqlMs / SAVES),
  query_ms: round(queryMs),
  found: found.length,
  get_ms: round(getMs)
}));

function round(ms) {
  return Math.round(ms * 100) / 100;
}

// Adds up what the database takes: it is the host's, and not interpreted where the module is.
function timed(database) {
  var prepare = database.prepare, exec = database.exec;
  database.prepare = function (sql) {
    var statement = prepare.call(database, sql);
    return {
      run: clock(statement, statement.run), all: clock(statement, statement.all),
      columns: function () { return statement.columns(); }
    };
  };
  database.exec = clock(database, exec);
  function clock(self, method) {
    return function (argument) {
      var began = monotonic();
      try {
        return method.call(self, argument);
      } finally {
        sqlMs += monotonic() - began;
      }
    };
  }
}
