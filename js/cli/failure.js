'use strict';

/** Why a command failed: what was expected, what came, what to do. */
class Failure extends Error {
  constructor(code, message) {
    super(message);
    /** The exit code. */
    this.code = code;
  }
}

module.exports = { Failure };
