'use strict';

// A replica on any host: commands, the work between them, and what the host is asked for. It needs of the host what
// js/README.md lists, and nothing else: no timers, no HTTP, no random numbers of the language's.

var core = require('./core');
var calls = require('./calls');
var Collection = require('./collection');
var session = require('./session');
var TiSyncError = core.TiSyncError;

// Bytes of an answer's body that are handed over at once.
var PART = 65536;

// Breaks of the core after which sync is not begun again by itself.
var BREAKS_MAX = 2;

/** Opens a replica on a host; throws a TiSyncError. Prefer `open` of the package for a host. */
function Replica(host, config) {
  this.host = host;
  this.config = config;
  this.listeners = {};
  this.last = null;
  this.told = [];
  this.waiting = {};
  this.exchanges = {};
  this.isTelling = false;
  this.isClosed = false;
  this.cancelWork = null;
  this.isRunning = false;
  this.breaks = 0;
  var self = this;
  this.begin();
  if (host.watchNetwork) {
    this.unwatchNetwork = host.watchNetwork(function (online) { self.network(online); });
  }
}

// Makes a core and opens the replica with it.
Replica.prototype.begin = function () {
  var self = this;
  var host = this.host;
  var settings = calls.settings(host, this.config);
  this.core = new core.Core(host.instantiate, {
    database: host.database,
    text: host.text,
    wallMs: host.wallMs,
    monotonicMs: host.monotonicMs,
    migrate: function (question) { return calls.migrate(self.config, question); }
  });
  try {
    /** What each collection that syncs is promised. */
    this.guarantees = this.command({ open: settings }).guarantees;
  } catch (error) {
    this.core.free();
    throw error;
  }
};

/**
 * Takes a configuration with more collections or connectors in it; what is under way goes on. What was declared before is
 * named again. On an error nothing has changed.
 */
Replica.prototype.declare = function (config) {
  var former = this.config;
  this.config = config;
  try {
    this.guarantees = this.command({ declare: calls.settings(this.host, config) }).guarantees;
  } catch (error) {
    this.config = former;
    throw error;
  }
};

// After a break: a new core goes on where the file stands. One that breaks again and again no longer syncs by itself.
Replica.prototype.revive = function (error) {
  this.breaks++;
  for (var id in this.exchanges) this.exchanges[id]();
  this.exchanges = {};
  var waiting = this.waiting;
  this.waiting = {};
  for (var number in waiting) waiting[number].reject(error);
  // The next core counts its syncs from the beginning.
  this.told = this.told.filter(function (told) { return !told.synced && !told.sync_failed; });
  try {
    this.host.database.exec('ROLLBACK');
  } catch (none) {
    // No transaction was open.
  }
  this.begin();
  if (this.isRunning && this.breaks < BREAKS_MAX) this.command('start');
  else this.isRunning = false;
};

/**
 * Gives a command and gives back what it was for; carries out what the answer asks. Throws a TiSyncError. What the answer
 * tells is told before it returns, or with `inTurns` when there is time.
 */
Replica.prototype.command = function (command, body, inTurns) {
  if (this.isClosed) throw new TiSyncError('closed', 'expected an open replica, but it was closed');
  var answer, failed;
  try {
    answer = this.core.call(command, body);
  } catch (error) {
    failed = error;
    answer = error.answer;
  }
  if (failed && failed.kind === 'broken' && !command.open) this.revive(failed);
  if (answer) this.after(answer, inTurns);
  if (failed) throw failed;
  return answer.ok;
};

/** The records of a collection that a query finds; see `Collection.query`. */
Replica.prototype.query = function (collection, query) {
  var found = this.command({ query: { collection: collection, query: query, direct: true } });
  if (found instanceof Array) return found;
  try {
    return this.core.sql.records(found.sql, found.values);
  } catch (refused) {
    // The core reads it again: it knows what to say of a database that cannot be read, and of a damaged document.
    return this.command({ query: { collection: collection, query: query } });
  }
};

/** A collection by its name. */
Replica.prototype.collection = function (name) {
  if (!this.config.collections || !this.config.collections[name]) {
    throw new TiSyncError('not_found', 'expected one of the collections ' +
      Object.keys(this.config.collections || {}).join(', ') + ', but "' + name + '" came; declare it in the configuration');
  }
  return new Collection(this, name);
};

