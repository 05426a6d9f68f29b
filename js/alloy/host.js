'use strict';

// Titanium as a host of the core.

var database = require('./database');
var http = require('./http');
var module_ = require('./module');

// How long work may go on before the user interface has its turn: what is begun may take longer than what was before.
var SLICE_MS = 20;

// The longest wait that a timer takes.
var TIMER_MS_MAX = 2147483647;

/** A host for the database of this name. */
function host(name) {
  var isAndroid = platform() === 'android';
  var loaded = module_.load(isAndroid);
  var clock = monotonic();
  var opened = database.open(name, isAndroid);
  var ends = [];
  return {
    database: opened,
    instantiate: loaded.instantiate,
    wallMs: function () { return Date.now(); },
    monotonicMs: clock,
    entropy: entropy,
    sizes: loaded.sizes,
    sliceMs: SLICE_MS,
    http: http.send,
    later: later,
    watchNetwork: watchNetwork,
    watchResume: function (tell) { ends.push(watchResume(tell)); },
    close: function () {
      ends.forEach(function (end) { end(); });
      opened.close();
    }
  };
}

function platform() {
  return String(Ti.Platform.osname).toLowerCase();
}

function later(ms, call) {
  var timer = setTimeout(call, Math.min(ms, TIMER_MS_MAX));
  return function () { clearTimeout(timer); };
}

// Titanium has no clock that only goes forward: what the device's clock is set back is added.
function monotonic() {
  var added = 0;
  var last = Date.now();
  return function () {
    var now = Date.now() + added;
    if (now < last) {
      added += last - now;
      now = last;
    }
    last = now;
    return now;
  };
}

// 32 random bytes: of a version 4 UUID all digits are random but one, and most of another.
function entropy() {
  var digits = '';
  while (digits.length < 64) {
    var uuid = String(Ti.Platform.createUUID()).replace(/[^0-9a-fA-F]/g, '').toLowerCase();
    if (uuid.length !== 32) throw new Error('expected a UUID of Ti.Platform.createUUID(), but another text came');
    digits += uuid.slice(0, 12) + uuid.slice(13, 16) + uuid.slice(17);
  }
  return digits.slice(0, 64);
}

// Android does not tell at the start. What it tells is a hint: requests decide.
function watchNetwork(tell) {
  function changed(event) {
    tell(!!(event && event.online !== undefined ? event.online : Ti.Network.online));
  }
  Ti.Network.addEventListener('change', changed);
  tell(!!Ti.Network.online);
  return function () { Ti.Network.removeEventListener('change', changed); };
}

// The app is in front again: time has passed, and the network may be another one.
function watchResume(tell) {
  if (!Ti.App.addEventListener) return function () {};
  Ti.App.addEventListener('resumed', tell);
  return function () { Ti.App.removeEventListener('resumed', tell); };
}

module.exports = host;
