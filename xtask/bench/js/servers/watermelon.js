'use strict';

// Stands in for a server of WatermelonDB's: answers that were made before they are asked for, and pushes that are kept
// in memory.

const http = require('node:http');
const { lines } = require('../program');

let settings;
let time = 1;
let pushed = 0;
const kept = new Map();
// The answers by the time that is asked from, as texts.
const answers = new Map();

const NOTHING = { created: [], updated: [], deleted: [] };

function row(line) {
  const { tags, updated_at: changed_at, ...record } = JSON.parse(line);
  return { ...record, tags: JSON.stringify(tags), changed_at };
}

function answer(changes) {
  return JSON.stringify({ changes: { items: { ...NOTHING, ...changes } }, timestamp: time });
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    if (request.method === 'GET') {
      const since = new URL(request.url, 'http://localhost').searchParams.get('since');
      return response.end(answers.get(Number(since)) || answer({}));
    }
    const { created, updated } = JSON.parse(Buffer.concat(parts).toString()).items;
    for (const record of [...created, ...updated]) kept.set(record.id, record);
    pushed += created.length + updated.length;
    time++;
    response.end();
  });
});

process.on('message', (message) => {
  if (message.start) {
    settings = message.start;
    answers.set(0, answer({ created: settings.count ? lines(settings.records, 0, settings.count).map(row) : [] }));
    server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));
  } else if (message.change) {
    const before = time++;
    answers.set(before, answer({ updated: lines(settings.records, 1, message.change).map(row) }));
    process.send('changed');
  } else {
    process.send(message === 'count' ? kept.size : pushed);
  }
});
process.on('disconnect', () => process.exit());
