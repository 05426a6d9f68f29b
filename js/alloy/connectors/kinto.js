'use strict';

// Servers of Kinto (docs/connectors/kinto.md).
//
//     connector: { type: 'kinto', url: 'https://kinto.example.org/v1', bucket: 'app', collection: 'todos', token: 'user:password' }

exports.kind = 'kinto';

// Options that say something of one model alone.
exports.each = { collection: 'collections' };
