//! One-shot timer of a vCPU.

use crate::SystemClock;
use xen_evtchn::Channel;
use xen_hypercall::ops::vcpu;
use xen_hypercall::sync::{AtomicU64, Ordering};
use xen_hypercall::{Errno, Instant, Platform, Port};
use xen_sys::xen::Virq;

/// Result of setting a [`VcpuTimer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerState {
    /// The event comes at that moment. It comes at once if the moment passed during the call.
    Armed,
    /// The moment has passed, and no event comes: the caller handles the moment now.
    Passed,
}

/// One-shot timer of one vCPU, whose event is `VIRQ_TIMER` on its port.
///
/// The vCPU itself sets and stops it. The port is masked until the kernel binds it in its
/// dispatcher. Xen's periodic timer, which older hosts start by themselves, is stopped.
#[derive(Debug)]
#[doc(alias("VIRQ_TIMER", "VCPUOP_set_singleshot_timer"))]
pub struct VcpuTimer<P: Platform> {
    platform: P,
    channel: Channel<P>,
    vcpu: u32,
    /// System time that was set last; zero once the timer is stopped.
    armed: AtomicU64,
}

impl<P: Platform> VcpuTimer<P> {
    /// Opens the timer of `vcpu`.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the vCPU's `VIRQ_TIMER` is bound, `ENOENT` if there is no such vCPU, `ENOSPC`.
    pub fn new(platform: P, vcpu: u32) -> Result<Self, Errno> {
        vcpu::stop_periodic_timer(&platform, vcpu)?;
        let channel = Channel::bind_virq(platform.clone(), Virq::TIMER, vcpu)?;
        Ok(Self { platform, channel, vcpu, armed: AtomicU64::new(0) })
    }

    /// Returns the port of the timer's events.
    pub fn port(&self) -> Port {
        self.channel.port()
    }

    /// Sets the timer to moment `at` of `clock`, in place of the moment before. After
    /// [`TimerState::Passed`] the timer is stopped.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another vCPU executes this.
    #[doc(alias("VCPU_SSHOTTMR_future", "ETIME"))]
    pub fn set<C>(&self, clock: &SystemClock<C>, at: Instant) -> Result<TimerState, Errno> {
        let at = clock.to_system_time(at);
        match vcpu::set_singleshot_timer(&self.platform, self.vcpu, at, true) {
            Ok(()) => {
                self.armed.store(at.as_nanos(), Ordering::Relaxed);
                Ok(TimerState::Armed)
            }
            Err(Errno::ETIME) => self.stop().map(|()| TimerState::Passed),
            Err(errno) => Err(errno),
        }
    }

    /// Sets the timer for a halt that lasts until `next` at most, or stops it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another vCPU executes this.
    pub fn arm<C>(
        &self,
        clock: &SystemClock<C>,
        next: Option<Instant>,
    ) -> Result<TimerState, Errno> {
        match next {
            None => self.stop_if_armed(clock).map(|()| TimerState::Armed),
            Some(at) => self.set(clock, at),
        }
    }

    /// Stops the timer. An event that is pending stays.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another vCPU executes this.
    #[doc(alias = "VCPUOP_stop_singleshot_timer")]
    pub fn stop(&self) -> Result<(), Errno> {
        vcpu::stop_singleshot_timer(&self.platform, self.vcpu)?;
        self.armed.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Stops the timer if its moment is still to come, so that a timer that is not set costs no
    /// hypercall.
    ///
    /// # Errors
    ///
    /// `EINVAL` if another vCPU executes this.
    pub fn stop_if_armed<C>(&self, clock: &SystemClock<C>) -> Result<(), Errno> {
        match self.armed.load(Ordering::Relaxed) {
            0 => Ok(()),
            at if at > clock.to_system_time(self.platform.now()).as_nanos() => self.stop(),
            _ => {
                self.armed.store(0, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Drops the timer without closing its port: the domain was resumed elsewhere, where it has no
    /// timers and no ports.
    pub fn forget(self) {
        self.channel.forget();
    }
}
