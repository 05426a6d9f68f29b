'use strict';

// What the doctor looks at in models.

const { note, wrong } = require('./finding');
const { isOfApp } = require('./project');

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
  if (isOfApp(name) || isOfApp(columns)) return [];
  if (name === undefined) {
    // As with sql: nothing is wrong with that on this device.
    if (!columns || !config.connector || config.URL !== undefined) return [];
    const what = columns.id === undefined ? '' : ', and `id` is a field like others';
    return [note(file, `it names no adapter.idAttribute, so the id of its records is in alloy_id${what}`, "Write idAttribute: 'id', unless the app reads alloy_id.")];
  }
  if (columns && columns[name] === undefined) {
    return [wrong(file, `adapter.idAttribute is '${name}', and columns has no ${name}`, `Add ${name}: 'TEXT PRIMARY KEY' to columns, or name another field.`)];
  }
  if (columns && /AUTOINCREMENT/i.test(columns[name])) {
    return [note(file, `${name} counts up on each device, so that two devices give the same id to different records`, `Write ${name}: 'TEXT PRIMARY KEY': ids are then drawn at random, or made by the backend.`)];
  }
  return [];
}

// The file that the model's connector names, and the address of its backend.
function connector(project, file, config) {
  const given = config.connector;
  const isShared = (name) => typeof name === 'string' && project.configures(name);
  if (!given || (typeof given === 'object' && isShared(given.name))) return [];
  const name = typeof given === 'object' ? given.type : given;
  if (isOfApp(name)) return [note(file, 'its connector comes from code of the app, which is not run here', 'Look at it yourself: its `type` is the name of a file in connectors/.')];
  if (typeof name !== 'string') return [wrong(file, 'its connector names no `type`', "Write connector: { type: 'rest', url: 'https://…' }, with the name of a file in connectors/.")];
  if (!project.copies().length || isShared(name)) return [];
  const connectors = project.connectors();
  const code = connectors.get(name);
  if (code === undefined) {
    const names = [...connectors.keys()];
    const alike = names.find((other) => other.toLowerCase() === name.toLowerCase().replace(/\.js$/, ''));
    return [wrong(file, `its connector is '${name}', and connectors/ has no ${name}.js`, alike ? `Write '${alike}'.` : `Write one of ${names.join(', ')}, or put ${name}.js there: copy template.js to begin one.`)];
  }
  if (!given.url && !/\burl\b\s*[=:]/.test(code)) {
    return [wrong(file, `its connector '${name}' has no url, so the model fails at its first use`, `Write connector: { type: '${name}', url: 'https://…' }, or configure it for all models in alloy.js: require('/alloy/sync/ti.sync').configure({ connectors: { … } }).`)];
  }
  return [];
}

function policy(file, name, config) {
  const given = config.policy;
  if (given === undefined || typeof given === 'function' || POLICIES.includes(given)) return [];
  return [wrong(file, `there is no policy ${JSON.stringify(given)}`, `Write one of ${POLICIES.join(', ')}, or a function.`)];
}

module.exports = { all, type };
