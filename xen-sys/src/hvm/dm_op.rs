//! Operations of a device model on the guest that it serves.
//!
//! Public header: `hvm/dm_op.h`.
//!
//! Coverage: 39 constants and 22 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::Port;
use crate::sched::ShutdownReason;
use crate::xen::XenUlong;

/// Command: creates an ioreq server. See [`XenDmOpCreateIoreqServer`].
#[doc(alias = "XEN_DMOP_create_ioreq_server")]
pub const XEN_DMOP_CREATE_IOREQ_SERVER: u32 = 1;
/// Command: gets the pages and the port of an ioreq server. See [`XenDmOpGetIoreqServerInfo`].
#[doc(alias = "XEN_DMOP_get_ioreq_server_info")]
pub const XEN_DMOP_GET_IOREQ_SERVER_INFO: u32 = 2;
/// Command: registers an I/O range with an ioreq server. See [`XenDmOpIoreqServerRange`].
#[doc(alias = "XEN_DMOP_map_io_range_to_ioreq_server")]
pub const XEN_DMOP_MAP_IO_RANGE_TO_IOREQ_SERVER: u32 = 3;
/// Command: removes an I/O range from an ioreq server. See [`XenDmOpIoreqServerRange`].
#[doc(alias = "XEN_DMOP_unmap_io_range_from_ioreq_server")]
pub const XEN_DMOP_UNMAP_IO_RANGE_FROM_IOREQ_SERVER: u32 = 4;
/// Command: enables or disables an ioreq server. See [`XenDmOpSetIoreqServerState`].
#[doc(alias = "XEN_DMOP_set_ioreq_server_state")]
pub const XEN_DMOP_SET_IOREQ_SERVER_STATE: u32 = 5;
/// Command: destroys an ioreq server. See [`XenDmOpDestroyIoreqServer`].
#[doc(alias = "XEN_DMOP_destroy_ioreq_server")]
pub const XEN_DMOP_DESTROY_IOREQ_SERVER: u32 = 6;
/// Command: tracks dirty pages of video memory. See [`XenDmOpTrackDirtyVram`].
#[doc(alias = "XEN_DMOP_track_dirty_vram")]
pub const XEN_DMOP_TRACK_DIRTY_VRAM: u32 = 7;
/// Command: sets the level of a PCI interrupt pin. See [`XenDmOpSetPciIntxLevel`].
#[doc(alias = "XEN_DMOP_set_pci_intx_level")]
pub const XEN_DMOP_SET_PCI_INTX_LEVEL: u32 = 8;
/// Command: sets the level of an ISA interrupt. See [`XenDmOpSetIsaIrqLevel`].
#[doc(alias = "XEN_DMOP_set_isa_irq_level")]
pub const XEN_DMOP_SET_ISA_IRQ_LEVEL: u32 = 9;
/// Command: routes a PCI interrupt link. See [`XenDmOpSetPciLinkRoute`].
#[doc(alias = "XEN_DMOP_set_pci_link_route")]
pub const XEN_DMOP_SET_PCI_LINK_ROUTE: u32 = 10;
/// Command: marks pages as modified. See [`XenDmOpModifiedMemory`].
#[doc(alias = "XEN_DMOP_modified_memory")]
pub const XEN_DMOP_MODIFIED_MEMORY: u32 = 11;
/// Command: sets the type of guest memory. See [`XenDmOpSetMemType`].
#[doc(alias = "XEN_DMOP_set_mem_type")]
pub const XEN_DMOP_SET_MEM_TYPE: u32 = 12;
/// Command: injects an event into a vCPU. See [`XenDmOpInjectEvent`].
#[doc(alias = "XEN_DMOP_inject_event")]
pub const XEN_DMOP_INJECT_EVENT: u32 = 13;
/// Command: injects an MSI. See [`XenDmOpInjectMsi`].
#[doc(alias = "XEN_DMOP_inject_msi")]
pub const XEN_DMOP_INJECT_MSI: u32 = 14;
/// Command: forwards accesses to a type of memory to an ioreq server. See
/// [`XenDmOpMapMemTypeToIoreqServer`].
#[doc(alias = "XEN_DMOP_map_mem_type_to_ioreq_server")]
pub const XEN_DMOP_MAP_MEM_TYPE_TO_IOREQ_SERVER: u32 = 15;
/// Command: shuts the guest down. See [`XenDmOpRemoteShutdown`].
#[doc(alias = "XEN_DMOP_remote_shutdown")]
pub const XEN_DMOP_REMOTE_SHUTDOWN: u32 = 16;
/// Command: relocates guest memory. See [`XenDmOpRelocateMemory`].
#[doc(alias = "XEN_DMOP_relocate_memory")]
pub const XEN_DMOP_RELOCATE_MEMORY: u32 = 17;
/// Command: pins the cache attribute of a range. See [`XenDmOpPinMemoryCacheattr`].
#[doc(alias = "XEN_DMOP_pin_memory_cacheattr")]
pub const XEN_DMOP_PIN_MEMORY_CACHEATTR: u32 = 18;
/// Command: sets the level of an interrupt (arm). See [`XenDmOpSetIrqLevel`].
#[doc(alias = "XEN_DMOP_set_irq_level")]
pub const XEN_DMOP_SET_IRQ_LEVEL: u32 = 19;
/// Command: gets the number of vCPUs. See [`XenDmOpNrVcpus`].
#[doc(alias = "XEN_DMOP_nr_vcpus")]
pub const XEN_DMOP_NR_VCPUS: u32 = 20;

