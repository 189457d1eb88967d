//! Event dispatch, waiting without a lost event, and the kernel's part of a suspend.

use crate::clock::{TickCounter, TimeInfo};
use crate::{LocalInterrupts, SystemClock, VcpuPark};
use core::borrow::Borrow;
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::{Channel, Eoi, Event, EventChannels, EventDispatcher, MAX_VCPUS};
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{Errno, Instant, Mapped, Platform, Port, SharedMem, boot};

/// The channels that notify the other vCPUs.
type Channels<P> = Vec<Channel<P>, MAX_VCPUS>;

/// Ports that one `SCHEDOP_poll` takes.
const POLL_PORTS: usize = 128;

/// The parts of a kernel that takes upcalls: what [`on_upcall`](Self::on_upcall),
/// [`wait`](Self::wait) and [`suspend`](Self::suspend) work on.
///
/// A kernel makes the value where it needs it, from references to its statics. `GROUPS` is the size
/// of the dispatcher, in groups of 64 ports. Events of ports beyond it are only polled.
pub struct GuestServices<
    'a,
    P: Platform,
    M: AsRef<SharedMem>,
    I,
    const GROUPS: usize,
    C = fn() -> u64,
> {
    /// The platform.
    pub platform: &'a P,
    /// The event words.
    pub events: &'a EventChannels<P, M>,
    /// The handlers and waiters of ports, and their storm budgets.
    pub dispatcher: &'a EventDispatcher<GROUPS>,
    /// The interrupt flag.
    pub interrupts: I,
    /// The clock.
    pub clock: &'a SystemClock<C>,
}

impl<P: Platform, M: AsRef<SharedMem>, I: LocalInterrupts, const GROUPS: usize, C>
    GuestServices<'_, P, M, I, GROUPS, C>
{
    /// Handles the upcall of `vcpu`: the body of the interrupt handler. Lock-free, and bounded
    /// however fast peers send.
    ///
    /// `handle` runs for each event on a port that [`EventDispatcher::bind`] has bound. It returns
    /// its finding, or `None` for a port that a thread waits for: the event is recorded, and the
    /// port stays masked until the thread has polled its driver.
    pub fn on_upcall(&self, vcpu: u32, mut handle: impl FnMut(Port) -> Option<Eoi>) {
        self.dispatcher.on_upcall(self.events, vcpu, |event| self.dispatch(event, &mut handle));
    }

    /// Handles the events in the queues of `vcpu`, which is down or takes no upcalls: see
    /// [`EventChannels::drain_vcpu`].
    pub fn drain_vcpu(&self, vcpu: u32, mut handle: impl FnMut(Port) -> Option<Eoi>) {
        self.dispatcher.drain_vcpu(self.events, vcpu, |event| self.dispatch(event, &mut handle));
    }

    fn dispatch(&self, event: Event, handle: &mut impl FnMut(Port) -> Option<Eoi>) {
        match handle(event.port()) {
            // A handler may have closed the port.
            Some(work) => drop(self.end_event(event, work)),
            None => self.dispatcher.record(event),
        }
    }

    /// Reports whether the last event of `port` had work, and returns whether there was an event.
    /// Call it when the driver was polled after a wait; a driver that waits by itself calls
    /// nothing, and its events count as handled.
    ///
    /// A port with events without work is left out of waits for a time, from a millisecond up to a
    /// second: a peer that floods it wakes this domain no more than that.
    pub fn eoi(&self, port: Port, work: Eoi) -> bool {
        let event = self.dispatcher.handling(port);
        event.is_some_and(|event| {
            // The port may be closed.
            let _ = self.end_event(event, work);
            true
        })
    }

    fn end_event(&self, event: Event, work: Eoi) -> Result<Option<Instant>, Errno> {
        let now = match work {
            // Only a delay is timed.
            Eoi::Handled => Instant::default(),
            Eoi::Spurious => self.platform.now(),
        };
        self.dispatcher.eoi(self.events, event, work, now)
    }

    /// Ends the delays that have passed, and returns when the next one ends. A vCPU that halts
    /// instead of calling [`wait`](Self::wait) sets its timer to that moment.
    pub fn expire(&self) -> Option<Instant> {
        if !self.dispatcher.has_delays() {
            return None;
        }
        self.dispatcher.expire(self.events, self.platform.now())
    }

    /// Waits as [`Platform::wait`] specifies.
    ///
    /// A port that is bound in the dispatcher must be bound to this vCPU: the upcall of another
    /// vCPU would take the event between the check and the poll. Other ports are polled, and may be
    /// bound to any.
    ///
    /// Interrupts are off between the check and the poll, so that the upcall cannot clear the
    /// pending bit, and Xen does not block a vCPU that polls a pending port. Interrupts that are
    /// off before the call stay off.
    pub fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        let enabled = self.interrupts.are_enabled();
        self.interrupts.disable();
        let next_delay = self.expire();
        let blocks = !self.take(ports) && deadline.is_none_or(|at| self.platform.now() < at);
        if blocks {
            let deadline = [deadline, next_delay].into_iter().flatten().min();
            self.poll(ports, deadline.map(|at| self.clock.to_system_time(at)));
        }
        if enabled {
            self.interrupts.enable();
        }
        if blocks {
            // A held upcall has run by now. The caller checks its ports next, so this wait has
            // returned the event.
            self.take(ports);
        }
    }

    /// Blocks until a port that is not delayed is pending. Returns at once if Xen refuses, which
    /// the contract allows.
    fn poll(&self, ports: &[Port], deadline: Option<Instant>) {
        let delayed = |port: &Port| self.dispatcher.is_delayed(*port);
        let mut polled = Vec::<Port, POLL_PORTS>::new();
        let ports = if ports.len() <= POLL_PORTS && ports.iter().any(delayed) {
            polled.extend(ports.iter().copied().filter(|port| !delayed(port)));
            &polled
        } else {
            ports
        };
        let _ = sched::poll(self.platform, ports, deadline);
    }

    /// Takes the event of each of `ports`, and returns whether there was one.
    fn take(&self, ports: &[Port]) -> bool {
        ports.iter().fold(false, |any, &port| any | self.dispatcher.take(self.events, port))
    }
}

