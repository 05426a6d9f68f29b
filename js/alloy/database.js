'use strict';

// Ti.Database as the core's database. What differs between its platforms is settled here: Android binds every value as a
// text, and gives rows only of statements that begin with SELECT, or with PRAGMA and no equals sign.

var INTEGER_MAX = 9007199254740991;

/** Opens a database of the app by its name. */
function open(name, isAndroid) {
  var database = Ti.Database.open(name);

  // Rows may be there or not: who does not want them closes them.
  function execute(sql, values) {
    return values && values.length ? database.execute(sql, values) : database.execute(sql);
  }

  function run(sql, values) {
    var found = execute(sql, values);
    if (found && found.close) found.close();
    return database.rowsAffected;
  }

  function prepare(sql) {
    var text = withoutEquals(sql);
    var names = [];
    return {
      run: function (values) { return run(text, isAndroid ? values.map(bound) : values); },
      all: function (values) {
        var asked = isAndroid ? withoutNulls(text, values.map(bound)) : { sql: text, values: values };
        var read = readAll(execute(asked.sql, asked.values), names);
        names = read.columns;
        return read.rows;
      },
      columns: function () { return names; }
    };
  }

  return {
    name: 'Ti.Database',
    exec: function (sql) {
      statements(sql).forEach(function (statement) { run(withoutEquals(statement)); });
    },
    prepare: prepare,
    errorKind: errorKind,
    setRemoteBackup: function (isKept) { setRemoteBackup(database, isKept); },
    close: function () { database.close(); }
  };
}

/** Whether iCloud keeps a copy of a database of Ti.Database; only iOS asks. */
function setRemoteBackup(database, isKept) {
  if (database.file && database.file.setRemoteBackup) database.file.setRemoteBackup(isKept);
}

/** What a result of Ti.Database has, as `{columns, rows}`, and ends it; without a result there are no rows. */
function readAll(found, columns) {
  if (!found) return { columns: columns || [], rows: [] };
  try {
    var count = typeof found.fieldCount === 'function' ? found.fieldCount() : found.fieldCount;
    var read = { columns: [], rows: [] };
    for (var i = 0; i < count; i++) read.columns.push(found.fieldName(i));
    // It begins on its first row.
    while (found.isValidRow()) {
      read.rows.push(read.columns.map(function (name, place) { return value(found, place); }));
      found.next();
    }
    return read;
  } finally {
    found.close();
  }
}

function value(found, place) {
  var read = found.field(place);
  if (read === undefined) return null;
  // Digits that a double does not hold are read as text.
  if (typeof read === 'number' && (read > INTEGER_MAX || read < -INTEGER_MAX) && Math.floor(read) === read) {
    return String(found.field(place, Ti.Database.FIELD_TYPE_STRING));
  }
  return read;
}

// As JavaScript writes numbers: Java would write large ones with an exponent.
function bound(value) {
  return typeof value === 'number' ? String(value) : value;
}

// The statements of a text, one by one.
function statements(sql) {
  var found = [];
  var from = 0;
  walk(sql, function (character, at) {
    if (character !== ';') return;
    found.push(sql.slice(from, at));
    from = at + 1;
  });
  found.push(sql.slice(from));
  return found.filter(function (statement) { return /\S/.test(statement); });
}

// `PRAGMA name=value` gives rows, which Android reads only of `PRAGMA name(value)`.
function withoutEquals(sql) {
  return sql.replace(/^\s*(PRAGMA\s+[\w.]+)\s*=\s*([^;]+?)\s*$/i, '$1($2)');
}

// Android cannot bind null where it reads rows: NULL is written into the statement.
function withoutNulls(sql, values) {
  if (values.indexOf(null) < 0) return { sql: sql, values: values };
  var text = '';
  var from = 0;
  var next = 0;
  var left = [];
  walk(sql, function (character, at) {
    if (character !== '?') return;
    var value = values[next++];
    if (value !== null) return left.push(value);
    text += sql.slice(from, at) + 'NULL';
    from = at + 1;
  });
  return { sql: text + sql.slice(from), values: left };
}

// Visits what stands outside of quotes and comments.
function walk(sql, visit) {
  for (var i = 0; i < sql.length; i++) {
    var character = sql.charAt(i);
    if (character === "'" || character === '"' || character === '`') i = end(sql, character, i + 1, 0);
    else if (character === '-' && sql.charAt(i + 1) === '-') i = end(sql, '\n', i + 2, 0);
    else if (character === '/' && sql.charAt(i + 1) === '*') i = end(sql, '*/', i + 2, 1);
    else visit(character, i);
  }
}

function end(sql, mark, from, more) {
  var at = sql.indexOf(mark, from);
  return at < 0 ? sql.length : at + more;
}

/** A name in SQL. */
function quoted(name) {
  return '"' + name.replace(/"/g, '""') + '"';
}

// Titanium has no codes: SQLite's own words are in the message.
function errorKind(error) {
  var message = String(error && error.message || error);
  if (/locked|SQLITE_BUSY/i.test(message)) return 'busy';
  if (/disk is full|SQLITE_FULL/i.test(message)) return 'full';
  if (/malformed|not a database|SQLITE_CORRUPT|SQLITE_NOTADB/i.test(message)) return 'corrupt';
  if (/disk I\/O|unable to open|SQLITE_IOERR|SQLITE_CANTOPEN/i.test(message)) return 'io';
  return 'misuse';
}

module.exports = { open: open, quoted: quoted, readAll: readAll, setRemoteBackup: setRemoteBackup };
