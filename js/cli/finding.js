'use strict';

/** What the doctor finds wrong: where, what it is, and what to do. */
function wrong(where, what, todo) {
  return { level: 'wrong', where, what, todo };
}

/** What the doctor finds worth knowing. */
function note(where, what, todo) {
  return { level: 'note', where, what, todo };
}

module.exports = { note, wrong };
