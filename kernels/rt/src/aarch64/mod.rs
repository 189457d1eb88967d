//! The parts of the kernel that are of an arm64 domain.

mod boot;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod debug;
pub(crate) mod frames;
pub(crate) mod interrupts;
mod memcpy;
pub(crate) mod output;
pub(crate) mod paging;
pub(crate) mod timers;

use crate::Rt;
use crate::vcpus::VCPUS;
use spin::Mutex;
use xen_guest::device_tree::{DeviceTreeError, SharedMemory};
use xen_guest::{Runstate, RunstateArea};
use xen_hypercall::{Errno, Mapped};

/// Areas with the run state of each vCPU, which Xen has no other way to give on Arm.
static RUNSTATES: [Mutex<Option<RunstateArea<Rt>>>; VCPUS] = [const { Mutex::new(None) }; VCPUS];

/// Returns the run state of `vcpu`.
pub(crate) fn runstate(vcpu: u32) -> Result<Runstate, Errno> {
    let mut area = RUNSTATES.get(vcpu as usize).ok_or(Errno::ENOENT)?.lock();
    if area.is_none() {
        *area = Some(RunstateArea::register(Rt::new(), vcpu)?);
    }
    let state = area.as_ref().and_then(|area| area.read().ok());
    state.ok_or(Errno::EINVAL)
}

/// Xen suspends no domain on Arm.
pub(crate) const CAN_SUSPEND: bool = false;

/// Returns whether there is a PIC: not on Arm.
pub(crate) fn has_pic() -> bool {
    false
}

/// Returns the VM generation id: none on Arm.
pub(crate) fn generation_id() -> Option<u128> {
    None
}

/// Has no device to set up after a resume: there is no device model.
pub(crate) fn resume_devices() {}

/// Maps the static shared memory with the name `id`.
pub(crate) fn shared_memory(id: &str) -> Result<Mapped<Rt>, Errno> {
    let memory = SharedMemory::find(boot::tree().ok_or(Errno::ENODEV)?, id);
    let memory = memory.map_err(|error| match error {
        DeviceTreeError::Node(_) => Errno::ENOENT,
        error => {
            log::error!("shared memory {id}: {error}");
            Errno::EINVAL
        }
    })?;
    // SAFETY: the tree of the entry, whose reserved memory the allocator and the frames for other
    // domains' memory leave out.
    unsafe { memory.map(Rt::new()) }.map_err(|_| Errno::ENOMEM)
}
