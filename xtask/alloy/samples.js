'use strict';

// The sample apps that come with Alloy, each with the `type` of its models changed: they compile, start, show the rows
// that they show with the stock adapter (of migrations, and of databases that come with the app), and save.

const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { device } = require('../../js/test/titanium');
const { project, compile, copy, needed } = require('./compile');

const VERSION = '3.0.1';

/** Runs every sample app that has models; gives `{tried, failures}`. */
module.exports = async (folder, adapter, files, each) => {
  const samples = path.join(needed('ALLOY_COMPILERS'), `alloy-${VERSION}`, 'samples/apps/models');
  const names = fs.readdirSync(samples).filter((name) => fs.existsSync(path.join(samples, name, 'models'))).sort();
  // They take turns, so that each is run in one way, and all in both.
  const list = names.map((name, at) => ({ name, version: VERSION, platform: at % 2 ? 'ios' : 'android', backbone: at % 2 ? '1.6.0' : '0.9.2' }));
  const failures = await each(list, async (one) => {
    const from = path.join(folder, `${one.name}-project`);
    copy(path.join(__dirname, 'app'), from);
    fs.rmSync(path.join(from, 'app'), { recursive: true });
    copy(path.join(samples, one.name), path.join(from, 'app'));
    const config = path.join(from, 'app/config.json');
    if (!fs.existsSync(config)) fs.writeFileSync(config, '{}');
    const seen = [];
    for (const type of ['sql', adapter]) {
      const to = path.join(folder, `${one.name}-${type}`);
      project({ from, to, adapter: type, backbone: one.backbone, files: type === adapter ? files : null });
      const { resources } = await compile({ version: VERSION, platform: one.platform, folder: to });
      try {
        seen.push(run(resources, one.platform));
      } catch (error) {
        throw new Error(`the sample app ${one.name} with ${type}: ${error.stack}`);
      }
    }
    assert.deepStrictEqual(seen[1], seen[0], `the sample app ${one.name} shows other rows with ${adapter}`);
  });
  return { tried: list.length, failures };
};

// Gives the documents of every model, without their ids.
function run(resources, platform) {
  const seen = {};
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tisync-sample-'));
  const one = device({ resources, platform, folder });
  try {
    one.start();
    const { Alloy } = one.global;
    const models = path.join(resources, platform === 'ios' ? 'iphone' : 'android', 'alloy/models');
    for (const file of fs.readdirSync(models)) {
      const name = path.basename(file, '.js');
      const collection = Alloy.createCollection(name);
      let heard = 0;
      collection.fetch({ success: () => heard++, error: (_, error) => { throw error; } });
      if (heard !== 1) throw new Error(`expected fetch of ${name} to tell success once, but it told it ${heard} times`);
      const before = collection.length;
      seen[name] = JSON.parse(JSON.stringify(collection.map((row) => ({ ...row.attributes, [row.idAttribute]: undefined }))));
      const model = Alloy.createModel(name, {});
      if (model.save({}, { success: () => heard++ }) === false) continue;
      collection.fetch();
      if (heard !== 2 || collection.length !== before + 1) throw new Error(`expected a saved ${name} to be fetched with the ${before} others`);
    }
    return seen;
  } finally {
    one.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}
