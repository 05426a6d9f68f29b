'use strict';

// The words of a command line.

const { Failure } = require('./failure');

/**
 * Reads the words behind a command. `known` says what may come: `words` (how many at most) and `options`, each by its
 * name: `flag`, `text`, or `list` for one that may come again. Gives `{words, …options}`.
 */
function parse(command, args, known) {
  const found = { words: [] };
  for (const [name, kind] of Object.entries(known.options)) found[name] = kind === 'flag' ? false : kind === 'list' ? [] : null;
  const left = [...args];
  while (left.length) {
    const word = left.shift();
    if (!word.startsWith('--')) {
      found.words.push(word);
      continue;
    }
    const [, name, given] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word);
    const kind = Object.hasOwn(known.options, name) ? known.options[name] : null;
    if (!kind) throw wrong(command, `expected an option out of ${list(known.options)}, but ${word} came`);
    if (kind === 'flag') {
      if (given !== undefined) throw wrong(command, `expected no value behind --${name}, but ${given} came`);
      found[name] = true;
      continue;
    }
    const value = given === undefined ? left.shift() : given;
    if (value === undefined) throw wrong(command, `expected a value behind --${name}, but none came`);
    if (kind === 'list') found[name].push(value);
    else found[name] = value;
  }
  if (found.words.length > known.words) {
    throw wrong(command, `expected ${known.words} word beside the options, but ${found.words.join(' ')} came`);
  }
  return found;
}

function list(options) {
  return Object.keys(options).map((name) => `--${name}`).join(', ');
}

function wrong(command, message) {
  return new Failure(2, `${message}; \`npx ti.sync help ${command}\` tells more`);
}

module.exports = { parse };
