'use strict';

// The backend that connectors/template.js is for: lists of records, and whole documents at their ids.

const http = require('node:http');

/** Starts one with an empty list of notes; gives `{url, close}`. */
exports.start = async () => {
  const lists = { notes: new Map() };
  const server = http.createServer(async (request, response) => {
    const [, name, id] = new URL(request.url, 'http://localhost').pathname.split('/').map(decodeURIComponent);
    const rows = lists[name];
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += part;
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (name === '') return answer(200, { lists: Object.keys(lists) });
    if (!rows) return answer(404, { error: 'no such list' });
    if (id === undefined) return answer(200, [...rows.values()]);
    if (request.method === 'PUT') {
      rows.set(id, { ...JSON.parse(body), id });
      return answer(200, rows.get(id));
    }
    if (!rows.has(id)) return answer(404, { error: 'no such record' });
    const row = rows.get(id);
    if (request.method === 'DELETE') rows.delete(id);
    answer(200, row);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    }
  };
};