/** Makes several writes that stay together, here and on the server: `fill` gets `put`, `insert`, …, each with the collection's name first. */
Replica.prototype.group = function (fill) {
  return this.writeAll(fill, true);
};

/** Makes many writes in one transaction here; on the server each stands for itself. */
Replica.prototype.bulk = function (fill) {
  return this.writeAll(fill, false);
};

Replica.prototype.writeAll = function (fill, group) {
  var writes = [];
  fill(calls.writer(writes));
  return this.command({ write: { writes: writes, group: group } });
};

/** Runs one SELECT over the views of the collections; gives `{columns, rows, more}`. */
Replica.prototype.sql = function (sql, values) {
  return this.command({ sql: { sql: sql, values: values || [] } });
};

/** Syncs once; a promise of what it did. It is rejected with why an exchange failed; what was settled stays so. */
Replica.prototype.sync = function () {
  var self = this;
  return new Promise(function (resolve, reject) {
    self.takeLease();
    var number = self.command('sync');
    self.waiting[number] = { resolve: resolve, reject: reject };
  });
};

/** Begins to sync in the background: after each write, by polls, after failures with back-off. */
Replica.prototype.start = function () {
  this.takeLease();
  this.command('start');
  this.isRunning = true;
};

/** Ends background sync; writes wait. */
Replica.prototype.stop = function () {
  this.isRunning = false;
  this.command('stop');
};

/** Closes the replica; nothing of it is lost. */
Replica.prototype.close = function () {
  if (this.isClosed) return;
  this.isClosed = true;
  this.cancelTimer();
  for (var id in this.exchanges) this.exchanges[id]();
  this.exchanges = {};
  if (this.unwatchNetwork) this.unwatchNetwork();
  this.core.free();
  var closed = new TiSyncError('closed', 'expected to sync, but the replica was closed');
  for (var number in this.waiting) this.waiting[number].reject(closed);
  this.waiting = {};
  if (this.host.close) this.host.close();
};

/**
 * Calls `listener` for `change` ({collection, records: [[id, "added" | "updated" | "removed"]], remote}), `conflict`
 * ({collection, id, open}), `mapped` ({collection, former, id}: the server has made the id; told before the `change` under it), `parked` ({collection, id,
 * reason}), `journalled`, `progress` ({collection, stored, total, complete}: how far a pull is), `network` ({connector, state}), `health`,
 * `mended`, `lease` and `trouble` (an error). Gives a function that ends it.
 */
Replica.prototype.on = function (name, listener) {
  var listeners = this.listeners[name] = this.listeners[name] || [];
  listeners.push(listener);
  return function () {
    var place = listeners.indexOf(listener);
    if (place >= 0) listeners.splice(place, 1);
  };
};

/** What waits, since when, and why. */
Replica.prototype.health = function () {
  return this.command('health');
};

/** What a sync would do, as far as this replica can know. */
Replica.prototype.plan = function (limit) {
  return this.command({ plan: { limit: limit || 500 } });
};

/** A record's history as far as this replica knows it. */
Replica.prototype.why = function (collection, id) {
  return this.command({ why: { collection: collection, id: id } });
};

/** The open conflicts, each `{collection, id, base, ours, theirs, since_ms}`: documents, or null where there is none. */
Replica.prototype.conflicts = function (limit) {
  return this.command({ conflicts: { limit: limit || 500 } }).map(calls.conflict);
};

/** Settles an open conflict by "ours", "theirs", "delete" or a document. */
Replica.prototype.resolve = function (collection, id, what) {
  var resolution = typeof what === 'string' ? what : { document: what };
  this.command({ resolve: { collection: collection, id: id, resolution: resolution } });
};

/** Decisions, newest first: all, or those about one record (`{collection, id}`); those before a row. */
Replica.prototype.journal = function (options) {
  options = options || {};
  var record = options.collection ? [options.collection, options.id] : null;
  return this.command({ journal: { record: record, before: options.before, limit: options.limit || 500 } });
};

/** Brings the losing side of a decision back, by the journal's row. */
Replica.prototype.undo = function (row) {
  this.command({ undo: { row: row } });
};

/** Entries of the outbox in the order in which they are sent; `{waiting: true}` gives those that are held or parked. */
Replica.prototype.outbox = function (options) {
  options = options || {};
  return this.command({ outbox: { waiting: !!options.waiting, after: options.after, limit: options.limit || 500 } });
};

