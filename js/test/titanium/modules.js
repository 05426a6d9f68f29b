'use strict';

// Titanium's `require`: `/x` is below Resources, `./x` beside the module, and a bare name is looked for in the order of
// the SDK. Modules are functions in the app's context.

const fs = require('fs');
const path = require('path');
const vm = require('vm');

/** Gives `{require, has, script}`. */
exports.loader = ({ resources, realm }, context) => {
  const modules = {};

  // The file at a path below Resources, or null.
  const file = (id) => {
    for (const root of resources) {
      const place = path.join(root, id);
      if (fs.existsSync(place) && fs.statSync(place).isFile()) return place;
    }
    return null;
  };

  const asFile = (id) => [id, `${id}.js`, `${id}.json`].find((name) => name !== '/' && file(name)) || null;

  const asFolder = (id) => {
    const described = file(`${id}/package.json`);
    const main = described && JSON.parse(fs.readFileSync(described, 'utf8')).main;
    if (main) {
      const name = path.posix.join(id, main);
      const found = asFile(name) || asFile(`${name}/index`);
      if (found) return found;
    }
    return [`${id}/index.js`, `${id}/index.json`].find(file) || null;
  };

  const either = (id) => asFile(id) || asFolder(id);

  const inNodeModules = (id, from) => {
    for (let folder = from; ; folder = path.posix.dirname(folder)) {
      const found = either(path.posix.join(folder, 'node_modules', id));
      if (found || folder === '/') return found;
    }
  };

  const resolve = (id, from) => {
    if (id.startsWith('/')) return either(path.posix.normalize(id));
    if (id.startsWith('./') || id.startsWith('../')) return either(path.posix.join(from, id));
    return asFile(`/${id}/${id}`) || inNodeModules(id, from) || either(`/${id}`);
  };

  const requireFrom = (from) => (id) => {
    if (typeof id !== 'string' || id === '') throw realm.error('Missing module id');
    const found = resolve(id, from);
    if (!found) throw realm.error(`Requested module not found: ${id}`);
    return load(found);
  };

  const load = (id) => {
    if (modules[id]) return modules[id].exports;
    const place = file(id);
    const text = fs.readFileSync(place, 'utf8');
    if (id.endsWith('.json')) {
      modules[id] = { exports: realm.parse(text) };
      return modules[id].exports;
    }
    const module = realm.parse('{"exports":{}}');
    module.id = id.replace(/\.js$/, '');
    modules[id] = module;
    const folder = path.posix.dirname(id);
    const own = requireFrom(folder);
    module.require = own;
    try {
      const run = vm.runInContext(`(function (exports, require, module, __filename, __dirname) {${text}\n})`, context, { filename: place });
      run.call(module.exports, module.exports, own, module, id, folder);
    } catch (error) {
      delete modules[id];
      throw error;
    }
    return module.exports;
  };

  return {
    require: requireFrom('/'),
    has: (id) => either(id) !== null,
    script: (id) => {
      const place = file(id);
      if (!place) throw new Error(`expected ${id} among the Resources, but it is not there`);
      vm.runInContext(fs.readFileSync(place, 'utf8'), context, { filename: place });
    }
  };
};
