'use strict';

// What the doctor looks at. A finding is `{level, where, what, todo}`: the level is `wrong` or `note`.

const fs = require('fs');
const path = require('path');
const { note, wrong } = require('./finding');
const models = require('./models');
const { files } = require('./project');
const { compare, shipped } = require('./shipped');

// The Backbone that each Alloy can choose; for anything else it takes 0.9.2, and says nothing.
const BACKBONES = ['0.9.2', '1.1.2', '1.3.3', '1.4.0', '1.6.0'];

/** Every finding of a project. */
function all(project) {
  return [project_(project), backbone(project), copy(project), stale(project), ...models.all(project)].flat();
}

// tiapp.xml and the first controller: without them Alloy does not compile.
function project_(project) {
  const found = [];
  const tiapp = project.read('tiapp.xml');
  if (tiapp === null) {
    found.push(wrong('tiapp.xml', 'the file is missing, and Alloy does not compile without it', 'Run the command in the project\'s folder, or restore the file.'));
  } else if (!/<sdk-version>\s*[^<\s][^<]*<\/sdk-version>/.test(tiapp.replace(/<!--[\s\S]*?-->/g, ''))) {
    found.push(wrong('tiapp.xml', 'there is no <sdk-version>, so Alloy says that the project requires Titanium SDK 3.0.0 and stops', 'Write the version that you build with, such as <sdk-version>12.7.1.GA</sdk-version>.'));
  }
  return found;
}

function backbone(project) {
  const where = 'app/config.json';
  const text = project.read('app', 'config.json');
  const silent = 'Alloy takes Backbone 0.9.2, of 2012, and says nothing';
  const todo = 'Write "backbone": "1.4.0" to have a newer one (saves then tell `sync`, fetches `add` and `change`), or "0.9.2" to keep what the app has today.';
  if (text === null) return [note(where, `the file is missing, so ${silent}`, todo)];
  let config;
  try {
    config = JSON.parse(text);
  } catch (error) {
    return [wrong(where, `it is no JSON: ${error.message}`, 'Mend it: Alloy does not compile with it.')];
  }
  const found = [];
  const name = config.backbone;
  if (name === undefined) found.push(note(where, `it names no "backbone", so ${silent}`, todo));
  else if (!BACKBONES.includes(name)) found.push(wrong(where, `"backbone": ${JSON.stringify(name)} is none that Alloy has, so ${silent.replace('Alloy', 'it')}`, `Write one of ${BACKBONES.join(', ')}.`));
  else {
    const alloy = project.alloy();
    const major = alloy ? Number(alloy.split('.')[0]) : null;
    if (name === '1.6.0' && major !== null && major < 3) found.push(wrong(where, `Alloy ${alloy} has no Backbone 1.6.0, so it takes 0.9.2 and says nothing`, 'Write "1.4.0", or use Alloy 3.'));
  }
  return found;
}

// The copy of the adapter.
function copy(project) {
  const copies = project.copies();
  const isWanted = project.models().some(({ config }) => models.type(config) === 'ti.sync');
  if (!copies.length) {
    const at = project.folders().map((folder) => project.name(folder));
    if (!isWanted) return [note('app', 'there is no copy of ti.sync.js', 'Run `npx ti.sync add`.')];
    return [wrong(at[0] || 'app/lib/alloy/sync', 'a model wants ti.sync, and ti.sync.js is not there: it fails at its first use', 'Run `npx ti.sync add`.')];
  }
  const found = [];
  const used = copies[copies.length - 1];
  for (const other of copies.slice(0, -1)) {
    found.push(wrong(project.name(other), `there is another copy in ${project.name(used)}; Alloy mixes the files of both`, `Delete ${project.name(other)}/ti.sync.js and the connectors beside it; move connectors of your own over first.`));
  }
  const { states, version } = compare(used, shipped());
  const of = (state) => [...states].filter(([, other]) => other === state).map(([file]) => file);
  const name = project.name(used);
  if (of('missing').length) found.push(wrong(name, `the copy is not whole: ${few(of('missing'))} missing`, 'Run `npx ti.sync add`.'));
  if (of('older').length || of('gone').length) {
    const ours = require('../package.json').version;
    found.push(wrong(name, `the copy is outdated: ${few([...of('older'), ...of('gone')])} not of ti.sync ${ours}${version && version !== ours ? `, but of ${version}` : ''}`, 'Run `npx ti.sync add`.'));
  }
  for (const file of of('changed')) {
    const isOurs = file === 'ti.sync.js' || file.startsWith('connectors/core/');
    if (isOurs) found.push(wrong(`${name}/${file}`, 'it was changed in this app, and has to fit the rest', 'Undo the change, or run `npx ti.sync add --force`, which loses it.'));
    else found.push(note(`${name}/${file}`, 'it differs from what ti.sync ships, so `npx ti.sync add` leaves it alone', 'Give a connector of your own a name of its own; `npx ti.sync add --force` brings ours back.'));
  }
  for (const file of files(path.join(used, 'connectors'))) {
    if (!file.startsWith('core/')) found.push(...connector(`${name}/connectors/${file}`, path.join(used, 'connectors', file), project));
  }
  return found;
}

// What a connector of the app's must not hold.
function connector(where, file, project) {
  if (!file.endsWith('.js')) return [];
  const found = [];
  const code = fs.readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*/g, '');
  if (/^\s*(export\s+(default|const|function|class|\{)|import\s+[\w{*'"])/m.test(code)) {
    found.push(wrong(where, 'it is an ES module, which Alloy copies as it is, and which then fails on the device', 'Write `module.exports = …` and `require(…)`.'));
  }
  const property = code.match(/(?:\.|\{\s*|,\s*)((?:OS|ENV|DIST)_[A-Z]+)\s*(?=[=:.,}\s])/);
  if (property && !/\?|&&/.test(property[0])) {
    found.push(wrong(where, `${property[1]} is a property here, and Alloy dies of it`, 'Give the property another name.'));
  }
  const alloy = project.alloy();
  const [major, minor] = alloy ? alloy.split('.').map(Number) : [99, 0];
  const modern = code.replace(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g, "''").match(/=>|`|\b(?:let|class|async|await)\s/);
  if (major === 1 && minor < 10 && modern) {
    found.push(wrong(where, `Alloy ${alloy} reads ES5 only, and ${JSON.stringify(modern[0].trim())} is newer`, 'Write it in ES5, or use Alloy 1.10 or later.'));
  }
  return found;
}

// Alloy never deletes what lies below Resources/…/alloy: a connector that went from app stays in the build.
function stale(project) {
  const wanted = new Set(project.folders().flatMap((folder) => files(path.join(folder, 'connectors'))));
  const found = [];
  for (const platform of ['', 'android', 'iphone']) {
    const folder = path.join(project.root, 'Resources', platform, 'alloy', 'sync');
    const left = files(path.join(folder, 'connectors')).filter((file) => !wanted.has(file) && !(file === 'core/copied.json' && wanted.size));
    if (left.length) found.push(wrong(project.name(folder), `${few(left.map((file) => `connectors/${file}`))} left from a former build, and no longer in app; Alloy does not take them away`, 'Delete the folder Resources (`ti clean` does), and build again.'));
  }
  return found;
}

// Names a few files, with the verb.
function few(names) {
  const shown = names.slice(0, 3).join(', ');
  return `${names.length > 3 ? `${shown} and ${names.length - 3} more` : shown} ${names.length > 1 ? 'are' : 'is'}`;
}

module.exports = { all };
