'use strict';

// What `fetch` was asked for in the words of the adapters `restapi` and `sqlrest`, as a query over what is on the device.

var quoted = require('./database').quoted;
var TiSyncError = require('./core').TiSyncError;

// What only a request to the backend could use.
var UNUSED = ['url', 'data', 'search', 'requestMethod', 'beforeOpen', 'beforeSend'];

/** Completes the options of a fetch with a `query`, if they have none and say something else of it. */
function complete(model, options) {
  UNUSED.forEach(function (name) {
    if (options[name] !== undefined) warn(model, name, 'a fetch shows what is on the device; write `query` to show less of it');
  });
  if (options.query) return;
  if (options.sql) options.query = ofSql(model, options.sql);
  else if (options.urlparams) options.query = ofParams(model, options.urlparams);
}

// Parameters that name columns filter; others were meant for a backend.
function ofParams(model, params) {
  var where = {};
  for (var name in params) {
    if (isColumn(model, name)) where[name] = params[name];
    else warn(model, 'urlparams.' + name, 'it is no column of the model; write `query` to show less of what is on the device');
  }
  return Object.keys(where).length ? ofSql(model, { where: where }) : undefined;
}

// `{where, wherenot, like, likeor, orderBy, limit, offset}`: a text is SQL, an object has values by column.
function ofSql(model, sql) {
  for (var key in sql) {
    if (['where', 'wherenot', 'like', 'likeor', 'orderBy', 'limit', 'offset', 'select'].indexOf(key) < 0) {
      throw new TiSyncError('invalid', 'expected where, wherenot, like, likeor, orderBy, limit, offset or select in `sql`, but `' + key + '` came; write `query: {statement, params}` instead');
    }
  }
  var params = [];
  function each(given, operator, join) {
    if (given === undefined || given === null) return [];
    if (typeof given === 'string') return [given];
    if (Array.isArray(given)) return given.map(String);
    var terms = Object.keys(given).map(function (name) {
      params.push(operator === 'LIKE' ? '%' + given[name] + '%' : given[name]);
      return quoted(name) + ' ' + operator + ' ?';
    });
    return terms.length ? ['(' + terms.join(join) + ')'] : [];
  }
  var terms = each(sql.where, '=', ' AND ').concat(each(sql.wherenot, '<>', ' AND '), each(sql.like, 'LIKE', ' AND '), each(sql.likeor, 'LIKE', ' OR '));
  // Fields that are not selected belong to the model nevertheless.
  var statement = 'SELECT * FROM ' + quoted(model.collection);
  if (terms.length) statement += ' WHERE ' + terms.join(' AND ');
  if (sql.orderBy) statement += ' ORDER BY ' + [].concat(sql.orderBy).join(', ');
  if (sql.limit !== undefined) statement += ' LIMIT ' + Number(sql.limit);
  else if (sql.offset !== undefined) statement += ' LIMIT -1';
  if (sql.offset !== undefined) statement += ' OFFSET ' + Number(sql.offset);
  return { statement: statement, params: params };
}

function isColumn(model, name) {
  return name === model.config.adapter.idAttribute || !!(model.config.columns && model.config.columns[name]);
}

// Once for each model and word.
function warn(model, name, why) {
  model.warned = model.warned || {};
  if (model.warned[name]) return;
  model.warned[name] = true;
  Ti.API.warn('ti.sync: `' + name + '` of a fetch of "' + model.name + '" is not used: ' + why);
}

module.exports = { complete: complete };
