//! A store in memory, for the simulator and tests.
