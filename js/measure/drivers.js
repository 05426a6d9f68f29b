'use strict';

// SQLite for the measurement.

exports.text = {
  size: function (string) { return Buffer.byteLength(string); },
  write: function (string, bytes, at) {
    return at + Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).write(string, at);
  },
  read: function (bytes, from, to) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice(from, to);
  }
};

/** Opens a database with the package at `folder`. */
exports.open = function (folder, path) {
  if (/node-sqlite3-wasm$/.test(folder)) return pure(load(folder).Database, path);
  return better(load(folder), path);
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

function pure(Database, path) {
  var database = new Database(path);
  return {
    exec: function (sql) { database.exec(sql); },
    prepare: function (sql) {
      var statement = database.prepare(sql);
      var columns = [];
      return {
        run: function (values) { return statement.run(values).changes; },
        all: function (values) {
          return statement.all(values).map(function (row) {
            columns = Object.keys(row);
            return columns.map(function (name) { return row[name]; });
          });
        },
        columns: function () { return columns; }
      };
    }
  };
}

function better(Database, path) {
  var database = new Database(path);
  return {
    exec: function (sql) { database.exec(sql); },
    prepare: function (sql) {
      var statement = database.prepare(sql);
      if (statement.reader) statement.raw(true);
      return {
        run: function (values) {
          if (statement.reader) { statement.all(values); return 0; }
          return statement.run(values).changes;
        },
        all: function (values) { return statement.all(values); },
        columns: function () { return statement.columns().map(function (column) { return column.name; }); }
      };
    },
    errorKind: function (error) {
      var code = String(error.code);
      if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'busy';
      if (/^SQLITE_FULL/.test(code)) return 'full';
      if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'corrupt';
      if (/^SQLITE_(CONSTRAINT|MISUSE|ERROR|RANGE|MISMATCH|READONLY)/.test(code)) return 'misuse';
      return 'io';
    }
  };
}
