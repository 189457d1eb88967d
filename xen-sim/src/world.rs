//! The world as a test sees it from outside.

use crate::domain::Domain;
use crate::machine::{DomainConfig, Machine, RunState};
use crate::physmap::Kind;
use crate::shared::Shared;
use crate::trace::TraceEvent;
use crate::violation::Violation;
use crate::{store, toolstack};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use xen_hypercall::{DomId, GrantRef, Instant, Port};
use xen_sys::grant_table::{GNTTAB_NR_RESERVED_ENTRIES, GNTTAB_RESERVED_XENSTORE};
use xen_sys::hvm::params::{HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN};
use xen_sys::sched::ShutdownReason;

/// A machine that runs Xen: domains, memory, and a clock that only moves when everybody waits.
///
/// Dropping it ends all tasks. Handles of its domains stay usable, and so do clones, which are
/// meant for tasks that play the toolstack.
#[derive(Debug)]
pub struct World {
    shared: Arc<Shared>,
    /// The tasks hold the world, so one handle has to be the one that ends it.
    original: bool,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), original: false }
    }
}

impl World {
    /// Starts Xen 4.20 and domain 0. All chance comes from `seed`: a world with the same seed, used
    /// the same, does the same.
    pub fn new(seed: u64) -> Self {
        Self::with_version(seed, (4, 20))
    }

    /// Starts a given version of Xen.
    pub fn with_version(seed: u64, version: (u16, u16)) -> Self {
        let mut machine = Machine::new(seed, version);
        let dom0 =
            DomainConfig { privileged: true, max_port: 4095, ..DomainConfig::new("Domain-0") };
        let id = machine.create_domain(dom0);
        machine.make_ring(
            id,
            0,
            HVM_PARAM_STORE_PFN,
            HVM_PARAM_STORE_EVTCHN,
            GNTTAB_RESERVED_XENSTORE,
        );
        let world = Self { shared: Arc::new(Shared::new(machine)), original: true };
        let store = world.store();
        store.write("/local/domain/0/name", "Domain-0").expect("dom0 may write everywhere");
        store.write("/local/domain/0/domid", 0).expect("dom0 may write everywhere");
        toolstack::introduce(&world.shared, id);
        world.dom0().spawn(store::daemon);
        world.dom0().spawn(toolstack::daemon);
        world.run_until_idle();
        world
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.shared.lock().seed
    }

    /// Returns the control domain.
    pub fn dom0(&self) -> Domain {
        Domain::new(&self.shared, DomId(0), 0)
    }

    /// Creates a bare domain: no xenstore, no console, no devices. A toolstack makes the others.
    pub fn create(&self, config: DomainConfig) -> Domain {
        let id = self.shared.lock().create_domain(config);
        Domain::new(&self.shared, id, 0)
    }

    /// Returns a domain by its number, dead or alive.
    pub fn domain(&self, id: DomId) -> Option<Domain> {
        let known = self.shared.lock().domains.contains_key(&id.0);
        known.then(|| Domain::new(&self.shared, id, 0))
    }

