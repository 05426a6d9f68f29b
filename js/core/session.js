'use strict';

// Methods of a replica: who uses it, and what becomes of writes that were not sent when they leave.

var calls = require('./calls');
var TiSyncError = require('./core').TiSyncError;

/** Hands over a newer token, `{token, account}` or a text. */
exports.setToken = function (connector, token) {
  this.command({ credentials: calls.token(connector, token) });
};

/**
 * Ends the session; `pending` says what becomes of writes that were not sent: "keep", "discard", or a function that
 * saves them: it is given the text of a lifeboat file, and when it has returned they are given up, if nothing was written
 * meanwhile. Gives their number.
 */
exports.logOut = function (pending) {
  this.takeLease();
  if (typeof pending !== 'function') return this.command({ log_out: { pending: pending } });
  var boat = this.board();
  // Without one, a logout refuses where another process has written since.
  if (!boat.writes) return this.command({ log_out: {} });
  var saved = pending(boat.text);
  if (saved === false || saved && typeof saved.then === 'function') {
    throw new TiSyncError('storage', 'expected the function to have saved what is pending when it returns, but it gave ' +
      (saved === false ? 'false' : 'a promise') + ': nothing was given up. Save what lifeboat() gives first, then log out with "discard"');
  }
  if (this.board().lines !== boat.lines) {
    throw new TiSyncError('pending', 'expected what is pending to stay as it is while it is saved, but something was written meanwhile: nothing was given up; log out again');
  }
  // What another process writes from now on waits.
  return this.command({ log_out: { pending: 'saved' } }, this.utf8(boat.text));
};

/** Everything that is pending, as the text of a lifeboat file; nothing changes. */
exports.lifeboat = function () {
  return this.board().text;
};

/**
 * Brings the pending writes of a lifeboat file back, each once, and under the key that it had, so that the server knows
 * what it has already. Gives how many are `back` and how many of them `parked`, how many were back `already` or are
 * `waiting` for a pull; and `damaged_lines` and `is_cut`, which tell what the file has lost.
 */
exports.bringBack = function (text) {
  if (typeof text !== 'string') {
    throw new TiSyncError('invalid', 'expected the text of a lifeboat file, but ' + (text === null ? 'null' : 'a value of type ' + typeof text) + ' came; read the file as UTF-8');
  }
  return this.command('bring_back', this.utf8(text));
};

exports.utf8 = function (text) {
  var utf8 = this.core.text;
  var bytes = new Uint8Array(utf8.size(text));
  utf8.write(text, bytes, 0, bytes.length);
  return bytes;
};

// The text of a lifeboat file, its lines behind the first one, and how many writes are in them. What was told before is told
// later: a listener may write.
exports.board = function () {
  var text = '', part;
  do {
    part = this.command({ lifeboat: { from: part && part.next } }, null, true);
    text += part.text;
  } while (part.next);
  // The first line says when it was written.
  return { text: text, lines: text.slice(text.indexOf('\n')), writes: part.writes };
};

/** Begins a session again. */
exports.logIn = function () {
  this.takeLease();
  this.command('log_in');
};
