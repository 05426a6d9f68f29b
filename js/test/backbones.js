'use strict';

// Every Backbone that apps choose, and a replica of a test beneath it. No jQuery is there.

const path = require('node:path');
const { test } = require('node:test');
const { backbone } = require('..');
const { device, folder } = require('./device');

const VERSIONS = ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0'];
const collections = { todos: { policy: 'merge' }, people: { policy: 'merge' } };

/** A test with each Backbone: `run` gets what `made` gives. */
exports.each = (name, run) => {
  for (const version of VERSIONS) test(`Backbone ${version}: ${name}`, (t) => run(made(t, version), t));
};

/** A Backbone, a replica, and a model and a collection of `todos`. `isOld` says that it is 0.9.2. */
const made = exports.made = (t, version = '1.6.0', config = {}, options = {}) => {
  const Backbone = require(path.join(process.env.JS_TOOLS, `backbone-${version}`));
  const replica = device(t, path.join(folder(t), 'todos.db'), { collections, ...config });
  const offline = backbone(Backbone, replica);
  t.after(() => offline.unbind());
  const Todo = Backbone.Model.extend({ sync: offline('todos') });
  const Todos = Backbone.Collection.extend({ model: Todo, sync: offline('todos', options) });
  return { Backbone, replica, offline, Todo, Todos, store: replica.collection('todos'), isOld: version === '0.9.2' };
};

/** What is triggered on an object from now on, in order. */
exports.heard = (object) => {
  const names = [];
  object.on('all', (name) => names.push(name));
  return names;
};

/** Callbacks that keep what they were called with, in `calls`. */
exports.callbacks = () => {
  const calls = [];
  return { calls, success: (...values) => calls.push(['success', ...values]), error: (...values) => calls.push(['error', ...values]) };
};
