'use strict';

// Servers of the CouchDB protocol: CouchDB, Cloudant, pouchdb-server (docs/connectors/couchdb.md).
//
//     connector: { type: 'couchdb', url: 'https://db.example.org', database: 'todos', token: 'user:password' }

exports.kind = 'couchdb';

// Options that say something of one model alone.
exports.each = { database: 'databases' };
