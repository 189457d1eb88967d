//! Platform interface of a simulated domain.

use crate::counters::Counters;
use crate::domain_handle::DomainHandle;
use crate::hv::Caller;
use crate::machine::{Machine, RunState};
use crate::shared::{Outcome, Shared};
use crate::task::{Task, TaskId};
use crate::violation::Violation;
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::sync::Arc;
use xen_hypercall::{
    BalloonPages, Claims, DomId, Errno, ForeignFrames, ForeignRange, Gfn, Hypercall, Instant,
    PAGE_SIZE, Platform, Port,
};
use xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF;
use xen_sys::sched::{
    SCHEDOP_BLOCK, SCHEDOP_POLL, SCHEDOP_SHUTDOWN, SCHEDOP_YIELD, SchedPoll, SchedShutdown,
    ShutdownReason,
};
use xen_sys::vcpu::VcpuRunstate;
use xen_sys::xen::{HYPERVISOR_GRANT_TABLE_OP, HYPERVISOR_SCHED_OP};

/// Handle to a simulated domain: the [`Platform`] of its drivers, and methods to run them.
///
/// Clones are cheap and refer to the same vCPU of the same domain, also after it is restored with
/// another domain ID or in another world. The domain's memory is valid while any handle of its
/// world exists.
#[derive(Clone)]
pub struct Domain {
    domain_handle: Arc<DomainHandle>,
    vcpu: u32,
}

/// System time of a destroyed domain: all deadlines of its drivers have passed.
const END_OF_TIME: u64 = u64::MAX / 2;

/// Maximum number of ports of `SCHEDOP_poll`.
const MAX_POLL: u32 = 128;

impl Domain {
    pub(crate) fn new(shared: &Arc<Shared>, id: DomId, vcpu: u32) -> Self {
        Self { domain_handle: DomainHandle::of(shared, id), vcpu }
    }

    /// Returns the world of the domain, and its ID there.
    pub(crate) fn place(&self) -> (Arc<Shared>, DomId) {
        self.domain_handle.place()
    }

    /// Calls `f` with the machine locked.
    fn on_machine<T>(&self, f: impl FnOnce(&mut Machine, DomId) -> T) -> T {
        let (shared, id) = self.place();
        f(&mut shared.lock(), id)
    }

    /// Returns the domain ID.
    pub fn id(&self) -> DomId {
        self.domain_handle.id()
    }

    /// Returns whether a domain exists.
    pub fn exists(&self, id: DomId) -> bool {
        self.on_machine(|machine, _| machine.is_alive(id))
    }

    /// Returns the name from its configuration.
    pub fn name(&self) -> String {
        self.on_machine(|machine, id| machine.dom(id).config.name.clone())
    }

    /// Returns the handle of another vCPU of the same domain.
    pub fn vcpu(&self, vcpu: u32) -> Self {
        Self { vcpu, ..self.clone() }
    }

    /// Starts a task, which runs until it is done or stopped, or the domain is destroyed.
    pub fn spawn(&self, task: impl Task + 'static) -> TaskId {
        let (shared, id) = self.place();
        shared.spawn(id, Box::new(task))
    }

    /// Stops and drops a task.
    pub fn stop(&self, task: TaskId) {
        self.place().0.stop(task);
    }

    /// Wakes the domain's idle tasks, as an event does.
    pub fn kick(&self) {
        self.on_machine(|machine, id| machine.dom_mut(id).activity += 1);
    }

    /// Returns the number of events of the domain and of other wake-ups of its tasks.
    pub(crate) fn activity(&self) -> u64 {
        self.on_machine(|machine, id| machine.dom(id).activity)
    }

    /// Installs the upcall handler, which is called with the number of the interrupted vCPU.
    /// Upcalls start when the domain has set a vector, for the vCPU or for the domain.
    ///
    /// Upcalls are delivered while a domain waits, as in an idle kernel with interrupts enabled.
    pub fn set_upcall_handler(&self, handler: impl FnMut(&Self, u32) + Send + 'static) {
        let (shared, id) = self.place();
        shared.set_handler(id, Box::new(handler));
    }

