'use strict';

// The sync adapter: the hooks that Alloy calls, and what the app calls.

var Store = require('./store');
var TiSyncError = require('./core').TiSyncError;
var imports = require('./imports');
var methods = require('./methods');
var old = require('./old');
var settings = require('./settings');

/**
 * An adapter. `load(type)` gives a file of the folder `connectors`, `model(name)` runs the file of a model, `alloy()` gives
 * Alloy.
 */
function adapter(load, model, alloy) {
  var stores = {};
  var listeners = {};
  var config = { connectors: {} };

  var app = {
    config: config,
    require: model,
    // Read when the model is used first: `configure` may come later than its file.
    read: function (found) { return settings.read(found.config, load, config.connectors); },
    emit: function (name, event) {
      (listeners[name] || []).slice().forEach(function (listener) {
        try {
          listener(event);
        } catch (error) {
          setTimeout(function () { throw error; }, 0);
        }
      });
    },
    isSingleton: function (target, name) {
      var Alloy = alloy();
      return !!Alloy && ((Alloy.Collections || {})[name] === target || (Alloy.Models || {})[name] === target);
    }
  };

  function store(dbName) {
    stores[dbName] = stores[dbName] || new Store(dbName, app);
    return stores[dbName];
  }

  function modelOf(target) {
    var given = target && target.config && target.config.adapter;
    var found = given && stores[given.db_name] && stores[given.db_name].models[given.collection_name];
    if (!found) throw new TiSyncError('invalid', 'expected a model or a collection of the type "ti.sync", but another came');
    return found;
  }

  function beforeModelCreate(given, name) {
    var failed = null;
    try {
      if (given.adapter && given.adapter.db_file) old.install(settings.named(given, name));
    } catch (error) {
      failed = error;
    }
    var completed = settings.complete(given, name);
    var found = {
      name: name,
      collection: completed.adapter.collection_name,
      config: completed,
      migrations: [],
      live: completed.live,
      store: store(completed.adapter.db_name)
    };
    if (failed) found.store.refuse(found, failed);
    found.store.add(found);
    return completed;
  }

  function afterModelCreate(Model) {
    var found = modelOf(Model.prototype);
    Model.prototype.idAttribute = found.config.adapter.idAttribute;
    found.migrations = Model.migrations || [];
    methods.ofModels(Model.prototype, access);
  }

  function afterCollectionCreate(Collection) {
    methods.ofCollections(Collection.prototype, access);
  }

  function sync(method, target, options) {
    options = options || {};
    var found;
    try {
      found = modelOf(target);
    } catch (error) {
      if (options.error) options.error(error);
      return undefined;
    }
    return found.store.sync(found, method, target, options);
  }

  // The open store of a model or a collection, and the name of its collection.
  function access(target) {
    var found = modelOf(target);
    found.store.use(found);
    return { store: found.store, replica: found.store.replica, bridge: found.store.bridge, name: found.collection, stays: !found.connector };
  }

  /** The replica of a database; without a name, of the only one. */
  function replica(dbName) {
    var names = Object.keys(stores);
    if (dbName === undefined && names.length > 1) {
      throw new TiSyncError('invalid', 'expected the name of one of the databases ' + names.join(', ') + ', but nothing came; write replica("' + names[0] + '")');
    }
    var found = stores[dbName === undefined ? names[0] : dbName];
    if (!found) throw new TiSyncError('not_found', 'expected a model of the type "ti.sync" to be there, but none is' + (dbName === undefined ? '' : ' in the database "' + dbName + '"') + '; create one first');
    if (!found.replica || found.replica.isClosed) found.open();
    return found.replica;
  }

  /** Settings for all models: `token`, `credentials`, `account`, `autostart`, and `connectors` by the names that models give. */
  function configure(given) {
    for (var key in given) config[key] = given[key];
    config.connectors = config.connectors || {};
  }

  /** Calls `listener` for an event of any replica, by the names of `replica.on`; gives a function that ends it. */
  function on(name, listener) {
    listeners[name] = (listeners[name] || []).concat(listener);
    return function () { off(name, listener); };
  }

  function off(name, listener) {
    listeners[name] = (listeners[name] || []).filter(function (one) { return one !== listener; });
  }

  // The model of a collection of unconfirmed rows.
  function imported(collection, dbName) {
    replica(dbName);
    var names = dbName === undefined ? Object.keys(stores) : [dbName];
    for (var i = 0; i < names.length; i++) {
      var found = stores[names[i]].models[collection];
      if (found) {
        found.store.use(found);
        return found;
      }
    }
    throw new TiSyncError('not_found', 'expected a collection of a model of the type "ti.sync", but "' + collection + '" came');
  }

  /** The rows of an older adapter that no pull has confirmed: `{id, document}`. */
  function unconfirmed(collection, dbName) {
    var found = imported(collection, dbName);
    return imports.waiting(found.store, found);
  }

  /** What becomes of them: "keep" (on this device alone), "upload" or "discard"; of all, or of those with these ids. */
  function adopt(collection, what, ids, dbName) {
    var found = imported(collection, dbName);
    imports.adopt(found.store, found, what, ids);
  }

  return {
    unconfirmed: unconfirmed, adopt: adopt,
    beforeModelCreate: beforeModelCreate, afterModelCreate: afterModelCreate, afterCollectionCreate: afterCollectionCreate,
    sync: sync, configure: configure, on: on, off: off, replica: replica, TiSyncError: TiSyncError
  };
}

module.exports = adapter;
