'use strict';

// The app examples/alloy-todo on phones: compiled once for each platform, and driven by its user interface.

const fs = require('fs');
const os = require('os');
const path = require('path');
const { device } = require('../../js/test/titanium');
const { project, compile, needed } = require('./compile');

const VERSION = '3.0.1';
const compiled = {};

/** The Resources of the app for a platform. */
function resources(platform) {
  compiled[platform] = compiled[platform] || (async () => {
    const folder = path.join(needed('ALLOY_FOLDER'), `todo-${platform}`);
    project({ from: path.join(__dirname, '../../examples/alloy-todo'), to: folder, files: needed('ALLOY_ADAPTER_FILES') });
    return (await compile({ version: VERSION, platform, folder })).resources;
  })();
  return compiled[platform];
}

/** An empty folder that goes with the test. */
exports.folder = (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-phones-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** The app on a phone of its own, started with these properties. */
exports.phone = async (t, platform, properties, options) => {
  const one = device({ resources: await resources(platform), platform, folder: exports.folder(t), ...options });
  t.after(() => one.close());
  for (const name of Object.keys(properties)) one.Ti.App.Properties.setString(name, properties[name]);
  try {
    one.start();
  } catch (error) {
    // What it has begun by then must not go on behind the test.
    one.close();
    throw error;
  }
  return new Phone(one);
};

class Phone {
  constructor(one) {
    this.device = one;
    this.sync = one.require('/alloy/sync/ti.sync');
    this.todos = one.global.Alloy.Collections.todo;
    this.lists = one.global.Alloy.Collections.list;
  }

  view(id) {
    const found = this.device.ui.find(`#${id}`);
    return found[found.length - 1];
  }

  go(state) { this.device.network.set(state); }

  /** Types a to-do and adds it. */
  add(title) {
    this.view('title').value = title;
    this.view('add').fireEvent('click');
  }

  /** Edits the only to-do. */
  edit(fields) { this.todos.at(0).save(fields); }

  remove() { this.view('todos').fireEvent('delete', { itemId: this.todos.at(0).id }); }

  toggle() { this.view('todos').fireEvent('itemclick', { itemId: this.todos.at(0).id }); }

  /** Goes online and exchanges until nothing waits. */
  async exchange() {
    this.go('online');
    await this.sync.syncNow();
  }

  /** The rows of the bound list, as a user reads them. */
  get rows() {
    return Array.from(this.view('rows').items || [], ({ properties }) => `${properties.title} (${properties.subtitle})`);
  }

  get state() { return this.view('state').text; }

  /** The documents of the to-dos. */
  get documents() { return JSON.parse(JSON.stringify(this.todos.toJSON())); }

  /** Opens the screen of conflicts, and settles the first by its dialog; gives what it showed. */
  settle(which) {
    this.view('conflicts').fireEvent('click');
    const [row] = this.view('open').items;
    const list = this.device.ui.find('ListView').pop();
    list.fireEvent('itemclick', { itemId: row.properties.itemId });
    this.view('choice').fireEvent('click', { index: which === 'mine' ? 0 : 1 });
    return [row.properties.title, row.properties.subtitle];
  }
}
