// json-server on one file, without its command line, which watches and colours.
const [installed, file, port] = process.argv.slice(2);
const {createRequire} = require('node:module');
const {writeFileSync} = require('node:fs');
const {join} = require('node:path');
const jsonServer = createRequire(join(installed, 'package.json'))('json-server');

writeFileSync(file, JSON.stringify({notes: [], stamped: []}));
const app = jsonServer.create();
app.use(jsonServer.defaults({logger: false, noCors: true}));
app.use(jsonServer.router(file));
app.listen(Number(port), '127.0.0.1');
