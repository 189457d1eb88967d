//! A domain's view of its world: the seam that drivers are built on.

use crate::counters::Counters;
use crate::hv::Caller;
use crate::machine::Life;
use crate::shared::{Outcome, Shared};
use crate::task::{Task, TaskId};
use crate::violation::Violation;
use core::fmt;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::sync::Arc;
use xen_hypercall::{
    DomId, Errno, ForeignFrames, ForeignRange, Gfn, Hypercall, Instant, PAGE_SIZE, Platform, Port,
};
use xen_sys::grant_table::GNTTABOP_UNMAP_GRANT_REF;
use xen_sys::sched::{SCHEDOP_BLOCK, SCHEDOP_POLL, SCHEDOP_YIELD, SchedPoll};
use xen_sys::xen::{HYPERVISOR_GRANT_TABLE_OP, HYPERVISOR_SCHED_OP};

/// A handle to a simulated domain: a [`Platform`] to build drivers on, and the means to run them.
///
/// Handles are cheap to clone, and all clones stand for the same vCPU of the same domain. The domain's memory
/// stays valid as long as any handle of the world exists.
#[derive(Clone)]
pub struct Domain {
    shared: Arc<Shared>,
    id: DomId,
    vcpu: u32,
}

/// What the clock of a destroyed domain shows: its drivers find every deadline passed, and stop waiting.
const END_OF_TIME: u64 = u64::MAX / 2;

/// The most ports that one poll takes.
const MAX_POLL: u32 = 128;

