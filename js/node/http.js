'use strict';

// Requests over Node's own client. Redirects are followed within one origin only: a token goes nowhere else.

const http = require('http');
const https = require('https');
const zlib = require('zlib');

const REDIRECTS_MAX = 5;
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'];
const REFUSED = /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_INVALID_URL|ERR_INVALID_PROTOCOL|ERR_SSL|HOSTNAME_MISMATCH)/;

/** Sends a request; `done` gets `{status, headers, body}` or `{kind, message}`. Gives a function that ends it. */
function send(request, done) {
  let current = null;
  let timer = null;
  let isDone = false;
  const finish = (result) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    done(result);
  };
  timer = setTimeout(() => {
    finish({ kind: 'timeout', message: `expected an answer within ${request.timeoutMs / 1000} s, but none came` });
    if (current) current.destroy();
  }, request.timeoutMs);
  const attempt = (url, left) => {
    let address;
    try {
      address = new URL(url);
    } catch (error) {
      return finish({ kind: 'refused', message: error.message });
    }
    const client = address.protocol === 'https:' ? https : http;
    const headers = { 'accept-encoding': 'gzip', 'user-agent': 'ti.sync' };
    for (const [name, value] of request.headers) headers[name] = name in headers && name !== 'accept-encoding' ? `${headers[name]}, ${value}` : value;
    if (request.body) headers['content-length'] = request.body.length;
    else if (request.method !== 'GET' && request.method !== 'HEAD') headers['content-length'] = 0;
    try {
      current = client.request(address, { method: request.method, headers });
    } catch (error) {
      return finish({ kind: 'refused', message: error.message });
    }
    current.on('error', (error) => finish({ kind: kind(error), message: error.message }));
    current.on('response', (response) => {
      const to = response.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode) && to && (request.method === 'GET' || response.statusCode >= 307);
      if (isRedirect && left > 0) {
        const next = new URL(to, address);
        if (next.origin === address.origin) {
          response.resume();
          return attempt(next.href, left - 1);
        }
      }
      read(response, request.answerBytesMax, finish);
    });
    current.end(request.body || undefined);
  };
  attempt(request.url, REDIRECTS_MAX);
  return () => {
    isDone = true;
    clearTimeout(timer);
    if (current) current.destroy();
  };
}

function read(response, bytesMax, finish) {
  let stream = response;
  if (response.headers['content-encoding'] === 'gzip') {
    stream = response.pipe(zlib.createGunzip());
    response.on('aborted', () => finish({ kind: 'broken', message: 'the answer was cut off' }));
  }
  const parts = [];
  let bytes = 0;
  stream.on('data', (part) => {
    bytes += part.length;
    if (bytes > bytesMax) {
      finish({ kind: 'too_large', message: `expected an answer of at most ${bytesMax} bytes, but more came` });
      response.destroy();
      return;
    }
    parts.push(part);
  });
  stream.on('error', (error) => finish({ kind: 'broken', message: error.message }));
  stream.on('end', () => {
    if (!response.complete) return finish({ kind: 'broken', message: 'the answer was cut off' });
    finish({ status: response.statusCode, headers: pairs(response), body: Buffer.concat(parts) });
  });
}

// The headers as pairs, without those of a body as it was sent.
function pairs(response) {
  const headers = [];
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    const name = response.rawHeaders[i].toLowerCase();
    if (name !== 'content-encoding' && name !== 'content-length') headers.push([name, response.rawHeaders[i + 1]]);
  }
  return headers;
}

/**
 * Sends a request and passes its answer on: `on.opened({status, headers})`, `on.piece(bytes)`, `on.ended(failure)`, which
 * gets `{kind, message}` or null. Gives a function that ends it. A redirect is an answer like others.
 */
function stream({ method, url, headers: given, silenceMs, pieceBytesMax }, on) {
  let isDone = false;
  let timer = null;
  let current = null;
  const end = (failure) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    if (current) current.destroy();
    on.ended(failure);
  };
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => end({ kind: 'timeout', message: `expected a sign of life within ${silenceMs / 1000} s, but none came` }), silenceMs);
  };
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'ti.sync' };
  for (const [name, value] of given) headers[name] = value;
  try {
    const address = new URL(url);
    current = (address.protocol === 'https:' ? https : http).request(address, { method, headers, agent: false });
  } catch (error) {
    setImmediate(end, { kind: 'refused', message: error.message });
    return () => { isDone = true; };
  }
  heard();
  current.on('error', (error) => end({ kind: kind(error), message: error.message }));
  current.on('response', (response) => {
    heard();
    if (!isDone) on.opened({ status: response.statusCode, headers: pairs(response) });
    response.on('data', (part) => {
      heard();
      for (let at = 0; at < part.length && !isDone; at += pieceBytesMax) on.piece(part.subarray(at, at + pieceBytesMax));
    });
    response.on('error', (error) => end({ kind: 'broken', message: error.message }));
    response.on('end', () => end(response.complete ? null : { kind: 'broken', message: 'the answer was cut off' }));
  });
  current.end();
  return () => {
    isDone = true;
    clearTimeout(timer);
    current.destroy();
  };
}

function kind(error) {
  const code = String(error.code);
  if (NOT_SENT.includes(code)) return 'not_sent';
  if (REFUSED.test(code)) return 'refused';
  return 'broken';
}

module.exports = { send, stream };
