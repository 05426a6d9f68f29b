'use strict';

// Backbone models and collections on a replica: a sync function for each, and live collections. ES5, for Backbone 0.9.2
// to 1.6. Backbone's own sync, which others may use, stays as it is.

var TiSyncError = require('./core').TiSyncError;
var Drawing = require('./core').Drawing;
var fieldsOf = require('./core').fields;

var equal = fieldsOf.equal;
var plain = fieldsOf.plain;

/**
 * Gives a function that makes sync functions: `backbone(Backbone, replica)('todos')` is the sync of a model or a
 * collection whose records are in the collection `todos`. It answers before it returns, without a network.
 */
function backbone(Backbone, replica) {
  if (!Backbone || !Backbone.Model || !Backbone.Collection || !Backbone.VERSION) {
    throw new TiSyncError('invalid', 'expected Backbone, as require("backbone") gives it, but ' + shown(Backbone) + ' came');
  }
  if (!replica || typeof replica.collection !== 'function' || typeof replica.on !== 'function') {
    throw new TiSyncError('invalid', 'expected a replica, as open() gives it, but ' + shown(replica) + ' came');
  }
  var bridge = new Bridge(replica);

  /** The sync function of a collection of the replica; with `live`, Backbone collections are bound when they are fetched. */
  function offline(name, options) {
    replica.collection(name);
    var isLive = !!(options && options.live);
    function sync(method, target, given) {
      return bridge.sync(name, isLive, method, target, given || {});
    }
    sync.tisync = name;
    return sync;
  }

  /** Changes of the replica arrive at a Backbone collection or model from now on; gives a function that ends it. */
  offline.bind = function (target) { return bridge.bind(target); };

  /** Ends what `bind` began; without a target, for all. */
  offline.unbind = function (target) { bridge.unbind(target); };

  /** How a model stands to the server: `{state, version, conflict, waiting}`. */
  offline.state = function (model) { return bridge.state(model); };

  return offline;
}

/**
 * Between Backbone's objects and a replica. Hosts of their own, such as Alloy, change what they do differently: `nameOf`,
 * `store`, `some`, `isNumbered`, `select`, and `draws`.
 */
function Bridge(replica) {
  this.replica = replica;
  // Whether views draw anew on the event `fetch`: then one tells of all that a fetch has changed.
  this.draws = false;
  this.targets = [];
  this.offs = [];
  this.queue = [];
  this.depth = 0;
  this.drawing = new Drawing(replica);
}

/** The collection of a model or a Backbone collection; undefined for one that is not synced here. */
Bridge.prototype.nameOf = function (target) {
  return target && target.sync && target.sync.tisync;
};

/** The records of a collection. */
Bridge.prototype.store = function (name) {
  return this.replica.collection(name);
};

/** The records with these ids that are there, by their ids. */
Bridge.prototype.some = function (store, ids) {
  var rows = {};
  ids.forEach(function (id) {
    var row = store.get(id);
    if (row) rows[id] = row;
  });
  return rows;
};

/** Whether the ids of a collection are numbers for the app, where they look so. */
Bridge.prototype.isNumbered = function () {
  return false;
};

/** What a SELECT over the views gives: `{columns, rows}`. */
Bridge.prototype.select = function (name, sql, values) {
  return this.replica.sql(sql, values);
};

Bridge.prototype.sync = function (name, isLive, method, target, options) {
  var answer, failed, self = this;
  // What a write changes is told to live collections when Backbone has taken the answer.
  this.depth++;
  try {
    try {
      if (isLive && method === 'read' && target.models) this.bind(target);
      answer = this.carryOut(this.store(name), method, target, options);
    } catch (error) {
      failed = error;
    }
    // Backbone tells of requests since 0.9.9, and has listenTo since then.
    if (target.listenTo) target.trigger('request', target, null, options);
    if (failed) {
      if (options.error) options.error(failed);
    } else {
      this.drawnOnce(target, method === 'read' && !options.silent && 'always', function () {
        if (options.success) options.success(answer.response);
        if (answer.rows) answer.rows.forEach(function (row) { self.remember(row.id === null ? null : target.get(row.id), row); });
      });
    }
  } finally {
    this.depth--;
    this.flush();
  }
  if (typeof Promise === 'undefined') return undefined;
  if (!failed) return Promise.resolve(answer.response);
  var promise = Promise.reject(failed);
  // Whoever does not wait for it has been told by the callback and the event.
  promise.then(null, function () {});
  return promise;
};

