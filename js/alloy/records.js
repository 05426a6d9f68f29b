'use strict';

// The records of a collection as models see them.

var select = require('./select');

/** The records of a collection of a store. */
function Records(store, name) {
  this.store = store;
  this.name = name;
  this.model = store.models[name];
  this.under = store.replica.collection(name);
}

/** Declares the collections that the adapter keeps for itself. */
Records.declare = function () {};

Records.prototype.get = function (id) {
  return this.under.get(id);
};

Records.prototype.query = function (query) {
  if (query && Object.keys(query).length) return this.under.query(query);
  // All of them, in the order in which they came.
  return this.rows('SELECT "id", "document" FROM main.' + select.quoted(this.name)).map(function (row) {
    return { id: row[0], document: JSON.parse(row[1]) };
  });
};

Records.prototype.rows = function (sql) {
  return this.store.replica.host.database.prepare(sql).all([]);
};

Records.prototype.insert = function (document) {
  // A column `INTEGER PRIMARY KEY` counts, where no server makes the ids.
  if (this.model.isNumbered && !this.model.connector) return this.under.insert(document, String(this.next()));
  return this.under.insert(document);
};

Records.prototype.next = function () {
  return (Number(this.rows('SELECT MAX(CAST("id" AS INTEGER)) FROM main.' + select.quoted(this.name))[0][0]) || 0) + 1;
};

Records.prototype.put = function (id, document) {
  return this.under.put(id, document);
};

Records.prototype.patch = function (id, fields) {
  return this.under.patch(id, fields);
};

Records.prototype.remove = function (id) {
  return this.under.remove(id);
};

module.exports = Records;
