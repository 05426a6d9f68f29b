'use strict';

// The native protocol of Ti.Sync: `tisync serve`, and servers that speak it (docs/PROTOCOL.md).
//
//     connector: { type: 'native', url: 'https://sync.example.org', token: '…' }

exports.kind = 'native';

// Each collection has a feed of its own: models are declared one after another, as the app needs them.
exports.options = { feeds: 'collection' };
