'use strict';

const backbone = require('./backbone');
const { Replica, TiSyncError } = require('./core');
const { host } = require('./node/host');

/**
 * Opens the replica in a file, and makes the file if it is not there.
 *
 * `config` is what docs/JAVASCRIPT.md lists: `server` or `connectors`, `collections`, `token` or `credentials`.
 */
function open(file, config) {
  const made = host(file, config || {});
  try {
    return new Replica(made, config || {});
  } catch (error) {
    made.close();
    throw error;
  }
}

module.exports = { open, backbone, Replica, TiSyncError };
