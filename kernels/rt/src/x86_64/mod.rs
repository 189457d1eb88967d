//! The parts of the kernel that are of a PC.

mod boot;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod debug;
pub(crate) mod frames;
mod hvm;
pub(crate) mod interrupts;
mod lines;
pub(crate) mod output;
pub(crate) mod paging;
mod pc;
mod pci;
pub(crate) mod timers;

use crate::Rt;
use xen_guest::Runstate;
use xen_hypercall::{Errno, Mapped};

pub(crate) use hvm::{generation_id, unplug_again as resume_devices};
pub use lines::LineError;
pub(crate) use lines::pic as has_pic;

/// Returns the run state of `vcpu`.
pub(crate) fn runstate(vcpu: u32) -> Result<Runstate, Errno> {
    Runstate::query(&Rt::new(), vcpu)
}

/// Xen suspends domains.
pub(crate) const CAN_SUSPEND: bool = true;

/// Maps no shared memory: there is no device tree.
pub(crate) fn shared_memory(_: &str) -> Result<Mapped<Rt>, Errno> {
    Err(Errno::ENOSYS)
}
