//! The PCI protocol: one page, one request at a time in each direction.
//!
//! Public header: `io/pciif.h`.
//!
//! Coverage: 22 constants and 4 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Version of the protocol, as in the nodes `magic`.
pub const XEN_PCI_MAGIC: &str = "7";

flags! {
    /// Flags of [`XenPciSharedinfo`].
    pub struct PciFlags(u32) {
        /// A request of the frontend is active.
        #[doc(alias = "XEN_PCIF_active")]
        PCIF_ACTIVE = 1 << 0;
        /// The backend handles errors.
        #[doc(alias = "XEN_PCIB_AERHANDLER")]
        PCIB_AERHANDLER = 1 << 1;
        /// A request of the backend is active.
        #[doc(alias = "XEN_PCIB_active")]
        PCIB_ACTIVE = 1 << 2;
    }
}

open_enum! {
    /// Operation of a request.
    pub struct PciOp(u32) {
        /// Read of configuration space.
        #[doc(alias = "XEN_PCI_OP_conf_read")]
        CONF_READ = 0;
        /// Write of configuration space.
        #[doc(alias = "XEN_PCI_OP_conf_write")]
        CONF_WRITE = 1;
        /// Enable MSI.
        #[doc(alias = "XEN_PCI_OP_enable_msi")]
        ENABLE_MSI = 2;
        /// Disable MSI.
        #[doc(alias = "XEN_PCI_OP_disable_msi")]
        DISABLE_MSI = 3;
        /// Enable MSI-X.
        #[doc(alias = "XEN_PCI_OP_enable_msix")]
        ENABLE_MSIX = 4;
        /// Disable MSI-X.
        #[doc(alias = "XEN_PCI_OP_disable_msix")]
        DISABLE_MSIX = 5;
        /// From the backend: an error was detected.
        #[doc(alias = "XEN_PCI_OP_aer_detected")]
        AER_DETECTED = 6;
        /// From the backend: resume normal operation.
        #[doc(alias = "XEN_PCI_OP_aer_resume")]
        AER_RESUME = 7;
        /// From the backend: memory-mapped I/O is enabled again.
        #[doc(alias = "XEN_PCI_OP_aer_mmio")]
        AER_MMIO = 8;
        /// From the backend: the slot was reset.
        #[doc(alias = "XEN_PCI_OP_aer_slotreset")]
        AER_SLOTRESET = 9;
        /// Enable several MSIs.
        #[doc(alias = "XEN_PCI_OP_enable_multi_msi")]
        ENABLE_MULTI_MSI = 10;
    }
}

open_enum! {
    /// Status of a request.
    pub struct PciError(i32) {
        /// Success.
        #[doc(alias = "XEN_PCI_ERR_success")]
        SUCCESS = 0;
        /// Device not found.
        #[doc(alias = "XEN_PCI_ERR_dev_not_found")]
        DEV_NOT_FOUND = -1;
        /// Invalid register offset.
        #[doc(alias = "XEN_PCI_ERR_invalid_offset")]
        INVALID_OFFSET = -2;
        /// Access denied.
        #[doc(alias = "XEN_PCI_ERR_access_denied")]
        ACCESS_DENIED = -3;
        /// Not implemented.
        #[doc(alias = "XEN_PCI_ERR_not_implemented")]
        NOT_IMPLEMENTED = -4;
        /// Operation failed.
        #[doc(alias = "XEN_PCI_ERR_op_failed")]
        OP_FAILED = -5;
    }
}

/// Maximum number of MSI-X entries of one request.
pub const SH_INFO_MAX_VEC: usize = 128;

/// An MSI-X entry.
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

/// A request of the frontend and its response.
#[doc(alias = "xen_pci_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPciOp {
    /// Operation.
    pub cmd: PciOp,
    /// Out: the status.
    pub err: PciError,
    /// PCI segment.
    pub domain: u32,
    /// PCI bus.
    pub bus: u32,
    /// PCI device and function.
    pub devfn: u32,
    /// Register.
    pub offset: i32,
    /// Size of the access in bytes.
    pub size: i32,
    /// In or out: the value.
    pub value: u32,
    /// Number of MSI-X entries.
    pub info: u32,
    /// MSI-X entries.
    pub msix_entries: [XenMsixEntry; 128],
}
const _: () = assert!(size_of::<XenPciOp>() == 548);

/// A request of the backend and its response.
#[doc(alias = "xen_pcie_aer_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPcieAerOp {
    /// Operation.
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
    /// Active requests.
    pub flags: PciFlags,
    /// The frontend's request.
    pub op: XenPciOp,
    /// The backend's request.
    pub aer_op: XenPcieAerOp,
}
const _: () = assert!(size_of::<XenPciSharedinfo>() == 572);
