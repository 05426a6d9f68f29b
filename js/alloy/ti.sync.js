'use strict';

// Ti.Sync for Alloy: name `ti.sync` as the `type` of a model's adapter, and the app's Backbone code works offline, syncs, and
// settles conflicts by policy. This file and the folder `connectors` beside it are all that an app needs; docs/ALLOY.md
// tells the rest.

var adapter = require('./connectors/core/adapter')(connector, model, alloy);

// A file of the folder `connectors`.
function connector(type) {
  try {
    return require('./connectors/' + type);
  } catch (error) {
    throw new adapter.TiSyncError('bad_config', 'expected a connector alloy/sync/connectors/' + type + '.js, but it cannot be loaded: ' + (error && error.message || error));
  }
}

// Runs the file of a model, as Alloy does when it is used first.
function model(name) {
  var file = 'alloy/models/' + name.charAt(0).toUpperCase() + name.slice(1);
  try {
    if (!found('/' + file)) found(file);
  } catch (error) {
    failed(file, error);
  }
}

function alloy() {
  if (typeof Alloy !== 'undefined') return Alloy;
  try {
    return found('/alloy');
  } catch (error) {
    failed('alloy', error);
    return null;
  }
}

// A file's exports, or null where there is no such file: a model may have left the app.
function found(file) {
  try {
    return require(file);
  } catch (error) {
    if (isMissing(file, error)) return null;
    throw error;
  }
}

// Both platforms name the file that they do not find. A file that is there may itself require one that is not.
function isMissing(file, error) {
  var words = String(error && error.message || error);
  return /not found|couldn't find/i.test(words) && words.split(/[\s"']+/).some(function (word) {
    return word.replace(/^\//, '') === file.replace(/^\//, '');
  });
}

function failed(file, error) {
  Ti.API.error('ti.sync: ' + file + '.js cannot be run: ' + (error && error.message || error));
}

exports.beforeModelCreate = adapter.beforeModelCreate;
exports.afterModelCreate = adapter.afterModelCreate;
exports.afterCollectionCreate = adapter.afterCollectionCreate;
exports.sync = adapter.sync;

exports.configure = adapter.configure;
exports.on = adapter.on;
exports.off = adapter.off;
exports.replica = adapter.replica;
exports.unconfirmed = adapter.unconfirmed;
exports.adopt = adapter.adopt;
exports.TiSyncError = adapter.TiSyncError;

/** Syncs once; a promise of what it did. */
exports.syncNow = function (dbName) { return adapter.replica(dbName).sync(); };

/** Begins to sync in the background, where `configure({autostart: false})` kept it from that, or after `stop`. */
exports.start = function (dbName) { adapter.replica(dbName).start(); };

/** Tells that something may have changed on a backend. */
exports.hint = function (connector, dbName) { adapter.replica(dbName).hint(connector); };

/** Hands over a newer token of a connector: a text, or `{token, account}`. */
exports.setToken = function (connector, token, dbName) { adapter.replica(dbName).setToken(connector, token); };

/** Ends the session; what waits is kept for the next one ("keep"), given up ("discard"), or saved by a function before that. */
exports.logOut = function (pending, dbName) { return adapter.replica(dbName).logOut(pending); };

/** Begins the next session of the same account. */
exports.logIn = function (dbName) { adapter.replica(dbName).logIn(); };

/** Brings the pending writes that such a function saved back, each once. */
exports.bringBack = function (text, dbName) { return adapter.replica(dbName).bringBack(text); };

/** Ends background sync; writes wait. */
exports.stop = function (dbName) { adapter.replica(dbName).stop(); };

/** What waits, since when, and why; `unsent` is how many writes the backends are still to take. */
exports.health = function (dbName) {
  var health = adapter.replica(dbName).health();
  var outbox = health.outbox;
  // Records of models that stay on the device wait for a connector that may never come.
  var stay = health.blockers.filter(function (one) { return one.blocker === 'no_connector'; });
  health.unsent = outbox.pending + outbox.in_flight + outbox.unknown + outbox.held - (stay.length ? stay[0].entries : 0);
  return health;
};

/** The open conflicts. */
exports.conflicts = function (dbName) { return adapter.replica(dbName).conflicts(); };

/** Settles an open conflict by "ours", "theirs", "delete" or a document. */
exports.resolve = function (collection, id, what, dbName) { adapter.replica(dbName).resolve(collection, id, what); };

/** Decisions, newest first. */
exports.journal = function (options, dbName) { return adapter.replica(dbName).journal(options); };

/** Brings the losing side of a decision back. */
exports.undo = function (row, dbName) { adapter.replica(dbName).undo(row); };

/** What is not settled on the backends yet; `{waiting: true}` gives what is held or was refused. */
exports.outbox = function (options, dbName) { return adapter.replica(dbName).outbox(options); };

/** Sends a parked write again. */
exports.retry = function (mutation, dbName) { adapter.replica(dbName).retry(mutation); };

/** Gives up a parked or held write; the journal keeps it. */
exports.discard = function (mutation, dbName) { adapter.replica(dbName).discard(mutation); };

/** A record's history. */
exports.why = function (collection, id, dbName) { return adapter.replica(dbName).why(collection, id); };
