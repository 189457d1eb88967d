//! Wake-ups of drivers that a test polls itself.

use crate::Domain;
use core::time::Duration;
use xen_hypercall::{Instant, Platform};

/// The wake-ups of one driver: it is due after an event of its domain, and at a deadline.
///
/// A test that polls a driver in a loop finds work for which the peer sent no event, so a lost
/// notification stays invisible. A test that polls it only when it is due fails instead, as a
/// kernel's thread would sleep forever.
///
/// Events of all ports of the domain count, as a driver waits for the events of its ring and of
/// xenstore alike. An event is taken when it is seen, as by a kernel's interrupt handler.
///
/// ```
/// use core::time::Duration;
/// use xen_hypercall::{Port, ops::event_channel};
/// use xen_sim::{DomainConfig, EventWait, World};
///
/// let world = World::new(1);
/// let guest = world.create(DomainConfig::new("guest"));
/// let peer = world.create(DomainConfig::new("peer"));
/// let port = event_channel::alloc_unbound(&guest, peer.id())?;
/// let remote = event_channel::bind_interdomain(&peer, guest.id(), port)?;
///
/// let mut wait = EventWait::new(&guest);
/// assert!(wait.take(), "the first poll is due at once");
/// assert!(!wait.take(), "and no second one without an event");
/// event_channel::send(&peer, remote)?;
/// assert!(wait.take());
/// // Without an event or a deadline the driver is not polled, however long the test waits.
/// assert!(!wait.run_until(world.now() + Duration::from_secs(1), || true));
/// # Ok::<(), xen_hypercall::Errno>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventWait {
    domain: Domain,
    /// The domain's activity at the last poll; `None` before the first.
    seen: Option<u64>,
    deadline: Option<Instant>,
}

impl EventWait {
    /// Returns the wake-ups of a driver of `domain`; its first poll is due at once.
    pub fn new(domain: &Domain) -> Self {
        Self { domain: domain.clone(), seen: None, deadline: None }
    }

    /// Returns whether the driver must be polled now, and takes the event or the deadline.
    pub fn take(&mut self) -> bool {
        let due = self.is_due();
        if due {
            self.seen = Some(self.domain.activity());
            self.deadline = None;
        }
        due
    }

    /// Returns whether the driver must be polled now.
    pub fn is_due(&self) -> bool {
        let passed = self.deadline.is_some_and(|deadline| deadline <= self.domain.now());
        passed || self.seen != Some(self.domain.activity())
    }

    /// Makes the driver due at `deadline`, which its last poll has asked for.
    pub fn wake_at(&mut self, deadline: Instant) {
        self.deadline = Some(self.deadline.map_or(deadline, |known| known.min(deadline)));
    }

    /// Makes the driver due at once: its last poll has left work, or the test has given it some.
    pub fn wake(&mut self) {
        self.seen = None;
    }

    /// Runs the world until `poll` returns true, and calls it at each wake-up only.
    ///
    /// Returns whether it has by `deadline`.
    pub fn run_until(&mut self, deadline: Instant, mut poll: impl FnMut() -> bool) -> bool {
        let domain = self.domain.clone();
        let mut done = false;
        // `run_until` evaluates its condition once more at the deadline.
        domain.run_until(deadline, || {
            done = done || self.take() && poll();
            done
        })
    }
}

/// Runs the world until one of `drivers` is due; returns whether one is within `limit`.
///
/// A test with both ends polls those that are due, and calls this function when none is. `false`
/// means that both ends sleep: a notification was lost, or none was due.
pub fn run_until_due(drivers: &[&EventWait], limit: Duration) -> bool {
    let Some(first) = drivers.first() else { return false };
    let domain = first.domain.clone();
    let limit = domain.now() + limit;
    let until = drivers.iter().filter_map(|driver| driver.deadline).fold(limit, Instant::min);
    domain.run_until(until, || drivers.iter().any(|driver| driver.is_due()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainConfig, Step, World};
    use xen_hypercall::ops::event_channel;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn driver_sleeps_without_event() {
        let world = World::new(3);
        let guest = world.create_guest(DomainConfig::new("guest"));
        let other = world.create_guest(DomainConfig::new("other"));
        let port = event_channel::alloc_unbound(&other, guest.id()).unwrap();
        let remote = event_channel::bind_interdomain(&guest, other.id(), port).unwrap();
        let mut wait = EventWait::new(&guest);
        assert!(wait.run_until(world.now() + SECOND, || true));
        // Other domains are busy, and this one has no event.
        let sender = guest.clone();
        other.spawn(move |other: &Domain| Step::Sleep(other.now() + Duration::from_millis(1)));
        let mut polls = 0;
        let until = world.now() + SECOND;
        assert!(!wait.run_until(until, || {
            polls += 1;
            true
        }));
        assert_eq!((polls, world.now()), (0, until));
        // The other way round, an event wakes at once.
        let mut far = EventWait::new(&other);
        assert!(far.take());
        event_channel::send(&sender, remote).unwrap();
        assert!(run_until_due(&[&wait, &far], SECOND));
        assert!(!wait.is_due() && far.is_due());
        assert_eq!(world.now(), until);
    }

    #[test]
    fn deadline_wakes_once() {
        let world = World::new(4);
        let guest = world.create(DomainConfig::new("guest"));
        let mut wait = EventWait::new(&guest);
        assert!(wait.take());
        let at = world.now() + SECOND;
        wait.wake_at(at);
        wait.wake_at(at + SECOND);
        assert!(run_until_due(&[&wait], 10 * SECOND));
        assert_eq!(world.now(), at);
        assert!(wait.take() && !wait.take());
        wait.wake();
        assert!(wait.take());
        assert!(!run_until_due(&[&wait], SECOND));
    }
}