// Tells views once of what a change does. `tells`: "always", or "changed" for when there was something.
Bridge.prototype.drawnOnce = function (target, tells, change) {
  if (!this.draws || !tells) return change();
  if (target.models) return this.drawing.once(target, tells === 'always', change);
  change();
  target.trigger('fetch', { fromAdapter: true });
};

Bridge.prototype.carryOut = function (store, method, target, options) {
  if (method === 'read') return target.models ? this.readAll(store, target, options) : this.read(store, target, options);
  if (method === 'create' || method === 'update' || method === 'patch') return this.write(store, method, target, options);
  if (method === 'delete') {
    var id = idOf(target);
    if (store.get(id)) store.remove(id);
    // Backbone takes this model out of its collections itself.
    target.tisync = { isDestroyed: true };
    return { response: null };
  }
  throw new TiSyncError('invalid', 'expected create, read, update, patch or delete, but the method "' + method + '" came');
};

Bridge.prototype.readAll = function (store, target, options) {
  var self = this;
  var query = isGiven(options.id) && !options.query ? { id: String(options.id) } : options.query;
  var rows = this.rows(store, target, query);
  target.tisync = { query: query };
  return {
    response: rows.map(function (row) { return self.wire((row.id !== null && target.get(row.id)) || target, row); }),
    rows: rows
  };
};

// The records that `query` of a fetch finds: a query of collections, SQL as a text or as `{statement, params}`, or an id.
Bridge.prototype.rows = function (store, target, query) {
  var row;
  if (query && query.id !== undefined) {
    row = store.get(query.id);
    return row ? [row] : [];
  }
  if (typeof query !== 'string' && !(query && query.statement !== undefined)) return store.query(query || {});
  var params = query.params === undefined || query.params === null ? [] : query.params;
  var found = this.select(store.name, query.statement || query, Array.isArray(params) ? params : [params]);
  var idAttribute = idAttributeOf(target);
  return found.rows.map(function (values) {
    var read = { id: null, document: {} };
    var text = null;
    found.columns.forEach(function (name, place) {
      if (name === idAttribute && values[place] !== null) read.id = String(values[place]);
      else if (name === 'document') text = values[place];
      else read.document[name] = values[place];
    });
    // Fields that are not selected, or not declared as columns, belong to the model as well.
    row = text === null && read.id !== null ? store.get(read.id) : null;
    var whole = text !== null ? JSON.parse(text) : row ? row.document : {};
    for (var name in whole) read.document[name] = whole[name];
    return read;
  });
};

Bridge.prototype.read = function (store, model, options) {
  var id = isGiven(options.id) ? String(options.id) : isGiven(model.id) ? String(model.id) : null;
  if (options.query || (id === null && this.draws)) {
    var rows = this.rows(store, model, options.query);
    if (rows.length > 1 && !options.query) {
      throw new TiSyncError('invalid', 'expected a model with an id, but it has none, and the collection ' + store.name + ' has more than one record; set its "' + model.idAttribute + '", or fetch with `id`');
    }
    if (!rows.length) return { response: {} };
    this.remember(model, rows[0]);
    return { response: this.wire(model, rows[0]) };
  }
  return this.answer(store, model, id === null ? idOf(model) : id);
};

Bridge.prototype.write = function (store, method, model, options) {
  var document = plain(options.attrs || model.toJSON(options));
  var known = model.tisync && model.tisync.wire && without(model.tisync.wire, model.idAttribute);
  delete document[model.idAttribute];
  if (method === 'create') return this.answer(store, model, store.insert(document));
  var id = idOf(model);
  var fields;
  if (method === 'patch') {
    fields = options.attrs ? fieldsOf.changed({}, without(options.attrs, model.idAttribute)) : fieldsOf.changed(known || {}, document);
  } else if (known && store.get(id)) {
    // Only what changed since it was read: what others changed meanwhile stays.
    fields = fieldsOf.difference(known, document);
  } else {
    return this.answer(store, model, store.put(id, document));
  }
  if (!isEmpty(fields)) id = store.patch(id, fields);
  return this.answer(store, model, id);
};

