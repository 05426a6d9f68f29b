'use strict';

// Apps of Alloy on the Titanium stand-in, with every Backbone that they choose.

const { test } = require('node:test');
const { folder, sqlite } = require('./device');
const { device } = require('./titanium');
const alloy = require('./titanium/alloy');

const VERSIONS = ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0'];
const TOOLS = process.env.JS_TOOLS;

// As the compiler does for \`<TableView dataCollection="…">\`, in Alloy 1.7.1 to 3.0.1.
exports.draws = (collection, version) => {
  const drawn = [];
  const events = version === '0.9.2' ? 'fetch destroy change add remove reset' : 'fetch destroy change add remove reset sort';
  collection.on(events, (event) => {
    if (event && event.fromAdapter) return;
    drawn.push(collection.models.map((model) => model.toJSON()));
  });
  return drawn;
};

/** The folder Resources of an app with these models: the text of each file below app/models, by name. */
const resources = exports.resources = (t, version, models, more) => {
  const root = folder(t);
  alloy.resources(root, TOOLS, version, models, more);
  return root;
};

exports.definition = alloy.definition;

/** A device on which the app runs: \`{alloy, sync, …}\` of the stand-in. */
exports.app = (t, root, options = {}) => {
  const isPlain = process.env.TISYNC_MODULE === 'js';
  const made = device({ resources: root, folder: options.folder || folder(t), sqlite, platform: options.platform, network: options.network, webAssembly: !isPlain });
  const sync = made.require('/alloy/sync/ti.sync');
  let isOpen = true;
  const close = () => {
    if (!isOpen) return;
    isOpen = false;
    made.close();
  };
  t.after(close);
  const Alloy = made.require('/alloy');
  return { ...made, Alloy, sync, close, Backbone: Alloy.Backbone };
};

/** A test with each Backbone: `run({version, isOld, start})`; `start(models, options)` gives an app. */
exports.each = (name, run) => {
  for (const version of VERSIONS) {
    test(`Alloy with Backbone ${version}: ${name}`, (t) => run({
      version,
      isOld: version === '0.9.2',
      t,
      start: (models, options) => exports.app(t, resources(t, version, models, options), options)
    }));
  }
};

exports.VERSIONS = VERSIONS;
