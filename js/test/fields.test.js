'use strict';

// Fields of documents: what patches, orders and policies are made with.

const assert = require('node:assert');
const { test } = require('node:test');
const { at, changed, difference, names, path } = require('../core/fields');

test('a name and its path, with the characters that a path uses itself', () => {
  for (const name of ['title', 'a/b', '~', '~1', '', 'ü/~0']) {
    assert.deepStrictEqual(names(path(name)), [name]);
    assert.strictEqual(at({ [name]: 1 }, path(name)), 1);
  }
  assert.strictEqual(at({ a: { 'b/c': [5] } }, '/a/b~1c/0'), 5);
  assert.strictEqual(at({ a: null }, '/a/b'), null);
});

test('what differs between documents', () => {
  const before = { same: { a: 1, b: [1] }, other: 1, gone: null };
  const after = { same: { b: [1], a: 1 }, other: '1', 'n/w': new Date(0), none: undefined };
  const set = { '/other': '1', '/n~1w': '1970-01-01T00:00:00.000Z', '/none': undefined };
  assert.deepStrictEqual(changed(before, after), set);
  assert.deepStrictEqual(difference(before, after), { ...set, '/gone': undefined });
});
