//! Domains whose requests have to wait. A domain that writes all the time must not block the
//! control domain's transactions, and must not end the connection of a client that cannot read the
//! watch events as fast.

use super::connection::ConnectionId;
use alloc::collections::BTreeMap;
use core::time::Duration;
use xen_hypercall::{DomId, Instant};

/// Number of conflicts in a row after which others wait for a client's transaction.
pub(super) const CONFLICTS: u32 = 3;

/// Longest wait of a domain.
const LONGEST: Duration = Duration::from_secs(1);

/// Cause for which a domain waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HoldCause {
    /// The client's transaction goes first.
    Conflict,
    /// The client has watch events to read.
    Unread,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    client: ConnectionId,
    cause: HoldCause,
}

/// The domains that wait. No domain waits before the time is set.
#[derive(Debug, Default)]
pub(super) struct Holds {
    now: Option<Instant>,
    held: BTreeMap<u16, Hold>,
}

impl Holds {
    /// Sets the time. Returns the end of the first wait.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.now = Some(now);
        self.held.retain(|_, hold| now < hold.until);
        self.held.values().map(|hold| hold.until).min()
    }

    /// Makes a domain wait for a client, for a second at most. The control domain waits for no
    /// client.
    pub(super) fn hold(&mut self, domain: DomId, client: ConnectionId, cause: HoldCause) {
        if let Some(now) = self.now
            && domain != DomId(0)
        {
            self.held.insert(domain.0, Hold { until: now + LONGEST, client, cause });
        }
    }

    /// Ends all waits for a client.
    pub(super) fn end(&mut self, client: ConnectionId) {
        self.held.retain(|_, hold| hold.client != client);
    }

    /// Ends the waits for a client because of `cause`.
    pub(super) fn end_cause(&mut self, client: ConnectionId, cause: HoldCause) {
        self.held.retain(|_, hold| hold.client != client || hold.cause != cause);
    }

    pub(super) fn holds(&self, domain: DomId) -> bool {
        self.held.contains_key(&domain.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Instant = Instant::from_nanos;
    const CLIENT: ConnectionId = ConnectionId(1);

    fn held(holds: &Holds) -> [bool; 4] {
        [0, 1, 2, 3].map(|domain| holds.holds(DomId(domain)))
    }

    #[test]
    fn holds_last_a_second() {
        let mut holds = Holds::default();
        holds.hold(DomId(1), CLIENT, HoldCause::Conflict);
        assert_eq!(held(&holds), [false; 4], "no time is known");
        assert_eq!(holds.tick(AT(5)), None);
        (0..3).for_each(|domain| holds.hold(DomId(domain), CLIENT, HoldCause::Conflict));
        assert_eq!(held(&holds), [false, true, true, false]);
        assert_eq!(holds.tick(AT(100)), Some(AT(1_000_000_005)));
        holds.hold(DomId(2), CLIENT, HoldCause::Conflict);
        holds.hold(DomId(3), CLIENT, HoldCause::Conflict);
        assert_eq!(holds.tick(AT(1_000_000_004)), Some(AT(1_000_000_005)));
        assert_eq!(holds.tick(AT(1_000_000_005)), Some(AT(1_000_000_100)));
        assert_eq!(held(&holds), [false, false, true, true]);
        assert_eq!((holds.tick(AT(1_000_000_100)), held(&holds)), (None, [false; 4]));
    }

    #[test]
    fn holds_end_by_client_and_reason() {
        let start = || {
            let mut holds = Holds::default();
            holds.tick(AT(0));
            holds.hold(DomId(1), CLIENT, HoldCause::Conflict);
            holds.hold(DomId(2), CLIENT, HoldCause::Unread);
            holds.hold(DomId(3), ConnectionId(2), HoldCause::Unread);
            holds
        };
        let after = |end: &dyn Fn(&mut Holds)| {
            let mut holds = start();
            end(&mut holds);
            held(&holds)
        };
        assert_eq!(after(&|holds| holds.end(CLIENT)), [false, false, false, true]);
        let unread = after(&|holds| holds.end_cause(CLIENT, HoldCause::Unread));
        let conflict = after(&|holds| holds.end_cause(CLIENT, HoldCause::Conflict));
        assert_eq!(unread, [false, true, false, true]);
        assert_eq!(conflict, [false, false, true, true]);
        assert_eq!(after(&|holds| holds.end(ConnectionId(3))), [false, true, true, true]);
    }
}