/// Argument of [`XEN_DMOP_CREATE_IOREQ_SERVER`].
#[doc(alias = "xen_dm_op_create_ioreq_server")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpCreateIoreqServer {
    /// Handling of buffered requests: `HVM_IOREQSRV_BUFIOREQ_*`.
    pub handle_bufioreq: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
    /// Out: identifier of the ioreq server.
    pub id: u16,
}
const _: () = assert!(size_of::<XenDmOpCreateIoreqServer>() == 6);

/// Argument of [`XEN_DMOP_GET_IOREQ_SERVER_INFO`].
#[doc(alias = "xen_dm_op_get_ioreq_server_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpGetIoreqServerInfo {
    /// The ioreq server.
    pub id: u16,
    /// [`XEN_DMOP_NO_GFNS`] or zero.
    pub flags: u16,
    /// Out: port of the buffered requests.
    pub bufioreq_port: Port,
    /// Out: frame of the request page.
    pub ioreq_gfn: u64,
    /// Out: frame of the page of buffered requests.
    pub bufioreq_gfn: u64,
}
const _: () = assert!(size_of::<XenDmOpGetIoreqServerInfo>() == 24);

/// Flag of [`XenDmOpGetIoreqServerInfo`]: does not request the frames.
#[doc(alias = "XEN_DMOP_no_gfns")]
pub const XEN_DMOP_NO_GFNS: u16 = 0x1;

/// I/O range of an ioreq server.
#[doc(alias = "xen_dm_op_ioreq_server_range")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpIoreqServerRange {
    /// The ioreq server.
    pub id: u16,
    /// Reserved; zero.
    pub pad: u16,
    /// `XEN_DMOP_IO_RANGE_*`.
    #[doc(alias = "type")]
    pub type_: u32,
    /// First address.
    pub start: u64,
    /// Last address.
    pub end: u64,
}
const _: () = assert!(size_of::<XenDmOpIoreqServerRange>() == 24);

/// Kind of range: I/O ports.
pub const XEN_DMOP_IO_RANGE_PORT: u32 = 0;
/// Kind of range: memory.
pub const XEN_DMOP_IO_RANGE_MEMORY: u32 = 1;
/// Kind of range: PCI configuration, by segment, bus, device, function.
pub const XEN_DMOP_IO_RANGE_PCI: u32 = 2;
/// Flag of [`XenDmOpMapMemTypeToIoreqServer`]: reads.
pub const XEN_DMOP_IOREQ_MEM_ACCESS_READ: u32 = 0x1;
/// Flag of [`XenDmOpMapMemTypeToIoreqServer`]: writes.
pub const XEN_DMOP_IOREQ_MEM_ACCESS_WRITE: u32 = 0x2;

/// Argument of [`XEN_DMOP_SET_IOREQ_SERVER_STATE`].
#[doc(alias = "xen_dm_op_set_ioreq_server_state")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetIoreqServerState {
    /// The ioreq server.
    pub id: u16,
    /// State: 1 enabled, 0 disabled.
    pub enabled: u8,
    /// Reserved; zero.
    pub pad: u8,
}
const _: () = assert!(size_of::<XenDmOpSetIoreqServerState>() == 4);

/// Argument of [`XEN_DMOP_DESTROY_IOREQ_SERVER`].
#[doc(alias = "xen_dm_op_destroy_ioreq_server")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpDestroyIoreqServer {
    /// The ioreq server.
    pub id: u16,
    /// Reserved; zero.
    pub pad: u16,
}
const _: () = assert!(size_of::<XenDmOpDestroyIoreqServer>() == 4);

/// Argument of [`XEN_DMOP_TRACK_DIRTY_VRAM`], with a buffer for one bit per page.
#[doc(alias = "xen_dm_op_track_dirty_vram")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpTrackDirtyVram {
    /// Number of pages to track; zero ends the tracking.
    pub nr: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// First page.
    pub first_pfn: u64,
}
const _: () = assert!(size_of::<XenDmOpTrackDirtyVram>() == 16);

