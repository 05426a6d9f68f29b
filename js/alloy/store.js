'use strict';

// One database of the app's: its replica, and the models whose records are in it. Models are required one by one, when the
// app needs them: the replica is opened at the first use with all that are known by then, and learns the others as they come.

var Replica = require('./replica');
var Bridge = require('./backbone').Bridge;
var TiSyncError = require('./core').TiSyncError;
var Records = require('./records');
var fetches = require('./fetches');
var host = require('./host');
var imports = require('./imports');
var select = require('./select');
var settings = require('./settings');

// A file beside that of the stock adapters, which stays as it is.
var SUFFIX = '_tisync';

// So many milliseconds after the last fetch asked its backend for news, the next one does.
var HINT_MS = 2000;

/**
 * The replica of a database. `app` has `config` (`token`, `credentials`, `account`), `read(model)`, which reads a configuration, `require(name)`, which runs the file of
 * a model, `emit(name, event)`, and `isSingleton(target)`.
 */
function Store(dbName, app) {
  this.dbName = dbName;
  this.app = app;
  this.models = {};
  this.replica = null;
  this.bridge = null;
  this.views = {};
  this.hinted = {};
  this.isStarted = false;
}

/** Adds a model: `{name, collection, config, migrations, live}`. What its configuration says is read when it is used. */
Store.prototype.add = function (model) {
  var known = this.models[model.collection];
  this.models[model.collection] = model;
  if (model.config.connector || model.config.URL) this.note('models', model.name);
  if (!known || !known.isOpen) return;
  this.read(model);
  // What is known of the collection is known of every model of it.
  ['imported', 'unconfirmed', 'settledMs', 'left'].forEach(function (key) { model[key] = known[key]; });
  model.isOpen = JSON.stringify(known.settings) === JSON.stringify(model.settings);
  if (!model.isOpen) this.refuse(model, new TiSyncError('bad_config', 'expected the models of the collection ' + model.collection + ' to say the same of it, but they differ'));
};

Store.prototype.read = function (model) {
  if (model.settings || model.error) return;
  try {
    var read = this.app.read(model);
    for (var key in read) model[key] = read[key];
  } catch (error) {
    this.refuse(model, error);
  }
};

/** The replica, open, with this model's collection in it. */
Store.prototype.use = function (model) {
  this.read(model);
  if (model.error) throw model.error;
  if (!this.replica || this.replica.isClosed) this.open();
  if (!model.isOpen) this.declare();
  if (model.error) throw model.error;
  return this.replica;
};

Store.prototype.open = function () {
  // What is known of a replica that was closed goes with it.
  this.views = {};
  this.isStarted = false;
  for (var name in this.models) this.models[name].isOpen = false;
  this.recall();
  var self = this;
  var made = host(this.dbName + SUFFIX);
  var models = this.sound(function () { return true; });
  try {
    this.replica = new Replica(made, this.config(models));
  } catch (error) {
    if (error.kind !== 'bad_config' && error.kind !== 'invalid') {
      made.close();
      throw error;
    }
    // One of the models is wrong: the others do without it.
    models = [];
    try {
      this.replica = new Replica(made, this.config(models));
    } catch (again) {
      made.close();
      throw again;
    }
  }
  this.bridge = this.bridged(this.replica);
  if (models.some(function (model) { return model.config.adapter.remoteBackup === false; })) made.database.setRemoteBackup(false);
  made.watchResume(function () { if (!self.replica.isClosed) self.replica.quietly('woke'); });
  this.opened(models);
  // Before the app hears of a record that has come, and changes it.
  this.replica.on('change', function (event) { self.matched(event); });
  ['change', 'conflict', 'mapped', 'parked', 'journalled', 'progress', 'network', 'health', 'mended', 'trouble'].forEach(function (name) {
    self.replica.on(name, function (event) { self.app.emit(name, event); });
  });
  this.replica.on('change', function (event) { self.unconfirmed(event); });
  this.replica.on('health', function () { self.settle(); });
  if (!models.length) this.declare();
  this.start();
};

// Models whose collections are open from now on: rows of older adapters come along.
Store.prototype.opened = function (models) {
  var self = this;
  models.forEach(function (model) { model.isOpen = true; });
  imports.arrive(this, models, function () { self.redeclare(); });
};

Store.prototype.redeclare = function () {
  this.dropViews();
  this.replica.declare(this.config(this.sound(function (model) { return model.isOpen; })));
};

// A change of an unconfirmed row is one of the collection that it is shown in.
Store.prototype.unconfirmed = function (event) {
  for (var name in this.models) {
    if (event.collection === imports.nameOf(name)) this.replica.emit('change', { collection: name, records: event.records, remote: event.remote });
  }
};

// Matches unconfirmed rows with the records that have just come.
Store.prototype.matched = function (event) {
  var model = this.models[event.collection];
  if (model && model.isOpen && model.unconfirmed && model.connector) this.match(model, event.records.map(function (record) { return record[0]; }));
};

Store.prototype.match = function (model, ids) {
  try {
    imports.match(this, model, ids);
  } catch (error) {
    this.app.emit('trouble', error);
  }
};

// Matches unconfirmed rows, and tells of those that are left the first time.
Store.prototype.settle = function () {
  var self = this;
  if (this.isSettling) return;
  this.isSettling = true;
  try {
    this.sound(function (model) { return model.isOpen && model.unconfirmed && model.connector; }).forEach(function (model) {
      var complete = imports.completeMs(self, model);
      if (complete === null || complete === model.settledMs) return;
      var left = imports.settle(self, model);
      if (left && left !== model.left) self.app.emit('unconfirmed', { collection: model.collection, rows: left });
      model.left = left;
    });
  } catch (error) {
    this.app.emit('trouble', error);
  } finally {
    this.isSettling = false;
  }
};

