//! What a stretch of work took: by the clock, and of the processors.
use rustix::time::{ClockId, clock_gettime};
use std::time::Instant;

/// Seconds that something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// By the clock: what a person waits for.
    pub(crate) wall_s: f64,
    /// Of all threads of this process, client and server alike: nearly the same on a machine that is busy with
    /// something else.
    pub(crate) cpu_s: f64,
}

impl Spent {
    /// What each of `count` equal parts took.
    pub(crate) fn each(self, count: usize) -> Self {
        Spent {
            wall_s: self.wall_s / count as f64,
            cpu_s: self.cpu_s / count as f64,
        }
    }
}

/// Measures from its start on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    wall: Instant,
    cpu_s: f64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Watch {
            cpu_s: cpu_s(),
            wall: Instant::now(),
        }
    }

    pub(crate) fn stop(self) -> Spent {
        Spent {
            wall_s: self.wall.elapsed().as_secs_f64(),
            cpu_s: cpu_s() - self.cpu_s,
        }
    }
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
