'use strict';

// Node as a host of the core.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { send, stream } = require('./http');
const sqlite = require('./sqlite');

// The longest wait that a timer takes.
const TIMER_MS_MAX = 2147483647;

/** UTF-8, of which the core writes and reads its memory. */
function utf8() {
  // The memory as a buffer: the same until it grows.
  let memory, buffer;
  const of = (bytes) => {
    if (bytes !== memory) {
      memory = bytes;
      buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return buffer;
  };
  return {
    size: (string) => Buffer.byteLength(string),
    write: (string, bytes, at) => at + of(bytes).write(string, at),
    read: (bytes, from, to) => of(bytes).utf8Slice(from, to)
  };
}

/** A host for the file at `file`. */
function host(file, options) {
  const database = sqlite.open(file, options.sqlite);
  const module = loaded(options);
  let lease = null;
  return {
    database,
    text: utf8(),
    instantiate: module.instantiate,
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
    entropy: () => crypto.randomBytes(32).toString('hex'),
    sizes: module.sizes,
    sliceMs: options.sliceMs || 30,
    http: options.http || send,
    // An app that brings its own client keeps no other connections.
    stream: options.http ? undefined : stream,
    later: (ms, call) => {
      const timer = ms === 0 ? setImmediate(call) : setTimeout(call, Math.min(ms, TIMER_MS_MAX));
      return () => (ms === 0 ? clearImmediate(timer) : clearTimeout(timer));
    },
    takeLease: () => {
      if (!database.locks) return true;
      lease = lease || lock(file, options.sqlite);
      return lease !== null;
    },
    close: () => {
      database.close();
      if (lease) lease.close();
    }
  };
}

// Holds an exclusive lock on a file beside the replica, for as long as this process lives.
function lock(file, driver) {
  const beside = sqlite.open(`${file}-sync`, driver);
  try {
    beside.exec('PRAGMA busy_timeout=0; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    return beside;
  } catch (error) {
    beside.close();
    if (beside.errorKind(error) === 'busy') return null;
    throw error;
  }
}

let compiled = null;

// The module: compiled WebAssembly, or the same in JavaScript where there is none.
function loaded(options) {
  const folder = path.join(__dirname, '..', 'dist');
  if (typeof WebAssembly === 'undefined' || options.module === 'js') {
    const make = require(path.join(folder, 'tisync.js'));
    return {
      instantiate: (imports) => make(imports.tisync),
      sizes: { slice_items: 15, page_items: 200 }
    };
  }
  compiled = compiled || new WebAssembly.Module(fs.readFileSync(path.join(folder, 'tisync.wasm')));
  return {
    instantiate: (imports) => new WebAssembly.Instance(compiled, imports).exports,
    sizes: { slice_items: 250, page_items: 2000 }
  };
}

module.exports = { host, utf8 };
