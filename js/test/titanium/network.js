'use strict';

// Ti.Network and its HTTPClient over Node's own client, with a switch for the network:
//
// | `network.state` | `Ti.Network.online` | a request |
// |---|---|---|
// | `online` | true | is sent and answered |
// | `offline` | false | fails at once, not sent |
// | `silent` | true | gets no answer until its timeout |
// | `deaf` | true | is sent, and its answer is lost |
// | `portal` | true | is answered by a page of somebody else's, with status 200 |

const http = require('http');
const https = require('https');
const { Emitter } = require('./events');

const STATES = ['online', 'offline', 'silent', 'deaf', 'portal'];
const NONE = 0, WIFI = 1;
const PORTAL = '<html><body>Please accept our terms</body></html>';
// What the SDK waits for where an app says nothing.
const TIMEOUT_MS = 60000;

class Network {
  constructor({ platform, realm }, state) {
    this.platform = platform;
    this.realm = realm;
    /** Every request that left the device: `{method, url, headers, body}`. */
    this.sent = [];
    /** Ended with the device. */
    this.running = new Set();
    this.set(state || 'online', true);
    const network = this;
    const own = {
      NETWORK_NONE: NONE, NETWORK_WIFI: WIFI, NETWORK_MOBILE: 2, NETWORK_LAN: 3, NETWORK_UNKNOWN: 4,
      createHTTPClient: (properties) => new Client(network, properties),
      encodeURIComponent,
      decodeURIComponent
    };
    this.Ti = new Emitter(own);
    Object.defineProperties(this.Ti, {
      online: { get: () => network.isOnline },
      networkType: { get: () => (network.isOnline ? WIFI : NONE) },
      networkTypeName: { get: () => (network.isOnline ? 'WIFI' : 'NONE') }
    });
  }

  /** What Ti.Network.online says: a hint only. */
  get isOnline() { return this.state !== 'offline'; }

  /** Switches the network; the app hears `change`, unless it is how the app found it at its start. */
  set(state, isStart) {
    if (!STATES.includes(state)) throw new Error(`expected the network to be ${STATES.join(', ')}, but ${state} came`);
    const was = this.state !== 'offline';
    this.state = state;
    if (isStart || was === this.isOnline) return;
    const { online, networkType, networkTypeName } = this.Ti;
    const reason = this.platform === 'android' ? { reason: '' } : {};
    this.Ti.fireEvent('change', { online, networkType, networkTypeName, ...reason });
  }

  end() {
    for (const stop of this.running) stop();
    this.running.clear();
  }
}

class Client extends Emitter {
  constructor(network, properties) {
    super(properties);
    const hidden = { network, request: null, headers: {}, answer: {}, isDone: false };
    Object.defineProperty(this, 'own', { value: hidden });
    this.readyState = 0;
    this.forget();
  }

  forget() {
    Object.assign(this, { status: 0, statusText: '', responseText: null, responseData: null });
    this.own.answer = {};
  }

  open(method, url) {
    if (this.own.request) throw this.error('one client carries out one request: make another with Ti.Network.createHTTPClient');
    this.own.request = { method: String(method).toUpperCase(), url: String(url) };
    this.readyState = 1;
  }

  setRequestHeader(name, value) {
    if (this.readyState !== 1) throw this.error('setRequestHeader can only be called after open and before invoking send.');
    const { headers } = this.own;
    if (value === null || value === undefined) delete headers[name];
    else headers[name] = name in headers ? `${headers[name]}, ${value}` : String(value);
  }

  getResponseHeader(name) {
    const value = this.own.answer[String(name).toLowerCase()];
    if (value === undefined) return this.own.network.platform === 'android' ? '' : null;
    return value;
  }

  get allResponseHeaders() {
    return Object.keys(this.own.answer).map((name) => `${name}: ${this.own.answer[name]}`).join('\n');
  }

