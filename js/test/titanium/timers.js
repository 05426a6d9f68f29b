'use strict';

// Timers with numbers, which end with the app.

exports.timers = () => {
  const running = new Map();
  let last = 0;
  const make = (start, stop, again) => (call, ms, ...values) => {
    const number = ++last;
    const timer = start(() => {
      if (!again) running.delete(number);
      call(...values);
    }, ms);
    running.set(number, () => stop(timer));
    return number;
  };
  const clear = (number) => {
    const stop = running.get(number);
    running.delete(number);
    if (stop) stop();
  };
  return {
    functions: {
      setTimeout: make(setTimeout, clearTimeout, false),
      setInterval: make(setInterval, clearInterval, true),
      clearTimeout: clear,
      clearInterval: clear
    },
    end() {
      for (const stop of running.values()) stop();
      running.clear();
    }
  };
};