/// Argument of [`XEN_DMOP_SET_PCI_INTX_LEVEL`].
#[doc(alias = "xen_dm_op_set_pci_intx_level")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetPciIntxLevel {
    /// PCI segment.
    pub domain: u16,
    /// PCI bus.
    pub bus: u8,
    /// PCI device.
    pub device: u8,
    /// The pin, 0 to 3.
    pub intx: u8,
    /// Level: 1 asserted, 0 deasserted.
    pub level: u8,
}
const _: () = assert!(size_of::<XenDmOpSetPciIntxLevel>() == 6);

/// Argument of [`XEN_DMOP_SET_ISA_IRQ_LEVEL`].
#[doc(alias = "xen_dm_op_set_isa_irq_level")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetIsaIrqLevel {
    /// The interrupt.
    pub isa_irq: u8,
    /// Level: 1 asserted, 0 deasserted.
    pub level: u8,
}
const _: () = assert!(size_of::<XenDmOpSetIsaIrqLevel>() == 2);

/// Argument of [`XEN_DMOP_SET_IRQ_LEVEL`].
#[doc(alias = "xen_dm_op_set_irq_level")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetIrqLevel {
    /// The interrupt.
    pub irq: u32,
    /// Level: 1 asserted, 0 deasserted.
    pub level: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenDmOpSetIrqLevel>() == 8);

/// Argument of [`XEN_DMOP_SET_PCI_LINK_ROUTE`].
#[doc(alias = "xen_dm_op_set_pci_link_route")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetPciLinkRoute {
    /// The link, 0 to 3.
    pub link: u8,
    /// The ISA interrupt; zero for none.
    pub isa_irq: u8,
}
const _: () = assert!(size_of::<XenDmOpSetPciLinkRoute>() == 2);

/// Argument of [`XEN_DMOP_MODIFIED_MEMORY`], with an array of [`XenDmOpModifiedMemoryExtent`].
#[doc(alias = "xen_dm_op_modified_memory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpModifiedMemory {
    /// Number of extents.
    pub nr_extents: u32,
    /// Zero; Xen stores its progress here.
    pub opaque: u32,
}
const _: () = assert!(size_of::<XenDmOpModifiedMemory>() == 8);

/// A run of pages.
#[doc(alias = "xen_dm_op_modified_memory_extent")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpModifiedMemoryExtent {
    /// Number of pages.
    pub nr: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// First page.
    pub first_pfn: u64,
}
const _: () = assert!(size_of::<XenDmOpModifiedMemoryExtent>() == 16);

/// Argument of [`XEN_DMOP_SET_MEM_TYPE`].
#[doc(alias = "xen_dm_op_set_mem_type")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpSetMemType {
    /// Number of pages.
    pub nr: u32,
    /// [`super::hvm_op::HvmmemType`].
    pub mem_type: u16,
    /// Reserved; zero.
    pub pad: u16,
    /// First page.
    pub first_pfn: u64,
}
const _: () = assert!(size_of::<XenDmOpSetMemType>() == 16);

/// Argument of [`XEN_DMOP_INJECT_EVENT`].
#[doc(alias = "xen_dm_op_inject_event")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpInjectEvent {
    /// The vCPU.
    pub vcpuid: u32,
    /// The vector.
    pub vector: u8,
    /// `XEN_DMOP_EVENT_*`.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Length of the instruction, for software events.
    pub insn_len: u8,
    /// Reserved; zero.
    pub pad0: u8,
    /// Error code, or all ones for none.
    pub error_code: u32,
    /// Reserved; zero.
    pub pad1: u32,
    /// Address, for a page fault.
    pub cr2: u64,
}
const _: () = assert!(size_of::<XenDmOpInjectEvent>() == 24);

/// Kind of event: external interrupt.
#[doc(alias = "XEN_DMOP_EVENT_ext_int")]
pub const XEN_DMOP_EVENT_EXT_INT: u8 = 0;
/// Kind of event: non-maskable interrupt.
#[doc(alias = "XEN_DMOP_EVENT_nmi")]
pub const XEN_DMOP_EVENT_NMI: u8 = 2;
/// Kind of event: hardware exception.
#[doc(alias = "XEN_DMOP_EVENT_hw_exc")]
pub const XEN_DMOP_EVENT_HW_EXC: u8 = 3;
/// Kind of event: software interrupt.
#[doc(alias = "XEN_DMOP_EVENT_sw_int")]
pub const XEN_DMOP_EVENT_SW_INT: u8 = 4;
/// Kind of event: privileged software exception (ICEBP).
#[doc(alias = "XEN_DMOP_EVENT_pri_sw_exc")]
pub const XEN_DMOP_EVENT_PRI_SW_EXC: u8 = 5;
/// Kind of event: software exception (breakpoint or overflow).
#[doc(alias = "XEN_DMOP_EVENT_sw_exc")]
pub const XEN_DMOP_EVENT_SW_EXC: u8 = 6;

