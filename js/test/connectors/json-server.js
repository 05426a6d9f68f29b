'use strict';

// A connector for json-server: plain REST, which lists a whole collection at once.

const JSON_HEADERS = [['accept', 'application/json'], ['content-type', 'application/json']];

class Failed extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const stranger = (message) => new Failed('not_this_protocol', message);

// How long the answer asks to wait: seconds, or until a date by its own clock.
function wait(headers) {
  const asked = headers.get('retry-after') || '';
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - Date.parse(headers.get('date'));
  return ms > 0 ? ms : null;
}

// An answer of this server is JSON with one of these statuses; all else is a failure.
async function ask({ url, http }, method, path, row) {
  const { status, headers, body } = await http({ method, url: `${url}/${path}`, headers: JSON_HEADERS, body: row && Buffer.from(JSON.stringify(row)) });
  const text = Buffer.from(body).toString();
  // A create under an id that is taken: its own way to say 409.
  if (status === 500 && text.includes('duplicate id')) return { status: 409, value: null };
  if ([200, 201, 404].includes(status)) {
    try {
      return { status, value: JSON.parse(text) };
    } catch {
      throw stranger('expected JSON, but something else came');
    }
  }
  if (status === 401) throw new Failed('credentials', 'expected a record, but the credentials are refused');
  if (status === 429 || status >= 500) {
    throw new Failed({ retry: { after_ms: wait(new Map(headers)) } }, `expected an answer, but the status ${status} came`);
  }
  throw stranger(`expected an answer of json-server, but the status ${status} came`);
}

// The id is a field of a row, and no part of the document.
function record(row) {
  if (row === null || typeof row !== 'object' || Array.isArray(row) || typeof row.id !== 'string' || !row.id) return null;
  const { id, ...document } = row;
  return { id, document };
}

const at = (collection, id) => `${collection}/${encodeURIComponent(id)}`;

async function write(item, context) {
  const { collection, record: id, document } = item;
  const row = document && { ...document, id };
  const isCreate = item.change.create !== undefined;
  const { status, value } = isCreate
    ? await ask(context, 'POST', collection, row)
    : await ask(context, row ? 'PUT' : 'DELETE', at(collection, id), row);
  if (status === 404 || status === 409) return { conflict: { remote: null } };
  const found = record(value);
  if (found && found.id === id) return { accepted: { image: { present: found.document } } };
  // What this server says of a delete; another JSON may come from something in between.
  if (!row && JSON.stringify(value) === '{}') return { accepted: {} };
  throw stranger('expected the record that was written, but something else came');
}

module.exports = {
  pull: async ({ collections: [collection] }, context) => {
    const { status, value } = await ask(context, 'GET', collection);
    if (status !== 200 || !Array.isArray(value)) throw stranger('expected a list, but something else came: is the collection there?');
    const items = value.map((row) => {
      const found = record(row);
      return found
        ? { upsert: { collection, ...found } }
        : { bad: { collection, id: null, text: JSON.stringify(row), reason: 'expected a text in the field `id`' } };
    });
    return { items, end: { complete: { total: items.length } } };
  },
  // One in a batch, as a plain capability says: a failure leaves this one unknown, and no other.
  push: async ([item], context) => [[item.id, await write(item, context)]],
  fetch: async ({ ids }, context) => {
    const found = [];
    for (const [collection, id] of ids || []) {
      const { status, value } = await ask(context, 'GET', at(collection, id));
      const there = record(value);
      let image;
      if (there && there.id === id) image = { present: there.document };
      // A wrong address answers 404 too: only a list that is there has lost a record.
      else if (status === 404 && (await ask(context, 'GET', `${collection}?_limit=1`)).status === 200) image = 'gone';
      else throw stranger('expected a record, but something else came');
      found.push([collection, id, { image: { image } }]);
    }
    return found;
  },
  probe: async (context) => {
    // Everything there is: an object of lists. A page of somebody else would not look so.
    const { status, value } = await ask(context, 'GET', 'db');
    const isOurs = status === 200 && value && !Array.isArray(value) && Object.values(value).length > 0 && Object.values(value).every(Array.isArray);
    if (!isOurs) throw stranger('expected the lists of json-server, but something else came');
  }
};