/** Sends a parked entry again. */
Replica.prototype.retry = function (mutation) {
  this.command({ retry: { mutation: mutation } });
};

/** Replaces a parked entry's outcome by this document, and sends it. */
Replica.prototype.edit = function (mutation, document) {
  this.command({ edit: { mutation: mutation, document: document } });
};

/** Gives up an entry that is parked or held; the journal keeps it. */
Replica.prototype.discard = function (mutation) {
  this.command({ discard: { mutation: mutation } });
};

/** Tells whether the host believes that there is a network. */
Replica.prototype.network = function (online) {
  this.command({ network: { online: online } });
};

/** Tells that something may have changed on a backend. */
Replica.prototype.hint = function (connector) {
  this.command({ hint: { connector: connector || 'main' } });
};

/** Answers the blocker `shrink_confirmation` of a feed of `health()`: whether the missing records may go. */
Replica.prototype.confirmShrink = function (feed, remove) {
  this.takeLease();
  this.command({ confirm_shrink: { feed: feed, 'delete': !!remove } });
};

/** Walks a feed of `health()` from the beginning again. */
Replica.prototype.resync = function (feed) {
  this.takeLease();
  this.command({ resync: { feed: feed } });
};

Object.keys(session).forEach(function (name) { Replica.prototype[name] = session[name]; });

// Holds the lease, where the host has other processes to share it with.
Replica.prototype.takeLease = function () {
  if (this.host.takeLease && !this.host.takeLease()) {
    throw new TiSyncError('lease_elsewhere', 'expected to sync, but another process syncs this file; its changes show here too');
  }
};

// Carries out what an answer asks, tells what it tells, and goes on when there is more to do.
Replica.prototype.after = function (answer, inTurns) {
  var i;
  // First: what is asked may be answered at once, and that answer is the newer one.
  this.last = answer;
  // Who knows a record by its former id must hear of the new one before anything is told under it.
  var events = answer.events || [];
  for (i = 0; i < events.length; i++) if (isMapped(events[i])) this.told.push(events[i]);
  for (i = 0; i < events.length; i++) if (!isMapped(events[i])) this.told.push(events[i]);
  var asks = answer.asks || [];
  var core = this.core;
  for (i = 0; i < asks.length && this.core === core; i++) this.carryOut(asks[i], answer);
  if (!inTurns) this.tell();
  this.schedule();
};

Replica.prototype.carryOut = function (ask, answer) {
  var self = this;
  var core = this.core;
  if (ask.http) {
    var id = ask.http.id;
    this.exchanges[id] = function () {};
    var cancelRequest = this.host.http(calls.request(ask.http, answer.body(ask.http)), function (result) {
      if (!self.exchanges[id]) return;
      if (result.status) return self.take(id, result, 0);
      delete self.exchanges[id];
      self.quietly({ http_failed: { id: id, kind: result.kind, message: result.message } });
    });
    if (this.exchanges[id]) this.exchanges[id] = cancelRequest;
  } else if (ask.stream) {
    this.listen(ask.stream);
  } else if (ask.cancel !== undefined) {
    var cancel = this.exchanges[ask.cancel];
    delete this.exchanges[ask.cancel];
    if (cancel) cancel();
  } else if (ask.token) {
    calls.ask(this.config, ask.token, function (credentials) { self.unlessOver(core, { credentials: credentials }); });
  } else if (ask.connector) {
    calls.connect(this.config, this.host, ask.connector, function (reply) {
      self.unlessOver(core, { connector: { call: ask.connector.call, reply: reply } });
    });
  } else if (ask.decide) {
    calls.decide(this.config, ask.decide, function (decision) { self.unlessOver(core, { decision: decision }); });
  }
};

// Hands an answer over, from this byte of its body on: a large one in parts, with others' turns in between.
Replica.prototype.take = function (id, result, from) {
  var self = this;
  var body = result.body;
  var until = from + PART;
  if (body && body.length > until) {
    this.quietly({ body: { id: id, bytes: body.length } }, body.subarray(from, until));
    if (this.exchanges[id]) this.exchanges[id] = this.host.later(0, function () { if (self.exchanges[id]) self.take(id, result, until); });
    return;
  }
  delete this.exchanges[id];
  this.quietly({ http: { id: id, status: result.status, headers: result.headers } }, from ? body.subarray(from) : body);
};

