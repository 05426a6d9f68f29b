'use strict';

// A stand-in for Titanium: it runs the Resources of a compiled app in Node. It is no Titanium. It follows what was read
// in the sources of the SDK and measured, where that matters to an app that keeps data:
//
// - `require` (common/Resources/ti.internal/kernel/module.js), in a context that has the language and nothing of the web:
//   no fetch, TextDecoder, atob, crypto, URL, queueMicrotask, and no function that came after V8 8.8;
// - Ti.Database: on Android every value is bound as a string, only SELECT and PRAGMA (without `=`) give rows, only the
//   first statement of a text is carried out, and the last row's number has 32 bits; a ResultSet begins on its first row;
// - Ti.Network and its HTTPClient: one request a client, no text with an error, `onerror` from status 400 on, an object
//   is sent as a form, and headers are set between `open` and `send`;
// - Ti.UI: proxies that draw nothing and count how often a list is drawn;
// - WebAssembly is there on Android and, as on older iPhones, absent on iOS, unless `webAssembly` says otherwise.
//
// Not here: Node's modules that newer SDKs have (`Buffer` is missing on purpose), drawing, sensors, and the build of the
// SDK itself. It runs on Node 15.14 too, whose engine is that of Titanium on Android, and under `node --jitless`.

const fs = require('fs');
const path = require('path');
const vm = require('vm');
const { Application } = require('./application');
const { database } = require('./database');
const { filesystem } = require('./filesystem');
const { Network } = require('./network');
const { loader } = require('./modules');
const { timers } = require('./timers');
const { UI } = require('./ui');

// What came to the language after V8 8.8.
const TOO_NEW = [
  ['Array.prototype', 'at findLast findLastIndex toSorted toReversed toSpliced with group groupToMap'],
  ['String.prototype', 'at isWellFormed toWellFormed'],
  ['Object', 'hasOwn groupBy'],
  ['Array', 'fromAsync'],
  ['Promise', 'withResolvers']
];

/**
 * A device that runs the app compiled to `resources`. It keeps its databases, files and properties in `folder`: another
 * device of the same folder is the same one, started again.
 *
 * Options: `resources` (the folder `Resources`), `platform` (`android` or `ios`), `folder`, `sqlite` (`{name, module}` of
 * better-sqlite3 or node-sqlite3-wasm; else by TISYNC_SQLITE out of JS_TOOLS), `network` (how the network is at first:
 * see network.js), `webAssembly`.
 *
 * Gives `{Ti, global, require, alloy, start, network, ui, logs, close}`.
 */
function device(options) {
  const platform = options.platform || 'android';
  if (platform !== 'android' && platform !== 'ios') throw new Error(`expected the platform android or ios, but ${platform} came`);
  const folder = path.resolve(options.folder);
  fs.mkdirSync(folder, { recursive: true });
  const context = vm.createContext({});
  const realm = vm.runInContext(`({
    global: globalThis,
    parse: JSON.parse,
    error: (message) => new Error(message),
    bytes: (length) => new Uint8Array(length)
  })`, context);
  const global = realm.global;
  age(context, options.webAssembly === undefined ? platform === 'android' : options.webAssembly);

  const on = { platform, folder, realm, resources: roots(options.resources, platform), sqlite: options.sqlite || sqlite() };
  const time = timers();
  const network = new Network(on, options.network);
  const application = new Application(on);
  const ui = new UI();
  const files = filesystem(on);
  const databases = database(on, files);
  const logs = [];
  const log = (level) => (...values) => { logs.push([level, values.map(String).join(' ')]); };
  const API = { trace: log('trace'), debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), log: log('info') };
  const Ti = {
    version: '12.6.0.GA',
    userAgent: `Titanium/12.6.0 (${platform})`,
    API,
    App: application.App,
    Database: databases.Database,
    Filesystem: files.Filesystem,
    Network: network.Ti,
    Platform: application.Platform,
    UI: ui.Ti,
    Media: ui.namespace('Ti.Media'),
    Utils: {},
    Locale: { currentLanguage: 'en', getString: (key, or) => or || key }
  };
  Ti.Android = ui.namespace('Ti.Android');
  Object.assign(global, { global, Ti, Titanium: Ti, L: Ti.Locale.getString, alert: log('alert'), ...time.functions });
  global.console = { log: API.info, info: API.info, warn: API.warn, error: API.error, debug: API.debug, trace: API.trace };
  const load = loader(on, context);
  global.require = load.require;

  const self = {
    Ti,
    global,
    require: load.require,
    network,
    ui,
    logs,
    /** Alloy with its globals, as they are before the first controller. */
    alloy() {
      if (load.has('/alloy.bootstrap')) load.require('/alloy.bootstrap');
      else if (!global.Alloy) {
        const Alloy = load.require('alloy');
        Object.assign(global, { Alloy, _: Alloy._, Backbone: Alloy.Backbone });
      }
      return global.Alloy;
    },
    /** Starts the app: its root window is open afterwards. */
    start() {
      if (load.has('/alloy.bootstrap')) {
        load.require('/alloy.bootstrap');
        load.require('/app');
      } else {
        // In the SDKs of that time `app.js` was no module: its variables are the app's globals.
        load.script('/app.js');
      }
      return self;
    },
    /** Ends the app without a word to it, as a phone does. */
    close() {
      time.end();
      network.end();
      databases.end();
    }
  };
  return self;
}

// The SDK puts the platform's folder over what all platforms share.
function roots(resources, platform) {
  const root = path.resolve(resources);
  if (!fs.existsSync(root)) throw new Error(`expected the folder of a compiled app, but there is no ${root}`);
  return [path.join(root, platform === 'ios' ? 'iphone' : 'android'), root].filter((folder) => fs.existsSync(folder));
}

function age(context, webAssembly) {
  for (const [owner, names] of TOO_NEW) {
    for (const name of names.split(' ')) vm.runInContext(`delete ${owner}.${name}`, context);
  }
  vm.runInContext(`delete globalThis.console; ${webAssembly ? '' : 'delete globalThis.WebAssembly;'}`, context);
}

function sqlite() {
  const tools = process.env.JS_TOOLS;
  if (!tools) throw new Error('expected an SQLite: give `sqlite: {name, module}`, or set JS_TOOLS to the folder of the packages');
  const name = process.env.TISYNC_SQLITE || (typeof WebAssembly === 'undefined' ? 'better-sqlite3' : 'node-sqlite3-wasm');
  return require('../../measure/drivers').driver(path.join(tools, name));
}

module.exports = { device };
