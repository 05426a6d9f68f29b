'use strict';

// The answers of a server of the native protocol, made before they are asked for.

var EPOCH = 'e1';

function id(number) {
  var hex = ('00000000' + (number * 2654435761 % 4294967296).toString(16)).slice(-8);
  return hex + '-0000-4000-8000-' + ('000000000000' + number.toString(16)).slice(-12);
}

// 336 bytes of JSON, as in the project's benchmarks.
function document(number) {
  return {
    title: 'Buy ' + number + ' litres of oat milk and some bread',
    done: number % 3 === 0,
    priority: number % 6,
    due: '2026-12-' + ('0' + (1 + number % 28)).slice(-2) + 'T09:00:00Z',
    notes: 'Ask the shop whether they still have the one without sugar; if not, take the other. Grüße, №' + number + ' '.concat('and then some more text to fill the line'),
    tags: ['home', 'shopping', 'tag' + number % 10],
    updated_at: '2026-11-' + ('0' + (1 + number % 28)).slice(-2) + 'T12:34:56.789Z'
  };
}

/** A feed of so many records; `answer(ask, body)` gives the bytes of the answer to a pull. */
function feed(collection, records) {
  var rows = [];
  for (var i = 0; i < records; i++) {
    rows.push(JSON.stringify({ collection: collection, id: id(i), version: EPOCH + '.' + (i + 1), stamp: stamp(i), schema: 0, doc: document(i) }));
  }
  return {
    requests: 0,
    answer: function (ask, body) {
      this.requests++;
      if (!/\/pull$/.test(ask.url)) throw new Error('expected a pull, but ' + ask.url + ' came');
      var asked = JSON.parse(Buffer.from(body).toString());
      var from = asked.checkpoint ? Number(asked.checkpoint) : 0;
      var until = Math.min(from + asked.limit, rows.length);
      var bytes = 0, at = from;
      while (at < until && bytes < asked.bytes_max) bytes += rows[at++].length;
      return Buffer.from('{"items":[' + rows.slice(from, at).join(',') + '],"checkpoint":"' + at + '","more":' + (at < rows.length) +
        ',"epochs":[["' + EPOCH + '",0]],"server_time_ms":' + Date.now() + '}');
    }
  };
}

function stamp(number) {
  return ('000000000000' + (1764000000000 + number).toString(16)).slice(-12) + '0000-00000007';
}

module.exports = { feed: feed, id: id, document: document };
