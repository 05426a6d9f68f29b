// json-server on one file, without its command line, which watches and colours.
const [installed, file, port] = process.argv.slice(2);
const {createRequire} = require('node:module');
const {writeFileSync} = require('node:fs');
const {join} = require('node:path');
const jsonServer = createRequire(join(installed, 'package.json'))('json-server');

writeFileSync(file, JSON.stringify({notes: [], lists: [], stamped: []}));
const app = jsonServer.create();
app.use(jsonServer.defaults({logger: false, noCors: true}));
const router = jsonServer.router(file);
// Fills a collection at once: `POST /fill/notes/50000`. Each write of its own would write the whole file.
app.post('/fill/:collection/:count', (request, response) => {
  const {collection, count} = request.params;
  const title = (number) => `record ${number} ${'of many '.repeat(40)}`;
  const rows = Array.from({length: Number(count)}, (_, number) => ({id: `n${number}`, title: title(number), stars: number}));
  router.db.set(collection, rows).write();
  response.json({filled: rows.length});
});
app.use(router);
app.listen(Number(port), '127.0.0.1');