/// Argument of [`XEN_DMOP_INJECT_MSI`].
#[doc(alias = "xen_dm_op_inject_msi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpInjectMsi {
    /// Data of the MSI.
    pub data: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Address of the MSI.
    pub addr: u64,
}
const _: () = assert!(size_of::<XenDmOpInjectMsi>() == 16);

/// Argument of [`XEN_DMOP_MAP_MEM_TYPE_TO_IOREQ_SERVER`].
#[doc(alias = "xen_dm_op_map_mem_type_to_ioreq_server")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpMapMemTypeToIoreqServer {
    /// The ioreq server.
    pub id: u16,
    /// [`super::hvm_op::HvmmemType::IOREQ_SERVER`].
    #[doc(alias = "type")]
    pub type_: u16,
    /// `XEN_DMOP_IOREQ_MEM_ACCESS_*`; zero ends the mapping.
    pub flags: u32,
    /// Zero; Xen stores its progress here.
    pub opaque: u64,
}
const _: () = assert!(size_of::<XenDmOpMapMemTypeToIoreqServer>() == 16);

/// Argument of [`XEN_DMOP_REMOTE_SHUTDOWN`].
#[doc(alias = "xen_dm_op_remote_shutdown")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpRemoteShutdown {
    /// The reason.
    pub reason: ShutdownReason,
}
const _: () = assert!(size_of::<XenDmOpRemoteShutdown>() == 4);

/// Argument of [`XEN_DMOP_RELOCATE_MEMORY`].
#[doc(alias = "xen_dm_op_relocate_memory")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpRelocateMemory {
    /// In: number of pages to move. Out: number of pages left.
    pub size: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// First source frame.
    pub src_gfn: u64,
    /// First destination frame.
    pub dst_gfn: u64,
}
const _: () = assert!(size_of::<XenDmOpRelocateMemory>() == 24);

/// Argument of [`XEN_DMOP_PIN_MEMORY_CACHEATTR`].
#[doc(alias = "xen_dm_op_pin_memory_cacheattr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpPinMemoryCacheattr {
    /// First frame.
    pub start: u64,
    /// Last frame.
    pub end: u64,
    /// `XEN_DMOP_MEM_CACHEATTR_*`, or [`XEN_DMOP_DELETE_MEM_CACHEATTR`].
    #[doc(alias = "type")]
    pub type_: u32,
    /// Reserved; zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenDmOpPinMemoryCacheattr>() == 24);

/// Cache attribute: uncached.
pub const XEN_DMOP_MEM_CACHEATTR_UC: u32 = 0;
/// Cache attribute: write-combining.
pub const XEN_DMOP_MEM_CACHEATTR_WC: u32 = 1;
/// Cache attribute: write-through.
pub const XEN_DMOP_MEM_CACHEATTR_WT: u32 = 4;
/// Cache attribute: write-protected.
pub const XEN_DMOP_MEM_CACHEATTR_WP: u32 = 5;
/// Cache attribute: write-back.
pub const XEN_DMOP_MEM_CACHEATTR_WB: u32 = 6;
/// Cache attribute: uncached, unless the memory type range registers override it.
pub const XEN_DMOP_MEM_CACHEATTR_UCM: u32 = 7;
/// Value instead of a cache attribute: removes the pinned attribute.
pub const XEN_DMOP_DELETE_MEM_CACHEATTR: u32 = 4294967295;

/// Argument of [`XEN_DMOP_NR_VCPUS`].
#[doc(alias = "xen_dm_op_nr_vcpus")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpNrVcpus {
    /// Out: number of vCPUs.
    pub vcpus: u32,
}
const _: () = assert!(size_of::<XenDmOpNrVcpus>() == 4);

/// The first buffer of the hypercall: a command and its argument.
#[doc(alias = "xen_dm_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOp {
    /// `XEN_DMOP_*`.
    pub op: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// The command's argument, at the start.
    pub u: [u64; 3],
}
const _: () = assert!(size_of::<XenDmOp>() == 32);

/// A buffer of [`crate::xen::HYPERVISOR_DM_OP`].
#[doc(alias = "xen_dm_op_buf")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDmOpBuf {
    /// Address of the bytes.
    pub h: GuestHandle,
    /// Length in bytes.
    pub size: XenUlong,
}
const _: () = assert!(size_of::<XenDmOpBuf>() == 16);
