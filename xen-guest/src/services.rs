//! Waiting without a lost event, and the kernel's part of a suspend.

use crate::{SystemClock, VcpuPark};
use core::borrow::Borrow;
use core::fmt;
use core::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Relaxed},
};
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::{Channel, EventChannels, FIFO_PORTS, MAX_VCPUS};
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{Errno, Instant, Mapped, Platform, Port, SharedMem, boot};

/// The interrupt flag of the CPU that executes the call.
///
/// `arch::InterruptFlag` implements it with `cli` and `sti`; a kernel that counts nested disables
/// implements it by its own functions.
pub trait LocalInterrupts {
    /// Returns whether interrupts are enabled.
    fn are_enabled(&self) -> bool;

    /// Disables interrupts.
    fn disable(&self);

    /// Enables interrupts.
    fn enable(&self);
}

/// Words for the ports of both formats.
const WORDS: usize = FIFO_PORTS as usize / 64;

/// A bit for each port: an upcall delivered an event that no wait has returned yet.
///
/// 16 KiB for all ports; a kernel that has few ports takes fewer words of 64 ports. Ports beyond
/// are not recorded. A kernel keeps one value in a static.
pub struct DeliveredEvents<const N: usize = WORDS> {
    words: [AtomicU64; N],
}

impl<const N: usize> DeliveredEvents<N> {
    /// Creates a record without events.
    pub const fn new() -> Self {
        Self { words: [const { AtomicU64::new(0) }; N] }
    }

    /// Records an event of `port`. Lock-free, for the upcall handler.
    pub fn record(&self, port: Port) {
        if let Some(word) = self.words.get(port.0 as usize / 64) {
            word.fetch_or(1 << (port.0 % 64), AcqRel);
        }
    }

    /// Removes an event of `port`, and returns whether there was one.
    pub fn take(&self, port: Port) -> bool {
        let bit = 1 << (port.0 % 64);
        let word = self.words.get(port.0 as usize / 64);
        word.is_some_and(|word| word.fetch_and(!bit, AcqRel) & bit != 0)
    }

    /// Removes all events: the ports are closed after a domain was restored.
    pub fn clear(&self) {
        self.words.iter().for_each(|word| word.store(0, Relaxed));
    }
}

impl<const N: usize> Default for DeliveredEvents<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Debug for DeliveredEvents<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveredEvents").finish_non_exhaustive()
    }
}

/// The channels that notify the other vCPUs.
type Channels<P> = Vec<Channel<P>, MAX_VCPUS>;

/// The parts of a kernel that takes upcalls: what [`wait`](Self::wait) and
/// [`suspend`](Self::suspend) work on.
///
/// A kernel makes the value where it needs it, from references to its statics.
pub struct GuestServices<'a, P: Platform, M: AsRef<SharedMem>, I, const N: usize = WORDS> {
    /// The platform.
    pub platform: &'a P,
    /// The event words.
    pub events: &'a EventChannels<P, M>,
    /// The events that the upcall handler has recorded.
    pub delivered: &'a DeliveredEvents<N>,
    /// The interrupt flag.
    pub interrupts: I,
    /// The clock.
    pub clock: &'a SystemClock,
}

impl<P: Platform, M: AsRef<SharedMem>, I: LocalInterrupts, const N: usize>
    GuestServices<'_, P, M, I, N>
{
    /// Waits as [`Platform::wait`] specifies.
    ///
    /// An unmasked port must be bound to this vCPU: the upcall of another vCPU would take the event
    /// between the check and the poll. A masked port may be bound to any.
    ///
    /// Interrupts are off between the check and the poll, so that the upcall cannot clear the
    /// pending bit, and Xen does not block a vCPU that polls a pending port. Interrupts that are
    /// off before the call stay off.
    pub fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        let enabled = self.interrupts.are_enabled();
        self.interrupts.disable();
        let blocks = !self.take(ports) && deadline.is_none_or(|at| self.platform.now() < at);
        if blocks {
            // Returns at once if Xen refuses, which the contract allows.
            let deadline = deadline.map(|at| self.clock.to_system_time(at));
            let _ = sched::poll(self.platform, ports, deadline);
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

    /// Removes an event of each of `ports`, and returns whether there was one: recorded by an
    /// upcall, or pending on a masked port, which makes no upcall.
    fn take(&self, ports: &[Port]) -> bool {
        ports.iter().fold(false, |any, &port| {
            any | self.delivered.take(port) | self.events.take_pending(port)
        })
    }
}

impl<P: Platform, M: AsRef<SharedMem> + Borrow<Mapped<P>>, I: LocalInterrupts, const N: usize>
    GuestServices<'_, P, M, I, N>
{
    /// Suspends the domain from the vCPU that executes this, and sets up the kernel's part where
    /// the domain is resumed elsewhere: shared info, event words, recorded events, upcalls by
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
        let mut channels = Channels::new();
        let mut is_elsewhere = false;
        let parked = self.park(park, others, timeout, &mut channels);
        let resumed = parked.and_then(|()| {
            let enabled = self.interrupts.are_enabled();
            self.interrupts.disable();
            // SAFETY: all other vCPUs are parked, and interrupts are off. What this domain had is
            // set up again before it is used, here and by the caller.
            let resumed = unsafe { sched::suspend(self.platform) };
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
            self.events.unmask(channel.port())?;
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
        self.delivered.clear();
        set_upcalls()?;
        self.clock.resume(AsRef::<SharedMem>::as_ref(shared_info), 0);
        Ok(())
    }
}

impl<P: Platform, M: AsRef<SharedMem>, I, const N: usize> fmt::Debug
    for GuestServices<'_, P, M, I, N>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuestServices").finish_non_exhaustive()
    }
}