// What is stored now, as Backbone takes it.
Bridge.prototype.answer = function (store, model, id) {
  var row = store.get(id);
  if (!row) {
    throw new TiSyncError('not_found', 'expected the record "' + id + '" in the collection ' + store.name + ', but there is none; it may have been deleted');
  }
  this.remember(model, row);
  return { response: this.wire(model, row) };
};

// Keeps what a model was last given: later changes are told from the app's own edits by it.
Bridge.prototype.remember = function (model, row) {
  if (model) model.tisync = { wire: this.wire(model, row) };
};

// A record as attributes. A number that the app gave as an id stays one.
Bridge.prototype.wire = function (target, row) {
  var attributes = plain(row.document);
  if (row.id === null) return attributes;
  var own = target.models ? undefined : target.id;
  attributes[idAttributeOf(target)] = isGiven(own) && String(own) === row.id ? own : this.idFor(target, row.id);
  return attributes;
};

Bridge.prototype.idFor = function (target, id) {
  return /^(0|-?[1-9]\d{0,14})$/.test(id) && this.isNumbered(this.nameOf(target)) ? Number(id) : id;
};

Bridge.prototype.bind = function (target) {
  var self = this;
  if (!target || !target.trigger || !this.nameOf(target)) {
    throw new TiSyncError('invalid', 'expected a Backbone model or collection whose sync was made here, but ' + shown(target) + ' came; write `sync: offline("todos")` in its extend');
  }
  if (this.targets.indexOf(target) < 0) this.targets.push(target);
  if (!this.offs.length) {
    this.offs = ['mapped', 'change', 'conflict', 'parked'].map(function (name) {
      return self.replica.on(name, function (event) {
        self.queue.push({ name: name, event: event });
        self.flush();
      });
    }).concat(this.replica.on('over', function () { self.drawing.now(); }));
  }
  return function () { self.unbind(target); };
};

Bridge.prototype.unbind = function (target) {
  this.targets = target ? this.targets.filter(function (one) { return one !== target; }) : [];
  this.drawing.forget(target);
  if (this.targets.length) return;
  this.offs.forEach(function (off) { off(); });
  this.offs = [];
  this.queue = [];
};

Bridge.prototype.flush = function () {
  while (this.depth === 0 && this.queue.length) {
    var told = this.queue.shift();
    var targets = this.targets.slice();
    for (var i = 0; i < targets.length; i++) {
      if (this.nameOf(targets[i]) === told.event.collection) this.tell(targets[i], told.name, told.event);
    }
  }
};

Bridge.prototype.tell = function (target, name, event) {
  var self = this;
  this.drawing.attempt(function () {
    if (name === 'change') self.changed(target, event);
    else if (name === 'mapped') self.rename(target, modelOf(target, event.former), event.id);
    else {
      var model = modelOf(target, event.id);
      if (model) model.trigger(name, model, event);
    }
  });
};

Bridge.prototype.changed = function (target, event) {
  var refresh = this.refresh.bind(this, target, event);
  if (!this.draws || !target.models || !event.remote) this.drawnOnce(target, target.models && 'changed', refresh);
  // What a query finds is read as a whole: not more often than it is drawn.
  else if (queryOf(target)) this.drawing.soon(target, refresh);
  else this.drawing.parts(target, refresh);
};

