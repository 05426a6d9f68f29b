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

module.exports = { path: path, names: names, at: at };
