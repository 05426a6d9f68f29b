'use strict';

// What the doctor looks at in models.

const fs = require('fs');
const path = require('path');

const STOCK = ['sql', 'properties', 'localStorage'];
const POLICIES = ['client-wins', 'server-wins', 'latest-timestamp-wins', 'merge', 'manual'];

/** The type of a model's adapter, or null. */
function type(config) {
  const adapter = config && config.adapter;
  return adapter && typeof adapter.type === 'string' ? adapter.type : null;
}

/** Every finding of a project's models. */
function all(project) {
  const models = project.models();
  const found = models.flatMap((model) => one(project, model));
  const isReady = project.copies().length > 0;
  const ours = models.filter(({ config }) => type(config) === 'ti.sync');
  if (isReady && !ours.length) {
    found.push(note('app/models', 'no model uses ti.sync yet', "Write type: 'ti.sync' in a model's adapter. `alloy generate model` refuses that type: generate with sql, then change it."));
  }
  return found;
}

function one(project, { file, name, config, error }) {
  if (error) {
    return [note(file, `its configuration cannot be read without the app: ${error}`, 'Look at its adapter yourself: the type is ti.sync, and connectors/ has the file that `connector` names.')];
  }
  const given = type(config);
  if (given === null) return [];
  if (given !== 'ti.sync') return other(project, file, given);
  return [...id(file, config), ...connector(project, file, config), ...policy(file, name, config)];
}

// An adapter that is none, perhaps ours with another spelling.
function other(project, file, given) {
  if (STOCK.includes(given) || project.hasAdapter(given)) return [];
  const isOurs = given.toLowerCase().replace(/\.js$/, '').replace(/[^a-z]/g, '') === 'tisync';
  return [wrong(file, `there is no adapter of the type '${given}': the model fails at its first use`, isOurs ? "Write type: 'ti.sync'." : `Put ${given}.js into app/lib/alloy/sync, or write 'ti.sync' or one of ${STOCK.join(', ')}.`)];
}

// The id is what the backend knows a record by.
function id(file, config) {
  const { adapter, columns } = config;
  const name = adapter.idAttribute;
  if (name === undefined) {
    if (!columns || columns.id === undefined) {
      const where = columns && columns.alloy_id !== undefined ? 'alloy_id' : 'id';
      return [note(file, 'it names no adapter.idAttribute', `Write idAttribute: '${where}', or the field that your backend has the id in.`)];
    }
    return [];
  }
  if (columns && columns[name] === undefined) {
    return [wrong(file, `adapter.idAttribute is '${name}', and columns has no ${name}`, `Add ${name}: 'TEXT PRIMARY KEY' to columns, or name another field.`)];
  }
  if (columns && /AUTOINCREMENT/i.test(columns[name])) {
    return [note(file, `${name} counts up on each device, so that two devices give the same id to different records`, `Write ${name}: 'TEXT PRIMARY KEY': ids are then drawn at random, or made by the backend.`)];
  }
  return [];
}

// The file that the model's connector names.
function connector(project, file, config) {
  const given = config.connector !== undefined ? config.connector : config.adapter.connector;
  const name = given && typeof given === 'object' ? given.type || given.name : given;
  if (typeof name !== 'string' || name === 'none') return [];
  const there = project.copies().flatMap((folder) => {
    const connectors = path.join(folder, 'connectors');
    return fs.existsSync(connectors) ? fs.readdirSync(connectors).filter((other) => other.endsWith('.js')).map((other) => other.slice(0, -3)) : [];
  });
  if (!project.copies().length || there.includes(name)) return [];
  const alike = there.find((other) => other.toLowerCase() === name.toLowerCase().replace(/\.js$/, ''));
  return [wrong(file, `its connector is '${name}', and connectors/ has no ${name}.js`, alike ? `Write connector: '${alike}'.` : `Write one of ${there.join(', ')}, or put ${name}.js there: copy template.js to begin one.`)];
}

function policy(file, name, config) {
  const given = config.policy !== undefined ? config.policy : config.adapter.policy;
  if (given === undefined || typeof given === 'function' || POLICIES.includes(given)) return [];
  if (given && typeof given === 'object') return [];
  return [wrong(file, `there is no policy ${JSON.stringify(given)}`, `Write one of ${POLICIES.join(', ')}, or a function.`)];
}

function wrong(where, what, todo) {
  return { level: 'wrong', where, what, todo };
}

function note(where, what, todo) {
  return { level: 'note', where, what, todo };
}

module.exports = { all, type };
