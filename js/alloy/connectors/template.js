'use strict';

// A connector of your own, to begin with: copy this file to a name of yours in this folder, and name it in a model:
//
//     connector: { type: 'mine', url: 'https://api.example.org', token: '…', probe: '/notes' }
//
// The backend of this one lists all records of a collection at once, `GET /notes` → `[{"id": "1", …}]`, and takes whole
// documents, `PUT /notes/1` → `{"id": "1", …}` and `DELETE /notes/1`. Every function may answer at once or by a promise. What they promise to
// the engine is in docs/CONNECTORS.md; `npx ti.sync certify ./mine.js --url …` tries it on your backend.

// What the backend can do beyond the plainest. What is declared must hold: the guarantee follows from it.
exports.capability = {};

// One page of what there is, and whether that was the end. `request` is {feed, collections, checkpoint, items_max, …}.
exports.pull = function (request, context) {
  var collection = request.collections[0];
  return ask(context, 'GET', '/' + collection).then(function (answer) {
    if (answer.status !== 200 || !Array.isArray(answer.json)) throw failure('not_this_protocol', 'expected an array of records');
    return {
      items: answer.json.map(function (row) { return item(collection, row); }),
      end: { complete: { total: answer.json.length } }
    };
  });
};

// One verdict for each write of a batch: [mutation, verdict]. A write without one is settled later by a look at the record.
exports.push = function (batch, context) {
  var verdicts = [];
  return batch.reduce(function (before, write) {
    return before.then(function () {
      return ask(context, write.document ? 'PUT' : 'DELETE', '/' + write.collection + '/' + encodeURIComponent(write.record), write.document);
    }).then(function (answer) {
      verdicts.push([write.id, verdict(write, answer)]);
    });
  }, Promise.resolve()).then(function () { return verdicts; });
};

// Accepted only if the answer says so: a sign-in page answers 200 too.
function verdict(write, answer) {
  if (answer.status >= 400 && (write.document || answer.status !== 404)) return { rejected: { reason: 'status ' + answer.status } };
  if (write.document && isRecord(answer.json, write.record)) return { accepted: { image: { present: document(answer.json) } } };
  var isEmpty = answer.json === null ? answer.status === 204 : JSON.stringify(answer.json) === '{}';
  if (!write.document && (answer.status === 404 || isEmpty || isRecord(answer.json, write.record))) return { accepted: {} };
  throw failure('not_this_protocol', 'expected the record that was written');
}

// Records by their ids. `gone` deletes: say it only on evidence, here a 404 in JSON.
exports.fetch = function (wanted, context) {
  return Promise.all(wanted.ids.map(function (pair) {
    return ask(context, 'GET', '/' + pair[0] + '/' + encodeURIComponent(pair[1])).then(function (answer) {
      if (answer.status === 404) return [pair[0], pair[1], { image: { image: 'gone' } }];
      if (!isRecord(answer.json, pair[1])) throw failure('not_this_protocol', 'expected a record');
      return [pair[0], pair[1], { image: { image: { present: document(answer.json) } } }];
    });
  }));
};

// An answer that no sign-in page could give: here a list, at the path that the model's connector names.
exports.probe = function (context) {
  return ask(context, 'GET', context.options.probe || '/').then(function (answer) {
    if (answer.status !== 200 || !Array.isArray(answer.json)) throw failure('not_this_protocol', 'expected a list: name the path of one as `probe`');
  });
};

// Sends JSON and reads JSON. `context` has the `url`, the `options` of the model's connector, the `token`, and `http`.
function ask(context, method, path, body) {
  var headers = [['accept', 'application/json']];
  if (context.token) headers.push(['authorization', 'Bearer ' + context.token]);
  if (body) headers.push(['content-type', 'application/json']);
  return context.http({ method: method, url: context.url + path, headers: headers, body: body ? JSON.stringify(body) : null }).then(function (answer) {
    if (answer.status === 401) throw failure('credentials', 'the token is refused', true);
    if (answer.status === 429 || answer.status >= 500) throw failure({ retry: { after_ms: wait(answer) } }, 'status ' + answer.status);
    var json = null;
    try {
      json = answer.body.length ? JSON.parse(answer.text()) : null;
    } catch (error) {
      throw failure('not_this_protocol', 'expected JSON, but something else came');
    }
    return { status: answer.status, json: json };
  });
}

// How long an answer asks to wait: seconds, or until a date by its own clock; null where it does not say.
function wait(answer) {
  var asked = header(answer, 'retry-after');
  var ms = /^\d+$/.test(asked) ? asked * 1000 : Date.parse(asked) - Date.parse(header(answer, 'date'));
  return ms > 0 ? ms : null;
}

function header(answer, name) {
  for (var i = 0; i < answer.headers.length; i++) if (answer.headers[i][0] === name) return answer.headers[i][1];
  return '';
}

function isRecord(row, id) {
  return !!row && String(row.id) === id;
}

// A row as the engine wants it: the id is no part of the document. What is no record is kept aside with the reason.
function item(collection, row) {
  if (!row || typeof row.id !== 'string') {
    return { bad: { collection: collection, id: null, text: JSON.stringify(row), reason: 'expected a text in the field `id`' } };
  }
  return { upsert: { collection: collection, id: row.id, document: document(row) } };
}

function document(row) {
  var fields = {};
  for (var name in row) {
    if (name !== 'id') fields[name] = row[name];
  }
  return fields;
}

// A failure: `kind` is "offline", "credentials", {retry: {after_ms}}, "too_large" or "not_this_protocol"; `notSent` says that
// nothing can have been carried out.
function failure(kind, message, notSent) {
  var error = new Error(message);
  error.kind = kind;
  error.notSent = !!notSent;
  return error;
}
