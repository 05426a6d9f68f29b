'use strict';

// Statements as the core sends them, carried out on the host's database: one crossing for a statement with all its
// rows. Numbers are little-endian; docs/ABI.md has the form.

var BATCH = 0, EXECUTE = 1, QUERY = 2, READ_ONLY = 3, FORGET = 4;
var NULL = 0, INTEGER = 1, REAL = 2, TEXT = 3;
var ERRORS = { busy: 0, full: 1, io: 2, corrupt: 3, misuse: 4 };
var HIGH = 4294967296;
// Statements of `records` that stay prepared: an app has few.
var KEPT_MAX = 50;

/** Carries out requests on `database` (see docs/ABI.md); `text` reads and writes UTF-8. */
function Sql(database, text) {
  this.database = database;
  this.text = text;
  this.statements = {};
  this.kept = {};
  this.keptCount = 0;
}

/**
 * Carries out the request at `at` in `bytes`. `reserve(size)` gives `{bytes, at}`: the memory for the reply. The
 * request is read whole before that, since memory may move.
 */
Sql.prototype.carryOut = function (bytes, at, reserve) {
  var reply;
  try {
    reply = this.answer(new Reader(bytes, at, this.text));
  } catch (error) {
    reply = new Writer();
    reply.byte(1);
    var kind = ERRORS[this.database.errorKind ? this.database.errorKind(error) : 'io'];
    reply.byte(kind === undefined ? ERRORS.io : kind);
    reply.raw(String(error && error.message || error));
  }
  reply.into(reserve, this.text);
};

Sql.prototype.answer = function (request) {
  var operation = request.byte();
  var number = request.number();
  var sql = request.string();
  var width = request.number();
  var runs = request.number();
  var reply = new Writer();
  reply.byte(0);
  if (operation === FORGET) {
    this.forget();
  } else if (operation === BATCH) {
    this.database.exec(sql);
  } else if (operation === EXECUTE) {
    var changed = 0;
    var write = this.statement(number, sql);
    for (var run = 0; run < runs; run++) changed += write.run(request.values(width));
    reply.number(changed);
  } else if (operation === QUERY) {
    var read = this.statement(number, sql);
    reply.number(runs);
    for (var i = 0; i < runs; i++) reply.rows(read.all(request.values(width)));
  } else if (operation === READ_ONLY) {
    this.readOnly(sql, request.values(width), reply);
  } else {
    throw new Error('expected an operation from 0 to 4, but ' + operation + ' came');
  }
  return reply;
};

Sql.prototype.readOnly = function (sql, values, reply) {
  var statement = this.database.prepare(sql);
  try {
    var rows = statement.all(values);
    var columns = statement.columns();
    reply.number(columns.length);
    for (var i = 0; i < columns.length; i++) reply.string(columns[i]);
    reply.number(1);
    reply.rows(rows);
  } finally {
    if (statement.close) statement.close();
  }
};

Sql.prototype.statement = function (number, sql) {
  if (sql !== '') this.statements[number] = this.database.prepare(sql);
  return this.statements[number];
};

/**
 * The records that a statement of the core finds (`query` with `direct`): read here, their rows need not go into the
 * core's memory and come back from it as one text.
 */
Sql.prototype.records = function (sql, values) {
  if (!this.kept[sql]) {
    if (this.keptCount === KEPT_MAX) this.forgetKept();
    this.kept[sql] = this.database.prepare(sql);
    this.keptCount++;
  }
  var rows = this.kept[sql].all(values);
  for (var i = 0; i < rows.length; i++) {
    var row = rows[i];
    rows[i] = { id: row[0], document: JSON.parse(row[1]), state: row[2], version: row[3] === undefined ? null : row[3] };
  }
  return rows;
};

Sql.prototype.forget = function () {
  closeAll(this.statements);
  this.statements = {};
  this.forgetKept();
};

Sql.prototype.forgetKept = function () {
  closeAll(this.kept);
  this.kept = {};
  this.keptCount = 0;
};

function closeAll(statements) {
  for (var name in statements) {
    if (statements[name].close) statements[name].close();
  }
}

// Reads a request.
function Reader(bytes, at, text) {
  this.bytes = bytes;
  this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  this.at = at;
  this.text = text;
}

Reader.prototype.byte = function () {
  return this.bytes[this.at++];
};

Reader.prototype.number = function () {
  var number = this.view.getUint32(this.at, true);
  this.at += 4;
  return number;
};

Reader.prototype.string = function () {
  var size = this.number();
  var from = this.at;
  this.at += size;
  return size === 0 ? '' : this.text.read(this.bytes, from, from + size);
};

