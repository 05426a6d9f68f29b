'use strict';

// Between the app's words and the core's: settings, events, policy and migrate functions, connectors.

var fieldsOf = require('./fields');
var plainText = require('./text');

var RETRY = { retry: { after_ms: null } };

/** The settings that the core is opened with. */
function settings(host, config) {
  var connectors = {};
  var name;
  var given = config.connectors || (config.server ? { main: { url: config.server } } : {});
  for (name in given) connectors[name] = connector(given[name], config);
  var open = {
    entropy: host.entropy(),
    account: config.account,
    connectors: connectors,
    collections: config.collections || {},
    functions: Object.keys(config.policies || {}),
    migrates: Object.keys(config.migrate || {})
  };
  if (host.stream) open.listens = true;
  if (config.writeDurability !== undefined) open.write_durability = config.writeDurability;
  for (name in host.sizes) open[name] = host.sizes[name];
  return open;
}

function connector(given, config) {
  var settings = {
    kind: given.use ? 'host' : given.kind || 'native',
    url: given.url,
    credentials: !!(given.token || given.credentials || config.token || config.credentials),
    options: given.options || {}
  };
  if (given.use) {
    settings.options = { capability: given.use.capability || {}, one_feed: given.oneFeed === undefined ? !!given.use.oneFeed : given.oneFeed, collections: given.use.collections || {} };
  }
  if (given.hints === false) settings.hints = false;
  if (given.pollMs !== undefined) settings.poll_ms = given.pollMs;
  if (given.movedFrom !== undefined) settings.moved_from = given.movedFrom;
  return settings;
}

/** Collects writes. */
function writer(writes) {
  function add(collection, id, kind) {
    writes.push({ collection: collection, id: id === undefined ? null : id, kind: kind });
  }
  return {
    insert: function (collection, document, id) { add(collection, id, { insert: document }); },
    put: function (collection, id, document) { add(collection, id, { put: document }); },
    update: function (collection, id, document) { add(collection, id, { update: document }); },
    patch: function (collection, id, fields) { add(collection, id, { patch: patch(fields) }); },
    remove: function (collection, id) { add(collection, id, 'delete'); }
  };
}

// Fields by name, or by path where a name begins with a slash; undefined takes a field away.
function patch(fields) {
  var changes = { set: {}, unset: [] };
  for (var name in fields) {
    var path = name.charAt(0) === '/' ? name : fieldsOf.path(name);
    if (fields[name] === undefined) changes.unset.push(path);
    else changes.set[path] = fields[name];
  }
  return changes;
}

/** A request as the host's HTTP client gets it. */
function request(ask, body) {
  return {
    method: ask.method,
    url: ask.url,
    headers: ask.headers,
    body: body,
    timeoutMs: ask.timeout_ms,
    answerBytesMax: ask.answer_bytes_max
  };
}

/** What is told, by the name under which the app listens. */
function event(told) {
  if (told === 'health') return { name: 'health', value: undefined };
  for (var kind in told) {
    var value = told[kind];
    if (kind === 'changed') return { name: 'change', value: value };
    if (kind === 'conflict_opened') return { name: 'conflict', value: { collection: value.collection, id: value.id, open: true } };
    if (kind === 'conflict_closed') return { name: 'conflict', value: { collection: value.collection, id: value.id, open: false } };
    return { name: kind, value: value };
  }
  return { name: 'health', value: undefined };
}

// A document, or null where there is none.
function document(image) {
  return image && image.present !== undefined ? image.present : null;
}

function conflict(open) {
  return {
    collection: open.collection,
    id: open.id,
    base: document(open.base),
    ours: document(open.ours),
    theirs: document(open.theirs),
    since_ms: open.since_ms
  };
}

/** Asks the app for a token. */
function ask(config, asked, done) {
  var given = (config.connectors || {})[asked.connector] || {};
  var provider = given.credentials || given.token || config.credentials || config.token;
  settle(function () {
    return typeof provider === 'function' ? provider(asked.connector, asked.again) : provider;
  }, function (error, found) {
    if (error) done({ connector: asked.connector, failure: String(error.message || error) });
    else done(token(asked.connector, found));
  });
}

function token(connector, given) {
  if (given === null || given === undefined) return { connector: connector, failure: 'the app gives no token' };
  if (typeof given === 'string') return { connector: connector, token: given };
  return { connector: connector, token: given.token, account: given.account };
}

