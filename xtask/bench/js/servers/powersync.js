'use strict';

// Stands in for PowerSync's service and an app's backend: streams what was made before it is asked for, announces
// changes when it is told to, and keeps what is uploaded in memory. It checks nothing.

const http = require('node:http');
const { lines } = require('../program');

// Operations of a line, as the service sends them.
const LINE_OPERATIONS = 1000;
const BUCKET = 'items';

let last = 0;
let checksum = 0;
let stream = null;
let prepared = [];
let first = [];
const kept = new Map();

/** The lines that bring records: a checkpoint, the operations, and its end. */
function announcement(records) {
  const from = last;
  const data = [];
  for (let at = 0; at < records.length; at += LINE_OPERATIONS) {
    const after = String(last);
    const operations = records.slice(at, at + LINE_OPERATIONS).map(operation);
    data.push({ data: { bucket: BUCKET, after, has_more: at + LINE_OPERATIONS < records.length, next_after: String(last), data: operations } });
  }
  const buckets = [{ bucket: BUCKET, checksum, count: last, priority: 3 }];
  const checkpoint = from === 0
    ? { checkpoint: { last_op_id: String(last), buckets } }
    : { checkpoint_diff: { last_op_id: String(last), updated_buckets: buckets, removed_buckets: [] } };
  return [checkpoint, ...data, { checkpoint_complete: { last_op_id: String(last) } }].map((line) => `${JSON.stringify(line)}\n`);
}

function operation(line) {
  const { id, done, tags, ...fields } = JSON.parse(line);
  last++;
  checksum = (checksum + last) >>> 0;
  return {
    op_id: String(last),
    op: 'PUT',
    object_type: 'items',
    object_id: id,
    checksum: last,
    subkey: id,
    data: JSON.stringify({ ...fields, done: Number(done), tags: JSON.stringify(tags) })
  };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    if (request.url === '/sync/stream') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      stream = response;
      for (const line of first) stream.write(line);
    } else if (request.url === '/upload') {
      for (const { id, data } of JSON.parse(Buffer.concat(parts).toString())) kept.set(id, data);
      response.end();
    } else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ data: { write_checkpoint: '1' } }));
    }
  });
});

process.on('message', (message) => {
  if (message.start) {
    const { records, count } = message.start;
    first = announcement(count ? lines(records, 0, count) : []);
    server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`));
    server.records = records;
  } else if (message.prepare) {
    prepared = announcement(lines(server.records, 1, message.prepare));
    process.send('prepared');
  } else if (message === 'announce') {
    for (const line of prepared) stream.write(line);
    process.send('announced');
  } else {
    process.send(kept.size);
  }
});
process.on('disconnect', () => process.exit());
