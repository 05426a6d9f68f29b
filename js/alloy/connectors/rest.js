'use strict';

// Plain REST backends: paths, fields, paging and conditional writes by options (docs/connectors/rest.md).
//
//     connector: { type: 'rest', url: 'https://api.example.org', path: 'todos', ids: 'server', rows: 'data.items' }

exports.kind = 'rest';

// Options that say something of one model alone.
exports.each = { path: 'paths' };

// A collection's path is its name, if nothing else is said.
exports.complete = function (options, collection) {
  options.paths = options.paths || {};
  if (options.paths[collection] === undefined) options.paths[collection] = collection;
};
