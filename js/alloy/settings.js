'use strict';

// What the configuration of a model declares: its collection, its columns, its policy and its connector.

var TiSyncError = require('./core').TiSyncError;
var rest = require('./rest-keys');

// The stock `sql` adapter gives rows an id of this name where the model names none.
var ALLOY_ID = 'alloy_id';
var DB_DEFAULT = '_alloy_';

// Names of columns that the core has itself.
var TAKEN = /^(rid|id|version|state|stamp|doc|document)$/i;

// The words of a connector that stand for themselves; all others are its options.
var WORDS = ['type', 'name', 'url', 'token', 'credentials', 'pollMs', 'movedFrom', 'options'];

/** Names the collection of a model that names none as the model is. */
function named(config, name) {
  config.adapter = config.adapter || {};
  config.adapter.collection_name = config.adapter.collection_name || name;
  return config;
}

/** Fills in what a model's configuration leaves out, as the stock adapters do. */
function complete(config, name) {
  var adapter = named(config, name).adapter;
  adapter.db_name = adapter.db_name || DB_DEFAULT;
  if (!adapter.idAttribute) {
    adapter.idAttribute = config.columns && config.URL === undefined ? ALLOY_ID : 'id';
    if (adapter.idAttribute === ALLOY_ID) config.columns[ALLOY_ID] = 'TEXT UNIQUE';
  }
  return config;
}

/**
 * Reads a completed configuration. `load(type)` gives a file of the folder `connectors`, `shared` are the connectors that
 * the app has configured for all models, by name. Gives `{collection, settings, connector, policies, isNumbered, view}`.
 */
function read(config, load, shared) {
  var collection = config.adapter.collection_name;
  var idAttribute = config.adapter.idAttribute;
  var policies = {};
  var columns = columnsOf(config.columns || {}, idAttribute);
  var connector = connectorOf(config, collection, load, shared);
  var settings = {
    policy: policyOf(config.policy === undefined ? 'merge' : config.policy, collection, policies),
    columns: columns.declared,
    connector: connector ? connector.name : 'none'
  };
  if (config.fields) settings.fields = fieldsOf(config.fields, collection, policies);
  if (config.references) settings.references = referencesOf(config.references);
  ['fallback', 'deletes', 'schema', 'migrations'].forEach(function (key) {
    if (config[key] !== undefined) settings[key] = config[key];
  });
  // A function that fails decides nothing: then a person does.
  if (Object.keys(policies).length && settings.fallback === undefined) settings.fallback = 'manual';
  if (config.serverFields) settings.server_fields = config.serverFields;
  return {
    collection: collection,
    settings: settings,
    connector: connector,
    policies: policies,
    isNumbered: /^\s*(int|integer|bigint|smallint|tinyint)\b/i.test((config.columns || {})[idAttribute] || ''),
    view: columns.view
  };
}

// A name of the core's policies, or a function of the app's under a name of its own.
function policyOf(given, name, policies) {
  if (typeof given === 'string') return given;
  if (typeof given !== 'function') throw invalid('`policy` to be a name such as "merge", or a function', given);
  policies[name] = given;
  return 'function:' + name;
}

function fieldsOf(given, collection, policies) {
  var fields = {};
  for (var name in given) fields[name] = policyOf(given[name], collection + '.' + name, policies);
  return fields;
}

// `{list: 'lists'}`, or with `{collection, nullable, numeric}`.
function referencesOf(given) {
  var references = {};
  for (var name in given) {
    references[name] = typeof given[name] === 'string' ? { collection: given[name], nullable: true } : given[name];
  }
  return references;
}

// Columns as the core has them, and as SQL of the app's sees them. Where apps keep a boolean in an INTEGER, or milliseconds
// in a DATE, there are two of the core's: it keeps values of one kind in each.
function columnsOf(given, idAttribute) {
  var declared = {};
  var view = [];
  for (var name in given) {
    if (name === idAttribute || !/^\w+$/.test(name)) continue;
    var type = /^\s*(\w*)/.exec(String(given[name]))[1].toLowerCase();
    var own = TAKEN.test(name) ? name + '_' : name;
    var kind = kindOf(type);
    if (!kind) continue;
    declared[own] = columnOf(own, name, kind);
    var second = kind === 'integer' ? 'boolean' : /^date/.test(type) ? 'integer' : null;
    var expression = '"' + own + '"';
    if (second) {
      declared[own + '__' + second] = columnOf(null, name, second);
      expression = 'CAST(COALESCE("' + own + '", "' + own + '__' + second + '") AS ' + kind.toUpperCase() + ')';
    }
    view.push(expression + ' AS "' + name + '"');
  }
  return { declared: declared, view: view };
}

