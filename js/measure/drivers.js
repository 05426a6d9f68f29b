'use strict';

// SQLite for the measurement.

var path = require('path');
var sqlite = require('../node/sqlite');

/** UTF-8 as Node's host has it. */
exports.text = require('../node/host').utf8();

/** The package at `folder`, as `open` of node/sqlite.js takes it. */
exports.driver = function (folder) {
  return { name: path.basename(folder), module: load(folder) };
};

/** Opens a database with the package at `folder`. */
exports.open = function (folder, file) {
  return sqlite.open(file, exports.driver(folder));
};

// Old versions of Node do not know the names that begin so.
function load(folder) {
  var modules = require('module');
  var resolve = modules._resolveFilename;
  modules._resolveFilename = function (name) {
    arguments[0] = name.replace(/^node:/, '');
    return resolve.apply(this, arguments);
  };
  try {
    return require(folder);
  } finally {
    modules._resolveFilename = resolve;
  }
}
