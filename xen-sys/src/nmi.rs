//! Non-maskable interrupts.
//!
//! Public header: `nmi.h`.
//!
//! Coverage: 5 constants and one structure, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bit of [`crate::arch_x86::xen::ArchSharedInfo::nmi_reason`]: an I/O check.
#[doc(alias = "XEN_NMIREASON_io_error")]
pub const XEN_NMIREASON_IO_ERROR: u64 = 1 << 0;
/// Bit of [`crate::arch_x86::xen::ArchSharedInfo::nmi_reason`]: a system error on PCI.
#[doc(alias = "XEN_NMIREASON_pci_serr")]
pub const XEN_NMIREASON_PCI_SERR: u64 = 1 << 1;
/// Bit of [`crate::arch_x86::xen::ArchSharedInfo::nmi_reason`]: unknown reason.
#[doc(alias = "XEN_NMIREASON_unknown")]
pub const XEN_NMIREASON_UNKNOWN: u64 = 1 << 2;

/// Command: registers the entry point. See [`XennmiCallback`].
#[doc(alias = "XENNMI_register_callback")]
pub const XENNMI_REGISTER_CALLBACK: u32 = 0;
/// Command: removes the entry point. No argument.
#[doc(alias = "XENNMI_unregister_callback")]
pub const XENNMI_UNREGISTER_CALLBACK: u32 = 1;

/// Argument of [`XENNMI_REGISTER_CALLBACK`].
#[doc(alias = "xennmi_callback")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XennmiCallback {
    /// Virtual address of the entry point.
    pub handler_address: u64,
    /// Reserved; zero.
    pub pad: u64,
}
const _: () = assert!(size_of::<XennmiCallback>() == 16);
