'use strict';

// The records of a collection as models see them: those of the replica, and the rows of an older adapter that are not
// confirmed yet.

var names = require('./fields').names;
var imports = require('./imports');
var order = require('./order');
var quoted = require('./database').quoted;

// Records that one query reads.
var IDS = 100;

/** The records of a collection of a store. */
function Records(store, name) {
  this.store = store;
  this.name = name;
  this.model = store.models[name];
  this.under = store.replica.collection(name);
  this.beside = this.model.unconfirmed ? store.replica.collection(imports.nameOf(name)) : null;
}

Records.prototype.get = function (id) {
  var row = this.under.get(id);
  var kept = row ? null : this.unconfirmed(id);
  return kept && kept.there ? shown(id, kept) : row;
};

Records.prototype.query = function (query) {
  var self = this;
  var isAll = !query || !Object.keys(query).length;
  // All of them come in the order in which they were made.
  var found = !isAll ? this.under.query(this.beside ? first(query) : query) : this.rows('SELECT "id", "document" FROM main.' + quoted(this.name)).map(function (row) {
    return { id: row[0], document: JSON.parse(row[1]) };
  });
  if (!this.beside) return found;
  var beside = this.beside.query(beneath(query || {})).filter(function (row) {
    return !self.under.get(row.id);
  }).map(function (row) { return shown(row.id, row.document); });
  if (isAll) return found.concat(beside);
  var merged = found.concat(beside).sort(order.by(query.order, this.model.settings.columns));
  var from = query.offset || 0;
  return isGiven(query.limit) ? merged.slice(from, from + query.limit) : merged.slice(from);
};

// Reads all of them in one query for each few: a command for each would take longest, where nothing is compiled.
Records.prototype.some = function (ids) {
  var found = {};
  for (var from = 0; from < ids.length; from += IDS) {
    var some = ids.slice(from, from + IDS);
    var marks = some.map(function () { return '?'; }).join(', ');
    this.rows('SELECT "id", "document" FROM main.' + quoted(this.name) + ' WHERE "id" IN (' + marks + ')', some).forEach(function (row) {
      found[row[0]] = { id: row[0], document: JSON.parse(row[1]) };
    });
  }
  if (!this.beside) return found;
  ids.forEach(function (id) {
    var row = found[id] ? null : this.get(id);
    if (row) found[id] = row;
  }, this);
  return found;
};

Records.prototype.rows = function (sql, values) {
  return this.store.replica.host.database.prepare(sql).all(values || []);
};

Records.prototype.insert = function (document) {
  // A column `INTEGER PRIMARY KEY` counts, where no server makes the ids.
  if (this.model.isNumbered && !this.model.connector) return this.under.insert(document, String(this.next()));
  return this.under.insert(document);
};

Records.prototype.next = function () {
  return (Number(this.rows('SELECT MAX(CAST("id" AS INTEGER)) FROM main.' + quoted(this.name))[0][0]) || 0) + 1;
};

Records.prototype.put = function (id, document) {
  var kept = this.unconfirmed(id);
  if (!kept) return this.under.put(id, document);
  return this.beside.put(id, edited(kept, document, true));
};

Records.prototype.patch = function (id, fields) {
  var kept = this.unconfirmed(id);
  if (!kept) return this.under.patch(id, fields);
  var now = kept.now;
  for (var path in fields) {
    var name = path.charAt(0) === '/' ? names(path)[0] : path;
    if (fields[path] === undefined) delete now[name];
    else now[name] = fields[path];
  }
  return this.put(id, now);
};

Records.prototype.remove = function (id) {
  var kept = this.unconfirmed(id);
  if (!kept) return this.under.remove(id);
  return this.beside.put(id, edited(kept, kept.now, false));
};

// The unconfirmed row of an id: a record of the replica comes before it.
Records.prototype.unconfirmed = function (id) {
  var row = this.beside && !this.under.get(id) && this.beside.get(id);
  return row ? row.document : null;
};

// What the app has made of an unconfirmed row: what it said of it before still holds.
function edited(kept, now, isThere) {
  var row = { row: kept.row, now: now, there: isThere };
  if (kept.kept) row.kept = true;
  return row;
}

function shown(id, kept) {
  return { id: id, document: kept.now, state: 'unconfirmed', version: null };
}

// A query whose answer has all that can be among the first of several: what is passed over is so later.
function first(query) {
  var copy = {};
  for (var name in query) copy[name] = query[name];
  delete copy.offset;
  if (isGiven(query.limit)) copy.limit = query.limit + (query.offset || 0);
  return copy;
}

// The same over the documents of unconfirmed rows that are there.
function beneath(query) {
  var copy = first(query);
  copy.filter = { and: [{ eq: ['/there', true] }].concat(query.filter === undefined ? [] : within(query.filter)) };
  if (query.order) copy.order = query.order.map(function (one) { return { path: now(one.path), descending: !!one.descending }; });
  if (query.after) copy.after = [query.after[0], { now: query.after[1] }];
  return copy;
}

function within(filter) {
  if (!filter || typeof filter !== 'object') return filter;
  var copy = {};
  for (var kind in filter) {
    var given = filter[kind];
    if (kind === 'and' || kind === 'or') copy[kind] = given.map(within);
    else if (kind === 'not') copy[kind] = within(given);
    else if (kind === 'is_null') copy[kind] = now(given);
    else copy[kind] = [now(given[0])].concat(given.slice(1));
  }
  return copy;
}

// The id is no field of the document.
function now(path) {
  return path === '/id' ? path : '/now' + path;
}

function isGiven(value) {
  return value !== undefined && value !== null;
}

module.exports = Records;