// Brings a Backbone collection or model to what the replica has now.
Bridge.prototype.refresh = function (target, event) {
  var self = this;
  var store = this.store(event.collection);
  var options = { remote: event.remote };
  var query = queryOf(target);
  var added = [];
  function take(row) {
    var model = modelOf(target, row.id);
    if (model) self.update(target, model, row, options);
    else if (target.models) added.push(row);
  }
  if (query) {
    var found = {};
    this.rows(store, target, query).forEach(function (row) {
      if (row.id === null) return;
      found[row.id] = true;
      take(row);
    });
    target.models.slice().forEach(function (model) {
      if (!model.tisync || found[model.id]) return;
      var row = store.get(String(model.id));
      if (row && found[row.id]) self.update(target, model, row, options);
      else self.remove(target, model, options);
    });
  } else {
    var ids = event.records.map(function (record) { return record[0]; });
    if (!target.models) ids = ids.filter(function (id) { return modelOf(target, id); });
    var rows = self.some(store, ids);
    ids.forEach(function (id) {
      var model = modelOf(target, id);
      if (rows[id]) take(rows[id]);
      else if (model) self.remove(target, model, options);
    });
  }
  added = added.filter(function (row) { return !modelOf(target, row.id); });
  if (!added.length) return;
  options.parse = true;
  target.add(added.map(function (row) { return self.wire(target, row); }), options);
  added.forEach(function (row) { self.remember(target.get(row.id), row); });
};

Bridge.prototype.remove = function (target, model, options) {
  if (model.tisync && model.tisync.isDestroyed) return;
  if (target.models) target.remove(model, options);
  else model.trigger('destroy', model, model.collection, options);
};

// The server has made the id of a record: the model keeps its place.
Bridge.prototype.rename = function (target, model, id) {
  if (!model || String(model.id) === id) return;
  id = this.idFor(model, id);
  var twin = target.models && target.get(id);
  if (twin && twin !== model) target.remove(twin);
  if (model.tisync && model.tisync.wire) model.tisync.wire[model.idAttribute] = id;
  var fields = {};
  fields[model.idAttribute] = id;
  model.set(fields);
};

// Sets what changed, and leaves alone what the app has edited and not saved yet.
Bridge.prototype.update = function (target, model, row, options) {
  if (model.tisync && model.tisync.isDestroyed) return;
  this.rename(target, model, row.id);
  var known = model.tisync && model.tisync.wire;
  var next = this.wire(model, row);
  var newer = model.parse(plain(next));
  var older = known ? model.parse(plain(known)) : {};
  var set = {}, unset = {}, name, now;
  for (name in newer) {
    now = plain(model.attributes[name]);
    if (known && (equal(newer[name], older[name]) || !equal(now, older[name]))) continue;
    if (!equal(now, newer[name])) set[name] = newer[name];
  }
  for (name in older) {
    if (!(name in newer) && equal(plain(model.attributes[name]), older[name])) unset[name] = undefined;
  }
  if (!isEmpty(set) && !model.set(set, options)) return;
  if (!isEmpty(unset)) model.set(unset, { unset: true, remote: options.remote });
  model.tisync = { wire: next };
};

Bridge.prototype.state = function (model) {
  var name = model && this.nameOf(model);
  if (!name) throw new TiSyncError('invalid', 'expected a Backbone model whose sync was made here, but ' + shown(model) + ' came');
  var row = isGiven(model.id) ? this.store(name).get(String(model.id)) : null;
  var id = row ? row.id : String(model.id);
  return {
    state: row ? row.state : null,
    version: row ? row.version : null,
    conflict: this.replica.conflicts().filter(function (one) { return one.collection === name && one.id === id; })[0] || null,
    waiting: this.replica.outbox({ waiting: true }).filter(function (one) { return one.collection === name && one.record === id; })
  };
};

function queryOf(target) {
  return target.models && target.tisync && target.tisync.query;
}

// The model of a record: of a collection, or the bound one.
function modelOf(target, id) {
  if (target.models) return target.get(id) || null;
  return isGiven(target.id) && String(target.id) === id ? target : null;
}

function idAttributeOf(target) {
  return target.idAttribute || (target.model && target.model.prototype && target.model.prototype.idAttribute) || 'id';
}

function idOf(model) {
  if (!isGiven(model.id)) {
    throw new TiSyncError('invalid', 'expected a model with an id, but it has none; set its "' + model.idAttribute + '" or save it first');
  }
  return String(model.id);
}

function without(document, name) {
  var copy = {};
  for (var one in document) if (one !== name) copy[one] = document[one];
  return copy;
}

function isGiven(value) {
  return value !== undefined && value !== null;
}

function isEmpty(object) {
  return Object.keys(object).length === 0;
}

function shown(value) {
  return value === null ? 'null' : 'a value of type ' + typeof value;
}

backbone.Bridge = Bridge;

module.exports = backbone;
