//! World: the interface of a test to the simulated machine.

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

/// Machine that runs Xen: domains, memory, and a clock that advances only while all domains wait.
///
/// Dropping it stops all tasks. Handles of its domains and clones of it stay valid; tasks that act
/// as the toolstack use clones.
#[derive(Debug)]
pub struct World {
    shared: Arc<Shared>,
    /// `true` for the handle whose drop stops the tasks, which own references to the world.
    original: bool,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), original: false }
    }
}

impl World {
    /// Starts Xen 4.20 and domain 0. `seed` determines all random choices, so that a run can be
    /// repeated.
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
        store.write("/local/domain/0/name", "Domain-0").expect("dom0 may write all nodes");
        store.write("/local/domain/0/domid", 0).expect("dom0 may write all nodes");
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

    /// Creates a domain without xenstore, console and devices. The toolstack creates the others.
    pub fn create(&self, config: DomainConfig) -> Domain {
        let id = self.shared.lock().create_domain(config);
        Domain::new(&self.shared, id, 0)
    }

    /// Returns a domain by its ID, dead or alive.
    pub fn domain(&self, id: DomId) -> Option<Domain> {
        let known = self.shared.lock().domains.contains_key(&id.0);
        known.then(|| Domain::new(&self.shared, id, 0))
    }

    /// Returns the current time.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.shared.lock().now)
    }

    /// Runs all tasks until none has work, without advancing time to their deadlines.
    pub fn run_until_idle(&self) {
        while !self.shared.run_ready(1 << 20) {}
    }

    /// Runs the world for a duration.
    pub fn run_for(&self, time: Duration) {
        let until = self.now() + time;
        self.shared.run(&mut |_| false, Some(until.as_nanos()));
    }

    /// Runs the world until `condition` holds, for at most `limit`; returns whether it holds.
    pub fn run_until(&self, limit: Duration, condition: impl FnMut() -> bool) -> bool {
        self.dom0().run_until(self.now() + limit, condition)
    }

    /// Stops a domain's vCPUs until as many [`unpause`](Self::unpause)s have followed.
    pub fn pause(&self, id: DomId) {
        self.shared.lock().dom_mut(id).pauses += 1;
    }

    /// Ends one [`pause`](Self::pause).
    pub fn unpause(&self, id: DomId) {
        let mut machine = self.shared.lock();
        let domain = machine.dom_mut(id);
        domain.pauses = domain.pauses.saturating_sub(1);
    }

    /// Destroys a domain: drops its tasks, closes its ports, ends its mappings, removes its nodes
    /// and detaches its devices. Its pages stay mapped in other domains.
    pub fn destroy(&self, id: DomId) {
        if self.is_alive(id) {
            self.end(id);
            self.shared.stop_domain(id);
            self.forget(id);
        }
    }

    /// Releases all that Xen has of a domain, except its memory.
    pub(crate) fn end(&self, id: DomId) {
        let mut machine = self.shared.lock();
        machine.dom_mut(id).run_state = RunState::Dead;
        machine.close_all_ports(id);
        machine.unmap_all_grants(id);
        let now = machine.now;
        machine.trace.record(now, Some(id), || "destroyed".to_owned());
        machine.raise_dom_exc();
    }

    /// Removes devices and nodes of a destroyed domain, as the toolstack does.
    pub(crate) fn forget(&self, id: DomId) {
        // Like libxl, requests the close of the backends first: xenstored removes the nodes of a
        // released domain.
        for device in self.devices_of(id) {
            self.detach(&device);
        }
        toolstack::release(&self.shared, id);
        let store = self.store();
        // A bare domain has no nodes.
        let _ = store.remove(format!("/local/domain/{id}"));
        let _ = store.remove(format!("/vm/00000000-0000-0000-0000-{:012x}", id.0));
    }

    /// Returns the shutdown reason of a domain; `None` before its shutdown.
    pub fn shutdown_reason(&self, id: DomId) -> Option<ShutdownReason> {
        match self.shared.lock().dom(id).run_state {
            RunState::Shutdown(reason) => Some(reason),
            RunState::Running | RunState::Dead => None,
        }
    }

    /// Returns whether a domain exists: running, paused or shut down.
    pub fn is_alive(&self, id: DomId) -> bool {
        self.shared.lock().is_alive(id)
    }

    /// Makes an event pending on a domain's port without a sender: a spurious or late event, or one
    /// of a storm.
    ///
    /// A number that is no port of the domain is ignored, and so is 0, whose event word ends a FIFO
    /// queue.
    pub fn inject_event(&self, id: DomId, port: Port) {
        let mut machine = self.shared.lock();
        if port.0 != 0 && (port.0 as usize) < machine.dom(id).events.ports.len() {
            machine.set_pending(id, port.0);
        }
    }

    /// Starts the trace.
    pub fn start_trace(&self) {
        self.shared.lock().trace.on = true;
    }

    /// Takes the trace events since the last `take_trace`.
    pub fn take_trace(&self) -> Vec<TraceEvent> {
        core::mem::take(&mut self.shared.lock().trace.events)
    }

    /// Checks that no domain broke a rule, and that each living domain has released its resources:
    /// no open port, no active grant, no mapping, no lost page.
    ///
    /// Resources of the toolstack and of the boot are no leftovers.
    ///
    /// # Errors
    ///
    /// All violations.
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
                found.is_some_and(|at| !domain.has_released(at.mfn))
            });
            found.extend(lost.map(|gfn| Violation::PageLost { domain: id, gfn }));
            let written_after_free = domain.physmap.written_after_free(&machine.pool).into_iter();
            found.extend(
                written_after_free.map(|gfn| Violation::WrittenAfterFree { domain: id, gfn }),
            );
            let count = domain.physmap.reserved() - domain.xen_frames;
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

    /// Returns the violations so far.
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

/// Violations that [`World::check`] found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Findings {
    /// Seed of the world, to repeat the run.
    pub seed: u64,
    /// Broken rules and leftovers.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "world with seed {}:", self.seed)?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
    }
}
