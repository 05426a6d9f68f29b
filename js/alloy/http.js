'use strict';

// Requests over Ti.Network's HTTPClient: one client for each. Redirects are followed within one origin only: a token
// goes nowhere else.

var text = require('./text');

var REDIRECTS_MAX = 5;

// Characters of an answer that are written as bytes before others have their turn.
var CHARACTERS = 65536;

// What is wanted of an answer where the platform does not list its headers.
var HEADERS = [
  'content-type', 'date', 'etag', 'last-modified', 'link', 'location', 'retry-after', 'next-page', 'total-records',
  'total-objects', 'x-total-count', 'content-range', 'alert', 'backoff', 'age'
];

// NSURLError: no such host, no way to it, no network at all. Then nothing has left the device.
var NOT_SENT_CODES = [-1003, -1004, -1006, -1009];
var NOT_SENT = /unable to resolve host|unknownhost|failed to connect|connection refused|econnrefused|enotfound|network is unreachable|no address associated|could not connect to the server|hostname could not be found|appears to be offline/i;
var REFUSED = /certificate|ssl|tls|trust anchor|unsupported url|malformed|invalid url/i;

/** Sends a request; `done` gets `{status, headers, body}` or `{kind, message}`. Gives a function that ends it. */
function send(request, done) {
  var client = null;
  var isDone = false;
  var timer = setTimeout(function () {
    finish({ kind: 'timeout', message: 'expected an answer within ' + request.timeoutMs / 1000 + ' s, but none came' });
    abort();
  }, request.timeoutMs);

  function finish(result) {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    done(result);
  }

  function abort() {
    try {
      if (client) client.abort();
    } catch (error) {
      // It was over already.
    }
  }

  function answered(source, url, left) {
    if (isDone) return;
    var headers = headersOf(source);
    var to = header(headers, 'location');
    var status = source.status;
    var redirects = status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
    if (redirects && to && left > 0 && (request.method === 'GET' || status >= 307)) {
      var next = absolute(to, url);
      if (origin(next) === origin(url)) return attempt(next, left - 1);
    }
    // It is here: what follows is not the network's time.
    clearTimeout(timer);
    var string = source.responseText || '';
    // A character has a byte at least.
    if (string.length > request.answerBytesMax) return tooLarge('at least ' + string.length);
    write(string, function (body) {
      if (body.length > request.answerBytesMax) return tooLarge(body.length);
      finish({ status: status, headers: headers, body: body });
    });
  }

  function tooLarge(bytes) {
    finish({ kind: 'too_large', message: 'expected an answer of at most ' + request.answerBytesMax + ' bytes, but ' + bytes + ' came' });
  }

  // Gives the bytes of a text: those of a long one with others' turns in between.
  function write(string, given) {
    // Measuring it first would take as long as writing it.
    var bytes = new Uint8Array(3 * string.length);
    var at = 0;
    function part(from) {
      if (isDone) return;
      var until = Math.min(from + CHARACTERS, string.length);
      // Two halves of a character stay together.
      if (until < string.length && /[\uD800-\uDBFF]/.test(string.charAt(until - 1))) until++;
      at = text.write(string.slice(from, until), bytes, at);
      if (until < string.length) setTimeout(function () { part(until); }, 0);
      else given(bytes.subarray(0, at));
    }
    part(0);
  }

  function attempt(url, left) {
    client = Ti.Network.createHTTPClient({ timeout: request.timeoutMs, autoRedirect: false });
    // A status of 400 and more comes here too.
    client.onerror = function (event) {
      var source = client;
      if (source.status >= 100) return answered(source, url, left);
      finish(failure(event || {}));
    };
    client.onload = function () { answered(client, url, left); };
    try {
      client.open(request.method, url);
      for (var i = 0; i < request.headers.length; i++) client.setRequestHeader(request.headers[i][0], request.headers[i][1]);
      // A text: an object would become a form.
      if (request.body && request.body.length) client.send(text.read(request.body, 0, request.body.length));
      else client.send();
    } catch (error) {
      finish({ kind: 'refused', message: String(error && error.message || error) });
    }
  }

  attempt(request.url, REDIRECTS_MAX);
  return function () {
    isDone = true;
    clearTimeout(timer);
    abort();
  };
}

function failure(event) {
  var message = String(event.error || 'the request failed');
  var code = event.code;
  var kind = 'broken';
  if (code === -1001 || /timed? ?out/i.test(message)) kind = 'timeout';
  else if (NOT_SENT_CODES.indexOf(code) >= 0 || NOT_SENT.test(message)) kind = 'not_sent';
  else if ((code <= -1200 && code >= -1206) || REFUSED.test(message)) kind = 'refused';
  return { kind: kind, message: message };
}

// Names in lower case, as the core wants them.
function headersOf(client) {
  var headers = [];
  var listed = client.responseHeaders;
  var name;
  if (listed && typeof listed === 'object') {
    for (name in listed) headers.push([name.toLowerCase(), String(listed[name])]);
  } else if (typeof client.allResponseHeaders === 'string' && client.allResponseHeaders) {
    client.allResponseHeaders.split(/\r?\n/).forEach(function (line) {
      var colon = line.indexOf(':');
      if (colon > 0) headers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
    });
  }
  for (var i = 0; i < HEADERS.length; i++) {
    name = HEADERS[i];
    if (header(headers, name) !== null) continue;
    var value = client.getResponseHeader(name);
    if (value !== null && value !== undefined && value !== '') headers.push([name, String(value)]);
  }
  // The client has undone these.
  return headers.filter(function (pair) { return pair[0] !== 'content-encoding' && pair[0] !== 'content-length'; });
}

function header(headers, name) {
  for (var i = 0; i < headers.length; i++) {
    if (headers[i][0] === name) return headers[i][1];
  }
  return null;
}

function origin(url) {
  var parts = /^([a-z][a-z0-9+.-]*:\/\/[^\/?#]*)/i.exec(url);
  return parts ? parts[1].toLowerCase() : '';
}

function absolute(to, from) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(to)) return to;
  if (to.slice(0, 2) === '//') return /^[a-z]+:/i.exec(from)[0] + to;
  if (to.charAt(0) === '/') return origin(from) + to;
  return from.replace(/[?#].*$/, '').replace(/[^\/]*$/, '') + to;
}

module.exports = { send: send };