// Brings the models that came meanwhile into the open replica.
Store.prototype.declare = function () {
  var self = this;
  this.dropViews();
  var added = this.sound(function (model) { return !model.isOpen; });
  try {
    this.replica.declare(this.config(this.sound(function () { return true; })));
    this.opened(added);
  } catch (error) {
    if (error.kind !== 'bad_config' && error.kind !== 'invalid') throw error;
    added.forEach(function (model) {
      try {
        self.replica.declare(self.config(self.sound(function (one) { return one.isOpen || one === model; })));
      } catch (wrong) {
        return self.refuse(model, wrong);
      }
      self.opened([model]);
    });
  }
  this.start();
};

Store.prototype.refuse = function (model, error) {
  model.error = error;
  Ti.API.error('ti.sync: the model "' + model.name + '" cannot be used: ' + error.message);
};

// The models without an error that a test takes.
Store.prototype.sound = function (test) {
  var models = [];
  for (var name in this.models) {
    this.read(this.models[name]);
    if (!this.models[name].error && test(this.models[name])) models.push(this.models[name]);
  }
  return models;
};

Store.prototype.config = function (models) {
  var self = this;
  var given = this.app.config;
  var config = { collections: {}, connectors: {}, policies: {}, migrate: {}, account: given.account, token: given.token, credentials: given.credentials };
  models.forEach(function (model) {
    var connector = model.connector;
    if (connector) {
      var known = config.connectors[connector.name];
      try {
        connector = known ? settings.together(known, connector) : connector;
      } catch (error) {
        self.refuse(model, error);
        return;
      }
      config.connectors[connector.name] = connector;
    }
    config.collections[model.collection] = model.settings;
    if (model.config.migrate) config.migrate[model.collection] = model.config.migrate;
    for (var name in model.policies) config.policies[name] = model.policies[name];
  });
  imports.declare(config, models.filter(function (model) { return !!config.collections[model.collection]; }));
  return config;
};

// Sync begins when the script that runs now has ended: it may require more models.
Store.prototype.start = function () {
  var self = this;
  if (this.isStarted || !this.sound(function (model) { return model.isOpen && model.connector; }).length) return;
  this.isStarted = true;
  setTimeout(function () {
    if (self.app.config.autostart === false || self.replica.isClosed) return;
    try {
      self.replica.start();
    } catch (error) {
      self.app.emit('trouble', error);
    }
  }, 0);
};

// The names of the models of this database that sync, so that what an earlier run left to be sent is sent before the app
// needs its model. Without them it waits until then.
Store.prototype.recall = function () {
  var self = this;
  this.noted('models').forEach(function (name) {
    for (var collection in self.models) {
      if (self.models[collection].name === name) return;
    }
    // A model that was taken out of the app, or one of a widget, is not found.
    self.app.require(name);
  });
};

// Names that are kept between runs, and may get lost without harm.
Store.prototype.noted = function (list) {
  try {
    return JSON.parse(Ti.App.Properties.getString('ti.sync.' + list + '.' + this.dbName, '[]')) || [];
  } catch (error) {
    return [];
  }
};

Store.prototype.has = function (list, name) {
  return this.noted(list).indexOf(name) >= 0;
};

Store.prototype.note = function (list, name) {
  if (!this.has(list, name)) Ti.App.Properties.setString('ti.sync.' + list + '.' + this.dbName, JSON.stringify(this.noted(list).concat(name).sort()));
};

Store.prototype.bridged = function (replica) {
  var self = this;
  var bridge = new Bridge(replica);
  bridge.draws = true;
  bridge.nameOf = function (target) {
    var adapter = target && target.config && target.config.adapter;
    return adapter && adapter.db_name === self.dbName && self.models[adapter.collection_name] ? adapter.collection_name : undefined;
  };
  bridge.store = function (name) { return new Records(self, name); };
  bridge.some = function (records, ids) { return records.some(ids); };
  bridge.isNumbered = function (name) { return !!self.models[name] && self.models[name].isNumbered; };
  bridge.select = function (name, sql, values) { return select.run(self, sql, values); };
  return bridge;
};

Store.prototype.dropViews = function () {
  if (this.replica) select.drop(this);
};

/** A call of Backbone's. It throws nothing: what goes wrong is for the error callback. */
Store.prototype.sync = function (model, method, target, options) {
  try {
    this.use(model);
    if (method === 'read') fetches.complete(model, options);
  } catch (error) {
    if (options.error) options.error(error);
    return undefined;
  }
  var isLive = model.live === true || (model.live !== false && this.app.isSingleton(target, model.name));
  if (isLive && method === 'read' && !target.models && target.id !== undefined) this.bridge.bind(target);
  var answer = this.bridge.sync(model.collection, isLive, method, target, options);
  if (method === 'read' && model.connector && !options.localOnly) this.hint(model.connector.name);
  return answer;
};

// A fetch shows what is here; what is new on the backend is asked for, and arrives later.
Store.prototype.hint = function (connector) {
  var now = this.replica.host.monotonicMs();
  if (this.hinted[connector] !== undefined && now - this.hinted[connector] < HINT_MS) return;
  this.hinted[connector] = now;
  try {
    this.replica.hint(connector);
  } catch (error) {
    this.app.emit('trouble', error);
  }
};

module.exports = Store;
