'use strict';

// The module: WebAssembly where it really runs, else the same as plain JavaScript. Both are data beside this file, and
// only the one that is used is read.

// A module whose function gives 42: some engines have WebAssembly by name only.
var TINY = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0, 10, 6, 1, 4, 0, 65, 42, 11];

var loaded = null;

/** The module: `kind` is `wasm` or `js`, `instantiate(imports)` gives its exports, `sizes` how large pieces of work are. */
function load(isAndroid) {
  loaded = loaded || (runs() && compiled(isAndroid)) || translated();
  return loaded;
}

function runs() {
  try {
    var module = new WebAssembly.Module(new Uint8Array(TINY));
    return new WebAssembly.Instance(module, {}).exports.a() === 42;
  } catch (error) {
    return false;
  }
}

function compiled(isAndroid) {
  try {
    var module = new WebAssembly.Module(bytes(require('./module-wasm')));
    return {
      kind: 'wasm',
      instantiate: function (imports) { return new WebAssembly.Instance(module, imports).exports; },
      // Elsewhere it may be interpreted.
      sizes: isAndroid ? { slice_items: 50, page_items: 500 } : { slice_items: 25, page_items: 200 }
    };
  } catch (error) {
    return null;
  }
}

function translated() {
  var made = { exports: null };
  new Function('module', require('./module-js'))(made);
  return {
    kind: 'js',
    instantiate: function (imports) { return made.exports(imports.tisync); },
    sizes: { slice_items: 25, page_items: 200 }
  };
}

// Base64 without atob, which Titanium does not have.
function bytes(base64) {
  var values = new Uint8Array(128);
  var digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  for (var i = 0; i < digits.length; i++) values[digits.charCodeAt(i)] = i;
  var length = base64.length;
  var padding = base64.charAt(length - 1) !== '=' ? 0 : base64.charAt(length - 2) !== '=' ? 1 : 2;
  var out = new Uint8Array(length / 4 * 3 - padding);
  for (var from = 0, to = 0; from < length; from += 4) {
    var group = values[base64.charCodeAt(from)] << 18 | values[base64.charCodeAt(from + 1)] << 12 |
      values[base64.charCodeAt(from + 2)] << 6 | values[base64.charCodeAt(from + 3)];
    out[to++] = group >> 16;
    if (to < out.length) out[to++] = group >> 8 & 255;
    if (to < out.length) out[to++] = group & 255;
  }
  return out;
}

module.exports = { load: load };
