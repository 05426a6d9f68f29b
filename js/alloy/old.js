'use strict';

// The table that the stock adapter `sql`, or `sqlrest`, kept for a model: its migrations are run as that adapter runs them,
// and its rows are read. The table itself is theirs. One thing alone is written to it: where a database came with the app, the
// column `alloy_id` is added and filled, as that adapter does.

var ALLOY_ID = require('./settings').ALLOY_ID;
var quoted = require('./database').quoted;
var readAll = require('./database').readAll;
var setRemoteBackup = require('./database').setRemoteBackup;

/** Whether a model can have such a table. */
function isPossible(model) {
  return !!model.config.columns || model.migrations.length > 0;
}

/**
 * Calls `take(rows)` with the rows that the replica has not seen: all of them the first time, later those that a migration
 * has added. A row is `{id, document}`. What `take` throws undoes the migrations.
 */
function bring(model, isFirst, take) {
  var config = model.config;
  var adapter = config.adapter;
  var database = Ti.Database.open(adapter.db_name);
  try {
    var before = {};
    if (!isFirst) read(database, adapter).forEach(function (row) { before[row.id] = true; });
    var begun = migrate(database, model);
    try {
      take(read(database, adapter).filter(function (row) { return !before[row.id]; }));
    } catch (error) {
      if (begun) database.execute('ROLLBACK');
      throw error;
    }
    if (begun) database.execute('COMMIT');
  } finally {
    database.close();
  }
}

function read(database, adapter) {
  var table = adapter.collection_name;
  if (!readAll(database.execute('SELECT name FROM sqlite_master WHERE type = ? AND name = ?', 'table', table)).rows.length) return [];
  var found = readAll(database.execute('SELECT rowid AS tisync_row, * FROM ' + quoted(table)));
  return found.rows.map(function (values) {
    var row = { id: String(values[0]), document: {} };
    for (var i = 1; i < values.length; i++) {
      if (found.columns[i] !== adapter.idAttribute) row.document[found.columns[i]] = values[i];
      else if (values[i] !== null) row.id = String(values[i]);
    }
    return row;
  });
}

// Runs what is between the last migration that was run and the one that is wanted. Says whether a transaction is open then.
function migrate(database, model) {
  var config = model.config;
  var table = config.adapter.collection_name;
  var migrations = model.migrations.map(function (migration) {
    var context = {};
    migration(context);
    return context;
  });
  var wanted = config.adapter.migration;
  if (wanted === undefined || wanted === null) wanted = migrations.length ? migrations[migrations.length - 1].id : null;
  if (wanted === null || wanted === undefined || !migrations.length) return false;
  wanted = String(wanted);
  database.execute('CREATE TABLE IF NOT EXISTS migrations (latest TEXT, model TEXT)');
  var current = null;
  var found = database.execute('SELECT latest FROM migrations WHERE model = ?', table);
  if (found.isValidRow()) current = String(found.field(0));
  found.close();
  if (current === wanted) return false;
  var migrator = new Migrator(database, config);
  database.execute('BEGIN');
  if (current !== null && current > wanted) {
    migrations.reverse().forEach(function (one) {
      if (one.id > wanted && one.id <= current && one.down) one.down(migrator, config);
    });
  } else {
    migrations.forEach(function (one) {
      if (one.id <= wanted && (current === null || one.id > current) && one.up) one.up(migrator, config);
    });
  }
  database.execute('DELETE FROM migrations WHERE model = ?', table);
  database.execute('INSERT INTO migrations VALUES (?, ?)', wanted, table);
  return true;
}

// What a migration is given, as the stock adapter has it.
function Migrator(database, config) {
  this.db = database;
  this.dbname = config.adapter.db_name;
  this.table = config.adapter.collection_name;
  this.idAttribute = config.adapter.idAttribute;
}

Migrator.prototype.column = function (type) {
  var parts = String(type).split(/\s+/);
  var word = parts[0].toLowerCase();
  parts[0] = /^(int|integer|tinyint|smallint|bigint|boolean)$/.test(word) ? 'INTEGER'
    : /^(double|float|decimal|number|real)$/.test(word) ? 'REAL' : /^(blob|null)$/.test(word) ? word.toUpperCase() : 'TEXT';
  return parts.join(' ');
};

Migrator.prototype.createTable = function (config) {
  var columns = [];
  for (var name in config.columns) columns.push(name + ' ' + this.column(config.columns[name]));
  if (!(config.columns && config.columns[this.idAttribute]) && this.idAttribute === ALLOY_ID) columns.push(ALLOY_ID + ' TEXT UNIQUE');
  this.db.execute('CREATE TABLE IF NOT EXISTS ' + this.table + ' (' + columns.join(', ') + ')');
};

Migrator.prototype.dropTable = function () {
  this.db.execute('DROP TABLE IF EXISTS ' + this.table);
};

Migrator.prototype.insertRow = function (values) {
  var names = Object.keys(values);
  var given = names.map(function (name) { return values[name]; });
  if (names.indexOf(this.idAttribute) < 0 && this.idAttribute === ALLOY_ID) {
    names.push(ALLOY_ID);
    given.push(String(Ti.Platform.createUUID()).toLowerCase());
  }
  var marks = names.map(function () { return '?'; });
  this.db.execute('INSERT INTO ' + this.table + ' (' + names.join(',') + ') VALUES (' + marks.join(',') + ')', given);
};

Migrator.prototype.deleteRow = function (values) {
  var names = Object.keys(values);
  var where = names.map(function (name) { return name + ' = ?'; }).join(' AND ');
  this.db.execute('DELETE FROM ' + this.table + (where ? ' WHERE ' + where : ''), names.map(function (name) { return values[name]; }));
};

/** Installs the database that came with the app, once, and reads the columns of the model's table in it. */
function install(config) {
  var adapter = config.adapter;
  var file = typeof adapter.db_file === 'function' ? adapter.db_file(config) : adapter.db_file;
  var parts = /([^\/]+)\.[^\/.]+$/.exec(file);
  if (!parts) throw new Error('expected `db_file` to be the name of a file such as "/app.sqlite", but ' + JSON.stringify(file) + ' came');
  adapter.db_name = adapter.db_name || parts[1];
  var database = Ti.Database.install(file, adapter.db_name);
  try {
    if (adapter.remoteBackup === false) setRemoteBackup(database, false);
    var table = quoted(adapter.collection_name);
    var columns = {};
    // Each is a row of its place, its name, its type, and more.
    readAll(database.execute('PRAGMA table_info(' + table + ')')).rows.forEach(function (row) { columns[row[1]] = row[2]; });
    if (!Object.keys(columns).length) return;
    config.columns = columns;
    if (adapter.idAttribute) return;
    // Migrations of the app count on the column that the stock adapter gives such a table.
    if (!columns[ALLOY_ID]) {
      database.execute('ALTER TABLE ' + table + ' ADD COLUMN ' + ALLOY_ID + ' TEXT');
      database.execute('UPDATE ' + table + ' SET ' + ALLOY_ID + ' = CAST(rowid AS TEXT)');
    }
  } finally {
    database.close();
  }
}

module.exports = { isPossible: isPossible, bring: bring, install: install };