function columnOf(own, name, kind) {
  return own === name ? kind : { kind: kind, path: '/' + name };
}

function kindOf(type) {
  if (/^(int|integer|tinyint|smallint|bigint|boolean|bool)$/.test(type)) return 'integer';
  if (/^(real|double|float|decimal|number|numeric)$/.test(type)) return 'real';
  if (type === 'blob' || type === 'null') return null;
  return 'text';
}

// The backend of a model: null for one that stays on the device.
function connectorOf(config, collection, load, shared) {
  var given = config.connector;
  if (given === undefined) given = rest.connector(config, collection);
  if (given === null || given === false || given === undefined) return null;
  if (typeof given === 'string') given = shared[given] ? merged({ name: given }, shared[given]) : { type: given };
  else if (given.name && shared[given.name]) given = merged(merged({}, shared[given.name]), given);
  if (!given || typeof given !== 'object' || typeof given.type !== 'string') {
    throw invalid('`connector` to be a name, or an object with `type`', given);
  }
  var file = load(given.type);
  var made = {
    name: given.name || given.type,
    url: given.url || file.url,
    options: merged(merged({}, file.options || {}), given.options || {})
  };
  for (var word in given) {
    if (WORDS.indexOf(word) < 0) option(made.options, file, collection, word, given[word]);
  }
  if (file.complete) file.complete(made.options, collection);
  if (config.poll !== undefined) made.pollMs = config.poll * 1000;
  ['token', 'credentials', 'pollMs', 'movedFrom'].forEach(function (key) {
    if (given[key] !== undefined) made[key] = given[key];
  });
  if (file.kind) made.kind = file.kind;
  else made.use = file;
  // A feed that carries several collections would pass by one whose model is not there yet.
  made.oneFeed = false;
  if (typeof made.url !== 'string') throw invalid('the connector "' + made.name + '" to have a `url`', made.url);
  return made;
}

// An option of the connector, or one of this collection alone: `each` of the file says which.
function option(options, file, collection, word, value) {
  var map = file.each && file.each[word];
  if (!map) {
    options[word] = value;
    return;
  }
  options[map] = options[map] || {};
  options[map][collection] = value;
}

/** One connector that several models use: their options together, or an error that names what differs. */
function together(first, second) {
  var result = merged({}, first);
  ['url', 'kind', 'use', 'token', 'credentials', 'pollMs', 'movedFrom'].forEach(function (key) {
    if (second[key] === undefined || second[key] === result[key]) return;
    if (result[key] === undefined) result[key] = second[key];
    else if (key === 'pollMs') result.pollMs = Math.min(result.pollMs, second.pollMs);
    else if (typeof second[key] !== 'function' || String(second[key]) !== String(result[key])) throw differs(first.name, key);
  });
  result.options = joined(first.options, second.options, first.name, 'options');
  return result;
}

function joined(first, second, name, path) {
  var result = merged({}, first);
  for (var key in second) {
    var a = result[key], b = second[key];
    if (a === undefined) result[key] = b;
    else if (isObject(a) && isObject(b)) result[key] = joined(a, b, name, path + '.' + key);
    else if (JSON.stringify(a) !== JSON.stringify(b)) throw differs(name, path + '.' + key);
  }
  return result;
}

function isObject(value) {
  return !!value && typeof value === 'object' && !Array.isArray(value);
}

function merged(into, from) {
  for (var key in from) into[key] = from[key];
  return into;
}

function differs(name, key) {
  return new TiSyncError('bad_config', 'expected models that share the connector "' + name + '" to say the same of it, but `' +
    key + '` differs; give one of them a `name` of its own');
}

function invalid(expected, came) {
  return new TiSyncError('bad_config', 'expected ' + expected + ', but ' + (came === undefined ? 'nothing' : JSON.stringify(came) || 'a ' + typeof came) + ' came');
}

module.exports = { named: named, complete: complete, read: read, together: together, ALLOY_ID: ALLOY_ID };