impl<P, M, I: LocalInterrupts, const GROUPS: usize, C: TickCounter>
    GuestServices<'_, P, M, I, GROUPS, C>
where
    P: Platform,
    M: AsRef<SharedMem> + Borrow<Mapped<P>>,
{
    /// Suspends the domain from the vCPU that executes this, and sets up the kernel's part where
    /// the domain is resumed elsewhere: shared info, event words, the dispatcher, upcalls by
    /// `set_upcalls`, and the clock of this vCPU.
    ///
    /// The vCPUs of `others` are notified, and `park` holds them meanwhile; each must then call
    /// [`EventChannels::add_vcpu`] for itself, as the `resume` of
    /// [`VcpuPark::park_if_requested`].
    /// [`ShutdownWatcher::suspend`](crate::ShutdownWatcher::suspend) calls this as the kernel's
    /// part.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a vCPU has not parked within `timeout`, `EINVAL` for more than [`MAX_VCPUS`]; the
    /// refusals of Xen. An error after the
    /// domain was resumed elsewhere is one of set-up: `ShutdownWatcher::suspend` distinguishes the
    /// two.
    ///
    /// # Safety
    ///
    /// `others` must have all other vCPUs that are up, and each must call
    /// [`VcpuPark::park_if_requested`] with interrupts off at the end of its upcalls.
    /// Grants, foreign mappings and rings must not be used before their owners have resumed them:
    /// [`sched::suspend`].
    pub unsafe fn suspend(
        &self,
        park: &VcpuPark,
        others: &[u32],
        timeout: Duration,
        set_upcalls: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<SuspendOutcome, Errno> {
        // SAFETY: the caller's obligations apply unchanged.
        let suspend = || unsafe { sched::suspend(self.platform) };
        self.stop(park, others, timeout, set_upcalls, suspend)
    }

    /// Resets the domain from the vCPU that executes this, and sets up the kernel's part as after
    /// a suspend: event channels, grants, watches and devices are new ones, and the memory stays.
    ///
    /// [`ShutdownWatcher::suspend`](crate::ShutdownWatcher::suspend) calls this as the kernel's
    /// part too; all is then resumed as in a restored domain. A kernel that another one has started
    /// in the same domain has no event channels and watches of that one then. A toolstack that does
    /// not support it destroys the domain.
    ///
    /// # Errors
    ///
    /// Those of [`suspend`](Self::suspend).
    ///
    /// # Safety
    ///
    /// Those of [`suspend`](Self::suspend).
    #[doc(alias = "SHUTDOWN_soft_reset")]
    pub unsafe fn soft_reset(
        &self,
        park: &VcpuPark,
        others: &[u32],
        timeout: Duration,
        set_upcalls: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<SuspendOutcome, Errno> {
        // SAFETY: the caller's obligations apply unchanged.
        let reset = || unsafe { sched::soft_reset(self.platform) };
        let reset = || reset().map(|()| SuspendOutcome::Resumed);
        self.stop(park, others, timeout, set_upcalls, reset)
    }

    /// Parks the other vCPUs, calls `stop` with interrupts off, and sets up the kernel's part.
    fn stop(
        &self,
        park: &VcpuPark,
        others: &[u32],
        timeout: Duration,
        set_upcalls: impl FnOnce() -> Result<(), Errno>,
        stop: impl FnOnce() -> Result<SuspendOutcome, Errno>,
    ) -> Result<SuspendOutcome, Errno> {
        let mut channels = Channels::new();
        let mut is_elsewhere = false;
        let parked = self.park(park, others, timeout, &mut channels);
        let resumed = parked.and_then(|()| {
            let enabled = self.interrupts.are_enabled();
            self.interrupts.disable();
            // All other vCPUs are parked. Interrupts stay off until shared info is in place.
            let resumed = stop();
            is_elsewhere = resumed == Ok(SuspendOutcome::Resumed);
            let resumed = resumed.and_then(|resumed| {
                if is_elsewhere {
                    self.resume(set_upcalls)?;
                }
                Ok(resumed)
            });
            if enabled {
                self.interrupts.enable();
            }
            resumed
        });
        park.release(|| sched::yield_now(self.platform));
        if is_elsewhere {
            // Their ports are closed, and the numbers may be in use again.
            channels.into_iter().for_each(Channel::forget);
        }
        resumed
    }

    /// Notifies the other vCPUs, and waits until all are parked. The channels stay open until the
    /// end of the suspend.
    fn park(
        &self,
        park: &VcpuPark,
        others: &[u32],
        timeout: Duration,
        channels: &mut Channels<P>,
    ) -> Result<(), Errno> {
        park.request();
        for &vcpu in others {
            let channel = Channel::bind_ipi(self.platform.clone(), vcpu)?;
            self.dispatcher.bind(self.events, channel.port())?;
            channel.notify()?;
            channels.push(channel).map_err(|_| Errno::EINVAL)?;
        }
        let deadline = self.platform.now() + timeout;
        while (park.parked() as usize) < others.len() {
            if self.platform.now() >= deadline {
                return Err(Errno::EBUSY);
            }
            sched::yield_now(self.platform);
        }
        Ok(())
    }

    fn resume(&self, set_upcalls: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let shared_info: &Mapped<P> = self.events.shared_info().borrow();
        boot::resume_shared_info(shared_info)?;
        self.events.resume()?;
        self.dispatcher.reset();
        set_upcalls()?;
        if let Some(time) = TimeInfo::of_vcpu(AsRef::<SharedMem>::as_ref(shared_info), 0) {
            self.clock.resume(time);
        }
        Ok(())
    }
}

impl<P: Platform, M: AsRef<SharedMem>, I, const GROUPS: usize, C> fmt::Debug
    for GuestServices<'_, P, M, I, GROUPS, C>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestServices").finish_non_exhaustive()
    }
}
