//! Dump of a vCPU on `VIRQ_DEBUG`: not on Arm, where `xenctx` of the toolstack has the registers.

use xen_hypercall::{Errno, Port};

/// Enables no dump.
pub(crate) fn enable(_: u32) -> Result<(), Errno> {
    Err(Errno::ENOSYS)
}

/// Disables the dump of a vCPU.
pub(crate) fn disable(_: u32) {}

/// Has nothing to bind after a resume.
pub(crate) fn resume() -> Result<(), Errno> {
    Ok(())
}

/// Returns whether `port` is that of the dump: there is none.
pub(crate) fn is_debug(_: u32, _: Port) -> bool {
    false
}

/// Prints nothing.
pub(crate) fn dump(_: u32) {}