// Passes an answer on that goes on, until either side ends it.
Replica.prototype.listen = function (asked) {
  var self = this;
  var id = asked.id;
  this.exchanges[id] = function () {};
  var request = { method: asked.method, url: asked.url, headers: asked.headers, silenceMs: asked.silence_ms, pieceBytesMax: asked.piece_bytes_max };
  var cancel = this.host.stream(request, {
    opened: function (head) { if (self.exchanges[id]) self.quietly({ stream_opened: { id: id, status: head.status, headers: head.headers } }); },
    piece: function (bytes) { if (self.exchanges[id]) self.quietly({ stream_piece: { id: id } }, bytes); },
    ended: function (failure) {
      if (!self.exchanges[id]) return;
      delete self.exchanges[id];
      self.quietly({ stream_ended: { id: id, kind: failure ? failure.kind : null, message: failure ? failure.message : '' } });
    }
  });
  if (this.exchanges[id]) this.exchanges[id] = cancel;
};

// The answer to something that takes time: the replica may have been closed meanwhile, or the core that asked have broken.
Replica.prototype.unlessOver = function (core, command) {
  if (!this.isClosed && this.core === core) this.quietly(command);
};

// A command that no call of the app's waits for: what goes wrong is told.
Replica.prototype.quietly = function (command, body) {
  try {
    this.command(command, body, true);
  } catch (error) {
    this.emit('trouble', error);
  }
};

Replica.prototype.schedule = function () {
  if (this.isWorking || this.isClosed) return;
  this.cancelTimer();
  var self = this;
  var wakeAt = this.last.wake_at_ms;
  var wait = this.hasMore() ? 0 : wakeAt === null ? null : Math.max(0, wakeAt - this.host.monotonicMs());
  if (wait !== null) this.cancelWork = this.host.later(wait, function () { self.work(); });
};

Replica.prototype.hasMore = function () {
  return this.told.length > 0 || this.last.more;
};

// Works for as long as the host allows, then lets others run. Nothing is begun for which there may be no time, to judge by
// what was done before.
Replica.prototype.work = function () {
  this.cancelWork = null;
  if (this.isClosed) return;
  var began = this.host.monotonicMs();
  var now = began;
  var longest = 0;
  this.isWorking = true;
  try {
    do {
      var last = now;
      if (this.told.length) this.next();
      else this.quietly('run');
      now = this.host.monotonicMs();
      longest = Math.max(longest, now - last);
    } while (!this.isClosed && this.hasMore() && now - began + longest < this.host.sliceMs);
  } finally {
    this.isWorking = false;
  }
  this.schedule();
};

Replica.prototype.cancelTimer = function () {
  if (this.cancelWork) this.cancelWork();
  this.cancelWork = null;
};

// Tells what was told, in order; a listener may use the replica.
Replica.prototype.tell = function () {
  while (this.told.length && !this.isTelling && !this.isClosed) this.next();
};

Replica.prototype.next = function () {
  this.isTelling = true;
  try {
    this.one(this.told.shift());
  } finally {
    this.isTelling = false;
  }
};

Replica.prototype.one = function (told) {
  var waiting;
  var over = told.synced || told.sync_failed;
  if (over) {
    waiting = this.waiting[over.sync];
    delete this.waiting[over.sync];
    // Whoever puts something off has done it when a sync is over.
    this.emit('over');
  }
  if (told.synced) {
    if (waiting) waiting.resolve(told.synced.report);
  } else if (told.sync_failed) {
    if (waiting) waiting.reject(new TiSyncError(told.sync_failed.error.kind, told.sync_failed.error.message));
  } else if (told.trouble) {
    this.emit('trouble', new TiSyncError(told.trouble.kind, told.trouble.message));
  } else if (told.progress) {
    this.emit('progress', told.progress);
  } else if (told === 'lease_lost') {
    this.emit('lease', { held: false });
  } else {
    var event = calls.event(told.event);
    this.emit(event.name, event.value);
  }
};

Replica.prototype.emit = function (name, value) {
  var listeners = (this.listeners[name] || []).slice();
  for (var i = 0; i < listeners.length; i++) {
    try {
      listeners[i](value);
    } catch (error) {
      this.host.later(0, thrower(error));
    }
  }
};

function isMapped(told) {
  return !!(told.event && told.event.mapped);
}

// A listener's error is the app's: it must not stop what goes on here.
function thrower(error) {
  return function () { throw error; };
}

module.exports = Replica;
