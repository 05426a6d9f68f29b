'use strict';

// `npx ti.sync add`: puts the adapter and its connectors into an Alloy project, or brings its copy up to date.

const fs = require('fs');
const path = require('path');
const { Failure } = require('./failure');
const { PLACES, Project } = require('./project');
const { compare, note, shipped } = require('./shipped');

const HELP = `Copy ti.sync.js and its connectors into an Alloy project, or bring its copy up to date.

Usage: npx ti.sync add [FOLDER] [OPTIONS]

  FOLDER          the project: the folder of tiapp.xml (this one)
  --to PLACE      assets, lib or vendor: app/PLACE/alloy/sync (where a copy or other adapters are, else lib)
  --force         replace connectors of ours that the app has changed

Connectors that the app wrote are left alone, and so are those of ours that it has changed.
Exit code 0: the copy is up to date; 1: something was left as it is that should not be; 2: there is no project.`;

const ARGUMENTS = { words: 1, options: { to: 'text', force: 'flag' } };

function run(args, out) {
  const project = Project.at(args.words[0] || '.');
  const folder = target(project, args.to);
  const ours = shipped();
  const { version } = require('../package.json');
  const before = compare(folder, ours);
  const states = (...wanted) => [...before.states].filter(([, state]) => wanted.includes(state)).map(([file]) => file);
  const kept = args.force ? [] : states('changed');
  const broken = kept.find((file) => !isConnector(file));
  if (broken) {
    throw new Failure(1, `expected ${project.name(path.join(folder, broken))} as it was copied, but it was changed in this app, and it has to fit the rest; nothing was copied: undo the change, or give --force to lose it`);
  }
  const isFirst = states('missing').length === ours.size;
  const copied = new Map([...ours].filter(([file]) => !kept.includes(file)));
  for (const [file, bytes] of copied) {
    const place = path.join(folder, file);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.writeFileSync(place, bytes);
  }
  for (const file of states('gone')) fs.rmSync(path.join(folder, file));
  note(folder, version, copied);

  const where = project.name(folder);
  const changes = states('missing', 'older', ...(args.force ? ['changed'] : [])).length + states('gone').length;
  if (isFirst) out(`ti.sync ${version} is in ${where}: ti.sync.js and connectors/.`);
  else if (!changes) out(`${where} is up to date: ti.sync ${version}.`);
  else out(`${where} is ti.sync ${version} now${before.version && before.version !== version ? `, it was ${before.version}` : ''}; ${changes} files were replaced, added or taken away.`);
  for (const file of kept) out(`Kept as this app has it: ${where}/${file} (--force replaces it).`);
  if (!isFirst && changes) out('Delete the folder Resources before the next build: Alloy leaves old connectors there.');
  const others = project.copies().filter((copy) => copy !== folder);
  for (const other of others) out(`There is another copy in ${project.name(other)}: delete it, since Alloy mixes the two.`);
  const models = project.models();
  const isUsed = models.some(({ config }) => config && config.adapter && config.adapter.type === 'ti.sync');
  if (!isUsed) for (const line of advice(models)) out(line);
  return others.length ? 1 : 0;
}

function isConnector(file) {
  return file.startsWith('connectors/') && !file.startsWith('connectors/core/');
}

// Where the copy goes.
function target(project, to) {
  if (to !== null && !PLACES.includes(to)) throw new Failure(2, `expected --to assets, lib or vendor, but ${to} came`);
  const place = (name) => path.join(project.app, name, 'alloy', 'sync');
  if (to) return place(to);
  // The last one wins in Alloy.
  const copies = project.copies();
  if (copies.length) return copies[copies.length - 1];
  const folders = project.folders();
  return folders.length ? folders[folders.length - 1] : place('lib');
}

// What to write in a model.
function advice(models) {
  const old = models.find(({ config }) => config && config.adapter && typeof config.adapter.type === 'string');
  const lines = ['', 'Name it as the adapter of a model:', ''];
  if (old) {
    lines.push(`  // ${old.file}`, `  adapter: { type: 'ti.sync', … }     // it is '${old.config.adapter.type}' now; the other keys may stay`);
  } else {
    lines.push(
      '  // app/models/todo.js',
      '  exports.definition = {',
      '    config: {',
      "      columns: { id: 'TEXT PRIMARY KEY', title: 'TEXT', done: 'INTEGER' },",
      "      adapter: { type: 'ti.sync', collection_name: 'todos', idAttribute: 'id' }",
      '    }',
      '  };'
    );
  }
  lines.push('', 'That keeps the model on this device. To sync it, say beside `adapter` where its backend is and who wins:', '');
  lines.push("      connector: { type: 'rest', url: 'https://api.example.org' }, policy: 'merge'", '');
  lines.push('`alloy generate model` refuses the type ti.sync: generate with sql, then change the type. `npx ti.sync doctor` looks for mistakes.');
  return lines;
}

module.exports = { HELP, ARGUMENTS, run };