    /// Returns whether an event is pending on `port`, masked or not.
    pub fn is_pending(&self, port: Port) -> bool {
        self.on_machine(|machine, id| machine.is_pending(id, port.0))
    }

    /// Clears a pending event of `port`; returns whether one was pending. Tasks poll their ports
    /// with it.
    pub fn take_event(&self, port: Port) -> bool {
        self.on_machine(|machine, id| {
            machine.is_pending(id, port.0) && machine.clear_pending(id, port.0)
        })
    }

    /// Runs the world until `condition` holds or `deadline` has passed; returns whether it holds.
    ///
    /// The condition is evaluated between any two turns of tasks. It must not run the world itself.
    pub fn run_until(&self, deadline: Instant, mut condition: impl FnMut() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            let mut turns = 1;
            let mut one_turn = |_: &mut _| core::mem::replace(&mut turns, 0) == 0;
            match self.place().0.run(&mut one_turn, Some(deadline.as_nanos())) {
                Outcome::Ready => {}
                Outcome::Deadline | Outcome::Stuck => return condition(),
            }
        }
    }

    /// Returns the domain's output on the hypervisor console.
    pub fn hypervisor_console(&self) -> Vec<u8> {
        self.on_machine(|machine, id| machine.dom(id).console.clone())
    }

    /// Sends `text` as input of the hypervisor console to the domain.
    pub fn type_on_hypervisor_console(&self, text: &[u8]) {
        self.on_machine(|machine, id| {
            machine.dom_mut(id).console_input.extend(text);
            machine.raise_virq(id, 0, xen_sys::xen::Virq::CONSOLE);
        });
    }

    /// Returns the activity counters.
    pub fn counters(&self) -> Counters {
        self.on_machine(|machine, id| machine.dom(id).counters.clone())
    }

    /// Executes the commands of `sched_op` that wait; returns `None` for the others.
    fn wait_hypercall(&self, command: u32, arg: usize) -> Option<Result<usize, Errno>> {
        let answer = match command {
            SCHEDOP_YIELD => {
                let (shared, _) = self.place();
                shared.run_ready(shared.task_count() as u64);
                Ok(0)
            }
            SCHEDOP_BLOCK => {
                self.block();
                Ok(0)
            }
            SCHEDOP_POLL => self.poll_ports(arg),
            SCHEDOP_SHUTDOWN => {
                // SAFETY: the caller of the hypercall guarantees that the pointer is valid.
                let op = unsafe { crate::guest::Guest::new(arg) }.read::<SchedShutdown>();
                if op.map(|op| op.reason) != Ok(ShutdownReason::SUSPEND) {
                    return None;
                }
                self.suspend()
            }
            _ => return None,
        };
        Some(answer)
    }

    fn block(&self) {
        let ((shared, id), vcpu) = (self.place(), self.vcpu as usize);
        let upcalls = shared.lock().dom(id).counters.upcalls;
        let mut done = |machine: &mut Machine| {
            let domain = machine.dom(id);
            let interrupted = domain.counters.upcalls != upcalls || domain.vcpus[vcpu].interrupt;
            domain.run_state == RunState::Dead || domain.runs() && interrupted
        };
        let outcome = self.run_blocked(&shared, id, &mut done, None);
        shared.note_wait(id, outcome, &|| "any event".to_owned());
    }

    fn poll_ports(&self, arg: usize) -> Result<usize, Errno> {
        // SAFETY: the caller of the hypercall guarantees that the pointer is valid.
        let op: SchedPoll = unsafe { crate::guest::Guest::new(arg) }.read()?;
        if op.nr_ports > MAX_POLL {
            return Err(Errno::EINVAL);
        }
        // SAFETY: as above, for the handle inside.
        let list = unsafe { crate::guest::Guest::from_handle(op.ports) };
        let ports: Vec<u32> =
            (0..op.nr_ports as usize).map(|index| list.read_at(index)).collect::<Result<_, _>>()?;
        if self.on_machine(|machine, id| ports.iter().any(|&port| !machine.port_exists(id, port))) {
            return Err(Errno::EINVAL);
        }
        self.wait_for(&ports, (op.timeout != 0).then_some(op.timeout));
        Ok(0)
    }

    /// Runs the world until an event is pending on one of `ports`, the domain took an upcall, or
    /// `deadline` has passed.
    fn wait_for(&self, ports: &[u32], deadline: Option<u64>) {
        let (shared, id) = self.place();
        let upcalls = shared.lock().dom(id).counters.upcalls;
        let mut done = |machine: &mut Machine| {
            let domain = machine.dom(id);
            let interrupted = domain.counters.upcalls != upcalls;
            domain.run_state == RunState::Dead
                || domain.runs()
                    && (interrupted || ports.iter().any(|&port| machine.is_pending(id, port)))
        };
        let outcome = self.run_blocked(&shared, id, &mut done, deadline);
        shared.note_wait(id, outcome, &|| format!("events on ports {ports:?}"));
    }

    /// Runs the world while this vCPU is blocked.
    fn run_blocked(
        &self,
        shared: &Arc<Shared>,
        id: DomId,
        done: &mut dyn FnMut(&mut Machine) -> bool,
        deadline: Option<u64>,
    ) -> Outcome {
        shared.lock().set_runstate(id, self.vcpu, VcpuRunstate::BLOCKED);
        let outcome = shared.run(done, deadline);
        shared.lock().set_runstate(id, self.vcpu, VcpuRunstate::RUNNING);
        outcome
    }

    /// Suspends the domain until the toolstack resumes it, here or in the world of its restore.
    fn suspend(&self) -> Result<usize, Errno> {
        {
            let (shared, id) = self.place();
            shared.lock().shut_down(id, ShutdownReason::SUSPEND);
        }
        loop {
            let (shared, id) = self.place();
            let domain_handle = &self.domain_handle;
            let mut done = |machine: &mut Machine| {
                let domain = machine.dom(id);
                let gone = domain.run_state == RunState::Dead && !domain.saved;
                gone || domain.runs()
                    || !Arc::ptr_eq(&domain_handle.place().0, &shared)
                    || domain_handle.id() != id
            };
            let outcome = shared.run(&mut done, None);
            let (now_shared, now_id) = self.place();
            let machine = now_shared.lock();
            let domain = machine.dom(now_id);
            if domain.runs() {
                return Ok(domain.resumed);
            }
            if domain.run_state == RunState::Dead && !domain.saved {
                return Err(Errno::ESRCH);
            }
            let moved = now_id != id || !Arc::ptr_eq(&now_shared, &shared);
            if outcome == Outcome::Stuck && !moved {
                let name = domain.config.name.clone();
                drop(machine);
                panic!("deadlock: domain {id} ({name}) is suspended, and no task can resume it");
            }
        }
    }
}