Reader.prototype.values = function (width) {
  var values = new Array(width);
  for (var i = 0; i < width; i++) values[i] = this.value();
  return values;
};

Reader.prototype.value = function () {
  var tag = this.bytes[this.at++];
  if (tag === NULL) return null;
  if (tag === TEXT) return this.string();
  var value;
  if (tag === REAL) {
    value = this.view.getFloat64(this.at, true);
  } else {
    var low = this.view.getUint32(this.at, true);
    var high = this.view.getInt32(this.at + 4, true);
    value = high * HIGH + low;
    // Beyond 2^53 digits travel as text, which a column of integers turns back.
    if (value > 9007199254740991 || value < -9007199254740991) value = digits(low, high);
  }
  this.at += 8;
  return value;
};

// The decimal digits of a number of 64 bits.
function digits(low, high) {
  var negative = high < 0;
  high = high >>> 0;
  if (negative) {
    low = ~low + 1 >>> 0;
    high = ~high + (low === 0 ? 1 : 0) >>> 0;
  }
  var text = '';
  while (high !== 0 || low !== 0) {
    var rest = high % 1000000;
    high = Math.floor(high / 1000000);
    var part = rest * HIGH + low;
    low = Math.floor(part / 1000000);
    text = ('000000' + part % 1000000).slice(-6) + text;
  }
  text = text.replace(/^0+/, '') || '0';
  return negative ? '-' + text : text;
}

// Writes a reply: it is measured first, then written at one place.
function Writer() {
  this.parts = [];
  this.size = 0;
}

Writer.prototype.byte = function (byte) {
  this.parts.push(0, byte);
  this.size += 1;
};

Writer.prototype.number = function (number) {
  this.parts.push(1, number);
  this.size += 4;
};

Writer.prototype.raw = function (string) {
  this.parts.push(2, string);
};

Writer.prototype.string = function (string) {
  this.parts.push(3, string);
};

Writer.prototype.rows = function (rows) {
  this.parts.push(4, rows);
};

Writer.prototype.into = function (reserve, text) {
  var size = this.size, parts = this.parts, i, r, c, rows, row, value;
  var sizes = [];
  for (i = 0; i < parts.length; i += 2) {
    if (parts[i] === 2 || parts[i] === 3) {
      var length = text.size(parts[i + 1]);
      sizes.push(length);
      size += length + (parts[i] === 3 ? 4 : 0);
    } else if (parts[i] === 4) {
      rows = parts[i + 1];
      size += 8;
      for (r = 0; r < rows.length; r++) {
        row = rows[r];
        for (c = 0; c < row.length; c++) {
          value = row[c];
          if (typeof value === 'string') {
            var bytes = text.size(value);
            sizes.push(bytes);
            size += 5 + bytes;
          } else {
            size += value === null || value === undefined ? 1 : 9;
          }
        }
      }
    }
  }
  var place = reserve(size);
  var out = place.bytes, at = place.at, next = 0;
  var view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  for (i = 0; i < parts.length; i += 2) {
    if (parts[i] === 0) {
      out[at++] = parts[i + 1];
    } else if (parts[i] === 1) {
      view.setUint32(at, parts[i + 1], true);
      at += 4;
    } else if (parts[i] === 2) {
      at = text.write(parts[i + 1], out, at, sizes[next++]);
    } else if (parts[i] === 3) {
      view.setUint32(at, sizes[next], true);
      at = text.write(parts[i + 1], out, at + 4, sizes[next++]);
    } else {
      rows = parts[i + 1];
      view.setUint32(at, rows.length, true);
      view.setUint32(at + 4, rows.length ? rows[0].length : 0, true);
      at += 8;
      for (r = 0; r < rows.length; r++) {
        row = rows[r];
        for (c = 0; c < row.length; c++) {
          value = row[c];
          if (value === null || value === undefined) {
            out[at++] = NULL;
          } else if (typeof value === 'string') {
            out[at] = TEXT;
            view.setUint32(at + 1, sizes[next], true);
            at = text.write(value, out, at + 5, sizes[next++]);
          } else {
            at = writeNumber(Number(value), out, view, at);
          }
        }
      }
    }
  }
};

function writeNumber(value, out, view, at) {
  if (Math.floor(value) === value && value <= 9007199254740991 && value >= -9007199254740991 && !isNegativeZero(value)) {
    out[at] = INTEGER;
    var high = Math.floor(value / HIGH);
    view.setUint32(at + 1, value - high * HIGH, true);
    view.setInt32(at + 5, high, true);
  } else {
    out[at] = REAL;
    view.setFloat64(at + 1, value, true);
  }
  return at + 9;
}

function isNegativeZero(value) {
  return value === 0 && 1 / value < 0;
}

module.exports = Sql;
