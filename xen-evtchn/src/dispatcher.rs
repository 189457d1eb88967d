//! What the kernel makes of its ports: handlers, masks with reasons, and a budget against storms.

use crate::EventChannels;
use crate::port_state::{self, Begin, Eoi, EoiOutcome, Free, PortState};
use core::fmt;
use xen_hypercall::sync::{AtomicU64, Ordering};
use xen_hypercall::{Errno, Instant, Platform, Port, SharedMem};

/// The ports of this domain as interrupt lines: each is handled by one vCPU at a time, from its
/// upcall to an explicit end.
///
/// An event masks its port and is delivered; [`eoi`](Self::eoi) unmasks it, with what the handler
/// found. A port that keeps coming with no work behind it has to wait, each time twice as long, up
/// to a second, so that a peer's storm costs next to nothing and others go on; the first event with
/// work ends that. An event of a port that no handler is bound to yet is kept for it.
///
/// Lock-free and allocation-free; `GROUPS` groups of 64 ports, 8.1 bytes each (24 more with feature
/// `async`). Xen hands out the lowest free number, so a table for as many ports as the kernel opens
/// is large enough. Ports beyond it stay masked.
pub struct EventDispatcher<const GROUPS: usize> {
    groups: [Group; GROUPS],
    /// Events of ports that no handler is bound to.
    unhandled: AtomicU64,
}

/// An event that was delivered, from its upcall to its [`eoi`](EventDispatcher::eoi).
///
/// It is of the handler that the port had then: when the port is unbound, or closed and opened
/// anew, it ends nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) port: Port,
    pub(crate) generation: u16,
}

impl Event {
    /// Returns the port that the event came on.
    pub fn port(self) -> Port {
        self.port
    }
}

struct Group {
    /// A bit for each line that may be waiting.
    delayed: AtomicU64,
    lines: [PortState; 64],
    #[cfg(feature = "async")]
    wakers: [atomic_waker::AtomicWaker; 64],
}

impl Group {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Self {
            delayed: AtomicU64::new(0),
            lines: [const { PortState::new() }; 64],
            #[cfg(feature = "async")]
            wakers: [const { atomic_waker::AtomicWaker::new() }; 64],
        }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self {
            delayed: AtomicU64::new(0),
            lines: core::array::from_fn(|_| PortState::new()),
            #[cfg(feature = "async")]
            wakers: [const { atomic_waker::AtomicWaker::new() }; 64],
        }
    }
}

impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Makes a table in which no handler is bound.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { groups: [const { Group::new() }; GROUPS], unhandled: AtomicU64::new(0) }
    }

    /// Makes a table in which no handler is bound.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self { groups: core::array::from_fn(|_| Group::new()), unhandled: AtomicU64::new(0) }
    }

    /// Lets the events of `port` be delivered from now on; one that came before is delivered now.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the table has no place for the port, or as for [`EventChannels::unmask`].
    pub fn bind<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> Result<(), Errno> {
        let free = self.line(port).ok_or(Errno::EINVAL)?.bind();
        release(events, port, free)
    }

    /// Masks `port` and forgets about it: do it before the port is closed. A handler that is
    /// running may still run.
    pub fn unbind<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) {
        events.mask(port);
        if let Some(line) = self.line(port) {
            line.reset();
            #[cfg(feature = "async")]
            self.wake(port);
        }
    }

    /// Masks `port` until [`unmask`](Self::unmask), whatever else it is masked for.
    pub fn mask<P: Platform, M: AsRef<SharedMem>>(&self, events: &EventChannels<P, M>, port: Port) {
        events.mask(port);
        if let Some(line) = self.line(port) {
            line.add(port_state::EXPLICIT);
        }
    }

    /// Takes [`mask`](Self::mask) back. The port is unmasked unless there is another reason.
    ///
    /// # Errors
    ///
    /// `EINVAL` as for [`bind`](Self::bind).
    pub fn unmask<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> Result<(), Errno> {
        let free = self.line(port).ok_or(Errno::EINVAL)?.remove(port_state::EXPLICIT);
        release(events, port, free)
    }

    /// Makes `vcpu` the one that takes the upcalls of `port`. The next event is delivered there,
    /// after the end of a handler that runs now.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` if the port is bound to a vCPU for good, or as
    /// for [`bind`](Self::bind).
    #[doc(alias = "EVTCHNOP_bind_vcpu")]
    pub fn bind_vcpu<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
        vcpu: u32,
    ) -> Result<(), Errno> {
        let line = self.line(port).ok_or(Errno::EINVAL)?;
        events.mask(port);
        line.add(port_state::MOVING);
        let moved = events.bind_vcpu(port, vcpu);
        release(events, port, line.remove(port_state::MOVING))?;
        moved
    }

    /// Handles the upcall of `vcpu`: calls `handle` for each port with an event and a handler that
    /// is not already running. The port is masked until the event's [`eoi`](Self::eoi), which
    /// may come in `handle` or any time later, from any vCPU.
    #[inline]
    pub fn on_upcall<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        vcpu: u32,
        mut handle: impl FnMut(Event),
    ) {
        events.on_upcall(vcpu, |port| self.begin(events, port, &mut handle));
    }

    /// Handles what waits for `vcpu`, which is down, from another vCPU: see
    /// [`EventChannels::drain_vcpu`].
    pub fn drain_vcpu<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        vcpu: u32,
        mut handle: impl FnMut(Event),
    ) {
        events.drain_vcpu(vcpu, |port| self.begin(events, port, &mut handle));
    }

    #[inline(always)]
    fn begin<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
        handle: &mut impl FnMut(Event),
    ) {
        events.mask(port);
        match self.line(port).map(PortState::begin) {
            Some(Begin::Run(generation)) => return handle(Event { port, generation }),
            Some(Begin::Kept) => return,
            Some(Begin::Unbound) => {}
            None => events.set_pending_masked(port),
        }
        self.unhandled.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often an event came for a port that no handler is bound to, which is masked
    /// then. A few at the start of a driver are usual.
    pub fn unhandled(&self) -> u64 {
        self.unhandled.load(Ordering::Relaxed)
    }

    /// Ends the handling of `event`, with what was found. Returns when the port's wait ends, if it
    /// has to: call [`expire`](Self::expire) then.
    ///
    /// The end of an event whose port was unbound meanwhile does nothing, also if the port has
    /// another handler by now. Nor does a second end. A driver's last look at its ring comes
    /// *before*: what is put there later makes a new event.
    ///
    /// # Errors
    ///
    /// `EINVAL` as for [`EventChannels::unmask`].
    pub fn eoi<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        event: Event,
        work: Eoi,
        now: Instant,
    ) -> Result<Option<Instant>, Errno> {
        let Event { port, generation } = event;
        let (Some(line), Some(group)) = (self.line(port), self.groups.get(port.0 as usize / 64))
        else {
            return Err(Errno::EINVAL);
        };
        match line.eoi(generation, work, now) {
            EoiOutcome::Stale | EoiOutcome::Masked => Ok(None),
            EoiOutcome::Free(free) => release(events, port, Some(free)).map(|()| None),
            EoiOutcome::Delayed(until) => {
                // After the line's state: whoever sees the bit sees the wait.
                group.delayed.fetch_or(1 << (port.0 % 64), Ordering::Release);
                Ok(Some(until))
            }
        }
    }

    /// Ends the waits whose time has come; returns when the next one ends. A kernel calls it from a
    /// timer, one call at a time.
    pub fn expire<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        now: Instant,
    ) -> Option<Instant> {
        let mut next = None;
        for (index, group) in self.groups.iter().enumerate() {
            if group.delayed.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = group.delayed.swap(0, Ordering::Acquire);
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                let port = Port(index as u32 * 64 + bit);
                match self.line(port).map(|line| line.expire(now)) {
                    // A port that was closed meanwhile has nothing to unmask.
                    Some(Ok(free)) => drop(release(events, port, free)),
                    Some(Err(until)) => {
                        group.delayed.fetch_or(1 << bit, Ordering::Relaxed);
                        next = Some(next.map_or(until, |next: Instant| next.min(until)));
                    }
                    None => {}
                }
            }
        }
        next
    }

    /// Forgets all handlers: after [`EventChannels::resume`], which leaves no open port.
    pub fn reset(&self) {
        for group in &self.groups {
            group.lines.iter().for_each(PortState::reset);
            #[cfg(feature = "async")]
            group.wakers.iter().for_each(atomic_waker::AtomicWaker::wake);
        }
    }

    #[inline(always)]
    pub(crate) fn line(&self, port: Port) -> Option<&PortState> {
        self.groups.get(port.0 as usize / 64).map(|group| &group.lines[port.0 as usize % 64])
    }
}

#[cfg(feature = "async")]
impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Handles the upcall of `vcpu` by waking whoever awaits the ports' [`event`](Self::event)s.
    pub fn wake_on_upcall<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        vcpu: u32,
    ) {
        self.on_upcall(events, vcpu, |event| {
            if let Some(line) = self.line(event.port) {
                line.tell();
            }
            self.wake(event.port);
        });
    }

    /// Waits for an event of `port`, which is to be followed by its [`eoi`](Self::eoi). One task
    /// awaits a port.
    ///
    /// Ready too when the port is unbound, with `None` then. There is nothing to wait for if the
    /// table has no place for the port.
    pub fn event(&self, port: Port) -> Option<impl Future<Output = Option<Event>>> {
        let line = self.line(port)?;
        let waker = &self.groups.get(port.0 as usize / 64)?.wakers[port.0 as usize % 64];
        Some(core::future::poll_fn(move |cx| {
            // In this order: an event from here on wakes.
            waker.register(cx.waker());
            match line.take_delivered() {
                Some(delivered) => {
                    core::task::Poll::Ready(delivered.map(|generation| Event { port, generation }))
                }
                None => core::task::Poll::Pending,
            }
        }))
    }

    fn wake(&self, port: Port) {
        if let Some(group) = self.groups.get(port.0 as usize / 64) {
            group.wakers[port.0 as usize % 64].wake();
        }
    }
}

/// Unmasks a port that has no reason left, with the event that was kept for it.
pub(crate) fn release<P: Platform, M: AsRef<SharedMem>>(
    events: &EventChannels<P, M>,
    port: Port,
    free: Option<Free>,
) -> Result<(), Errno> {
    match free {
        None => Ok(()),
        Some(Free { kept }) => {
            if kept {
                events.set_pending_masked(port);
            }
            events.unmask(port)
        }
    }
}

impl<const GROUPS: usize> Default for EventDispatcher<GROUPS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const GROUPS: usize> fmt::Debug for EventDispatcher<GROUPS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDispatcher").field("ports", &(GROUPS * 64)).finish_non_exhaustive()
    }
}
