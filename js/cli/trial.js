'use strict';

// The certify kit in its own module: carries out what it asks for, as a replica does in a sync.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const calls = require('../core/calls');
const { Core } = require('../core/core');
const { utf8 } = require('../node/host');
const { send } = require('../node/http');

const MODULE = path.join(__dirname, '..', 'dist', 'certify.wasm');

// The engine waits no longer for a connector either.
const CALL_MS_MAX = 60000;

/**
 * Tries a connector (`{kind, url, options}`, or `{url, use}`) on its backend; `told` gets each check. Resolves to the
 * report, and is rejected with a TiSyncError when it cannot begin.
 */
function certify({ connector, token, collection, document, field }, told) {
  return new Promise((resolve, reject) => new Trial(connector, told, resolve, reject).begin({ token, collection, document, field }));
}

class Trial {
  constructor(connector, told, resolve, reject) {
    this.connector = connector;
    this.told = told;
    this.resolve = resolve;
    this.reject = reject;
    /** What ends each request or call of a connector. */
    this.open = new Map();
    /** What waits for the answers to requests of the connector under trial. */
    this.lent = new Map();
    this.last = 0;
    this.timer = null;
    this.isOver = false;
    const module = new WebAssembly.Module(fs.readFileSync(MODULE));
    this.core = new Core((imports) => new WebAssembly.Instance(module, imports).exports, {
      database: {},
      text: utf8(),
      wallMs: Date.now,
      monotonicMs: () => performance.now()
    });
  }

  begin(what) {
    const entropy = crypto.randomBytes(32).toString('hex');
    const given = { ...this.connector, token: what.token };
    const { main } = calls.settings({ entropy: () => entropy, sizes: {} }, { connectors: { main: given } }).connectors;
    this.give({ certify: { ...what, entropy, connector: main } });
  }

  give(command, body) {
    if (this.isOver) return;
    let answer;
    try {
      answer = this.core.call(command, body);
    } catch (error) {
      this.over(() => this.reject(error));
      return;
    }
    this.schedule(answer);
    for (const ask of answer.asks || []) this.carryOut(ask, answer);
    for (const event of answer.events || []) {
      if (event.checked) this.told(event.checked);
      if (event.certified) this.over(() => this.resolve(event.certified));
    }
  }

  schedule({ more, wake_at_ms: wakeAtMs }) {
    clearTimeout(this.timer);
    const wait = more ? 0 : wakeAtMs === null ? null : Math.max(1, wakeAtMs - performance.now());
    if (wait !== null) this.timer = setTimeout(() => this.give('run'), wait);
  }

  carryOut(ask, answer) {
    if (ask.http) this.send(ask.http, answer.body(ask.http));
    else if (ask.cancel !== undefined) this.cancel(ask.cancel);
    else if (ask.connector) this.call(ask.connector);
    else if (ask.sent) this.sent(ask.sent, answer);
  }

  send(asked, body) {
    this.open.set(asked.id, send(calls.request(asked, body), (result) => {
      if (!this.open.delete(asked.id)) return;
      if (result.status) this.give({ http: { id: asked.id, status: result.status, headers: result.headers } }, result.body);
      else this.give({ http_failed: { id: asked.id, kind: result.kind, message: result.message } });
    }));
  }

  cancel(number) {
    const end = this.open.get(number);
    this.open.delete(number);
    if (end) end();
  }

  // Calls the connector under trial; what it sends by its `http` goes through the kit.
  call(asked) {
    const { call } = asked;
    const done = (reply) => {
      if (!this.open.has(call)) return;
      this.cancel(call);
      this.give({ connector: { call, reply } });
    };
    const late = setTimeout(() => {
      done({ failure: { kind: 'offline', not_sent: false, message: `expected an answer of the connector within ${CALL_MS_MAX / 1000} s, but none came` } });
    }, CALL_MS_MAX);
    this.open.set(call, () => clearTimeout(late));
    calls.connect({ connectors: { main: this.connector } }, { http: (request, answered) => this.lend(call, request, answered) }, asked, done);
  }

  lend(call, request, answered) {
    const number = ++this.last;
    this.lent.set(number, answered);
    const headers = request.headers.map(([name, value]) => [name.toLowerCase(), String(value)]);
    const { method, url, timeoutMs, answerBytesMax } = request;
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
    this.give({ send: { call, request: number, method, url, headers, timeout_ms: timeoutMs, answer_bytes_max: answerBytesMax } }, body);
    return () => this.lent.delete(number);
  }

  sent({ request, answer, failed }, whole) {
    const answered = this.lent.get(request);
    this.lent.delete(request);
    if (!answered) return;
    if (failed) answered(failed);
    else answered({ status: answer.status, headers: answer.headers, body: whole.body(answer) || new Uint8Array(0) });
  }

  over(tell) {
    this.isOver = true;
    clearTimeout(this.timer);
    for (const end of this.open.values()) end();
    this.open.clear();
    this.core.free();
    tell();
  }
}

module.exports = { certify };
