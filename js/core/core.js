'use strict';

// The core: commands in, answers out. It needs a compiled module, a database and the time; see docs/ABI.md.

var Drawing = require('./drawing');
var fields = require('./fields');
var plainText = require('./text');
var Sql = require('./sql');

/** An error that the core answered a command with; `kind` is for a program, `message` for a person. */
function TiSyncError(kind, message) {
  this.name = 'TiSyncError';
  this.kind = kind;
  this.message = message;
  if (Error.captureStackTrace) Error.captureStackTrace(this, TiSyncError);
  else this.stack = new Error(message).stack;
}
TiSyncError.prototype = Object.create(Error.prototype);
TiSyncError.prototype.constructor = TiSyncError;

/**
 * A core on a host.
 *
 * `instantiate(imports)` gives the exports of the module: of WebAssembly, or of its translation to JavaScript.
 * `host` has `database` (`exec(sql)`, `prepare(sql)` with `run(values)`, `all(values)`, `columns()`, and
 * `errorKind(error)`), `wallMs()`, `monotonicMs()`, and may have `text` (`size`, `write`, `read`) and
 * `migrate(question)`.
 */
function Core(instantiate, host) {
  this.host = host;
  this.text = host.text || plainText;
  this.sql = new Sql(host.database, this.text);
  var self = this;
  this.exports = instantiate({
    tisync: {
      host: function (context, handle, call, request, bytes) {
        return self.asked(call, request, bytes);
      }
    }
  });
  this.bytes = null;
  this.handle = this.exports.tisync_new(0);
}

/** The version of the interface that this file was written for. */
Core.VERSION = 1;

/**
 * Gives a command (an object, or a string) and gives back the answer: `ok`, `asks`, `events`, `wake_at_ms`, `more`, and
 * `body(ask)` for the body of a request. `body` is what comes behind the command, as bytes.
 * Throws a TiSyncError; then `error.answer` has the rest of the answer.
 */
Core.prototype.call = function (command, body) {
  if (!this.handle) throw new TiSyncError('closed', 'expected a core, but it was freed');
  var exports = this.exports;
  var json = JSON.stringify(command);
  var size = this.text.size(json);
  var extra = body ? body.length : 0;
  var at = exports.tisync_input(this.handle, size + extra);
  var memory = this.memory();
  this.text.write(json, memory, at, size);
  if (body) memory.set(body, at + size);
  var code = this.carryOut(size);
  if (code === 2) {
    // Its memory can no longer be trusted, not even to be freed.
    this.handle = 0;
    this.sql.forget();
    throw new TiSyncError('broken', 'expected an answer, but the core broke (' + (this.failure || 'no reason') + '): a bug in it; nothing that was written is lost');
  }
  memory = this.memory();
  var from = exports.tisync_answer(this.handle);
  var jsonBytes = exports.tisync_answer_json_bytes(this.handle);
  var answer = JSON.parse(this.text.read(memory, from, from + jsonBytes));
  var bodies = exports.tisync_answer_bytes(this.handle) - jsonBytes;
  var tail = bodies > 0 ? memory.slice(from + jsonBytes, from + jsonBytes + bodies) : null;
  answer.body = function (ask) {
    return tail && ask.body[1] > 0 ? tail.subarray(ask.body[0], ask.body[0] + ask.body[1]) : null;
  };
  if (code === 0) return answer;
  var error = new TiSyncError(answer.error.kind, answer.error.message);
  error.answer = answer;
  throw error;
};

// A trap in the module is an exception here.
Core.prototype.carryOut = function (size) {
  try {
    return this.exports.tisync_call(this.handle, size, this.host.wallMs(), this.host.monotonicMs());
  } catch (error) {
    this.failure = error;
    return 2;
  }
};

/** Frees the core; what was written is in the database. */
Core.prototype.free = function () {
  if (this.handle) this.exports.tisync_free(this.handle);
  this.handle = 0;
  this.sql.forget();
};

// The core asks in the middle of a command.
Core.prototype.asked = function (call, request, bytes) {
  var self = this;
  var reserve = function (size) {
    var at = self.exports.tisync_reply(self.handle, size);
    return { bytes: self.memory(), at: at };
  };
  try {
    if (call === 0) {
      this.sql.carryOut(this.memory(), request, reserve);
      return 0;
    }
    if (call === 1 && this.host.migrate) {
      var question = JSON.parse(this.text.read(this.memory(), request, request + bytes));
      var reply = JSON.stringify(this.host.migrate(question));
      var size = this.text.size(reply);
      var place = reserve(size);
      this.text.write(reply, place.bytes, place.at, size);
      return 0;
    }
  } catch (error) {
    this.failure = error;
  }
  return 1;
};

// The memory as bytes; it moves when it grows.
Core.prototype.memory = function () {
  var buffer = this.exports.memory.buffer;
  if (!this.bytes || this.bytes.buffer !== buffer) this.bytes = new Uint8Array(buffer);
  return this.bytes;
};

module.exports = { Core: Core, TiSyncError: TiSyncError, Drawing: Drawing, fields: fields };
