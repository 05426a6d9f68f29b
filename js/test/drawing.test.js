'use strict';

// When collections are drawn while others' changes come, by a clock of the test's.

const assert = require('node:assert');
const { test } = require('node:test');
const { Drawing } = require('../core');

const made = () => {
  const host = { now: 1000, timers: [], monotonicMs: () => host.now };
  host.later = (ms, call) => {
    const timer = { at: host.now + ms, call };
    host.timers.push(timer);
    return () => { host.timers = host.timers.filter((one) => one !== timer); };
  };
  host.pass = (ms) => {
    host.now += ms;
    const due = host.timers.filter(({ at }) => at <= host.now);
    host.timers = host.timers.filter(({ at }) => at > host.now);
    due.forEach(({ call }) => call());
  };
  const drawn = [];
  const class_ = function () {};
  const listeners = [];
  const target = {
    model: class_,
    on: (_, listener) => listeners.push(listener),
    off: (_, listener) => listeners.splice(listeners.indexOf(listener), 1),
    trigger: (name, from) => {
      listeners.slice().forEach((listener) => listener(name));
      if (!(from && from.fromAdapter)) drawn.push(name);
    }
  };
  const model = Object.assign(new class_(), { collection: target });
  const other = Object.assign(new class_(), { collection: {} });
  const replica = { host, isClosed: false };
  return { host, drawn, target, model, other, replica, drawing: new Drawing(replica) };
};

test('the first of many changes is drawn at once, the others together when there was a rest', () => {
  const { host, drawn, target, model, drawing } = made();
  const change = () => target.trigger('change', model);
  drawing.parts(target, change);
  assert.deepStrictEqual(drawn.splice(0), ['fetch']);
  drawing.parts(target, change);
  host.pass(30);
  drawing.parts(target, change);
  drawing.parts(target, () => {});
  assert.deepStrictEqual(drawn, []);
  host.pass(20);
  assert.deepStrictEqual(drawn.splice(0), ['fetch']);
  host.pass(1000);
  assert.deepStrictEqual(drawn, []);
  drawing.parts(target, change);
  assert.deepStrictEqual(drawn, ['fetch']);
});

test('it rests for as long as it drew, and what is due is drawn when all is over', () => {
  const { host, drawn, target, model, drawing } = made();
  const slow = () => { host.now += 400; };
  target.on('all', (name) => { if (name === 'fetch') slow(); });
  const change = () => target.trigger('change', model);
  drawing.parts(target, change);
  drawing.parts(target, change);
  host.pass(399);
  assert.deepStrictEqual(drawn.splice(0), ['fetch']);
  host.pass(1);
  assert.deepStrictEqual(drawn.splice(0), ['fetch']);
  drawing.parts(target, change);
  drawing.now();
  assert.deepStrictEqual([drawn.splice(0), host.timers], [['fetch'], []]);
  drawing.parts(target, change);
  drawing.forget(target);
  host.pass(1000);
  assert.deepStrictEqual(drawn, []);
});

test('models of another collection are drawn meanwhile, and an inner change ends no outer one', () => {
  const { drawn, target, model, other, drawing } = made();
  drawing.once(target, false, () => {
    target.trigger('change', model);
    target.trigger('add', target);
    drawing.once(target, false, () => target.trigger('change', model));
    target.trigger('change', model);
    target.trigger('change', other);
  });
  assert.deepStrictEqual(drawn.splice(0), ['fetch', 'change', 'fetch']);
  target.trigger('change', model);
  target.trigger('add', target);
  assert.deepStrictEqual(drawn, ['change', 'add']);
});

test('what is read anew is read once for many changes, and drawn where there is news', () => {
  const { host, drawn, target, model, drawing } = made();
  const read = [];
  const refresh = (name, isNews) => () => {
    read.push(name);
    if (isNews) target.trigger('change', model);
  };
  drawing.soon(target, refresh('a', true));
  drawing.soon(target, refresh('b', true));
  drawing.soon(target, refresh('c', true));
  host.pass(50);
  assert.deepStrictEqual([read, drawn.splice(0)], [['a', 'c'], ['fetch', 'fetch']]);
  host.pass(50);
  drawing.soon(target, refresh('d', false));
  assert.deepStrictEqual([read.pop(), drawn], ['d', []]);
});
