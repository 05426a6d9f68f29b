'use strict';

// When views of Backbone collections draw. Those that Alloy binds draw anew on each event whose first value has no
// `fromAdapter`: all that changes together is marked by it, and one event `fetch` draws it.

// While others' changes come, a collection is drawn at most so often, in milliseconds.
var DRAW_MS = 50;

/** What is drawn on a replica's host. */
function Drawing(replica) {
  this.replica = replica;
  this.due = [];
  this.restsUntil = 0;
  this.cancel = null;
}

/** Carries out a change, and draws once: always, or where anything was triggered. */
Drawing.prototype.once = function (target, always, change) {
  var hears = undrawn(target, change);
  if (!always && !hears) return;
  this.forget(target);
  target.trigger('fetch');
};

/** Carries out one of many changes, and draws when there is time: to draw each of them would take longest. */
Drawing.prototype.parts = function (target, change) {
  if (undrawn(target, change)) this.soon(target, null);
};

/** Draws when there is time. With `refresh`, the collection is read anew then, and drawn where that triggers anything. */
Drawing.prototype.soon = function (target, refresh) {
  var self = this;
  var known = this.due.filter(function (one) { return one.target === target; })[0];
  if (known) known.refresh = refresh;
  else this.due.push({ target: target, refresh: refresh });
  var wait = this.restsUntil - this.replica.host.monotonicMs();
  if (wait <= 0) this.now();
  else if (!this.cancel) this.cancel = this.replica.host.later(wait, function () { self.now(); });
};

/** Draws what was put off. */
Drawing.prototype.now = function () {
  var self = this;
  var host = this.replica.host;
  if (this.cancel) this.cancel();
  this.cancel = null;
  if (!this.due.length || this.replica.isClosed) return;
  var began = host.monotonicMs();
  this.due.splice(0).forEach(function (one) {
    self.attempt(function () {
      if (one.refresh) self.once(one.target, false, one.refresh);
      else one.target.trigger('fetch');
    });
  });
  var ended = host.monotonicMs();
  // It rests for as long as it drew, if that is longer.
  this.restsUntil = ended + Math.max(DRAW_MS, ended - began);
};

/** Forgets what was put off for a collection; without one, for all. */
Drawing.prototype.forget = function (target) {
  this.due = this.due.filter(function (one) { return target && one.target !== target; });
};

/** A listener's error is the app's: it must not stop what goes on here. */
Drawing.prototype.attempt = function (call) {
  try {
    call();
  } catch (error) {
    this.replica.host.later(0, function () { throw error; });
  }
};

// Carries out a change that no view draws; says whether anything was triggered. Models tell by their class whether they
// belong to the collection: to mark each of them would take longer than the change, where there are many.
function undrawn(target, change) {
  var hears = false;
  var models = target.model && target.model.prototype;
  var former = models && Object.getOwnPropertyDescriptor(models, 'fromAdapter');
  var wasMarked = target.fromAdapter;
  function hear() { hears = true; }
  if (models) {
    Object.defineProperty(models, 'fromAdapter', {
      configurable: true,
      get: function () { return this.collection === target || (former && former.get.call(this)) || undefined; }
    });
  }
  target.fromAdapter = true;
  target.on('all', hear);
  try {
    change();
  } finally {
    target.off('all', hear);
    if (!wasMarked) delete target.fromAdapter;
    if (former) Object.defineProperty(models, 'fromAdapter', former);
    else if (models) delete models.fromAdapter;
  }
  return hears;
}

module.exports = Drawing;
