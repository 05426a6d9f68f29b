'use strict';

// A collection: its records and its live queries.

var calls = require('./calls');

// A live query runs at most so often, in milliseconds.
var WATCH_MS = 50;

/** A collection of a replica; made by `replica.collection(name)`. */
function Collection(replica, name) {
  this.replica = replica;
  this.name = name;
}

/** A record by its id, or by a former one: `{id, document, state, version}`, or null. */
Collection.prototype.get = function (id) {
  return this.replica.command({ get: { collection: this.name, id: id } });
};

/** The records that a query finds: `{filter, order, limit, offset, after}`. Without one, all. */
Collection.prototype.query = function (query) {
  return this.replica.query(this.name, query || {});
};

/** How many records a query finds. */
Collection.prototype.count = function (query) {
  return this.replica.command({ count: { collection: this.name, query: query || {} } });
};

/** Makes a record; gives its id. An existing one is an error. Without an id one is drawn. */
Collection.prototype.insert = function (document, id) {
  return this.write('insert', document, id);
};

/** Stores a whole document, whether the record is there or not. */
Collection.prototype.put = function (id, document) {
  return this.write('put', id, document);
};

/** Replaces the document of a record that is there. */
Collection.prototype.update = function (id, document) {
  return this.write('update', id, document);
};

/** Changes fields of a record, by name; undefined takes one away. */
Collection.prototype.patch = function (id, fields) {
  return this.write('patch', id, fields);
};

/** Deletes a record. */
Collection.prototype.remove = function (id) {
  return this.write('remove', id);
};

Collection.prototype.write = function (kind, first, second) {
  var writes = [];
  calls.writer(writes)[kind](this.name, first, second);
  return this.replica.command({ write: { writes: writes } })[0].id;
};

/** Calls `listener` with what a query finds, now and after each change that may touch it. Gives a function that ends it. */
Collection.prototype.watch = function (query, listener) {
  if (typeof query === 'function') return this.watch({}, query);
  var self = this;
  var host = this.replica.host;
  var cancel = null;
  var ended = false;
  var restsUntil = 0;
  function run() {
    cancel = null;
    if (ended || self.replica.isClosed) return;
    var began = host.monotonicMs();
    var found = self.query(query);
    // It rests for as long as it ran, if that is longer.
    restsUntil = host.monotonicMs() + Math.max(WATCH_MS, host.monotonicMs() - began);
    listener(found);
  }
  var off = this.replica.on('change', function (change) {
    if (change.collection !== self.name || cancel) return;
    cancel = host.later(Math.max(0, restsUntil - host.monotonicMs()), run);
  });
  run();
  return function () {
    ended = true;
    off();
    if (cancel) cancel();
    cancel = null;
  };
};

module.exports = Collection;
