'use strict';

// Measures how long an app of Alloy is held up while 7,000 rows of a REST backend arrive at a live collection, on the
// stand-in for Titanium. Usage: node alloy.js TOOLS SQLITE MODULE ROWS
// TOOLS is the folder of the packages, SQLITE the name of one of them (see drivers.js); MODULE is `wasm` or `js`; ROWS is
// `pages` for a backend with pages, and `whole` for one that gives all rows in one answer.
// Prints one line of JSON with milliseconds of the processor. A piece is what runs without a pause for the user interface:
// the callback of a timer, or that of a request.

var fork = require('child_process').fork;
var fs = require('fs');
var os = require('os');
var path = require('path');
var alloy = require('../test/titanium/alloy');
var device = require('../test/titanium').device;
var drivers = require('./drivers');

var RECORDS = 7000;
// What an engine does once, at the first page, is told apart.
var WARM = 1000;

var tools = path.resolve(process.argv[2]);
var driver = drivers.driver(path.join(tools, process.argv[3]));
var kind = process.argv[4];
var paged = process.argv[5] === 'pages';
var folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-measure-'));

// What this process has used of the processor, but at most the time that has passed: what other threads of the engine do
// holds nobody up.
function now() {
  var used = process.cpuUsage();
  var wall = process.hrtime();
  return { used: (used.user + used.system) / 1e3, wall: wall[0] * 1e3 + wall[1] / 1e6 };
}

function since(began) {
  var ended = now();
  return Math.min(ended.used - began.used, ended.wall - began.wall);
}

var pieces = [];
var current = null;

// A callback as a piece; what it consists of is noted while it runs.
function piece(name, call) {
  return function () {
    current = { name: name, parts: {}, at: notes.length };
    var began = now();
    try {
      return call.apply(this, arguments);
    } finally {
      current.ms = since(began);
      pieces.push(current);
      current = null;
    }
  };
}

// Adds up what a part of a piece takes, with what it calls.
function part(owner, method, name) {
  var call = owner[method];
  owner[method] = function () {
    if (!current) return call.apply(this, arguments);
    var into = current.parts;
    var key = typeof name === 'string' ? name : name.apply(this, arguments);
    var began = now();
    try {
      return call.apply(this, arguments);
    } finally {
      into[key] = (into[key] || 0) + since(began);
    }
  };
}

var backend = fork(path.join(__dirname, 'rest.js'), [String(RECORDS)], { execArgv: [] });
backend.once('message', function (port) {
  var connector = { type: 'rest', url: 'http://127.0.0.1:' + port, path: 'notes' };
  if (paged) Object.assign(connector, { paging: { by: 'page', page: '_page', limit: '_limit' }, total: { header: 'x-total-count' } });
  var model = alloy.definition({ columns: { id: 'TEXT', title: 'TEXT', done: 'INTEGER', priority: 'INTEGER' }, adapter: { collection_name: 'note', idAttribute: 'id' }, connector: connector });
  var resources = path.join(folder, 'Resources');
  fs.mkdirSync(resources);
  alloy.resources(resources, tools, '1.4.0', { note: model });
  measure(device({ resources: resources, folder: path.join(folder, 'device'), sqlite: driver, platform: kind === 'wasm' ? 'android' : 'ios', webAssembly: kind === 'wasm' }));
});

var notes = [];

function measure(app) {
  var timer = app.global.setTimeout;
  app.global.setTimeout = function (call, ms) { return timer(piece('timer', call), ms); };
  var client = app.Ti.Network.createHTTPClient;
  app.Ti.Network.createHTTPClient = function (properties) {
    var made = client(properties);
    ['onload', 'onerror'].forEach(function (name) {
      var given = null;
      Object.defineProperty(made, name, { get: function () { return given; }, set: function (call) { given = piece(name, call); } });
    });
    return made;
  };
  var Core = app.require('/alloy/sync/connectors/core/core').Core;
  part(Core.prototype, 'call', function (command) { return typeof command === 'string' ? command : Object.keys(command)[0]; });
  part(app.require('/alloy/sync/connectors/core/replica').prototype, 'emit', function (name) { return 'tell ' + name; });

  var sync = app.require('/alloy/sync/ti.sync');
  sync.configure({ autostart: false });
  notes = app.require('/alloy').Collections.instance('note');
  notes.fetch({ localOnly: true });
  var draws = 0;
  notes.on('fetch', function () { draws++; });
  var began = now();
  // The first request is sent, and its answer comes, in pieces.
  app.global.setTimeout(function () {
    sync.syncNow().then(function (report) {
      if (report.pulled !== RECORDS || notes.length !== RECORDS) throw new Error('expected ' + RECORDS + ' records, but ' + report.pulled + ' came, and ' + notes.length + ' are shown');
      tell(since(began), draws);
    }).then(null, function (error) {
      process.exitCode = 1;
      console.error(error);
    }).then(function () {
      app.close();
      backend.kill();
      fs.rmSync(folder, { recursive: true });
    });
  }, 0);
}

function tell(ms, draws) {
  var sorted = pieces.slice().sort(function (a, b) { return b.ms - a.ms; });
  var warm = sorted.filter(function (one) { return one.at >= WARM; });
  console.log(JSON.stringify({
    node: process.version,
    module: kind,
    rows: process.argv[5],
    pull_ms: Math.round(ms),
    longest_ms: round(sorted[0].ms),
    longest: told(sorted[0]),
    longest_warm_ms: round(warm[0].ms),
    longest_warm: told(warm[0]),
    p99_ms: round(sorted[Math.floor(sorted.length / 100)].ms),
    pieces: pieces.length,
    draws: draws
  }));
  if (process.env.MORE) sorted.slice(0, Number(process.env.MORE)).forEach(function (one) { console.error(round(one.ms), told(one)); });
}

// What a piece was, with its longest parts.
function told(one) {
  var names = Object.keys(one.parts).sort(function (a, b) { return one.parts[b] - one.parts[a]; });
  return one.name + ' at ' + one.at + ' records' + names.slice(0, 4).map(function (name) { return ', ' + name + ' ' + round(one.parts[name]); }).join('');
}

function round(ms) {
  return Math.round(ms * 10) / 10;
}
