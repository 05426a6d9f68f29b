'use strict';

// Ti.Database over an SQLite of Node, with the ways of TiDatabaseProxy and TiResultSetProxy (Android: Java; iOS: PLDatabase).

const fs = require('fs');
const path = require('path');
const { connect } = require('./sqlite');


exports.database = (on, files) => {
  const folder = path.join(on.folder, 'databases');
  fs.mkdirSync(folder, { recursive: true });
  const isAndroid = on.platform === 'android';
  // Titanium opens a file anew each time; one connection a file does here, closed when the last proxy is.
  const connections = new Map();

  const proxy = (name) => {
    const file = path.join(folder, `${name}.sql`);
    const shared = connections.get(name) || { connection: connect(on.sqlite, file), users: 0 };
    connections.set(name, shared);
    shared.users++;
    let isOpen = true;
    const sets = [];
    const attempt = (run) => {
      if (!isOpen) throw on.realm.error(`attempt to re-open an already-closed object: SQLiteDatabase: ${file}`);
      try {
        return run(shared.connection);
      } catch (error) {
        throw on.realm.error(`Error executing sql: ${error.message}`);
      }
    };
    const one = (sql) => attempt((connection) => Number(connection.all(sql, []).rows[0][0]));
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      if (!isAndroid) sets.splice(0).forEach((set) => set.close());
      if (--shared.users === 0) {
        connections.delete(name);
        shared.connection.close();
      }
    };
    const execute = (sql, ...given) => {
      const values = given.length === 1 && Array.isArray(given[0]) ? given[0] : given;
      const found = attempt((connection) => (isAndroid ? onAndroid(connection, sql, values) : onIos(connection, sql, values)));
      if (!found || !found.names.length) return null;
      const set = resultSet(found, on, files, isAndroid);
      sets.push(set);
      return set;
    };
    return {
      apiName: 'Ti.Database.DB',
      name,
      execute,
      close,
      get lastInsertRowId() {
        const row = one('SELECT last_insert_rowid()');
        return isAndroid ? row | 0 : row;
      },
      get rowsAffected() { return one('SELECT changes()'); },
      get file() { return files.getFile(file); },
      remove() {
        close();
        for (const end of ['', '-wal', '-shm', '-journal']) {
          if (fs.existsSync(file + end)) fs.unlinkSync(file + end);
        }
      }
    };
  };

  const Database = {
    FIELD_TYPE_STRING: 0,
    FIELD_TYPE_INT: 1,
    FIELD_TYPE_FLOAT: 2,
    FIELD_TYPE_DOUBLE: 3,
    open: (name) => proxy(String(name)),
    /** Copies a database that came with the app, once. */
    install: (source, name) => {
      const to = path.join(folder, `${name}.sql`);
      const from = files.inResources(source);
      if (!fs.existsSync(to)) {
        if (!fs.existsSync(from)) throw on.realm.error(`Could not install database: there is no ${source} among the Resources`);
        fs.copyFileSync(from, to);
      }
      return proxy(String(name));
    }
  };

  const end = () => {
    for (const { connection } of connections.values()) connection.close();
    connections.clear();
  };
  return { Database, end };
};

// `rawQuery` takes strings and no null; `execSQL` refuses what gives rows.
function onAndroid(connection, sql, values) {
  const lower = sql.toLowerCase().trim();
  const strings = values.map((value, at) => asString(value, at));
  if (lower.startsWith('select') || (lower.startsWith('pragma') && !lower.includes('='))) {
    const without = strings.indexOf(null);
    if (without >= 0) throw new Error(`the bind value at index ${without + 1} is null`);
    return connection.all(sql, strings);
  }
  if (connection.run(sql, strings) > 0) {
    throw new Error('unknown error (code 0): Queries can be performed using SQLiteDatabase query or rawQuery methods only.');
  }
  return null;
}

function onIos(connection, sql, values) {
  return connection.all(sql, values.map((value, at) => native(value, at)));
}

// As Java prints it: a number of 32 bits is an Integer, any other a Double.
function asString(value, at) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if ((value | 0) === value && !Object.is(value, -0)) return String(value);
    return double(value);
  }
  if (Object.prototype.toString.call(value) === '[object Date]') return value.toString();
  throw new Error(`expected a string, a number, a boolean or null as value ${at + 1}, but ${typeof value} came`);
}

// `Double.toString`.
function double(value) {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : value < 0 ? '-Infinity' : 'NaN';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) {
    const text = String(value);
    return /[.]/.test(text) ? text : `${text}.0`;
  }
  const [digits, exponent] = value.toExponential().split('e');
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`;
}

function native(value, at) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw new Error(`expected a string, a number, a boolean or null as value ${at + 1}, but ${typeof value} came`);
}

function resultSet({ names, rows }, on, files, isAndroid) {
  let at = 0;
  let isOpen = true;
  const field = (index, type) => {
    if (!isOpen) throw on.realm.error('attempt to re-open an already-closed object: SQLiteCursor');
    if (index >= names.length) throw on.realm.error(`Requested column number ${index} does not exist`);
    if (at >= rows.length) {
      if (isAndroid) throw on.realm.error(`Index ${at} requested, with a size of ${rows.length}`);
      return null;
    }
    // Read as a text, an integer has all its digits.
    if (type === 0 && typeof rows[at][index] === 'bigint') return String(rows[at][index]);
    return typed(wire(rows[at][index], files), type);
  };
  const isValid = () => isOpen && at < rows.length;
  return {
    apiName: 'Ti.Database.ResultSet',
    field,
    fieldByName: (name, type) => {
      const index = names.map((one) => one.toLowerCase()).lastIndexOf(String(name).toLowerCase());
      return index < 0 ? null : field(index, type);
    },
    fieldName: (index) => names[index],
    fieldCount: names.length,
    rowCount: rows.length,
    isValidRow: isValid,
    get validRow() { return isValid(); },
    next: () => {
      if (isValid()) at++;
      return isValid();
    },
    close: () => { isOpen = false; }
  };
}

function typed(value, type) {
  if (type === undefined || value === null) return value;
  if (type === 0) return String(value);
  return type === 1 ? Math.trunc(Number(value)) : Number(value);
}

// Numbers that a JavaScript number cannot hold lose their last digits, as they do on a device.
function wire(value, files) {
  if (typeof value === 'bigint') return Number(value);
  if (value && typeof value === 'object') return files.blob(Buffer.from(value));
  return value;
}

