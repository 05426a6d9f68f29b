'use strict';

// UTF-8 without TextEncoder and TextDecoder, which not every host has. A host that has something faster hands it to
// the core as `text`.

// Strings are made of so many bytes at once: more would not fit on the stack of every engine.
var CHUNK = 8192;

/** The number of bytes of a string in UTF-8; a lone surrogate counts as U+FFFD. */
function size(string) {
  var bytes = 0;
  for (var i = 0; i < string.length; i++) {
    var unit = string.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (isPair(string, i, unit)) { bytes += 4; i++; }
    else bytes += 3;
  }
  return bytes;
}

/** Writes a string into `bytes` from `at` on; gives the place behind it. */
function write(string, bytes, at) {
  for (var i = 0; i < string.length; i++) {
    var unit = string.charCodeAt(i);
    if (unit < 0x80) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | unit >> 6;
      bytes[at++] = 0x80 | unit & 0x3f;
    } else if (isPair(string, i, unit)) {
      var point = 0x10000 + ((unit & 0x3ff) << 10) + (string.charCodeAt(++i) & 0x3ff);
      bytes[at++] = 0xf0 | point >> 18;
      bytes[at++] = 0x80 | point >> 12 & 0x3f;
      bytes[at++] = 0x80 | point >> 6 & 0x3f;
      bytes[at++] = 0x80 | point & 0x3f;
    } else {
      if (unit >= 0xd800 && unit < 0xe000) unit = 0xfffd;
      bytes[at++] = 0xe0 | unit >> 12;
      bytes[at++] = 0x80 | unit >> 6 & 0x3f;
      bytes[at++] = 0x80 | unit & 0x3f;
    }
  }
  return at;
}

/** Reads a string from `from` up to `to`; the bytes are UTF-8, as everything that the core gives out is. */
function read(bytes, from, to) {
  var string = '';
  while (from < to) {
    var end = Math.min(from + CHUNK, to);
    var at = from;
    while (at < end && bytes[at] < 0x80) at++;
    if (at > from) {
      string += String.fromCharCode.apply(null, bytes.subarray(from, at));
      from = at;
    }
    var units = [];
    while (from < to && units.length < CHUNK && bytes[from] >= 0x80) {
      from = point(bytes, from, units);
    }
    if (units.length) string += String.fromCharCode.apply(null, units);
  }
  return string;
}

// One character of several bytes.
function point(bytes, at, units) {
  var first = bytes[at++];
  if (first < 0xe0) {
    units.push((first & 0x1f) << 6 | bytes[at++] & 0x3f);
  } else if (first < 0xf0) {
    units.push((first & 0x0f) << 12 | (bytes[at++] & 0x3f) << 6 | bytes[at++] & 0x3f);
  } else {
    var value = (first & 0x07) << 18 | (bytes[at++] & 0x3f) << 12 | (bytes[at++] & 0x3f) << 6 | bytes[at++] & 0x3f;
    value -= 0x10000;
    units.push(0xd800 | value >> 10, 0xdc00 | value & 0x3ff);
  }
  return at;
}

function isPair(string, i, unit) {
  if (unit < 0xd800 || unit >= 0xdc00 || i + 1 >= string.length) return false;
  var next = string.charCodeAt(i + 1);
  return next >= 0xdc00 && next < 0xe000;
}

module.exports = { size: size, write: write, read: read };
