'use strict';

// What Ti.Database needs of an SQLite of Node: the first statement of a text, with its rows in arrays.

/** A connection: `all(sql, values)` gives `{names, rows}`, `run(sql, values)` how many rows came. */
exports.connect = ({ name, module }, file) => {
  const database = name === 'better-sqlite3' ? new module(file) : new module.Database(file);
  const all = name === 'better-sqlite3' ? better(database) : pure(database);
  return {
    all: (sql, values) => all(first(sql), values),
    run: (sql, values) => all(first(sql), values).rows.length,
    close: () => database.close()
  };
};

function better(database) {
  return (sql, given) => {
    // It binds a number as a real, and a BigInt as an integer.
    const values = given.map((value) => (Number.isSafeInteger(value) ? BigInt(value) : value));
    const statement = database.prepare(sql);
    if (!statement.reader) {
      statement.run(values);
      return { names: [], rows: [] };
    }
    return { names: statement.columns().map((column) => column.name), rows: statement.raw(true).all(values) };
  };
}

function pure(database) {
  const all = (sql, values) => {
    const statement = database.prepare(sql);
    try {
      return statement.all(values);
    } finally {
      statement.finalize();
    }
  };
  return (sql, values) => {
    const rows = all(sql, values);
    if (rows.length) {
      const names = Object.keys(rows[0]);
      return { names, rows: rows.map((row) => names.map((name) => row[name])) };
    }
    if (!/^\s*(select|with)\b/i.test(sql)) return { names: [], rows: [] };
    // It tells the names of columns by rows only: here is one of nulls.
    const none = all(`SELECT found.* FROM (SELECT 1) LEFT JOIN (${sql.replace(/;\s*$/, '')}) AS found`, values);
    return { names: Object.keys(none[0]), rows: [] };
  };
}

// The first statement of a text: the SDK lets SQLite compile one and drops the rest without a word.
function first(sql) {
  const isTrigger = /^\s*create\s+(temp\w*\s+)?trigger\b/i.test(sql);
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/|;|\b(?:begin|case|end)\b/gi;
  let depth = 0;
  let found;
  while ((found = token.exec(sql))) {
    const text = found[0].toLowerCase();
    if (isTrigger && (text === 'begin' || text === 'case')) depth++;
    else if (isTrigger && text === 'end') depth--;
    else if (text === ';' && depth === 0) return sql.slice(0, found.index);
  }
  return sql;
}

exports.first = first;
