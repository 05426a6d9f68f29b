'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const Sql = require('../core/sql');
const text = require('../core/text');

// A request as the core writes it.
function request(operation, sql, width, runs, values) {
  const parts = [Buffer.from([operation]), u32(7), string(sql), u32(width), u32(runs), ...values];
  return Buffer.concat(parts);
}

const u32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32LE(number); return bytes; };
const string = (value) => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
const integer = (value) => { const bytes = Buffer.alloc(9); bytes[0] = 1; bytes.writeBigInt64LE(value, 1); return bytes; };
const real = (value) => { const bytes = Buffer.alloc(9); bytes[0] = 2; bytes.writeDoubleLE(value, 1); return bytes; };

function ask(database, bytes) {
  let reply;
  new Sql(database, text).carryOut(bytes, 0, (size) => {
    reply = Buffer.alloc(size);
    return { bytes: reply, at: 0 };
  });
  return reply;
}

test('integers of 64 bits are bound exactly, beyond 2^53 as text', () => {
  const values = [0n, 1n, -1n, 4294967296n, -4294967297n, 9007199254740991n, -9007199254740991n, 9007199254740993n, 9223372036854775807n, -9223372036854775808n, -10000000000000000n];
  let bound;
  const database = { prepare: () => ({ run: (row) => { bound = row; return 1; } }) };
  ask(database, request(1, 'x', values.length, 1, values.map(integer)));
  for (const [index, value] of values.entries()) {
    const isSafe = value >= -9007199254740991n && value <= 9007199254740991n;
    assert.strictEqual(bound[index], isSafe ? Number(value) : String(value));
  }
});

test('what a database answers comes through: integers, doubles, texts, nulls', () => {
  const rows = [[1, -1, 9007199254740991, -9007199254740991, 1.5, -0, null, 'Grüße 👋', '']];
  const database = { prepare: () => ({ all: () => rows }) };
  const reply = ask(database, request(2, 'x', 0, 1, []));
  const expected = Buffer.concat([
    Buffer.from([0]), u32(1), u32(1), u32(9), integer(1n), integer(-1n), integer(9007199254740991n), integer(-9007199254740991n),
    real(1.5), real(-0), Buffer.from([0]), Buffer.from([3]), string('Grüße 👋'), Buffer.from([3]), string('')
  ]);
  assert.deepStrictEqual(reply, expected);
});

test('an error has its kind and its words', () => {
  const database = { prepare: () => { throw new Error('no such table'); }, errorKind: () => 'misuse' };
  assert.deepStrictEqual(ask(database, request(2, 'x', 0, 1, [])), Buffer.concat([Buffer.from([1, 4]), Buffer.from('no such table')]));
});
