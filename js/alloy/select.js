'use strict';

// SQL of the app's. The core shows each collection as a view of the id, the declared columns and the document; here a
// temporary view of the same name stands before it, with the columns as the model declares them.

var TiSyncError = require('./core').TiSyncError;
var imports = require('./imports');
var quoted = require('./database').quoted;

/** Carries out one SELECT; gives `{columns, rows}`. */
function run(store, sql, values) {
  if (!/^\s*select\b/i.test(sql)) {
    throw new TiSyncError('invalid', 'expected a query that begins with SELECT, but "' + String(sql).slice(0, 40) + '" came; to write, save models');
  }
  for (var name in store.models) {
    if (store.models[name].isOpen && !store.views[name]) make(store, store.models[name]);
  }
  var statement = store.replica.host.database.prepare(sql.replace(/;\s*$/, ''));
  var rows = statement.all(values.map(bound));
  return { columns: statement.columns(), rows: rows };
}

function make(store, model) {
  var name = quoted(model.collection);
  var id = quoted(model.config.adapter.idAttribute);
  var columns = [(model.isNumbered && !model.connector ? 'CAST("id" AS INTEGER)' : '"id"') + ' AS ' + id].concat(model.view);
  var sql = 'SELECT ' + columns.concat('"document"').join(', ') + ' FROM main.' + name;
  if (model.unconfirmed) {
    // Documents of these are read by their ids.
    sql += ' UNION ALL SELECT ' + columns.concat('NULL').join(', ') + ' FROM main.' + quoted(imports.nameOf(model.collection)) +
      ' WHERE "tisync_there" = 1 AND "id" NOT IN (SELECT "id" FROM main.' + name + ')';
  }
  store.replica.host.database.exec('CREATE TEMP VIEW ' + name + ' AS ' + sql);
  store.views[model.collection] = true;
}

/** Takes the views away: the core is about to make its own anew. */
function drop(store) {
  for (var name in store.views) store.replica.host.database.exec('DROP VIEW temp.' + quoted(name));
  store.views = {};
}

function bound(value) {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === undefined) return null;
  return value;
}

module.exports = { run: run, drop: drop };
