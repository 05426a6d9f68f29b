'use strict';

// The order of records, as the core has it: where some come from beside a collection, they are put in between.

var fields = require('./fields');

// Null comes first, then booleans, numbers, texts, lists, objects.
var KINDS = ['boolean', 'number', 'string'];

/** Compares two records by the `order` of a query; `columns` are those that are declared. */
function by(order, columns) {
  var keys = (order || []).map(function (one) {
    return { path: one.path, kind: kindOf(one.path, columns), sign: one.descending ? -1 : 1 };
  });
  return function (a, b) {
    for (var i = 0; i < keys.length; i++) {
      var found = compare(key(a, keys[i]), key(b, keys[i]));
      if (found) return found * keys[i].sign;
    }
    return texts(a.id, b.id);
  };
}

// What stands at a path is compared as its column holds it.
function kindOf(path, columns) {
  for (var name in columns) {
    if ((columns[name].path || fields.path(name)) === path) return columns[name].kind || columns[name];
  }
  return null;
}

function key(record, of) {
  if (of.path === '/id') return record.id;
  var value = fields.at(record.document, of.path);
  if (value === undefined || value === null) return null;
  if (of.kind === 'integer') return typeof value === 'number' && Math.floor(value) === value ? value : null;
  if (of.kind === 'real') return typeof value === 'number' ? value : null;
  if (of.kind === 'text') return typeof value === 'string' ? value : null;
  if (of.kind === 'boolean') return typeof value === 'boolean' ? value : null;
  return value;
}

function compare(a, b) {
  var kind = rank(a);
  if (kind !== rank(b)) return kind - rank(b);
  if (a === null) return 0;
  if (typeof a === 'string') return texts(a, b);
  if (typeof a !== 'object') return Number(a) - Number(b);
  if (!Array.isArray(a)) return texts(JSON.stringify(a), JSON.stringify(b));
  for (var i = 0; i < a.length && i < b.length; i++) {
    var found = compare(a[i], b[i]);
    if (found) return found;
  }
  return a.length - b.length;
}

function rank(value) {
  if (value === null) return -1;
  return typeof value !== 'object' ? KINDS.indexOf(typeof value) : Array.isArray(value) ? KINDS.length : KINDS.length + 1;
}

// By characters, of which those of two units come last.
function texts(a, b) {
  for (var i = 0; i < a.length && i < b.length; i++) {
    var found = unit(a, i) - unit(b, i);
    if (found) return found;
  }
  return a.length - b.length;
}

function unit(text, i) {
  var code = text.charCodeAt(i);
  return code >= 0xd800 && code < 0xe000 ? code + 0x10000 : code;
}

module.exports = { by: by };
