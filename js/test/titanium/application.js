'use strict';

// Ti.App and Ti.Platform. Properties are kept in a file of the device.

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { Emitter } = require('./events');

const KINDS = ['Bool', 'Double', 'Int', 'List', 'Object', 'String'];

class Application {
  constructor({ platform, folder, realm }) {
    this.App = new Emitter({
      id: 'org.example.app',
      guid: '00000000-0000-0000-0000-000000000000',
      name: 'app',
      version: '1.0',
      deployType: 'test',
      Properties: properties(path.join(folder, 'properties.json'), realm)
    });
    const isAndroid = platform === 'android';
    this.Platform = new Emitter({
      osname: isAndroid ? 'android' : 'iphone',
      name: isAndroid ? 'android' : 'iOS',
      ostype: '64bit',
      version: isAndroid ? '13' : '17.5',
      model: 'stand-in',
      id: 'stand-in',
      locale: 'en',
      displayCaps: { density: 'high', dpi: 240, logicalDensityFactor: 1.5, platformHeight: 800, platformWidth: 480 },
      Android: { physicalSizeCategory: 2, PHYSICAL_SIZE_CATEGORY_LARGE: 3, PHYSICAL_SIZE_CATEGORY_NORMAL: 2, PHYSICAL_SIZE_CATEGORY_SMALL: 1, PHYSICAL_SIZE_CATEGORY_UNDEFINED: 0, API_LEVEL: 33 },
      createUUID: () => crypto.randomBytes(16).toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5'),
      is24HourTimeFormat: () => true
    });
  }
}

function properties(file, realm) {
  const read = () => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {});
  const write = (all) => fs.writeFileSync(file, JSON.stringify(all));
  const own = new Emitter({
    listProperties: () => realm.parse(JSON.stringify(Object.keys(read()))),
    hasProperty: (name) => name in read(),
    removeProperty: (name) => {
      const all = read();
      delete all[name];
      write(all);
    },
    removeAllProperties: () => write({})
  });
  for (const kind of KINDS) {
    own[`get${kind}`] = (name, or) => {
      const all = read();
      if (name in all) return realm.parse(JSON.stringify(all[name]));
      return or === undefined ? null : or;
    };
    own[`set${kind}`] = (name, value) => {
      const all = read();
      if (value === null || value === undefined) delete all[name];
      else all[name] = value;
      write(all);
    };
  }
  return own;
}

module.exports = { Application };
