'use strict';

// What models and collections can tell of how they stand to their backend. A method of the app's own has precedence.

// Entries that are read at once.
var PAGE = 500;

function add(prototype, methods) {
  for (var name in methods) {
    if (prototype[name] === undefined) prototype[name] = methods[name];
  }
}

/** Adds them to models. `access(model)` gives its replica and the name of its collection. */
function ofModels(prototype, access) {
  add(prototype, {
    /** `{state, version, conflict, waiting}`: `clean`, `dirty` (not sent yet) …, the open conflict, what is held or parked. */
    syncState: function () {
      return access(this).bridge.state(this);
    },

    /** Settles its open conflict by "ours", "theirs", "delete" or a document. */
    resolve: function (what) {
      var at = access(this);
      at.replica.resolve(at.name, String(this.id), what);
    },

    /** Sends what the backend refused once more: as it was, or as it was saved since. */
    retry: function () {
      var at = access(this);
      var state = at.bridge.state(this);
      var row = at.replica.collection(at.name).get(String(this.id));
      parked(state).forEach(function (entry) {
        if (row && state.waiting.length > 1) at.replica.edit(entry.id, row.document);
        else at.replica.retry(entry.id);
      });
    },

    /** Gives up what the backend refused: the model shows what is on the backend. */
    discard: function () {
      var at = access(this);
      parked(at.bridge.state(this)).forEach(function (entry) { at.replica.discard(entry.id); });
    },

    /** From now on what changes beneath it arrives as events; gives a function that ends it. */
    live: function () {
      return access(this).bridge.bind(this);
    }
  });
}

/** Adds them to collections. */
function ofCollections(prototype, access) {
  add(prototype, {
    /** The open conflicts: `{id, base, ours, theirs, since_ms}`. */
    conflicts: function () {
      var name = access(this).name;
      return access(this).replica.conflicts().filter(function (one) { return one.collection === name; });
    },

    /** What waits: held, or refused by the backend. */
    waiting: function () {
      return entries(access(this), true);
    },

    /** What is not settled on the backend yet: nothing where the models stay on the device. */
    pending: function () {
      return entries(access(this), false);
    },

    /** From now on what changes beneath it arrives as events; gives a function that ends it. */
    live: function () {
      return access(this).bridge.bind(this);
    }
  });
}

// The entries of one collection that are for a backend, page by page.
function entries(at, waiting) {
  var found = [];
  if (at.stays) return found;
  var after;
  do {
    var page = at.replica.outbox({ waiting: waiting, after: after, limit: PAGE });
    found = found.concat(page.filter(function (one) { return one.collection === at.name; }));
    after = page.length === PAGE ? page[PAGE - 1].seq : undefined;
  } while (after !== undefined);
  return found;
}

function parked(state) {
  return state.waiting.filter(function (entry) { return entry.state === 'parked' || (entry.state && entry.state.parked !== undefined); });
}

module.exports = { ofModels: ofModels, ofCollections: ofCollections };
