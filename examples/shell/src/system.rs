//! Context of the commands: the domain, as its kernel sees it.

use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{DomId, Errno, Platform};
use xen_store::XenStore;
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
}

impl fmt::Display for GuestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pvh => "PVH guest",
            Self::Hvm => "HVM guest",
            Self::Dom0 => "dom0",
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
    /// Function of the command `crash`: raises a CPU exception in a kernel. If it returns, the
    /// domain is shut down with that reason.
    pub crash: fn(),
}

/// The domain and its services. Xenstore and grants may be missing: in dom0 no program has started
/// them yet.
#[derive(Debug)]
pub struct System<'a, P: Platform> {
    /// The platform.
    pub platform: P,
    /// The kernel's part of a suspend: see
    /// [`ShutdownWatcher::suspend`](xen_guest::ShutdownWatcher::suspend).
    pub suspend: fn(&P) -> Result<SuspendOutcome, Errno>,
    /// Information of the kernel.
    pub machine: Machine<'a>,
    /// The xenstore client.
    pub store: Option<XenStore<P>>,
    /// The grant table.
    pub grants: Option<GrantTable<P>>,
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

    /// Returns the grant table.
    ///
    /// # Errors
    ///
    /// [`Error::NoGrants`].
    pub fn grants(&self) -> Result<&GrantTable<P>, Error> {
        self.grants.as_ref().ok_or(Error::NoGrants)
    }
}
