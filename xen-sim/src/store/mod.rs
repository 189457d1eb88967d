//! xenstore of the simulated world: the server's rings, and the connections of tests.

mod handle;
mod ring;

pub use handle::{Store, StoreEvent, StoreTransaction};
pub(crate) use ring::Ring;

use crate::Domain;
use crate::machine::{Machine, RunState};
use crate::shared::Shared;
use crate::task::Step;
use crate::violation::Violation;
use std::collections::BTreeMap;
use xen_hypercall::{DomId, Instant};
use xenstored::server::{ConnectionId, Server};

/// Server and its clients.
#[derive(Debug)]
pub(crate) struct Xenstored {
    pub(crate) server: Server,
    /// Number of waiting messages of each client without a ring at the last wake-up of its tasks.
    announced: BTreeMap<ConnectionId, usize>,
    rings: BTreeMap<u16, Ring>,
    /// Maximum number of bytes that are copied at a time; small values cut messages into pieces.
    pub(crate) chunk: usize,
    /// The server takes no requests, as if it hung.
    pub(crate) stopped: bool,
    /// Time of the next timeout in the server.
    deadline: Option<Instant>,
}

impl Default for Xenstored {
    fn default() -> Self {
        Self {
            server: Server::new(),
            announced: BTreeMap::new(),
            rings: BTreeMap::new(),
            chunk: 1024,
            stopped: false,
            deadline: None,
        }
    }
}

impl Xenstored {
    pub(crate) fn add_ring(&mut self, domain: DomId, ring: Ring) {
        self.rings.insert(domain.0, ring);
    }

    /// Removes a domain's ring, and returns dom0's port of it.
    pub(crate) fn remove_ring(&mut self, domain: DomId) -> Option<u32> {
        let ring = self.rings.remove(&domain.0)?;
        self.server.disconnect(ring.connection);
        Some(ring.port)
    }

    /// Serves the rings whose ports are pending, and sends waiting messages.
    fn serve(&mut self, machine: &mut Machine) {
        if self.stopped {
            return;
        }
        for domain in core::mem::take(&mut machine.shutdowns) {
            self.server.domain_changed(domain);
        }
        for ring in self.rings.values_mut() {
            if machine.is_pending(DomId(0), ring.port) {
                machine.clear_pending(DomId(0), ring.port);
                ring.woken = true;
            }
        }
        self.flush(machine);
    }

    /// Serves all rings until none makes progress.
    pub(crate) fn flush(&mut self, machine: &mut Machine) {
        self.tick(machine);
        let mut moved = !self.stopped;
        while moved {
            moved = false;
            for ring in self.rings.values_mut() {
                moved |= ring.pump(machine, &mut self.server, self.chunk);
            }
        }
        // The requests may have started a timeout.
        self.tick(machine);
        self.wake_hosts(machine);
    }

    /// Sets the time in the server, and records its next timeout.
    fn tick(&mut self, machine: &mut Machine) {
        if self.stopped {
            return;
        }
        let deadline = self.server.tick(Instant::from_nanos(machine.now));
        if deadline.is_some() && deadline != self.deadline {
            // The server's task must wake up at the timeout.
            machine.dom_mut(DomId(0)).activity += 1;
        }
        self.deadline = deadline;
    }

    /// Connects a client without a ring.
    pub(crate) fn connect_host(&mut self, domain: DomId) -> ConnectionId {
        let id = self.server.connect(domain);
        self.announced.insert(id, 0);
        id
    }

    /// Disconnects a client without a ring.
    pub(crate) fn disconnect_host(&mut self, id: ConnectionId) {
        self.server.disconnect(id);
        self.announced.remove(&id);
    }

    /// Takes all waiting messages of a client without a ring.
    pub(crate) fn take_messages(&mut self, id: ConnectionId) -> Vec<Vec<u8>> {
        self.announced.insert(id, 0);
        core::iter::from_fn(|| self.server.take_message(id)).collect()
    }

    /// Wakes the tasks of domains with new messages for a client without a ring.
    fn wake_hosts(&mut self, machine: &mut Machine) {
        for (&id, announced) in &mut self.announced {
            let waiting = self.server.waiting(id);
            let new = waiting > core::mem::replace(announced, waiting);
            if new && let Some(domain) = machine.domains.get_mut(&self.server.domain_of(id).0) {
                domain.activity += 1;
            }
        }
    }

    /// Returns the watches and transactions that clients on rings have left.
    pub(crate) fn leftovers(&self, machine: &Machine) -> Vec<Violation> {
        let mut found = Vec::new();
        for ring in self.rings.values() {
            let domain = self.server.domain_of(ring.connection);
            if !machine.domains.contains_key(&domain.0)
                || machine.dom(domain).run_state == RunState::Dead
            {
                continue;
            }
            let paths = self.server.watched_paths(ring.connection);
            found.extend(paths.map(|path| Violation::WatchLive { domain, path: path.to_owned() }));
            let open = self.server.open_transactions(ring.connection);
            found.extend(open.map(|id| Violation::TransactionOpen { domain, id }));
        }
        found
    }
}

/// Runs the server's task, in the control domain.
pub(crate) fn daemon(domain: &Domain) -> Step {
    let (shared, _) = domain.place();
    with(&shared, |store, machine| {
        store.serve(machine);
        store.deadline.map_or(Step::Idle, Step::Sleep)
    })
}

/// Locks the server, then the machine.
pub(crate) fn with<T>(shared: &Shared, f: impl FnOnce(&mut Xenstored, &mut Machine) -> T) -> T {
    let mut store = shared.store();
    let mut machine = shared.lock();
    f(&mut store, &mut machine)
}
