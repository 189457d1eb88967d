//! Operations on HVM and PVH guests.
//!
//! Public header: `hvm/hvm_op.h`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::DomId;

/// Sets a parameter. See [`XenHvmParam`].
#[doc(alias = "HVMOP_set_param")]
pub const HVMOP_SET_PARAM: u32 = 0;
/// Asks for a parameter. See [`XenHvmParam`].
#[doc(alias = "HVMOP_get_param")]
pub const HVMOP_GET_PARAM: u32 = 1;
/// Flushes the translation caches of all vCPUs. No argument.
#[doc(alias = "HVMOP_flush_tlbs")]
pub const HVMOP_FLUSH_TLBS: u32 = 5;
/// Tells Xen that a page table will be freed. See [`XenHvmPagetableDying`].
#[doc(alias = "HVMOP_pagetable_dying")]
pub const HVMOP_PAGETABLE_DYING: u32 = 9;
/// Asks for the system time. See [`XenHvmGetTime`].
#[doc(alias = "HVMOP_get_time")]
pub const HVMOP_GET_TIME: u32 = 10;
/// Adds a record to the trace. See [`XenHvmXentrace`].
#[doc(alias = "HVMOP_xentrace")]
pub const HVMOP_XENTRACE: u32 = 11;
/// Deprecated.
#[doc(alias = "HVMOP_set_mem_access")]
pub const HVMOP_SET_MEM_ACCESS: u32 = 12;
/// Deprecated.
#[doc(alias = "HVMOP_get_mem_access")]
pub const HVMOP_GET_MEM_ACCESS: u32 = 13;
/// Asks for the type of a frame. See [`XenHvmGetMemType`].
#[doc(alias = "HVMOP_get_mem_type")]
pub const HVMOP_GET_MEM_TYPE: u32 = 15;
/// Sets the interrupt vector of a vCPU's upcalls (x86). See [`XenHvmEvtchnUpcallVector`].
#[doc(alias = "HVMOP_set_evtchn_upcall_vector")]
pub const HVMOP_SET_EVTCHN_UPCALL_VECTOR: u32 = 23;
/// Raises a monitor event. No argument.
#[doc(alias = "HVMOP_guest_request_vm_event")]
pub const HVMOP_GUEST_REQUEST_VM_EVENT: u32 = 24;
/// Operates alternate physical maps. See [`XenHvmAltp2mOp`].
#[doc(alias = "HVMOP_altp2m")]
pub const HVMOP_ALTP2M: u32 = 25;

/// Argument of [`HVMOP_SET_PARAM`] and [`HVMOP_GET_PARAM`].
#[doc(alias = "xen_hvm_param")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenHvmParam {
    /// The guest.
    pub domid: DomId,
    /// Zero.
    pub pad: u16,
    /// `HVM_PARAM_*`, see [`super::params`].
    pub index: u32,
    /// The value.
    pub value: u64,
}
const _: () = assert!(size_of::<XenHvmParam>() == 16);

/// Argument of [`HVMOP_PAGETABLE_DYING`].
#[doc(alias = "xen_hvm_pagetable_dying")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenHvmPagetableDying {
    /// The guest.
    pub domid: DomId,
    /// Zero.
    pub pad: [u16; 3],
    /// Physical address of the top-level table.
    pub gpa: u64,
}
const _: () = assert!(size_of::<XenHvmPagetableDying>() == 16);

/// Argument of [`HVMOP_GET_TIME`].
#[doc(alias = "xen_hvm_get_time")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenHvmGetTime {
    /// Out: nanoseconds since boot.
    pub now: u64,
}
const _: () = assert!(size_of::<XenHvmGetTime>() == 8);

/// Argument of [`HVMOP_GET_MEM_TYPE`].
#[doc(alias = "xen_hvm_get_mem_type")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenHvmGetMemType {
    /// The guest.
    pub domid: DomId,
    /// Out: [`HvmmemType`].
    pub mem_type: u16,
    /// Zero.
    pub pad: [u16; 2],
    /// The frame.
    pub pfn: u64,
}
const _: () = assert!(size_of::<XenHvmGetMemType>() == 16);

/// Argument of [`HVMOP_SET_EVTCHN_UPCALL_VECTOR`].
#[doc(alias = "xen_hvm_evtchn_upcall_vector")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct XenHvmEvtchnUpcallVector {
    /// The vCPU.
    pub vcpu: u32,
    /// The vector; 0 switches this way of delivery off.
    pub vector: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}
const _: () = assert!(size_of::<XenHvmEvtchnUpcallVector>() == 8);
