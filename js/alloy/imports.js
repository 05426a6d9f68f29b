'use strict';

// Rows that an older adapter kept. Those of a model that stays on the device become records of it. Those of a model that syncs
// are *unconfirmed*: shown, never pushed. The first complete pass over the backend matches them by id; the others wait
// until the app says whether to keep, upload or discard them. What the app changes of them meanwhile is kept beside them, and is
// sent as a change once they are matched.

var TiSyncError = require('./core').TiSyncError;
var difference = require('./fields').difference;
var old = require('./old');
var quoted = require('./database').quoted;

// Which collections have been imported.
var DONE = 'alloy_imports';
var PREFIX = 'unconfirmed_';
// Rows that are written at once.
var ROWS = 250;

/** The name of the collection of unconfirmed rows of another. */
function nameOf(collection) {
  return PREFIX + collection;
}

/** Declares what is needed for this: `models` are those that are opened. */
function declare(config, models) {
  config.collections[DONE] = { policy: 'client-wins', connector: 'none' };
  models.forEach(function (model) {
    if (!model.unconfirmed) return;
    var columns = { tisync_there: { kind: 'boolean', path: '/there' } };
    for (var name in model.settings.columns) {
      var column = model.settings.columns[name];
      columns[name] = { kind: column.kind || column, path: '/now' + (column.path || '/' + name) };
    }
    config.collections[nameOf(model.collection)] = { policy: 'client-wins', connector: 'none', columns: columns };
  });
}

/** Brings what is there for models that were opened just now. `redeclare` declares the collections anew. */
function arrive(store, models, redeclare) {
  var done = store.replica.collection(DONE);
  models.forEach(function (model) {
    var known = done.get(model.collection);
    model.imported = known ? known.document : { done: store.has('imported', model.collection) };
    model.unconfirmed = !!model.imported.unconfirmed;
  });
  if (models.some(function (model) { return model.unconfirmed; })) redeclare();
  // The last run may have ended before it matched what it had pulled.
  models.forEach(function (model) {
    if (model.unconfirmed && model.connector) store.match(model, arrived(store, model));
  });
  models.forEach(function (model) {
    if (!old.isPossible(model) || (model.imported.done && !model.migrations.length)) return;
    try {
      bring(store, model, redeclare);
    } catch (error) {
      Ti.API.error('ti.sync: the rows of the old table "' + model.collection + '" could not be read: ' + error.message);
      store.app.emit('trouble', error);
    }
  });
}

function bring(store, model, redeclare) {
  var replica = store.replica;
  old.bring(model, !model.imported.done, function (rows) {
    if (model.connector && rows.length && !model.unconfirmed) {
      model.unconfirmed = true;
      redeclare();
    }
    var name = model.connector ? nameOf(model.collection) : model.collection;
    for (var from = 0; from < rows.length; from += ROWS) put(replica, name, rows.slice(from, from + ROWS), !!model.connector);
    // Where there was nothing it does no harm to look again: that needs no record.
    if (rows.length) mark(replica, model);
    else store.note('imported', model.collection);
  });
}

// A row that is there already was brought before it all was: it stays as it is.
function put(replica, name, rows, isUnconfirmed) {
  var into = replica.collection(name);
  var fresh = rows.filter(function (row) { return !into.get(row.id); });
  if (!fresh.length) return;
  replica.bulk(function (bulk) {
    fresh.forEach(function (row) {
      bulk.put(name, row.id, isUnconfirmed ? { row: row.document, now: row.document, there: true } : row.document);
    });
  });
}

function mark(replica, model) {
  model.imported = { done: true, unconfirmed: !!model.unconfirmed };
  replica.collection(DONE).put(model.collection, model.imported);
}

/**
 * Matches unconfirmed rows with records of these ids, as soon as they are there: from then on the app reads and changes the record.
 * What it has changed of the row becomes a change of the record while the row goes, in one transaction: a crash repeats nothing.
 */
