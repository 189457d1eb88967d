//! Domains whose requests have to wait, so that those who write all the time can't keep the control domain from ever getting a transaction through.

use super::connection::ConnectionId;
use alloc::collections::BTreeMap;
use core::time::Duration;
use xen_hypercall::{DomId, Instant};

/// Conflicts of a client's transactions, one after the other, from which on others wait for it.
pub(super) const CONFLICTS: u32 = 3;

/// The longest that a domain waits at a time.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Hold {
    until: Instant,
    /// Whose transaction goes first.
    client: ConnectionId,
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

    /// Lets a domain wait until a client has ended its next transaction. The control domain waits for nobody.
    pub(super) fn hold(&mut self, domain: DomId, client: ConnectionId) {
        if let Some(now) = self.now
            && domain != DomId(0)
        {
            self.held.insert(domain.0, Hold { until: now + LONGEST, client });
        }
    }

    /// Lets go of all that wait for a client.
    pub(super) fn end(&mut self, client: ConnectionId) {
        self.held.retain(|_, hold| hold.client != client);
    }

    pub(super) fn holds(&self, domain: DomId) -> bool {
        self.held.contains_key(&domain.0)
    }
}