    /// Returns the present moment.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.shared.lock().now)
    }

    /// Lets all tasks run until none has anything left to do, without moving time on to their
    /// alarms.
    pub fn run_until_idle(&self) {
        while !self.shared.run_ready(1 << 20) {}
    }

    /// Lets the world run for a time.
    pub fn run_for(&self, time: Duration) {
        let until = self.now() + time;
        self.shared.run(&mut |_| false, Some(until.as_nanos()));
    }

    /// Lets the world run until `condition` holds, for `limit` at most; returns whether it holds.
    pub fn run_until(&self, limit: Duration, condition: impl FnMut() -> bool) -> bool {
        self.dom0().run_until(self.now() + limit, condition)
    }

    /// Stops a domain's vCPUs until as many [`unpause`](Self::unpause)s have followed.
    pub fn pause(&self, id: DomId) {
        self.shared.lock().dom_mut(id).pauses += 1;
    }

    /// Takes one pause back.
    pub fn unpause(&self, id: DomId) {
        let mut machine = self.shared.lock();
        let domain = machine.dom_mut(id);
        domain.pauses = domain.pauses.saturating_sub(1);
    }

    /// Destroys a domain: its tasks are dropped, its ports closed, its mappings ended, its part of
    /// xenstore removed, its devices detached. Its own pages stay where others have them
    /// mapped.
    pub fn destroy(&self, id: DomId) {
        if self.is_alive(id) {
            self.end(id);
            self.shared.stop_domain(id);
            self.forget(id);
        }
    }

    /// Takes from a domain what Xen has for it, but not its memory.
    pub(crate) fn end(&self, id: DomId) {
        let mut machine = self.shared.lock();
        machine.dom_mut(id).run_state = RunState::Dead;
        machine.close_all_ports(id);
        machine.unmap_all_grants(id);
        let now = machine.now;
        machine.trace.record(now, Some(id), || "destroyed".to_owned());
        machine.raise_dom_exc();
    }

    /// Removes what the toolstack made for a domain that is no more.
    pub(crate) fn forget(&self, id: DomId) {
        // Before xenstored releases the domain, which removes the nodes that the domain owns: the
        // backends have to be asked to close, as libxl does.
        for device in self.devices_of(id) {
            self.detach(&device);
        }
        toolstack::release(&self.shared, id);
        let store = self.store();
        // A bare domain has nothing there.
        let _ = store.remove(format!("/local/domain/{id}"));
        let _ = store.remove(format!("/vm/00000000-0000-0000-0000-{:012x}", id.0));
    }

    /// Tells why a domain shut down; `None` while it has not.
    pub fn shutdown_reason(&self, id: DomId) -> Option<ShutdownReason> {
        match self.shared.lock().dom(id).run_state {
            RunState::Shutdown(reason) => Some(reason),
            RunState::Running | RunState::Dead => None,
        }
    }

    /// Tells whether a domain exists: it may run, be paused, or have shut down.
    pub fn is_alive(&self, id: DomId) -> bool {
        self.shared.lock().is_alive(id)
    }

    /// Makes an event pending on a domain's port though nobody sent one: spurious, late, or one of
    /// a storm.
    ///
    /// A number that is no port of the domain is ignored; 0 never is one, and its event word would
    /// end a FIFO queue.
    pub fn inject_event(&self, id: DomId, port: Port) {
        let mut machine = self.shared.lock();
        if port.0 != 0 && (port.0 as usize) < machine.dom(id).events.ports.len() {
            machine.set_pending(id, port.0);
        }
    }

    /// Starts to record what happens.
    pub fn start_trace(&self) {
        self.shared.lock().trace.on = true;
    }

    /// Returns what was recorded since it was last asked.
    pub fn take_trace(&self) -> Vec<TraceEvent> {
        core::mem::take(&mut self.shared.lock().trace.events)
    }

    /// Checks that the domains kept the rules, and that all that is alive has cleaned up: no port
    /// open, no grant in force, no mapping left, no page lost.
    ///
    /// What the toolstack and the start of day set up does not count.
    ///
    /// # Errors
    ///
    /// All that was found.
    pub fn check(&self) -> Result<(), Findings> {
        let store = self.shared.store();
        let machine = self.shared.lock();
        let mut found = machine.violations.clone();
        found.extend(store.leftovers(&machine));
        for domain in machine.domains.values().filter(|domain| domain.run_state != RunState::Dead) {
            let id = domain.id;
            let open = domain.events.open().filter(|(port, _)| !domain.kept_ports.contains(port));
            found
                .extend(open.map(|(port, _)| Violation::PortOpen { domain: id, port: Port(port) }));
            let live = machine.live_entries(id).into_iter();
            let live = live.filter(|(grant, ..)| grant.0 >= GNTTAB_NR_RESERVED_ENTRIES);
            found.extend(live.map(|(grant, peer, _)| Violation::GrantLive {
                domain: id,
                grant,
                peer,
            }));
            let mappings = domain.grants.mappings();
            found.extend(mappings.map(|track| Violation::MappingLive {
                domain: id,
                peer: track.owner,
                grant: Some(GrantRef(track.grant)),
            }));
            let foreign = domain.physmap.foreign().map(|(_, owner)| owner);
            found.extend(foreign.map(|peer| Violation::MappingLive {
                domain: id,
                peer,
                grant: None,
            }));
            let lost = domain.physmap.allocated();
            let lost = lost.filter(|&gfn| {
                let found = domain.physmap.get(gfn).filter(|at| at.kind == Kind::Ram);
                found.is_some_and(|at| !domain.gave_up(at.mfn))
            });
            found.extend(lost.map(|gfn| Violation::PageLost { domain: id, gfn }));
            let spoilt = domain.physmap.spoilt(&machine.pool).into_iter();
            found.extend(spoilt.map(|gfn| Violation::WrittenAfterFree { domain: id, gfn }));
            let count = domain.physmap.reserved();
            if count > 0 {
                found.push(Violation::FramesReserved { domain: id, count });
            }
        }
        if found.is_empty() {
            Ok(())
        } else {
            Err(Findings { seed: machine.seed, violations: found })
        }
    }

    /// Returns the rules that were broken so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.lock().violations.clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.original {
            self.shared.stop_all();
        }
    }
}

/// What [`World::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// The world's seed, to do it again.
    pub seed: u64,
    /// The broken rules and left-overs.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "world with seed {}:", self.seed)?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}

impl core::error::Error for Findings {}
