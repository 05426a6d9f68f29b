'use strict';

// A plain REST backend with so many rows at /notes: all at once, or page by page where `_page` and `_limit` are given. It
// runs in a process of its own and tells its port.

var http = require('http');
var server = require('./server');

var rows = [];
for (var i = 0; i < Number(process.argv[2]); i++) rows.push(JSON.stringify(Object.assign({ id: server.id(i) }, server.document(i))));

http.createServer(function (request, response) {
  var asked = new URL(request.url, 'http://localhost').searchParams;
  var limit = Number(asked.get('_limit') || rows.length);
  var from = (Number(asked.get('_page') || 1) - 1) * limit;
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-total-count', String(rows.length));
  response.end('[' + rows.slice(from, from + limit).join(',') + ']');
}).listen(0, '127.0.0.1', function () { process.send(this.address().port); });
