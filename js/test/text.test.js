'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const text = require('../core/text');

test('UTF-8 is what Node makes of it', () => {
  const long = 'Grüße, 世界 👋 '.repeat(2000);
  for (const string of ['', 'plain', 'ü', '\u0000\u007f\u0080\u07ff\u0800\uffff', '👋', long, 'x'.repeat(20000), 'ü'.repeat(20000)]) {
    const bytes = Buffer.alloc(text.size(string) + 2);
    assert.strictEqual(text.size(string), Buffer.byteLength(string));
    assert.strictEqual(text.write(string, bytes, 1), bytes.length - 1);
    assert.strictEqual(bytes.toString('utf8', 1, bytes.length - 1), string);
    assert.strictEqual(text.read(bytes, 1, bytes.length - 1), string);
  }
});

test('a lone surrogate is replaced, as everywhere', () => {
  for (const string of ['\ud800', 'a\udc00b', '\ud83d\ud83d\udc4b']) {
    const bytes = Buffer.alloc(text.size(string));
    text.write(string, bytes, 0);
    assert.deepStrictEqual(bytes, Buffer.from(string));
  }
});
