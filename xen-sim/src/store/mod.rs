//! xenstore in the simulated world: the server's rings, and the way in for tests.

mod handle;
mod ring;

pub use handle::{Store, StoreEvent, StoreTransaction};
pub(crate) use ring::Ring;

use crate::Domain;
use crate::machine::{Life, Machine};
use crate::shared::Shared;
use crate::task::Step;
use crate::violation::Violation;
use crate::xenstored::{ConnectionId, Database};
use std::collections::BTreeMap;
use std::sync::Arc;
use xen_hypercall::DomId;

/// The server and its clients.
#[derive(Debug)]
pub(crate) struct Xenstored {
    pub(crate) database: Database,
    rings: BTreeMap<u16, Ring>,
    /// Bytes that are moved between two looks at a ring; small numbers cut messages into pieces.
    pub(crate) chunk: usize,
    /// The server takes no notice of its clients, as if it hung.
    pub(crate) stopped: bool,
}

impl Default for Xenstored {
    fn default() -> Self {
        Self { database: Database::new(), rings: BTreeMap::new(), chunk: 1024, stopped: false }
    }
}

impl Xenstored {
    pub(crate) fn add_ring(&mut self, domain: DomId, ring: Ring) {
        self.rings.insert(domain.0, ring);
    }

    /// Forgets a domain's ring, and returns dom0's port of it.
    pub(crate) fn remove_ring(&mut self, domain: DomId) -> Option<u32> {
        let ring = self.rings.remove(&domain.0)?;
        self.database.disconnect(ring.connection);
        Some(ring.port)
    }

    /// Serves the rings whose ports are pending, and sends what waits to be sent.
    fn serve(&mut self, machine: &mut Machine) {
        if self.stopped {
            return;
        }
        if core::mem::take(&mut machine.shutdowns) > 0 {
            self.database.domain_changed();
        }
        for ring in self.rings.values_mut() {
            if machine.is_pending(DomId(0), ring.port) {
                machine.clear_pending(DomId(0), ring.port);
                ring.woken = true;
            }
        }
        self.flush(machine);
    }

    /// Goes on with all rings until none moves any more.
    pub(crate) fn flush(&mut self, machine: &mut Machine) {
        let mut moved = !self.stopped;
        while moved {
            moved = false;
            for ring in self.rings.values_mut() {
                moved |= ring.pump(machine, &mut self.database, self.chunk);
            }
        }
        self.wake_hosts(machine);
    }

    /// Wakes the tasks of domains that new events wait for outside of rings.
    fn wake_hosts(&mut self, machine: &mut Machine) {
        let rings: Vec<ConnectionId> = self.rings.values().map(|ring| ring.connection).collect();
        for (id, connection) in &mut self.database.connections {
            let waiting = connection.output.len();
            let new = waiting > core::mem::replace(&mut connection.announced, waiting);
            if new
                && !rings.contains(id)
                && let Some(domain) = machine.domains.get_mut(&connection.domain.0)
            {
                domain.activity += 1;
            }
        }
    }

    /// Returns what clients on rings have left registered.
    pub(crate) fn leftovers(&self, machine: &Machine) -> Vec<Violation> {
        let mut found = Vec::new();
        for ring in self.rings.values() {
            let Some(connection) = self.database.connections.get(&ring.connection) else { continue };
            let domain = connection.domain;
            if machine.dom(domain).life == Life::Dead {
                continue;
            }
            let watches = connection.watches.iter();
            found.extend(watches.map(|watch| Violation::WatchLive { domain, path: watch.given.clone() }));
            found.extend(connection.open_transactions().map(|id| Violation::TransactionOpen { domain, id }));
        }
        found
    }
}

/// The server's process: a task of the control domain.
pub(crate) fn daemon(domain: &Domain) -> Step {
    let shared = Arc::clone(domain.shared());
    with(&shared, Xenstored::serve);
    Step::Idle
}

/// Locks the server, then the machine.
pub(crate) fn with<T>(shared: &Shared, f: impl FnOnce(&mut Xenstored, &mut Machine) -> T) -> T {
    let mut store = shared.store();
    let mut machine = shared.lock();
    f(&mut store, &mut machine)
}