// SAFETY: the simulated hypervisor implements Xen's ABI. It passes op and arguments unchanged, and
// accesses only the memory that the operation defines.
unsafe impl Hypercall for Domain {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let (shared, id) = self.place();
        let waited = (op == HYPERVISOR_SCHED_OP)
            .then(|| {
                shared.lock().count_hypercall(id, op);
                self.wait_hypercall(args[0] as u32, args[1])
            })
            .flatten();
        let answer = waited.unwrap_or_else(|| {
            let mut machine = shared.lock();
            if op != HYPERVISOR_SCHED_OP {
                machine.count_hypercall(id, op);
            }
            let caller = Caller { domain: id, vcpu: self.vcpu };
            // The mappings of a dead domain have ended, so an unmap succeeds and defers nothing.
            let unmaps =
                op == HYPERVISOR_GRANT_TABLE_OP && args[0] as u32 == GNTTABOP_UNMAP_GRANT_REF;
            let answer = if machine.dom(id).run_state == RunState::Dead && !unmaps {
                Err(Errno::ESRCH)
            } else {
                // SAFETY: the caller's obligations are those of the machine's method.
                unsafe { machine.hypercall(caller, op, args) }
            };
            let now = machine.now;
            machine.trace.record(now, Some(id), || {
                let refused =
                    answer.err().map(|errno| format!(" refused: {errno:?}")).unwrap_or_default();
                format!("hypercall {} {}{refused}", crate::hv::name(op), args[0] as u32)
            });
            answer
        });
        answer.map_or_else(|errno| -(errno.0 as isize), |value| value as isize)
    }
}