impl Domain {
    pub(crate) fn new(shared: &Arc<Shared>, id: DomId, vcpu: u32) -> Self {
        Self { shared: Arc::clone(shared), id, vcpu }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Returns the domain's number.
    pub fn id(&self) -> DomId {
        self.id
    }

    /// Tells whether a domain exists.
    pub fn exists(&self, id: DomId) -> bool {
        self.shared.lock().is_alive(id)
    }

    /// Returns the name that it was created with.
    pub fn name(&self) -> String {
        self.shared.lock().dom(self.id).config.name.clone()
    }

    /// Returns the handle of another vCPU of the same domain.
    pub fn vcpu(&self, vcpu: u32) -> Self {
        Self { vcpu, ..self.clone() }
    }

    /// Lets `task` run beside everything else, until it is done, stopped, or the domain destroyed.
    pub fn spawn(&self, task: impl Task + 'static) -> TaskId {
        self.shared.spawn(self.id, Box::new(task))
    }

    /// Ends a task, and drops it.
    pub fn stop(&self, task: TaskId) {
        self.shared.stop(task);
    }

    /// Wakes the domain's idle tasks up, as an event would.
    pub fn kick(&self) {
        self.shared.lock().dom_mut(self.id).activity += 1;
    }

    /// Installs the interrupt handler of all vCPUs: it is called with the vCPU's number when Xen interrupts it for events,
    /// once the domain has told Xen how (`HVM_PARAM_CALLBACK_IRQ`).
    ///
    /// Interrupts are taken while some domain waits, as a kernel with interrupts enabled does when it is idle.
    pub fn set_upcall_handler(&self, handler: impl FnMut(&Self, u32) + Send + 'static) {
        self.shared.set_handler(self.id, Box::new(handler));
    }

    /// Tells whether an event is pending on `port`, masked or not.
    pub fn is_pending(&self, port: Port) -> bool {
        self.shared.lock().is_pending(self.id, port.0)
    }

    /// Clears the event that is pending on `port` and tells whether there was one: how a task that is polled looks at its port.
    pub fn take_event(&self, port: Port) -> bool {
        let mut machine = self.shared.lock();
        machine.is_pending(self.id, port.0) && machine.clear_pending(self.id, port.0)
    }

    /// Lets the world run until `condition` holds or `deadline` has come; returns whether it holds.
    ///
    /// The condition is looked at between any two turns of tasks; it must not run the world itself.
    pub fn run_until(&self, deadline: Instant, mut condition: impl FnMut() -> bool) -> bool {
        loop {
            if condition() {
                return true;
            }
            let mut turns = 1;
            let mut one_turn = |_: &mut _| core::mem::replace(&mut turns, 0) == 0;
            match self.shared.run(&mut one_turn, Some(deadline.as_nanos())) {
                Outcome::Ready => {}
                Outcome::Deadline | Outcome::Stuck => return condition(),
            }
        }
    }

    /// Returns what the domain has written to the hypervisor's console.
    pub fn hypervisor_console(&self) -> Vec<u8> {
        self.shared.lock().dom(self.id).console.clone()
    }

    /// Types `text` on the hypervisor's console, for the domain to read.
    pub fn type_on_hypervisor_console(&self, text: &[u8]) {
        let mut machine = self.shared.lock();
        machine.dom_mut(self.id).console_input.extend(text);
        machine.raise_virq(self.id, 0, xen_sys::xen::Virq::CONSOLE);
    }

    /// Returns what the domain has done so far.
    pub fn counters(&self) -> Counters {
        self.shared.lock().dom(self.id).counters.clone()
    }

    fn wait_hypercall(&self, command: u32, arg: usize) -> Result<usize, Errno> {
        self.shared.lock().count_hypercall(self.id, HYPERVISOR_SCHED_OP);
        match command {
            SCHEDOP_YIELD => {
                self.shared.run_ready(self.shared.task_count() as u64);
            }
            SCHEDOP_BLOCK => {
                let vcpu = self.vcpu;
                let upcalls = self.shared.lock().dom(self.id).counters.upcalls;
                let id = self.id;
                let outcome = self.shared.run(
                    &mut |machine| {
                        let domain = machine.dom(id);
                        domain.life == Life::Dead
                            || domain.runs()
                                && (domain.counters.upcalls != upcalls
                                    || domain.vcpus[vcpu as usize].interrupt)
                    },
                    None,
                );
                self.shared.note_wait(self.id, outcome, &|| "any event".to_owned());
            }
            _ => {
                // SAFETY: whoever issued the hypercall vouches for the pointer.
                let op: SchedPoll = unsafe { crate::guest::Guest::new(arg) }.read()?;
                if op.nr_ports > MAX_POLL {
                    return Err(Errno::EINVAL);
                }
                // SAFETY: as above, for the handle inside.
                let list = unsafe { crate::guest::Guest::from_handle(op.ports) };
                let ports: Vec<u32> =
                    (0..op.nr_ports as usize).map(|index| list.read_at(index)).collect::<Result<_, _>>()?;
                if ports.iter().any(|&port| !self.shared.lock().port_exists(self.id, port)) {
                    return Err(Errno::EINVAL);
                }
                self.wait_for(&ports, (op.timeout != 0).then_some(op.timeout));
            }
        }
        Ok(0)
    }

    /// Lets the world run until an event is pending on one of `ports`, the domain was interrupted, or `deadline` has come.
    fn wait_for(&self, ports: &[u32], deadline: Option<u64>) {
        let id = self.id;
        let upcalls = self.shared.lock().dom(id).counters.upcalls;
        let mut done = |machine: &mut crate::machine::Machine| {
            let domain = machine.dom(id);
            let interrupted = domain.counters.upcalls != upcalls;
            domain.life == Life::Dead
                || domain.runs() && (interrupted || ports.iter().any(|&port| machine.is_pending(id, port)))
        };
        let outcome = self.shared.run(&mut done, deadline);
        self.shared.note_wait(id, outcome, &|| format!("events on ports {ports:?}"));
    }
}

// SAFETY: the simulated hypervisor keeps Xen's ABI: it takes op and arguments as they are, and touches no memory but what the
// operation says of them.
unsafe impl Hypercall for Domain {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        let waits = matches!(args[0] as u32, SCHEDOP_POLL | SCHEDOP_BLOCK | SCHEDOP_YIELD);
        let answer = if op == HYPERVISOR_SCHED_OP && waits {
            self.wait_hypercall(args[0] as u32, args[1])
        } else {
            let mut machine = self.shared.lock();
            machine.count_hypercall(self.id, op);
            let caller = Caller { domain: self.id, vcpu: self.vcpu };
            // What a dead domain's drivers had mapped is not mapped any more; they need not keep anything back for that.
            let unmaps = op == HYPERVISOR_GRANT_TABLE_OP && args[0] as u32 == GNTTABOP_UNMAP_GRANT_REF;
            let answer = if machine.dom(self.id).life == Life::Dead && !unmaps {
                Err(Errno::ESRCH)
            } else {
                // SAFETY: the caller's obligations are passed on unchanged.
                unsafe { machine.hypercall(caller, op, args) }
            };
            let now = machine.now;
            machine.trace.record(now, Some(self.id), || {
                let refused = answer.err().map(|errno| format!(" refused: {errno:?}")).unwrap_or_default();
                format!("hypercall {} {}{refused}", crate::hv::name(op), args[0] as u32)
            });
            answer
        };
        answer.map_or_else(|errno| -(errno.0 as isize), |value| value as isize)
    }
}

