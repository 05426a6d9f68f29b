'use strict';

// Appcelerator Cloud Services, later Arrow DB and Mobile Backend Services, and servers with their interface (docs/connectors/acs.md).
//
//     connector: { type: 'acs', url: 'https://api.example.org', key: 'APPKEY', class: 'todo', credentials: function (connector, again) { … } }

exports.kind = 'acs';

// Options that say something of one model alone.
exports.each = { 'class': 'classes' };
