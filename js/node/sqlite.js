'use strict';

// SQLite in Node: whichever of the optional peers is there. better-sqlite3 is fastest; node:sqlite comes with Node, and
// gives rows as arrays since 22.16; node-sqlite3-wasm needs nothing compiled.

const NAMES = ['better-sqlite3', 'node:sqlite', 'node-sqlite3-wasm'];

/** Opens a database; `driver` is one of NAMES, or none for the first that is there. */
function open(path, driver) {
  const { name, module } = find(driver);
  const database = name === 'better-sqlite3' ? better(module, path) : name === 'node:sqlite' ? builtIn(module, path) : pure(module, path);
  database.name = name;
  return database;
}

function find(driver) {
  if (driver && typeof driver === 'object') return driver;
  for (const name of driver ? [driver] : NAMES) {
    try {
      const module = require(name);
      if (driver || name !== 'node:sqlite' || givesArrays(module)) return { name, module };
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_UNKNOWN_BUILTIN_MODULE') throw error;
    }
  }
  throw new Error(`expected an SQLite for Node, but none of ${NAMES.join(', ')} is there: run \`npm install better-sqlite3\`, ` +
    'or `npm install node-sqlite3-wasm` where nothing can be compiled');
}

function better(Database, path) {
  const database = new Database(path);
  return {
    locks: true,
    exec: (sql) => { database.exec(sql); },
    prepare: (sql) => {
      const statement = database.prepare(sql);
      if (statement.reader) statement.raw(true);
      return {
        run: (values) => {
          if (!statement.reader) return statement.run(values).changes;
          statement.all(values);
          return 0;
        },
        all: (values) => statement.all(values),
        columns: () => statement.columns().map((column) => column.name)
      };
    },
    errorKind: (error) => ofName(String(error.code)),
    close: () => database.close()
  };
}

// Rows as objects would lose columns that have the same name.
function givesArrays({ StatementSync }) {
  return typeof StatementSync.prototype.setReturnArrays === 'function';
}

function builtIn(module, path) {
  if (!givesArrays(module)) {
    throw new Error(`expected node:sqlite as Node 22.16 and later have it, but this is Node ${process.version}: update Node, or run \`npm install better-sqlite3\``);
  }
  const database = new module.DatabaseSync(path);
  return {
    locks: true,
    exec: (sql) => { database.exec(sql); },
    prepare: (sql) => {
      const statement = database.prepare(sql);
      statement.setReturnArrays(true);
      return {
        run: (values) => Number(statement.run(...values).changes),
        all: (values) => {
          try {
            return statement.all(...values);
          } catch (error) {
            if (error.code !== 'ERR_OUT_OF_RANGE') throw error;
            statement.setReadBigInts(true);
            try {
              return statement.all(...values).map((row) => row.map(narrowed));
            } finally {
              statement.setReadBigInts(false);
            }
          }
        },
        columns: () => statement.columns().map((column) => column.name)
      };
    },
    errorKind: (error) => ofCode(error.errcode),
    close: () => database.close()
  };
}

// An integer that a number does not hold has all its digits as a text.
function narrowed(value) {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

function pure({ Database }, path) {
  const database = new Database(path);
  return {
    // Its locks are folders, which a process that is killed leaves behind.
    locks: false,
    exec: (sql) => { database.exec(sql); },
    prepare: (sql) => {
      let statement = database.prepare(sql);
      let names = [];
      // A statement that has failed cannot be run again: the next run prepares it anew.
      const attempt = (run) => {
        statement = statement || database.prepare(sql);
        try {
          return run(statement);
        } catch (error) {
          const failed = statement;
          statement = null;
          try {
            failed.finalize();
          } catch (again) {
            // It says the same error once more.
          }
          throw error;
        }
      };
      return {
        run: (values) => attempt((prepared) => prepared.run(values).changes),
        all: (values) => attempt((prepared) => prepared.all(values).map((row) => {
          names = Object.keys(row);
          return names.map((name) => row[name]);
        })),
        columns: () => names,
        close: () => { if (statement) statement.finalize(); }
      };
    },
    errorKind: (error) => ofMessage(String(error.message)),
    close: () => database.close()
  };
}

function ofName(code) {
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return 'busy';
  if (/^SQLITE_FULL/.test(code)) return 'full';
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return 'corrupt';
  if (/^SQLITE_(CONSTRAINT|MISUSE|ERROR|RANGE|MISMATCH|READONLY|TOOBIG)/.test(code)) return 'misuse';
  return 'io';
}

// The primary result codes of SQLite.
function ofCode(code) {
  switch (code & 0xff) {
    case 5: case 6: return 'busy';
    case 13: return 'full';
    case 11: case 26: return 'corrupt';
    case 1: case 8: case 18: case 19: case 20: case 21: case 25: return 'misuse';
    default: return 'io';
  }
}

function ofMessage(message) {
  if (/locked/.test(message)) return 'busy';
  if (/disk is full/.test(message)) return 'full';
  if (/malformed|not a database/.test(message)) return 'corrupt';
  if (/disk I\/O|unable to open/.test(message)) return 'io';
  return 'misuse';
}

module.exports = { open, NAMES };
