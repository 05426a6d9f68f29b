'use strict';

// Apps of Alloy on the Titanium stand-in, with every Backbone that they choose: what the compiler makes of a model, without
// the compiler. The adapter is the folder that users copy, js/dist/alloy.

const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { folder, sqlite } = require('./device');
const { device } = require('./titanium');

const VERSIONS = ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0'];
const TOOLS = process.env.JS_TOOLS;

// `Alloy.M` and `Alloy.C` as in template/lib/alloy.js, the same from 1.2.2 to 3.0.1 but for the return value of `sync`.
const ALLOY = `
var Backbone = require('/alloy/backbone');
exports.Backbone = Backbone;
exports.Collections = { instance: function (name) { return exports.Collections[name] = exports.Collections[name] || exports.createCollection(name); } };
exports.Models = { instance: function (name) { return exports.Models[name] = exports.Models[name] || exports.createModel(name); } };
exports.createModel = function (name, args) { return new (file(name).Model)(args); };
exports.createCollection = function (name, args) { return new (file(name).Collection)(args); };
function file(name) { return require('/alloy/models/' + name.charAt(0).toUpperCase() + name.slice(1)); }
exports.M = function (name, desc, migrations) {
  var config = (desc || {}).config || {};
  var mod = require('/alloy/sync/' + config.adapter.type);
  var extendClass = migrations ? { migrations: migrations } : {};
  var extendObj = { defaults: config.defaults, sync: function (method, model, opts) { return mod.sync(method, model, opts); } };
  config = mod.beforeModelCreate ? mod.beforeModelCreate(config, name) || config : config;
  var Model = Backbone.Model.extend(extendObj, extendClass);
  Model.prototype.config = config;
  if (desc.extendModel) Model = desc.extendModel(Model) || Model;
  if (mod.afterModelCreate) mod.afterModelCreate(Model, name);
  return Model;
};
exports.C = function (name, desc, model) {
  var config = model.prototype.config;
  var mod = require('/alloy/sync/' + config.adapter.type);
  var Collection = Backbone.Collection.extend({ model: model, sync: function (method, model, opts) { return mod.sync(method, model, opts); } });
  Collection.prototype.config = config;
  if (desc.extendCollection) Collection = desc.extendCollection(Collection) || Collection;
  if (mod.afterCollectionCreate) mod.afterCollectionCreate(Collection);
  return Collection;
};
`;

// As the compiler does for \`<TableView dataCollection="…">\`, in Alloy 1.7.1 to 3.0.1.
exports.draws = (collection, version) => {
  const drawn = [];
  const events = version === '0.9.2' ? 'fetch destroy change add remove reset' : 'fetch destroy change add remove reset sort';
  collection.on(events, (event) => {
    if (event && event.fromAdapter) return;
    drawn.push(collection.models.map((model) => model.toJSON()));
  });
  return drawn;
};

/** The folder Resources of an app with these models: the text of each file below app/models, by name. */
const resources = exports.resources = (t, version, models, more = {}) => {
  const root = folder(t);
  const write = (name, text) => {
    const file = path.join(root, 'android', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  write('alloy.js', ALLOY);
  write('alloy/underscore.js', fs.readFileSync(path.join(TOOLS, 'underscore/underscore-umd.js'), 'utf8').replace('typeof exports === \'object\' && typeof module !== \'undefined\'', 'true'));
  write('alloy/backbone.js', fs.readFileSync(path.join(TOOLS, `backbone-${version}`, 'backbone.js'), 'utf8').replace(/require\('underscore'\)/g, "require('/alloy/underscore')"));
  for (const name in models) {
    const file = name[0].toUpperCase() + name.slice(1);
    write(`alloy/models/${file}.js`, `var Alloy = require('/alloy'), model, collection;\n${models[name]}\n` +
      `model = Alloy.M('${name}', exports.definition, ${more.migrations && more.migrations[name] || '[]'});\ncollection = Alloy.C('${name}', exports.definition, model);\n` +
      'exports.Model = model;\nexports.Collection = collection;\n');
  }
  fs.mkdirSync(path.join(root, 'android/alloy/sync/connectors'), { recursive: true });
  const from = path.join(__dirname, '../dist/alloy');
  fs.copyFileSync(path.join(from, 'ti.sync.js'), path.join(root, 'android/alloy/sync/ti.sync.js'));
  for (const name of fs.readdirSync(path.join(from, 'connectors'))) {
    fs.symlinkSync(path.join(from, 'connectors', name), path.join(root, 'android/alloy/sync/connectors', name));
  }
  for (const name in more.files) write(name, more.files[name]);
  fs.symlinkSync(path.join(root, 'android'), path.join(root, 'iphone'));
  return root;
};

/** A model file with this configuration; `adapter` needs no type. */
exports.definition = (config, rest = '') => {
  const given = { ...config, adapter: { type: 'ti.sync', ...config.adapter } };
  const text = (value) => (typeof value === 'function' ? String(value) : Array.isArray(value) ? `[${value.map(text)}]`
    : value && typeof value === 'object' ? `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${text(one)}`).join(', ')}}` : JSON.stringify(value));
  return `exports.definition = { config: ${text(given)}${rest} };`;
};

/** A device on which the app runs: \`{alloy, sync, …}\` of the stand-in. */
exports.app = (t, root, options = {}) => {
  const isPlain = process.env.TISYNC_MODULE === 'js';
  const made = device({ resources: root, folder: options.folder || folder(t), sqlite, platform: options.platform, network: options.network, webAssembly: !isPlain });
  const sync = made.require('/alloy/sync/ti.sync');
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    made.close();
  };
  t.after(close);
  const Alloy = made.require('/alloy');
  return { ...made, Alloy, sync, close, Backbone: Alloy.Backbone };
};

/** A test with each Backbone: `run({version, isOld, start})`; `start(models, options)` gives an app. */
exports.each = (name, run) => {
  for (const version of VERSIONS) {
    test(`Alloy with Backbone ${version}: ${name}`, (t) => run({
      version,
      isOld: version === '0.9.2',
      t,
      start: (models, options) => exports.app(t, resources(t, version, models, options), options)
    }));
  }
};

exports.VERSIONS = VERSIONS;
