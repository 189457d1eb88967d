//! The parts of the kernel that are of an arm64 domain.

mod boot;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod debug;
pub(crate) mod frames;
pub(crate) mod interrupts;
pub(crate) mod output;
pub(crate) mod paging;
pub(crate) mod timers;

/// Xen suspends no domain on Arm.
pub(crate) const CAN_SUSPEND: bool = false;

/// There is no PIC on Arm.
pub(crate) fn has_pic() -> bool {
    false
}

/// Returns the VM generation id: none on Arm.
pub(crate) fn generation_id() -> Option<u128> {
    None
}

/// Nothing to do after a resume: there is no device model.
pub(crate) fn resume_devices() {}
