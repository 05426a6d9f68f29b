'use strict';

// The core for any host: see js/README.md.

var core = require('./core');

module.exports = { Replica: require('./replica'), Core: core.Core, TiSyncError: core.TiSyncError, Drawing: core.Drawing, fields: core.fields };
