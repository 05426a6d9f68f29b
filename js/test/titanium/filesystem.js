'use strict';

// Ti.Filesystem: text files below the app's folders.

const fs = require('fs');
const path = require('path');

exports.filesystem = ({ folder, resources, realm }) => {
  const data = path.join(folder, 'files');
  fs.mkdirSync(data, { recursive: true });

  const blob = (bytes) => ({
    apiName: 'Ti.Blob',
    length: bytes.length,
    text: bytes.toString('utf8'),
    toString: () => bytes.toString('utf8'),
    getText: () => bytes.toString('utf8'),
    toArrayBuffer: () => {
      const copy = realm.bytes(bytes.length);
      copy.set(bytes);
      return copy.buffer;
    }
  });

  // A path below Resources is looked for in the platform's folder first.
  const place = (parts) => {
    const name = path.join(...parts.map(String));
    const below = resources[resources.length - 1];
    if (path.isAbsolute(name) && !name.startsWith(below)) return name;
    return inResources(path.isAbsolute(name) ? path.relative(below, name) : name);
  };

  const inResources = (name) => {
    const found = resources.map((root) => path.join(root, name)).find((one) => fs.existsSync(one));
    return found || path.join(resources[resources.length - 1], name);
  };

  const getFile = (...parts) => {
    const file = place(parts);
    return {
      apiName: 'Ti.Filesystem.File',
      nativePath: file,
      name: path.basename(file),
      resolve: () => file,
      exists: () => fs.existsSync(file),
      isFile: () => fs.existsSync(file) && fs.statSync(file).isFile(),
      isDirectory: () => fs.existsSync(file) && fs.statSync(file).isDirectory(),
      createDirectory: () => {
        fs.mkdirSync(file, { recursive: true });
        return true;
      },
      getDirectoryListing: () => (fs.existsSync(file) ? realm.parse(JSON.stringify(fs.readdirSync(file).sort())) : null),
      read: () => (fs.existsSync(file) ? blob(fs.readFileSync(file)) : null),
      write: (what) => {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, typeof what === 'string' ? what : what.text);
        return true;
      },
      deleteFile: () => {
        if (!fs.existsSync(file)) return false;
        fs.unlinkSync(file);
        return true;
      },
      setRemoteBackup: () => {}
    };
  };

  return {
    blob,
    getFile,
    inResources,
    Filesystem: {
      applicationDataDirectory: `${data}/`,
      applicationCacheDirectory: `${path.join(folder, 'cache')}/`,
      resourcesDirectory: `${resources[resources.length - 1]}/`,
      separator: '/',
      getFile
    }
  };
};
