'use strict';

// The backends that apps sync with here: `tisync serve`, and json-server as the plainest REST.

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
