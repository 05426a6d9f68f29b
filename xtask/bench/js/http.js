'use strict';

// Requests as one writes them by hand: one connection that is kept, bodies as they are.

const http = require('node:http');

const agent = new http.Agent({ keepAlive: true });

/** Sends a request; a promise of the headers and the text of the answer. */
module.exports = (method, url, body) => new Promise((resolve, reject) => {
  const request = http.request(url, { method, agent }, (answer) => {
    const parts = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('error', reject);
    answer.on('end', () => {
      const text = Buffer.concat(parts).toString();
      if (answer.statusCode !== 200) return reject(new Error(`${method} ${url}: ${answer.statusCode} ${text}`));
      resolve({ headers: answer.headers, text });
    });
  });
  request.on('error', reject);
  request.end(body);
});