// SAFETY: pages are RAM of the domain, each in one allocation at a time, at fixed addresses that
// are mapped while a handle exists. The frames are those that the addresses map to.
unsafe impl Platform for Domain {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.on_machine(|machine, id| machine.alloc_pages(id, count.get()))
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        self.on_machine(|machine, id| machine.free_pages(id, pages, count.get()));
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        self.on_machine(|machine, id| {
            let physmap = &machine.dom(id).physmap;
            Gfn(physmap.page_of(page.as_ptr().addr()).map_or(u64::MAX, |page| physmap.gfn(page)))
        })
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let (shared, id) = self.place();
        let machine = shared.lock();
        let physmap = &machine.dom(id).physmap;
        let page = physmap.page(first.0)?;
        let last = page.checked_add(count.get() - 1)?;
        let contiguous = (page..=last)
            .zip(first.0..)
            .all(|(page, gfn)| physmap.page(gfn) == Some(page) && physmap.get(gfn).is_some());
        contiguous.then(|| physmap.address(page))
    }

    fn reserve_xen_frame(&self) -> Option<(NonNull<u8>, Gfn)> {
        let (shared, id) = self.place();
        let mut machine = shared.lock();
        let domain = machine.dom_mut(id);
        if !domain.config.is_arm {
            return None;
        }
        let page = domain.physmap.reserve(1)?;
        domain.xen_frames += 1;
        Some((domain.physmap.address(page), Gfn(domain.physmap.gfn(page))))
    }

    fn claims(&self) -> &Claims {
        self.domain_handle.claims()
    }

    fn now(&self) -> Instant {
        self.on_machine(|machine, id| {
            let dead = machine.dom(id).run_state == RunState::Dead;
            Instant::from_nanos(if dead { END_OF_TIME } else { machine.now })
        })
    }

    /// Runs the other domains and advances time until one of `ports` has an event. It clears the
    /// pending events of those ports, so that the next wait needs new ones.
    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        let ports: Vec<u32> = ports.iter().map(|port| port.0).collect();
        {
            let (shared, id) = self.place();
            let mut machine = shared.lock();
            let domain = machine.dom_mut(id);
            domain.counters.waits += 1;
            // An event that the upcall handler took since the last wait ends this one.
            let upcalls = domain.counters.upcalls;
            if core::mem::replace(&mut domain.upcalls_waited, upcalls) != upcalls {
                return;
            }
        }
        self.wait_for(&ports, deadline.map(Instant::as_nanos));
        let (shared, id) = self.place();
        let handled = shared.has_handler(id);
        let mut machine = shared.lock();
        for port in ports {
            // With upcalls, the handler clears the events.
            if !handled && machine.is_pending(id, port) {
                machine.clear_pending(id, port);
            }
        }
        let domain = machine.dom_mut(id);
        domain.upcalls_waited = domain.counters.upcalls;
    }
}

// SAFETY: reserved frames belong to the domain at fixed addresses, and are empty until a page is
// mapped there.
unsafe impl ForeignFrames for Domain {
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange> {
        let (shared, id) = self.place();
        let mut machine = shared.lock();
        let physmap = &mut machine.dom_mut(id).physmap;
        let page = physmap.reserve(count.get())?;
        Some(ForeignRange { start: physmap.address(page), first: Gfn(physmap.gfn(page)), count })
    }

    unsafe fn release_frames(&self, range: ForeignRange) {
        let (shared, id) = self.place();
        let mut machine = shared.lock();
        let physmap = &mut machine.dom_mut(id).physmap;
        let released = physmap
            .page(range.first.0)
            .is_some_and(|page| physmap.release(page, range.count.get()));
        if !released {
            machine.violate(Violation::BadFree { domain: id, gfn: range.first.0 });
        }
    }
}

// SAFETY: the pages leave the domain's allocator, which alone hands out RAM, and new frames have
// had no memory. A wrong addition is recorded, and adds nothing.
unsafe impl BalloonPages for Domain {
    fn take_pages(&self, order: u32) -> Option<Gfn> {
        self.on_machine(|machine, id| machine.dom_mut(id).physmap.take(order).map(Gfn))
    }

