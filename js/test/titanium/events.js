'use strict';

// What proxies of Titanium have in common: properties, and listeners that get `{type, source, …}`.

class Emitter {
  constructor(properties) {
    Object.assign(this, properties);
    Object.defineProperty(this, 'listeners', { value: {} });
  }

  applyProperties(properties) {
    for (const name of Object.keys(properties)) this[name] = properties[name];
  }

  addEventListener(name, listener) {
    (this.listeners[name] = this.listeners[name] || []).push(listener);
  }

  removeEventListener(name, listener) {
    this.listeners[name] = (this.listeners[name] || []).filter((one) => one !== listener);
  }

  fireEvent(name, payload) {
    const event = { ...payload, type: name, source: this };
    for (const listener of (this.listeners[name] || []).slice()) listener.call(this, event);
  }
}

module.exports = { Emitter };
