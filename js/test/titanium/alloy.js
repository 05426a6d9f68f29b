'use strict';

// Apps of Alloy without its compiler: what it makes of a model. The adapter is the folder that users copy, js/dist/alloy.

const fs = require('fs');
const path = require('path');

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

/** Fills the folder Resources of an app with these models: the text of each file below app/models, by name. `tools` are the packages. */
exports.resources = (root, tools, version, models, more = {}) => {
  const write = (name, text) => {
    const file = path.join(root, 'android', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  };
  write('alloy.js', ALLOY);
  write('alloy/underscore.js', fs.readFileSync(path.join(tools, 'underscore/underscore-umd.js'), 'utf8').replace('typeof exports === \'object\' && typeof module !== \'undefined\'', 'true'));
  write('alloy/backbone.js', fs.readFileSync(path.join(tools, `backbone-${version}`, 'backbone.js'), 'utf8').replace(/require\('underscore'\)/g, "require('/alloy/underscore')"));
  for (const name in models) {
    const file = name[0].toUpperCase() + name.slice(1);
    write(`alloy/models/${file}.js`, `var Alloy = require('/alloy'), model, collection;\n${models[name]}\n` +
      `model = Alloy.M('${name}', exports.definition, ${more.migrations && more.migrations[name] || '[]'});\ncollection = Alloy.C('${name}', exports.definition, model);\n` +
      'exports.Model = model;\nexports.Collection = collection;\n');
  }
  fs.mkdirSync(path.join(root, 'android/alloy/sync/connectors'), { recursive: true });
  const from = path.join(__dirname, '../../dist/alloy');
  fs.copyFileSync(path.join(from, 'ti.sync.js'), path.join(root, 'android/alloy/sync/ti.sync.js'));
  for (const name of fs.readdirSync(path.join(from, 'connectors'))) {
    fs.symlinkSync(path.join(from, 'connectors', name), path.join(root, 'android/alloy/sync/connectors', name));
  }
  for (const name in more.files) write(name, more.files[name]);
  fs.symlinkSync(path.join(root, 'android'), path.join(root, 'iphone'));
};

/** A model file with this configuration; `adapter` needs no type. */
exports.definition = (config, rest = '') => {
  const given = { ...config, adapter: { type: 'ti.sync', ...config.adapter } };
  const text = (value) => (typeof value === 'function' ? String(value) : Array.isArray(value) ? `[${value.map(text)}]`
    : value && typeof value === 'object' ? `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${text(one)}`).join(', ')}}` : JSON.stringify(value));
  return `exports.definition = { config: ${text(given)}${rest} };`;
};