/** Asks the app's policy functions. */
function decide(config, dispute, done) {
  var policies = config.policies || {};
  var fields = {};
  var whole = null;
  var left = dispute.questions.length;
  var failed = null;
  function one(question) {
    settle(function () {
      var asked = { collection: dispute.collection, id: dispute.id, base: document(dispute.base), ours: document(dispute.ours), theirs: document(dispute.remote.image) };
      if (question.field !== null && question.field !== undefined) {
        asked.path = question.field;
        asked.base = fieldsOf.at(asked.base, question.field);
        asked.ours = fieldsOf.at(asked.ours, question.field);
        asked.theirs = fieldsOf.at(asked.theirs, question.field);
      }
      return policies[question['function']](asked);
    }, function (error, answer) {
      if (error) failed = failed || String(error.message || error);
      else if (question.field === null || question.field === undefined) whole = typeof answer === 'string' ? answer : { document: answer };
      else if (answer === undefined) failed = failed || 'the policy function gave no value';
      else fields[question.field] = answer;
      left--;
      if (left === 0) {
        var resolution = failed ? { failed: failed } : whole || { fields: fields };
        done({ collection: dispute.collection, rid: dispute.rid, version: dispute.remote.version, resolution: resolution });
      }
    });
  }
  dispute.questions.forEach(one);
}

/** Asks the app's migrate function; it answers at once. */
function migrate(config, question) {
  try {
    return { document: config.migrate[question.collection](question.document, question.from, question.to) };
  } catch (error) {
    return { refused: String(error && error.message || error) };
  }
}

/** Calls a connector that the app brings. */
function connect(config, host, ask, done) {
  var connector = config.connectors[ask.connector].use;
  var name = typeof ask.task === 'string' ? ask.task : Object.keys(ask.task)[0];
  var given = config.connectors[ask.connector];
  var context = { url: given.url, options: given.options || {}, token: ask.token, http: promised(host) };
  settle(function () {
    return connector[name](typeof ask.task === 'string' ? context : ask.task[name], context);
  }, function (error, reply) {
    if (error) return done({ failure: failure(error) });
    if (name === 'pull') done({ page: reply });
    else if (name === 'push') done({ pushed: Array.isArray(reply) ? { verdicts: reply } : reply });
    else if (name === 'fetch') done({ fetched: Array.isArray(reply) ? { found: reply } : reply });
    else done('reached');
  });
}

// What a connector throws: `kind` and `notSent` say what is known, as docs/CONNECTORS.md lists them.
function failure(error) {
  return {
    kind: error.kind || RETRY,
    not_sent: !!error.notSent,
    message: String(error.message || error)
  };
}

// The host's HTTP client with a promise; there is always an answer, or an error with a `kind`. A body may be a text, and
// `text()` of an answer reads it as one.
function promised(host) {
  var text = host.text || plainText;
  function bytes(body) {
    if (typeof body !== 'string') return body || null;
    var size = text.size(body);
    var written = new Uint8Array(size);
    text.write(body, written, 0, size);
    return written;
  }
  return function (request) {
    return new Promise(function (resolve, reject) {
      host.http({
        method: request.method || 'GET',
        url: request.url,
        headers: request.headers || [],
        body: bytes(request.body),
        timeoutMs: request.timeoutMs || 60000,
        answerBytesMax: request.answerBytesMax || 67108864
      }, function (result) {
        if (result.status) {
          result.text = function () { return text.read(result.body, 0, result.body.length); };
          return resolve(result);
        }
        var error = new Error(result.message);
        error.kind = 'offline';
        error.notSent = result.kind === 'not_sent' || result.kind === 'refused';
        reject(error);
      });
    });
  };
}

// Calls a function of the app's that may answer at once, or by a promise.
function settle(call, done) {
  var answer;
  try {
    answer = call();
  } catch (error) {
    return done(error);
  }
  if (answer && typeof answer.then === 'function') {
    answer.then(function (value) { done(null, value); }, function (error) { done(error || new Error('the promise was rejected')); });
  } else {
    done(null, answer);
  }
}

module.exports = {
  settings: settings, writer: writer, request: request, event: event, conflict: conflict, ask: ask, token: token,
  decide: decide, migrate: migrate, connect: connect
};
