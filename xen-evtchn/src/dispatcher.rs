//! Event dispatch: per-port handlers, mask reasons and storm throttling.

use crate::EventChannels;
use crate::port_state::{self, Begin, Eoi, EoiOutcome, PortState, Unmask};
use core::fmt;
use xen_hypercall::sync::{AtomicU64, Ordering};
use xen_hypercall::{Errno, Instant, Platform, Port, SharedMem};

/// Dispatcher of the events of this domain's ports: one vCPU at a time handles a port, from its
/// upcall to an explicit end of interrupt.
///
/// An event masks its port and is delivered to the handler. [`eoi`](Self::eoi) unmasks the port and
/// reports whether the handler found work. A port with repeated spurious events is masked for a
/// delay, which doubles up to one second, so that a storm from one peer does not starve other
/// ports. The first event with work resets the delay. An event of a port without a handler is kept
/// until a handler is bound.
///
/// The dispatcher is lock-free and does not allocate. It has `GROUPS` groups of 64 ports, at 8.1
/// bytes a port (24 more with feature `async`). Xen allocates the lowest free port, so a table for
/// as many ports as the kernel opens is large enough. Ports beyond the table stay masked.
pub struct EventDispatcher<const GROUPS: usize> {
    groups: [Group; GROUPS],
    /// Number of events of ports without a handler.
    unhandled: AtomicU64,
}

/// Delivered event, from its upcall to its [`eoi`](EventDispatcher::eoi).
///
/// The event belongs to the handler that the port had at that time. After the port is unbound, or
/// closed and opened anew, an [`eoi`](EventDispatcher::eoi) of this event has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub(crate) port: Port,
    pub(crate) generation: u16,
}

impl Event {
    /// Returns the port of the event.
    pub fn port(self) -> Port {
        self.port
    }
}

struct Group {
    /// One bit for each port that may be delayed.
    delayed: AtomicU64,
    states: [PortState; 64],
    #[cfg(feature = "async")]
    wakers: [atomic_waker::AtomicWaker; 64],
}

impl Group {
    #[cfg(not(loom))]
    const fn new() -> Self {
        Self {
            delayed: AtomicU64::new(0),
            states: [const { PortState::new() }; 64],
            #[cfg(feature = "async")]
            wakers: [const { atomic_waker::AtomicWaker::new() }; 64],
        }
    }

    #[cfg(loom)]
    fn new() -> Self {
        Self {
            delayed: AtomicU64::new(0),
            states: core::array::from_fn(|_| PortState::new()),
            #[cfg(feature = "async")]
            wakers: [const { atomic_waker::AtomicWaker::new() }; 64],
        }
    }
}

impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Creates a table without handlers.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self { groups: [const { Group::new() }; GROUPS], unhandled: AtomicU64::new(0) }
    }

    /// Creates a table without handlers.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self { groups: core::array::from_fn(|_| Group::new()), unhandled: AtomicU64::new(0) }
    }

    /// Starts delivery of the events of `port`. An event that came earlier is delivered now.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the table has no entry for the port, or as for [`EventChannels::unmask`].
    pub fn bind<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> Result<(), Errno> {
        let unmask = self.state(port).ok_or(Errno::EINVAL)?.bind();
        release(events, port, unmask)
    }

    /// Masks `port` and removes its handler. The caller must do it before it closes the port. A
    /// handler that runs now continues.
    pub fn unbind<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) {
        events.mask(port);
        if let Some(state) = self.state(port) {
            state.reset();
            #[cfg(feature = "async")]
            self.wake(port);
        }
    }

    /// Masks `port` until [`unmask`](Self::unmask), independently of other mask reasons.
    pub fn mask<P: Platform, M: AsRef<SharedMem>>(&self, events: &EventChannels<P, M>, port: Port) {
        events.mask(port);
        if let Some(state) = self.state(port) {
            state.add(port_state::EXPLICIT);
        }
    }

    /// Ends [`mask`](Self::mask). The port is unmasked unless another mask reason remains.
    ///
    /// # Errors
    ///
    /// `EINVAL` as for [`bind`](Self::bind).
    pub fn unmask<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> Result<(), Errno> {
        let unmask = self.state(port).ok_or(Errno::EINVAL)?.remove(port_state::EXPLICIT);
        release(events, port, unmask)
    }

    /// Moves the upcalls of `port` to `vcpu`. The next event is delivered there, after the end of
    /// interrupt of a handler that runs now.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` if the port is permanently bound to a vCPU, or
    /// as for [`bind`](Self::bind).
    #[doc(alias = "EVTCHNOP_bind_vcpu")]
    pub fn bind_vcpu<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
        vcpu: u32,
    ) -> Result<(), Errno> {
        let state = self.state(port).ok_or(Errno::EINVAL)?;
        events.mask(port);
        state.add(port_state::MOVING);
        let moved = events.bind_vcpu(port, vcpu);
        release(events, port, state.remove(port_state::MOVING))?;
        moved
    }

    /// Handles the upcall of `vcpu`: calls `handle` for each port with an event, a handler, and no
    /// delivered event. The port is masked until the event's [`eoi`](Self::eoi), which any vCPU may
    /// call in `handle` or any time later.
    #[inline]
    pub fn on_upcall<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        vcpu: u32,
        mut handle: impl FnMut(Event),
    ) {
        events.on_upcall(vcpu, |port| self.begin(events, port, &mut handle));
    }

    /// Handles the pending events of `vcpu`, which is down, from another vCPU: see
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
        match self.state(port).map(PortState::begin) {
            Some(Begin::Run(generation)) => return handle(Event { port, generation }),
            Some(Begin::Kept) => return,
            Some(Begin::Unbound) => {}
            None => events.set_pending_masked(port),
        }
        self.unhandled.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of events that came for ports without a handler, which are masked. A few
    /// are usual while a driver starts.
    pub fn unhandled(&self) -> u64 {
        self.unhandled.load(Ordering::Relaxed)
    }

    /// Ends the handling of `event`, with what the handler found. If the port is delayed, returns
    /// the end of the delay, at which the caller must call [`expire`](Self::expire).
    ///
    /// The call has no effect if the port was unbound meanwhile, also if another handler is bound
    /// by now, or if the event has ended already. A driver must check its ring for the last time
    /// *before* this call: a later entry makes a new event.
    ///
    /// # Errors
    ///
    /// `EINVAL` as for [`EventChannels::unmask`].
    pub fn eoi<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        event: Event,
        found: Eoi,
        now: Instant,
    ) -> Result<Option<Instant>, Errno> {
        let Event { port, generation } = event;
        let (Some(state), Some(group)) = (self.state(port), self.groups.get(port.0 as usize / 64))
        else {
            return Err(Errno::EINVAL);
        };
        match state.eoi(generation, found, now) {
            EoiOutcome::Stale | EoiOutcome::Masked => Ok(None),
            EoiOutcome::Unmask(unmask) => release(events, port, Some(unmask)).map(|()| None),
            EoiOutcome::Delayed(until) => {
                // After the port's state, so that a vCPU that sees the bit also sees the delay.
                group.delayed.fetch_or(1 << (port.0 % 64), Ordering::Release);
                Ok(Some(until))
            }
        }
    }

    /// Returns whether a port is delayed, so that [`expire`](Self::expire) has work. A caller that
    /// checks it first reads no clock before most waits, which a hypervisor may emulate slowly.
    pub fn has_delays(&self) -> bool {
        self.groups.iter().any(|group| group.delayed.load(Ordering::Relaxed) != 0)
    }

    /// Ends the delays that are over, and returns the end of the next one. A kernel calls it from a
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
                match self.state(port).map(|state| state.expire(now)) {
                    // A port that was closed meanwhile needs no unmask.
                    Some(Ok(unmask)) => drop(release(events, port, unmask)),
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

    /// Removes all handlers, after [`EventChannels::resume`], which leaves no open port.
    pub fn reset(&self) {
        for group in &self.groups {
            group.states.iter().for_each(PortState::reset);
            #[cfg(feature = "async")]
            group.wakers.iter().for_each(atomic_waker::AtomicWaker::wake);
        }
    }

    #[inline(always)]
    pub(crate) fn state(&self, port: Port) -> Option<&PortState> {
        self.groups.get(port.0 as usize / 64).map(|group| &group.states[port.0 as usize % 64])
    }
}

#[cfg(feature = "async")]
impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Handles the upcall of `vcpu` by waking the tasks that await the ports'
    /// [`event`](Self::event)s.
    pub fn wake_on_upcall<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        vcpu: u32,
    ) {
        self.on_upcall(events, vcpu, |event| {
            if let Some(state) = self.state(event.port) {
                state.record();
            }
            self.wake(event.port);
        });
    }

    /// Waits for an event of `port`, which must be followed by its [`eoi`](Self::eoi). At most one
    /// task awaits a port.
    ///
    /// The future is also ready, with `None`, when the port is unbound. Returns `None` if the table
    /// has no entry for the port.
    pub fn event(&self, port: Port) -> Option<impl Future<Output = Option<Event>>> {
        let state = self.state(port)?;
        let waker = &self.groups.get(port.0 as usize / 64)?.wakers[port.0 as usize % 64];
        Some(core::future::poll_fn(move |cx| {
            // In this order: an event from here on wakes the task.
            waker.register(cx.waker());
            match state.take_wake() {
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

/// Unmasks a port without a mask reason, and makes its kept event pending.
pub(crate) fn release<P: Platform, M: AsRef<SharedMem>>(
    events: &EventChannels<P, M>,
    port: Port,
    unmask: Option<Unmask>,
) -> Result<(), Errno> {
    match unmask {
        None => Ok(()),
        Some(Unmask { kept }) => {
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
