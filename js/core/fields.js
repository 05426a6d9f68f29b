'use strict';

// Fields of documents: their paths, their values, and what differs between two documents.

/** The path of a field by its name. */
function path(name) {
  return '/' + name.replace(/~/g, '~0').replace(/\//g, '~1');
}

/** The names on a path. */
function names(path_) {
  return path_.split('/').slice(1).map(function (name) { return name.replace(/~1/g, '/').replace(/~0/g, '~'); });
}

/** The value at a path; null or undefined where there is none. */
function at(value, path_) {
  var on = names(path_);
  for (var i = 0; i < on.length && value !== null && value !== undefined; i++) value = value[on[i]];
  return value;
}

/** A value as JSON has it: a Date is its text. */
function plain(value) {
  var text = JSON.stringify(value);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Whether two values of JSON are the same, in whatever order the fields of objects are. */
function equal(a, b) {
  if (a === b) return true;
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object' || Array.isArray(a) !== Array.isArray(b)) return false;
  var found = Object.keys(a);
  return found.length === Object.keys(b).length && found.every(function (name) {
    return Object.prototype.hasOwnProperty.call(b, name) && equal(a[name], b[name]);
  });
}

/** The fields of `after` that differ from those of `before`, by path, as a patch takes them. */
function changed(before, after) {
  var found = {};
  for (var name in after) {
    var value = plain(after[name]);
    if (value === undefined || !(name in before) || !equal(value, before[name])) found[path(name)] = value;
  }
  return found;
}

/** What makes `after` of `before`, as a patch takes it: fields that are gone are undefined. */
function difference(before, after) {
  var found = changed(before, after);
  for (var name in before) {
    if (!(name in after)) found[path(name)] = undefined;
  }
  return found;
}

module.exports = { path: path, names: names, at: at, plain: plain, equal: equal, changed: changed, difference: difference };