  send(data) {
    if (this.readyState !== 1) throw this.error('expected open before send, and send once');
    this.readyState = 2;
    const { network, headers } = this.own;
    const isGet = this.own.request.method === 'GET';
    let body = null;
    // On Android and iOS alike a GET has no body.
    if (data !== null && data !== undefined && !isGet) {
      if (typeof data === 'string') {
        body = data;
        if (network.platform === 'android' && !named(headers, 'content-type')) headers['Content-Type'] = 'application/x-www-form-urlencoded';
      } else if (data.apiName === 'Ti.Blob') {
        body = data.text;
      } else {
        body = form(data);
        headers['Content-Type'] = 'multipart/form-data; boundary=stand-in';
      }
    }
    this.carryOut({ ...this.own.request, headers: { ...headers }, body });
  }

  carryOut(request) {
    const { network } = this.own;
    const { state } = network;
    const stop = () => {
      this.own.isDone = true;
      clearTimeout(timer);
      if (current) current.destroy();
      network.running.delete(stop);
    };
    this.own.stop = stop;
    const finish = (error, response, body) => {
      if (this.own.isDone) return;
      stop();
      this.finish(error, response, body);
    };
    let current = null;
    const timer = setTimeout(() => finish('Request timed out'), this.timeout || TIMEOUT_MS);
    network.running.add(stop);
    if (state === 'silent') return;
    if (state === 'offline') {
      setImmediate(() => finish(`Unable to resolve host "${host(request.url)}"`));
      return;
    }
    if (state === 'portal') {
      setImmediate(() => finish(null, { statusCode: 200, statusMessage: 'OK', headers: { 'content-type': 'text/html' } }, Buffer.from(PORTAL)));
      return;
    }
    network.sent.push(request);
    const headers = { ...request.headers };
    if (request.body !== null) headers['Content-Length'] = Buffer.byteLength(request.body);
    else if (request.method !== 'GET') headers['Content-Length'] = 0;
    try {
      const client = request.url.startsWith('https:') ? https : http;
      current = client.request(request.url, { method: request.method, headers, agent: false });
    } catch (error) {
      setImmediate(() => finish(error.message));
      return;
    }
    current.on('error', (error) => finish(error.message));
    current.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('aborted', () => finish('unexpected end of stream'));
      response.on('end', () => {
        if (state === 'deaf' || network.state === 'deaf') finish('Connection reset');
        else finish(null, response, Buffer.concat(parts));
      });
    });
    current.end(request.body === null ? undefined : request.body);
  }

  finish(error, response, body) {
    const android = this.own.network.platform === 'android';
    this.readyState = 4;
    if (error) {
      const code = error === 'Request timed out' ? -1001 : -1;
      return this.tell('onerror', { success: false, error, code });
    }
    this.own.answer = response.headers;
    this.status = response.statusCode;
    this.statusText = response.statusMessage || '';
    this.responseText = body.length ? body.toString('utf8') : null;
    this.responseData = { apiName: 'Ti.Blob', length: body.length, text: body.toString('utf8') };
    if (this.status >= 400 && typeof this.onerror === 'function') {
      return this.tell('onerror', { success: false, error: android ? `HTTP Error: ${this.status}` : `HTTP error`, code: this.status });
    }
    return this.tell('onload', { success: this.status < 400, code: 0 });
  }

  tell(name, event) {
    if (typeof this[name] === 'function') this[name].call(this, { ...event, source: this, type: name === 'onload' ? 'load' : 'error' });
  }

  abort() {
    if (this.own.stop && !this.own.isDone) this.own.stop();
  }

  error(message) {
    return this.own.network.realm.error(message);
  }
}

function named(headers, name) {
  return Object.keys(headers).some((one) => one.toLowerCase() === name);
}

function form(data) {
  const parts = Object.keys(data).map((name) => `--stand-in\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${data[name]}\r\n`);
  return `${parts.join('')}--stand-in--\r\n`;
}

function host(url) {
  return (/^[a-z]+:\/\/([^/:]*)/.exec(url) || [])[1];
}

module.exports = { Network };
