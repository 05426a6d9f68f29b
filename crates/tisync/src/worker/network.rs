//! The host's signals: the addresses that this device has, and the sleep that its clock betrays. They are only
//! hints; a probe of the backend decides.
use super::run::WorkerLoop;
use crate::local::lock;
use crate::{host, limits};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;
use tisync_core::model::Input;

/// Watches the addresses of this device.
pub(super) struct Monitor {
    /// When to look next; `None` when the app tells by itself.
    next: Option<Instant>,
    /// What was found last.
    addresses: Option<BTreeSet<IpAddr>>,
    clock: Clock,
}

impl Monitor {
    pub(super) fn new(is_on: bool) -> Self {
        Monitor {
            next: is_on.then(host::moment),
            addresses: None,
            clock: Clock::new(host::moment(), host::wall_ms()),
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether it is time to look.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|at| at <= now)
    }
}

impl WorkerLoop {
    /// Looks at the addresses of this device, and tells the engine when they have changed.
    pub(super) fn look_at_network(&mut self) {
        if self.monitor.next.is_none() {
            return;
        }
        self.monitor.next = Some(host::after(limits::INTERFACES_POLL_MS));
        let now = match addresses() {
            Ok(addresses) => addresses,
            Err(error) => {
                tracing::debug!(%error, "the addresses of this device cannot be read");
                self.monitor.next = None;
                return;
            }
        };
        let online = !now.is_empty();
        let before = self.monitor.addresses.replace(now);
        // At first only the lack of a network is news: nothing is known of the backend yet.
        let is_news = match &before {
            Some(before) => Some(before) != self.monitor.addresses.as_ref(),
            None => !online,
        };
        if is_news {
            tracing::debug!(online, "the addresses of this device have changed");
            self.inputs.push_back(Input::Network { online });
        }
    }

    /// Notices that the device slept: what was asked before is cut off, and everything that waits is due.
    pub(super) fn look_at_clock(&mut self) {
        let slept = self.monitor.clock.slept(host::moment(), host::wall_ms());
        if !slept || !self.is_active() {
            return;
        }
        tracing::debug!("the device slept, or its clock was set");
        for (order, task) in self.orders.values() {
            task.abort();
            lock(&self.shared.busy).remove(&order.connector);
        }
        self.close_ears();
        self.inputs.push_back(Input::Woke);
    }
}

/// Addresses that reach further than this device and its cable.
fn addresses() -> std::io::Result<BTreeSet<IpAddr>> {
    let interfaces = if_addrs::get_if_addrs()?;
    let ups = interfaces.into_iter().filter(|one| one.is_oper_up());
    let addresses = ups.map(|interface| interface.ip()).filter(|ip| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local() && !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local() && !ip.is_unspecified(),
    });
    Ok(addresses.collect())
}

/// Compares the device's clock with the time that this process counts, which stands still while the device sleeps.
struct Clock {
    counted: Instant,
    wall_ms: u64,
}

impl Clock {
    fn new(counted: Instant, wall_ms: u64) -> Self {
        Clock { counted, wall_ms }
    }

    /// Whether the clock ran ahead since the last look.
    fn slept(&mut self, counted: Instant, wall_ms: u64) -> bool {
        let before = std::mem::replace(self, Clock { counted, wall_ms });
        let counted = counted.saturating_duration_since(before.counted);
        let counted_ms = u64::try_from(counted.as_millis()).unwrap_or(u64::MAX);
        let shown_ms = wall_ms.saturating_sub(before.wall_ms);
        shown_ms >= counted_ms.saturating_add(limits::SLEPT_MS_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_runs_ahead_of_the_process_looks_like_sleep() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut clock = Clock::new(start, 1_000_000);
        assert!(!clock.slept(at(3_600), 4_600_000), "an hour awake");
        assert!(clock.slept(at(3_601), 33_400_000), "a night asleep");
        assert!(!clock.slept(at(3_602), 33_401_000), "once");
        assert!(!clock.slept(at(3_603), 1_000_000), "set back");
        assert!(!clock.slept(at(3_604), 1_009_000), "a jump too small");
    }

    #[test]
    fn addresses_can_be_read_here() {
        let addresses = addresses().unwrap();
        assert!(addresses.iter().all(|ip| !ip.is_loopback()));
    }
}
