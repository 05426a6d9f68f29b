'use strict';

// The keys of the adapters `restapi` and `sqlrest`, as settings of the connector `rest`.

var TiSyncError = require('./core').TiSyncError;

/** The connector of a model that was written for one of them; undefined for another model. */
function connector(config, collection) {
  if (config.URL === undefined) return undefined;
  var adapter = config.adapter;
  if (typeof config.URL !== 'string') throw instead('URL', 'a text', "connector: { type: 'rest', url: …, path: … }");
  var parts = /^([^?#]*?)\/?([^\/?#]*)\/?(?:\?([^#]*))?$/.exec(config.URL);
  if (!parts || !/^https?:\/\/[^\/]/.test(parts[1])) throw instead('URL', 'an address such as "https://example.org/todos"', "connector: { type: 'rest', url: …, path: … }");
  var options = { paths: {}, ids: 'server', id_field: adapter.idAttribute };
  options.paths[collection] = parts[2];
  var query = {};
  (parts[3] || '').split('&').forEach(function (pair) {
    var names = pair.split('=');
    if (names[0]) query[decodeURIComponent(names[0])] = decodeURIComponent(names[1] || '');
  });
  texts(config.URLPARAMS, 'URLPARAMS', "connector: { type: 'rest', …, query: {…} }", query);
  texts(config.requestparams, 'requestparams', "connector: { type: 'rest', …, query: {…} }", query);
  if (Object.keys(query).length) options.query = query;
  var headers = texts(config.headers, 'headers', "connector: { type: 'rest', …, headers: {…} }, and `credentials` for a token", {});
  if (Object.keys(headers).length) options.headers = headers;
  if (config.parentNode !== undefined) {
    if (typeof config.parentNode !== 'string') throw instead('parentNode', 'a text', "connector: { type: 'rest', …, rows: 'data.items' }");
    options.rows = config.parentNode;
  }
  if (adapter.deletedAttribute) options.deleted_field = adapter.deletedAttribute;
  // Such adapters had one address for each model.
  return { type: 'rest', name: 'rest_' + collection, url: parts[1], options: options };
}

// Texts by name; what is computed at each request has another place.
function texts(given, key, words, into) {
  if (given === undefined || given === null) return into;
  if (typeof given !== 'object') throw instead(key, 'an object of texts', words);
  for (var name in given) {
    if (typeof given[name] === 'function' || (given[name] && typeof given[name] === 'object')) throw instead(key + '.' + name, 'a text', words);
    into[name] = String(given[name]);
  }
  return into;
}

function instead(key, expected, words) {
  return new TiSyncError('bad_config', 'expected `' + key + '` of the model to be ' + expected + ', but something else came; write `' + words + '` instead');
}

module.exports = { connector: connector };
