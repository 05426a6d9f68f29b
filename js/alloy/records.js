'use strict';

// The records of a collection as models see them.

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
  return this.under.query(query);
};

Records.prototype.insert = function (document) {
  // A column `INTEGER PRIMARY KEY` counts, where no server makes the ids.
  if (this.model.isNumbered && !this.model.connector) return this.under.insert(document, String(this.next()));
  return this.under.insert(document);
};

Records.prototype.next = function () {
  var sql = 'SELECT MAX(CAST("id" AS INTEGER)) FROM main."' + this.name.replace(/"/g, '""') + '"';
  return (Number(this.store.replica.host.database.prepare(sql).all([])[0][0]) || 0) + 1;
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
