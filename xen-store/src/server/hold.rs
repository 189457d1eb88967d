//! Domains whose requests have to wait: one that writes all the time must not keep the control domain
//! from ever getting a transaction through, nor cost a client its connection, which can't read the
//! watch events as fast.

use super::connection::ConnectionId;
use alloc::collections::BTreeMap;
use core::time::Duration;
use xen_hypercall::{DomId, Instant};

/// Conflicts of a client's transactions, one after the other, from which on others wait for it.
pub(super) const CONFLICTS: u32 = 3;

/// The longest that a domain waits at a time.
const LONGEST: Duration = Duration::from_secs(1);

/// Why a domain waits for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The client's transaction goes first.
    Conflict,
    /// The client has watch events to read.
    Unread,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    client: ConnectionId,
    reason: Reason,
}

/// The domains that wait. Without knowing the time nobody does.
#[derive(Debug, Default)]
pub(super) struct Holds {
    now: Option<Instant>,
    held: BTreeMap<u16, Hold>,
}

impl Holds {
    /// Notes what time it is. Returns when the first one has waited for long enough.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.now = Some(now);
        self.held.retain(|_, hold| now < hold.until);
        self.held.values().map(|hold| hold.until).min()
    }

    /// Lets a domain wait for a client, for a second at most. The control domain waits for no client.
    pub(super) fn hold(&mut self, domain: DomId, client: ConnectionId, reason: Reason) {
        if let Some(now) = self.now
            && domain != DomId(0)
        {
            self.held.insert(domain.0, Hold { until: now + LONGEST, client, reason });
        }
    }

    /// Lets go of all that wait for a client.
    pub(super) fn end(&mut self, client: ConnectionId) {
        self.held.retain(|_, hold| hold.client != client);
    }

    /// Lets go of those that wait for a client because of `reason`.
    pub(super) fn end_reason(&mut self, client: ConnectionId, reason: Reason) {
        self.held.retain(|_, hold| hold.client != client || hold.reason != reason);
    }

    pub(super) fn holds(&self, domain: DomId) -> bool {
        self.held.contains_key(&domain.0)
    }
}
