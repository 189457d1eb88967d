//! The PCI protocol: one page, one request at a time in each direction.
//!
//! Public header: `io/pciif.h`.
//!
//! Coverage: 22 constants and 4 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Version of the protocol, as the nodes `magic` have it.
pub const XEN_PCI_MAGIC: &str = "7";

flags! {
    /// Flags of [`XenPciSharedinfo`].
    pub struct PciFlags(u32) {
        /// A request of the front end waits.
        #[doc(alias = "XEN_PCIF_active")]
        PCIF_ACTIVE = 1 << 0;
        /// The back end handles errors.
        #[doc(alias = "XEN_PCIB_AERHANDLER")]
        PCIB_AERHANDLER = 1 << 1;
        /// A request of the back end waits.
        #[doc(alias = "XEN_PCIB_active")]
        PCIB_ACTIVE = 1 << 2;
    }
}

open_enum! {
    /// What a request asks for.
    pub struct PciOp(u32) {
        /// Reads configuration space.
        #[doc(alias = "XEN_PCI_OP_conf_read")]
        CONF_READ = 0;
        /// Writes configuration space.
        #[doc(alias = "XEN_PCI_OP_conf_write")]
        CONF_WRITE = 1;
        /// Enables a message interrupt.
        #[doc(alias = "XEN_PCI_OP_enable_msi")]
        ENABLE_MSI = 2;
        /// Disables the message interrupt.
        #[doc(alias = "XEN_PCI_OP_disable_msi")]
        DISABLE_MSI = 3;
        /// Enables a table of message interrupts.
        #[doc(alias = "XEN_PCI_OP_enable_msix")]
        ENABLE_MSIX = 4;
        /// Disables the table.
        #[doc(alias = "XEN_PCI_OP_disable_msix")]
        DISABLE_MSIX = 5;
        /// From the back end: an error was detected.
        #[doc(alias = "XEN_PCI_OP_aer_detected")]
        AER_DETECTED = 6;
        /// From the back end: go on.
        #[doc(alias = "XEN_PCI_OP_aer_resume")]
        AER_RESUME = 7;
        /// From the back end: device memory works again.
        #[doc(alias = "XEN_PCI_OP_aer_mmio")]
        AER_MMIO = 8;
        /// From the back end: the slot was reset.
        #[doc(alias = "XEN_PCI_OP_aer_slotreset")]
        AER_SLOTRESET = 9;
        /// Enables several message interrupts.
        #[doc(alias = "XEN_PCI_OP_enable_multi_msi")]
        ENABLE_MULTI_MSI = 10;
    }
}

open_enum! {
    /// Outcome of a request.
    pub struct PciError(i32) {
        /// Done.
        #[doc(alias = "XEN_PCI_ERR_success")]
        SUCCESS = 0;
        /// No such device.
        #[doc(alias = "XEN_PCI_ERR_dev_not_found")]
        DEV_NOT_FOUND = -1;
        /// No such register.
        #[doc(alias = "XEN_PCI_ERR_invalid_offset")]
        INVALID_OFFSET = -2;
        /// Access denied.
        #[doc(alias = "XEN_PCI_ERR_access_denied")]
        ACCESS_DENIED = -3;
        /// Not implemented.
        #[doc(alias = "XEN_PCI_ERR_not_implemented")]
        NOT_IMPLEMENTED = -4;
        /// Failed.
        #[doc(alias = "XEN_PCI_ERR_op_failed")]
        OP_FAILED = -5;
    }
}

/// Most message interrupts of one request.
pub const SH_INFO_MAX_VEC: usize = 128;

/// A message interrupt.
#[doc(alias = "xen_msix_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMsixEntry {
    /// The physical interrupt.
    pub vector: u16,
    /// Entry of the table.
    pub entry: u16,
}
const _: () = assert!(size_of::<XenMsixEntry>() == 4);

/// A request of the front end, and its answer.
#[doc(alias = "xen_pci_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPciOp {
    /// What is asked for.
    pub cmd: PciOp,
    /// Out: the outcome.
    pub err: PciError,
    /// PCI segment.
    pub domain: u32,
    /// PCI bus.
    pub bus: u32,
    /// PCI device and function.
    pub devfn: u32,
    /// Register.
    pub offset: i32,
    /// Bytes.
    pub size: i32,
    /// In or out: the value.
    pub value: u32,
    /// How many message interrupts.
    pub info: u32,
    /// The message interrupts.
    pub msix_entries: [XenMsixEntry; 128],
}
const _: () = assert!(size_of::<XenPciOp>() == 548);

/// A request of the back end, and its answer.
#[doc(alias = "xen_pcie_aer_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPcieAerOp {
    /// What is asked for.
    pub cmd: PciOp,
    /// In: the state. Out: the result.
    pub err: i32,
    /// PCI segment.
    pub domain: u32,
    /// PCI bus.
    pub bus: u32,
    /// PCI device and function.
    pub devfn: u32,
}
const _: () = assert!(size_of::<XenPcieAerOp>() == 20);

/// The page.
#[doc(alias = "xen_pci_sharedinfo")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPciSharedinfo {
    /// Which requests wait.
    pub flags: PciFlags,
    /// The front end's request.
    pub op: XenPciOp,
    /// The back end's request.
    pub aer_op: XenPcieAerOp,
}
const _: () = assert!(size_of::<XenPciSharedinfo>() == 572);