function match(store, model, ids) {
  var name = nameOf(model.collection);
  var rows = store.replica.collection(name);
  var records = store.replica.collection(model.collection);
  var matched = [];
  ids.forEach(function (id) {
    var row = rows.get(id);
    var record = row && records.get(id);
    if (record) matched.push({ row: row, record: record });
  });
  for (var from = 0; from < matched.length; from += ROWS) {
    store.replica.bulk(function (bulk) {
      matched.slice(from, from + ROWS).forEach(function (one) {
        var document = one.row.document;
        var changes = difference(document.row, document.now);
        if (!document.there) bulk.remove(model.collection, one.record.id);
        else if (Object.keys(changes).length) bulk.patch(model.collection, one.record.id, changes);
        bulk.remove(name, one.row.id);
      });
    });
  }
}

// The ids of unconfirmed rows whose records are there.
function arrived(store, model) {
  var sql = 'SELECT "id" FROM main.' + quoted(nameOf(model.collection)) + ' WHERE "id" IN (SELECT "id" FROM main.' + quoted(model.collection) + ')';
  return store.replica.host.database.prepare(sql).all([]).map(function (row) { return row[0]; });
}

/** Matches unconfirmed rows with what has been pulled, if that is all there is; gives how many are left, or null if it is not. */
function settle(store, model) {
  var complete = completeMs(store, model);
  if (complete === null) return null;
  model.settledMs = complete;
  var rows = store.replica.collection(nameOf(model.collection));
  var left = 0;
  match(store, model, arrived(store, model));
  rows.query().forEach(function (one) {
    // What was deleted here, and is not there, is gone.
    if (!one.document.there) rows.remove(one.id);
    else if (!one.document.kept) left++;
  });
  if (!rows.count() && model.unconfirmed) {
    model.unconfirmed = false;
    mark(store.replica, model);
    store.dropViews();
  }
  return left;
}

/** When the last complete pass over the collection was stored; null before the first. */
function completeMs(store, model) {
  var feeds = store.replica.health().feeds.filter(function (feed) {
    return feed.feed.connector === model.connector.name && (feed.feed.feed === model.collection || feed.feed.feed === 'main');
  });
  return feeds.length ? feeds[0].complete_ms : null;
}

/** The unconfirmed rows that wait: `{id, document}`. */
function waiting(store, model) {
  if (!model.unconfirmed) return [];
  return store.replica.collection(nameOf(model.collection)).query().filter(function (row) {
    return row.document.there && !row.document.kept;
  }).map(function (row) { return { id: row.id, document: row.document.now }; });
}

/** What becomes of the rows that wait, all or those with these ids: `keep`, `upload` or `discard`. */
function adopt(store, model, what, ids) {
  if (['keep', 'upload', 'discard'].indexOf(what) < 0) {
    throw new TiSyncError('invalid', 'expected keep, upload or discard, but ' + JSON.stringify(what) + ' came');
  }
  if (!model.unconfirmed) return;
  if (settle(store, model) === null) {
    throw new TiSyncError('invalid', 'expected the backend to have been pulled once, so that it is known which rows it has; sync first');
  }
  if (!model.unconfirmed) return;
  var rows = store.replica.collection(nameOf(model.collection));
  var wanted = ids && ids.map(String);
  waiting(store, model).forEach(function (row) {
    if (wanted && wanted.indexOf(row.id) < 0) return;
    if (what === 'keep') return rows.patch(row.id, { kept: true });
    store.replica.bulk(function (bulk) {
      if (what === 'upload') bulk.put(model.collection, row.id, row.document);
      bulk.remove(nameOf(model.collection), row.id);
    });
  });
  settle(store, model);
}

module.exports = {
  nameOf: nameOf, completeMs: completeMs, declare: declare, arrive: arrive, match: match, settle: settle, waiting: waiting, adopt: adopt
};