// SAFETY: pages come from the domain's own RAM in the world, each in one allocation at a time, at fixed addresses that are
// mapped as long as a handle exists; frames are those that the addresses map to.
unsafe impl Platform for Domain {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        self.shared.lock().alloc_pages(self.id, count.get())
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        self.shared.lock().free_pages(self.id, pages, count.get());
    }

    fn virt_to_gfn(&self, page: NonNull<u8>) -> Gfn {
        let machine = self.shared.lock();
        let physmap = &machine.dom(self.id).physmap;
        Gfn(physmap.page_of(page.as_ptr().addr()).map_or(u64::MAX, |page| physmap.gfn(page)))
    }

    unsafe fn map_frames(&self, first: Gfn, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let machine = self.shared.lock();
        let physmap = &machine.dom(self.id).physmap;
        let page = physmap.page(first.0)?;
        let last = page.checked_add(count.get() - 1)?;
        let contiguous = (page..=last)
            .zip(first.0..)
            .all(|(page, gfn)| physmap.page(gfn) == Some(page) && physmap.get(gfn).is_some());
        contiguous.then(|| physmap.address(page))
    }

    fn now(&self) -> Instant {
        let machine = self.shared.lock();
        let dead = machine.dom(self.id).life == Life::Dead;
        Instant::from_nanos(if dead { END_OF_TIME } else { machine.now })
    }

    /// Runs the other domains and moves time on until one of `ports` has an event. Pending events of those ports are taken, so
    /// that the next wait is for new ones.
    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        let ports: Vec<u32> = ports.iter().map(|port| port.0).collect();
        {
            let mut machine = self.shared.lock();
            let domain = machine.dom_mut(self.id);
            domain.counters.waits += 1;
            // What an interrupt handler took since the last wait may be what this one is for.
            let upcalls = domain.counters.upcalls;
            if core::mem::replace(&mut domain.upcalls_waited, upcalls) != upcalls {
                return;
            }
        }
        self.wait_for(&ports, deadline.map(Instant::as_nanos));
        let handled = self.shared.has_handler(self.id);
        let mut machine = self.shared.lock();
        for port in ports {
            // Where interrupts are taken, their handler clears what it handles.
            if !handled && machine.is_pending(self.id, port) {
                machine.clear_pending(self.id, port);
            }
        }
        let domain = machine.dom_mut(self.id);
        domain.upcalls_waited = domain.counters.upcalls;
    }
}

// SAFETY: reserved frames are the domain's own and hold nothing until something is mapped there, at fixed addresses.
unsafe impl ForeignFrames for Domain {
    fn reserve_frames(&self, count: NonZeroUsize) -> Option<ForeignRange> {
        let mut machine = self.shared.lock();
        let physmap = &mut machine.dom_mut(self.id).physmap;
        let page = physmap.reserve(count.get())?;
        Some(ForeignRange { start: physmap.address(page), first: Gfn(physmap.gfn(page)), count })
    }

    unsafe fn release_frames(&self, range: ForeignRange) {
        let mut machine = self.shared.lock();
        let physmap = &mut machine.dom_mut(self.id).physmap;
        let released =
            physmap.page(range.first.0).is_some_and(|page| physmap.release(page, range.count.get()));
        if !released {
            machine.violate(Violation::BadFree { domain: self.id, gfn: range.first.0 });
        }
    }
}

impl crate::machine::Machine {
    fn count_hypercall(&mut self, id: DomId, op: usize) {
        *self.dom_mut(id).counters.hypercalls.entry(op).or_default() += 1;
    }

    fn port_exists(&self, id: DomId, port: u32) -> bool {
        (port as usize) < self.dom(id).events.ports.len()
    }

    pub(crate) fn alloc_pages(&mut self, id: DomId, count: usize) -> Option<NonNull<u8>> {
        let domain = self.domains.get_mut(&id.0)?;
        if domain.life == Life::Dead {
            return None;
        }
        let (page, spoilt) = domain.physmap.alloc(&self.pool, count)?;
        domain.counters.pages_allocated += count as u64;
        let address = domain.physmap.address(page);
        if let Some(gfn) = spoilt {
            self.violate(Violation::WrittenAfterFree { domain: id, gfn });
        }
        Some(address)
    }

    fn free_pages(&mut self, id: DomId, pages: NonNull<u8>, count: usize) {
        debug_assert!(pages.as_ptr().addr().is_multiple_of(PAGE_SIZE));
        let domain = self.domains.get_mut(&id.0).expect("domains are never forgotten");
        let Some(page) = domain.physmap.page_of(pages.as_ptr().addr()) else {
            return self.violate(Violation::BadFree { domain: id, gfn: 0 });
        };
        let gfns: Vec<u64> = (page..page + count).map(|page| domain.physmap.gfn(page)).collect();
        if domain.life != Life::Dead {
            self.check_unshared(id, &gfns);
        }
        let domain = self.domains.get_mut(&id.0).expect("domains are never forgotten");
        domain.counters.pages_freed += count as u64;
        if !domain.physmap.free(&self.pool, page, count) {
            self.violate(Violation::BadFree { domain: id, gfn: gfns[0] });
        }
    }

    /// Notes pages that are freed while somebody else can still reach them.
    fn check_unshared(&mut self, id: DomId, gfns: &[u64]) {
        for (grant, _, gfn) in self.live_entries(id) {
            if gfns.contains(&gfn) {
                self.violate(Violation::FreedWhileGranted { domain: id, gfn, grant });
            }
        }
        for &gfn in gfns {
            if self.dom(id).grants.in_use(gfn) {
                self.violate(Violation::FreedWhileMapped { domain: id, gfn });
            }
        }
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({}, vCPU {})", self.id, self.vcpu)
    }
}
