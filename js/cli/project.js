'use strict';

// An Alloy project on disk.

const fs = require('fs');
const path = require('path');
const vm = require('vm');
const { Failure } = require('./failure');

// Where an adapter may lie; Alloy copies them in this order, so that the last one wins.
const PLACES = ['assets', 'lib', 'vendor'];
// Milliseconds that reading a model may take.
const MODEL_MS_MAX = 1000;

/** The adapter's file, in the folder of adapters. */
const ADAPTER = 'ti.sync.js';

class Project {
  constructor(root) {
    this.root = root;
    this.app = path.join(root, 'app');
  }

  /** The project in a folder, or around its folder `app`. */
  static at(folder) {
    const root = path.resolve(folder);
    if (!fs.existsSync(root)) throw new Failure(2, `expected the folder of an Alloy project, but there is no folder ${root}`);
    const isProject = (place) => ['controllers', 'models', 'alloy.js', 'config.json'].some((name) => fs.existsSync(path.join(place, 'app', name)));
    const found = [root, path.dirname(root)].find(isProject);
    if (!found) {
      throw new Failure(2, `expected an Alloy project, a folder with app/controllers in it, but ${root} has none; go to the folder of tiapp.xml, or name it`);
    }
    return new Project(found);
  }

  /** A path as people see it, from the project's folder. */
  name(file) {
    return path.relative(this.root, file).split(path.sep).join('/');
  }

  /** The folders of adapters that are there; Alloy takes the last one's files. */
  folders() {
    return PLACES.map((place) => path.join(this.app, place, 'alloy', 'sync')).filter((folder) => fs.existsSync(folder));
  }

  /** The folders that hold a copy of Ti.Sync. */
  copies() {
    return this.folders().filter((folder) => fs.existsSync(path.join(folder, ADAPTER)));
  }

  /** Whether an adapter of this type is there. */
  hasAdapter(type) {
    return this.folders().some((folder) => fs.existsSync(path.join(folder, `${type}.js`)));
  }

  /** What each connector's file says, by its name. */
  connectors() {
    const found = new Map();
    for (const copy of this.copies()) {
      const folder = path.join(copy, 'connectors');
      for (const name of list(folder)) if (name.endsWith('.js')) found.set(name.slice(0, -3), fs.readFileSync(path.join(folder, name), 'utf8'));
    }
    return found;
  }

  /** Whether the app's code configures a connector of this name for all models. */
  configures(name) {
    const code = files(this.app).filter((file) => file.endsWith('.js') && !file.includes('alloy/sync/') && !file.includes('models/'));
    const named = new RegExp(`['".\\s{,]${name.replace(/[^\w]/g, '\\$&')}['"]?\\]?\\s*[:=]`);
    return code.some((file) => {
      const text = fs.readFileSync(path.join(this.app, file), 'utf8');
      return /\bconnectors\b/.test(text) && named.test(text);
    });
  }

  /** What a file says, or null where it is not there. */
  read(...names) {
    const file = path.join(this.root, ...names);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null;
  }

  /** The version of Alloy that the project brings, or null. */
  alloy() {
    const text = this.read('node_modules', 'alloy', 'package.json');
    return text ? JSON.parse(text).version : null;
  }

  /** The models, also those of widgets: `{file, name, config}`, or `{file, name, error}`. */
  models() {
    const widgets = path.join(this.app, 'widgets');
    const folders = [this.app, ...list(widgets).map((name) => path.join(widgets, name))];
    return folders.flatMap((folder) => list(path.join(folder, 'models')).filter((name) => name.endsWith('.js')).map((name) => {
      const file = path.join(folder, 'models', name);
      return { file: this.name(file), name: name.slice(0, -3), ...definition(fs.readFileSync(file, 'utf8')) };
    }));
  }
}

/** The files below a folder, as paths from there. */
function files(folder) {
  return list(folder).flatMap((name) => {
    const inner = path.join(folder, name);
    return fs.statSync(inner).isDirectory() ? files(inner).map((file) => `${name}/${file}`) : [name];
  });
}

function list(folder) {
  return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
}

// The configuration of a model, by running its file with stand-ins for what an app has.
function definition(code) {
  const anything = stub();
  const names = { exports: {}, require: anything, Alloy: anything, Ti: anything, Titanium: anything, L: String, _: anything, Backbone: anything, console: anything };
  Object.assign(names, { module: names, OS_IOS: false, OS_ANDROID: true, ENV_DEV: true, ENV_TEST: false, ENV_PRODUCTION: false, DIST_STORE: false, DIST_ADHOC: false });
  try {
    vm.runInNewContext(code, names, { timeout: MODEL_MS_MAX });
    const { config } = names.exports.definition;
    return { config: config || {} };
  } catch (error) {
    return { error: String(error && error.message || error) };
  }
}

// Something that can be called and looked into, and gives the same again.
function stub() {
  const self = new Proxy(function () {}, {
    get: (_, name) => (name === Symbol.toPrimitive ? () => '' : self),
    apply: () => self,
    construct: () => self
  });
  return self;
}

/** Whether a value of a configuration comes from the app's own code, which is not run here. */
const isOfApp = (value) => typeof value === 'function' && value.anything === value;

module.exports = { ADAPTER, PLACES, Project, files, isOfApp };
