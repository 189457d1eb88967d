//! Context of the commands: the domain, as its kernel sees it.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;
use xen_grant::GrantTable;
use xen_guest::wall_clock::WallClockError;
use xen_guest::{Balloon, BalloonStatistics, BootModule, Runstate};
use xen_hypercall::arch::cpuid::TscInfo;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{BalloonPages, DomId, Errno, Hypercall, Instant, Platform, Port};
use xen_store::{StoreError, XenStore};
use xen_sys::arch_x86::hvm::start_info::HvmMemmapTableEntry;

use crate::error::Error;

/// Kind of this domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// A guest without emulated devices.
    Pvh,
    /// A guest with an emulated PC around it.
    Hvm,
    /// The domain that Xen itself started.
    Dom0,
    /// A machine without Xen.
    NoXen,
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pvh => "PVH guest",
            Self::Hvm => "HVM guest",
            Self::Dom0 => "dom0",
            Self::NoXen => "no Xen",
        })
    }
}

/// Information of the kernel about its domain.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// The kind of domain.
    pub kind: GuestKind,
    /// Function that returns the domain's number, if CPUID has it; xenstore has it otherwise. A
    /// domain that was restored has another one than before.
    pub domain: fn() -> Option<DomId>,
    /// The memory map.
    pub memory_map: &'a [HvmMemmapTableEntry],
    /// Modules of the loader.
    pub modules: &'a [BootModule],
    /// Address of the ACPI root pointer.
    pub rsdp: Option<u64>,
    /// Function of the command `crash`: raises a CPU exception in a kernel. If it returns, the
    /// domain is shut down with that reason.
    pub crash: fn(),
}

/// Services of the kernel that the platform has not.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<P> {
    /// The kernel's part of a suspend: see
    /// [`ShutdownWatcher::suspend`](xen_guest::ShutdownWatcher::suspend).
    pub suspend: fn(&P) -> Result<SuspendOutcome, Errno>,
    /// Xen can suspend the domain, so that the kernel advertises it: not on Arm.
    pub can_suspend: bool,
    /// The kernel's part of a soft reset; a domain that continues is as one that was resumed
    /// elsewhere.
    pub soft_reset: fn(&P) -> Result<SuspendOutcome, Errno>,
    /// Function that returns the time of day, since the start of 1970 (UTC).
    pub time_of_day: fn(&P) -> Result<Duration, WallClockError>,
    /// Function that sets the time of day of the host.
    pub set_time_of_day: fn(&P, Duration) -> Result<(), Errno>,
    /// Function that returns Xen's description of the tick counter.
    pub tsc: fn() -> Option<TscInfo>,
    /// Function that returns the identifier of the local APIC of a vCPU that was started.
    pub apic_id: fn(&P, u32) -> Option<u32>,
    /// Function that returns the run state of a vCPU.
    pub runstate: fn(&P, u32) -> Result<Runstate, Errno>,
    /// Function that returns the VM generation id, if the domain has one.
    pub generation_id: fn(&P) -> Option<u128>,
    /// Function that starts or stops a vCPU.
    pub set_vcpu_online: fn(&P, u32, bool) -> Result<(), Errno>,
    /// Function that takes an event that ended a wait for a port, and returns whether there was
    /// one.
    pub take_event: fn(&P, Port) -> bool,
}

impl<P: Hypercall> Kernel<P> {
    /// Creates a kernel of one vCPU without a wall clock.
    pub fn new(suspend: fn(&P) -> Result<SuspendOutcome, Errno>) -> Self {
        Self {
            suspend,
            can_suspend: true,
            soft_reset: |_| Err(Errno::ENOSYS),
            time_of_day: |_| Err(WallClockError::NotSet),
            set_time_of_day: |_, _| Err(Errno::ENOSYS),
            tsc: || None,
            apic_id: |_, _| None,
            runstate: Runstate::query,
            generation_id: |_| None,
            set_vcpu_online: |_, _, _| Err(Errno::ENOSYS),
            take_event: |_, _| false,
        }
    }
}

/// Memory of the domain: its balloon.
pub trait Memory: fmt::Debug {
    /// Follows the toolstack's target.
    ///
    /// # Errors
    ///
    /// Those of [`Balloon::poll`].
    fn poll(&mut self, now: Instant) -> Result<(), StoreError>;

    /// Returns when to poll again if no event comes before.
    fn poll_timeout(&self, now: Instant) -> Option<Instant>;

    /// Returns the state.
    fn statistics(&self) -> BalloonStatistics;
}

impl<P: BalloonPages> Memory for Balloon<P> {
    fn poll(&mut self, now: Instant) -> Result<(), StoreError> {
        self.poll(now)
    }

    fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.poll_timeout(now)
    }

    fn statistics(&self) -> BalloonStatistics {
        self.statistics()
    }
}

/// The domain and its services. Xenstore and grants may be missing: in dom0 no program has started
/// them yet.
#[derive(Debug)]
pub struct System<'a, P: Platform> {
    /// The platform.
    pub platform: P,
    /// Services of the kernel.
    pub kernel: Kernel<P>,
    /// Information of the kernel.
    pub machine: Machine<'a>,
    /// The xenstore client.
    pub store: Option<XenStore<P>>,
    /// The grant table.
    pub grants: Option<GrantTable<P>>,
    /// The balloon.
    pub memory: Option<Box<dyn Memory + 'a>>,
}

impl<P: Platform> System<'_, P> {
    /// Returns xenstore.
    ///
    /// # Errors
    ///
    /// [`Error::NoXenstore`].
    pub fn store(&self) -> Result<&XenStore<P>, Error> {
        self.store.as_ref().ok_or(Error::NoXenstore)
    }

    /// Returns the state of the balloon.
    ///
    /// # Errors
    ///
    /// [`Error::NoBalloon`].
    pub fn memory(&self) -> Result<BalloonStatistics, Error> {
        self.memory.as_ref().map(|memory| memory.statistics()).ok_or(Error::NoBalloon)
    }

    /// Returns the grant table.
    ///
    /// # Errors
    ///
    /// [`Error::NoGrants`].
    pub fn grants(&self) -> Result<&GrantTable<P>, Error> {
        self.grants.as_ref().ok_or(Error::NoGrants)
    }
}
