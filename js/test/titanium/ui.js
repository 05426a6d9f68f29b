'use strict';

// Ti.UI without a screen. Every `Ti.UI.createX()` gives a proxy; lists count how often they are drawn.

const { Emitter } = require('./events');

class View extends Emitter {
  constructor(kind, properties) {
    super(properties);
    Object.defineProperty(this, 'apiName', { value: `Ti.UI.${kind}`, writable: true, configurable: true });
    Object.defineProperty(this, 'redraws', { value: 0, writable: true });
    this.children = [];
  }

  add(child) {
    for (const one of Array.isArray(child) ? child : [child]) {
      this.children.push(one);
      one.parent = this;
    }
  }

  remove(child) {
    this.children = this.children.filter((one) => one !== child);
  }

  removeAllChildren() {
    this.children = [];
  }

  open() {
    this.isOpen = true;
    this.fireEvent('open');
  }

  close() {
    this.isOpen = false;
    this.fireEvent('close');
  }

  show() { this.visible = true; }
  hide() { this.visible = false; }
  focus() {}
  blur() {}

  // Data binding calls `setItems` and `setData`, or sets these, each time that it draws a whole list.
  get items() { return this.drawn; }
  set items(items) { this.draw(items); }
  get data() { return this.drawn; }
  set data(data) { this.draw(data); }
  setItems(items) { this.draw(items); }
  setData(data) { this.draw(data); }
  appendItems(items) { this.draw((this.drawn || []).concat(items)); }
  appendRow(row) { this.draw((this.drawn || []).concat(row)); }
  getItemAt(at) { return (this.drawn || [])[at]; }

  draw(what) {
    this.drawn = what;
    this.redraws++;
  }
}

// Setters that nothing above has: `setText('x')` sets the property.
const setters = {
  get(target, name, self) {
    if (name in target || typeof name !== 'string') return Reflect.get(target, name, self);
    const setter = /^set([A-Z])(.*)$/.exec(name);
    if (setter) return (value) => { target[setter[1].toLowerCase() + setter[2]] = value; };
    const getter = /^get([A-Z])(.*)$/.exec(name);
    if (getter) return () => target[getter[1].toLowerCase() + getter[2]];
    return undefined;
  }
};

class UI {
  constructor() {
    /** Every proxy that was made, in order. */
    this.made = [];
    const own = new Emitter({ hasSession: true, FILL: 'fill', SIZE: 'auto', INPUT_BUTTONMODE_ONFOCUS: 0 });
    own.create2DMatrix = own.createMatrix2D = () => new Emitter({});
    this.Ti = this.namespace('Ti.UI', own);
  }

  /** An object that has a `createX` for every X, and namespaces below it. */
  namespace(name, own) {
    const ui = this;
    const children = {};
    return new Proxy(own || new Emitter({}), {
      get(target, key, self) {
        if (typeof key !== 'string' || key in target) return Reflect.get(target, key, self);
        if (/^create[A-Z]/.test(key)) return (properties) => ui.create(key.slice('create'.length), properties);
        if (/^[A-Z_0-9]+$/.test(key)) return key;
        if (/^[A-Za-z]/.test(key) && /^(iOS|iPad|iPhone|Android|Clipboard)$/.test(key)) {
          return children[key] || (children[key] = ui.namespace(`${name}.${key}`));
        }
        return undefined;
      }
    });
  }

  create(kind, properties) {
    const view = new Proxy(new View(kind, properties), setters);
    this.made.push(view);
    return view;
  }

  /** How often lists were drawn since the app began. */
  get redraws() {
    return this.made.reduce((sum, view) => sum + view.redraws, 0);
  }

  /** The proxies of a kind, or with an id: `find('ListView')`, `find('#todos')`. */
  find(what) {
    return this.made.filter((view) => (what.startsWith('#') ? view.id === what.slice(1) : view.apiName === `Ti.UI.${what}`));
  }
}

module.exports = { UI };
