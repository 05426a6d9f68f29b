'use strict';

// The backends that apps sync with here: `tisync serve`, json-server as the plainest REST, and one whose answers are as a page
// says.

const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const readline = require('readline');
const { needed } = require('./compile');

/** The `tisync serve` of a folder; `flags` are more of its flags. Gives `{url, stop}`. */
exports.tisync = (folder, flags) => {
  fs.mkdirSync(folder, { recursive: true });
  const args = ['serve', '--json', '--listen', '127.0.0.1:0', '--data', path.join(folder, 'server.db'), ...(flags || [])];
  const child = spawn(needed('TISYNC'), args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).once('line', (line) => resolve({ url: JSON.parse(line).listening, stop: ended(child) }));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`tisync serve ended with ${code} instead of listening`)));
  });
};

/** A json-server with the collections of xtask/backends/json-server. */
exports.jsonServer = async (folder) => {
  fs.mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const program = path.join(__dirname, '../backends/json-server/serve.cjs');
  const child = spawn(process.execPath, [program, needed('JSON_SERVER'), path.join(folder, 'db.json'), String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  let isEnded = false;
  child.once('exit', () => { isEnded = true; });
  while (!isEnded) {
    try {
      await ask('GET', `${url}/notes`);
      return { url, stop: ended(child) };
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error('json-server ended instead of listening');
};

/**
 * A REST backend that makes ids: the rows of each path, by their ids. It keeps a row of each path that is asked for; `wrap`
 * makes the answer to a listing of a path's rows. Gives `{url, rows, asked, stop}`.
 */
exports.rest = (wrap) => {
  const rows = {};
  const asked = [];
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const [, name, id] = request.url.split('?')[0].split('/');
    const known = rows[name] = rows[name] || new Map();
    asked.push({ method: request.method, url: request.url, headers: request.headers });
    const answer = (status, value) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (request.method === 'GET' && id === undefined) return answer(200, wrap(name, [...known.values()]));
    const key = request.method === 'POST' ? Math.max(0, ...known.keys()) + 1 : Number(id);
    if (request.method !== 'POST' && !known.has(key)) return answer(404, {});
    if (request.method === 'DELETE') known.delete(key);
    else if (body) known.set(key, { ...JSON.parse(body), id: key });
    return answer(200, known.get(key) || {});
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${server.address().port}`, rows, asked, stop: () => server.close() }));
  });
};

/** Asks a backend, which answers JSON; a `form` is an object of texts. A status from 400 on is an error. */
const ask = exports.ask = (method, url, form) => new Promise((resolve, reject) => {
  const text = new URLSearchParams(form || {}).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(text) };
  const request = http.request(url, { method, headers, agent: false }, (response) => {
    const parts = [];
    response.on('data', (part) => parts.push(part));
    response.on('end', () => {
      const answer = Buffer.concat(parts).toString();
      if (response.statusCode >= 400) reject(new Error(`${method} ${url}: status ${response.statusCode}: ${answer}`));
      else resolve(answer ? JSON.parse(answer) : null);
    });
  });
  request.on('error', reject);
  request.end(text);
});

// Ends a child, and waits for it.
function ended(child) {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return async () => {
    child.kill();
    await gone;
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