    unsafe fn scrub_pages(&self, first: Gfn, order: u32) {
        self.on_machine(|machine, id| {
            for gfn in first.0..first.0 + (1 << order) {
                if let Some(mapping) = machine.dom(id).physmap.get(gfn) {
                    machine.pool.page(mapping.mfn).zero();
                }
                machine.dom_mut(id).counters.pages_scrubbed += 1;
            }
        });
    }

    unsafe fn add_pages(&self, first: Gfn, order: u32) {
        self.on_machine(|machine, id| {
            if !machine.dom_mut(id).physmap.add(first.0, order) {
                machine.violate(Violation::BadFree { domain: id, gfn: first.0 });
            }
        });
    }

    fn new_frames(&self, order: u32) -> Option<Gfn> {
        self.on_machine(|machine, id| machine.dom_mut(id).physmap.new_frames(order).map(Gfn))
    }
}

impl Machine {
    fn count_hypercall(&mut self, id: DomId, op: usize) {
        *self.dom_mut(id).counters.hypercalls.entry(op).or_default() += 1;
    }

    fn port_exists(&self, id: DomId, port: u32) -> bool {
        (port as usize) < self.dom(id).events.ports.len()
    }

    pub(crate) fn alloc_pages(&mut self, id: DomId, count: usize) -> Option<NonNull<u8>> {
        let domain = self.domains.get_mut(&id.0)?;
        if domain.run_state == RunState::Dead {
            return None;
        }
        let (page, written_after_free) = domain.physmap.alloc(&self.pool, count)?;
        domain.counters.pages_allocated += count as u64;
        let address = domain.physmap.address(page);
        let pages = domain.physmap.in_use();
        let over = pages > domain.config.page_budget && pages > domain.counters.pages_peak;
        domain.counters.pages_peak = domain.counters.pages_peak.max(pages);
        if over {
            self.violate(Violation::OverBudget { domain: id, pages });
        }
        if let Some(gfn) = written_after_free {
            self.violate(Violation::WrittenAfterFree { domain: id, gfn });
        }
        Some(address)
    }

    fn free_pages(&mut self, id: DomId, pages: NonNull<u8>, count: usize) {
        debug_assert!(pages.as_ptr().addr().is_multiple_of(PAGE_SIZE));
        let domain = self.domains.get_mut(&id.0).expect("domain states are never removed");
        let Some(page) = domain.physmap.page_of(pages.as_ptr().addr()) else {
            return self.violate(Violation::BadFree { domain: id, gfn: 0 });
        };
        let gfns: Vec<u64> = (page..page + count).map(|page| domain.physmap.gfn(page)).collect();
        if domain.run_state != RunState::Dead {
            self.check_unshared(id, &gfns);
        }
        let domain = self.domains.get_mut(&id.0).expect("domain states are never removed");
        domain.counters.pages_freed += count as u64;
        if !domain.physmap.free(&self.pool, page, count) {
            self.violate(Violation::BadFree { domain: id, gfn: gfns[0] });
        }
    }

    /// Records freed pages that another domain can still access.
    pub(crate) fn check_unshared(&mut self, id: DomId, gfns: &[u64]) {
        for (grant, _, gfn) in self.live_entries(id) {
            if gfns.contains(&gfn) {
                self.violate(Violation::FreedWhileGranted { domain: id, gfn, grant });
            }
        }
        let privileged = self.domains.values().filter(|domain| domain.config.privileged);
        let foreign: Vec<_> =
            privileged.flat_map(|domain| domain.physmap.foreign()).map(|(mfn, _)| mfn).collect();
        for &gfn in gfns {
            let mapped =
                self.dom(id).physmap.get(gfn).is_some_and(|mapping| foreign.contains(&mapping.mfn));
            if mapped || self.dom(id).grants.in_use(gfn) {
                self.violate(Violation::FreedWhileMapped { domain: id, gfn });
            }
        }
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({}, vCPU {})", self.id(), self.vcpu)
    }
}
