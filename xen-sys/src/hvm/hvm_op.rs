//! Operations on HVM and PVH guests.
//!
//! Public header: `hvm/hvm_op.h`.
//!
//! Coverage: 37 constants and 18 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;

/// Command: sets a parameter. See [`XenHvmParam`].
#[doc(alias = "HVMOP_set_param")]
pub const HVMOP_SET_PARAM: u32 = 0;
/// Command: gets a parameter. See [`XenHvmParam`].
#[doc(alias = "HVMOP_get_param")]
pub const HVMOP_GET_PARAM: u32 = 1;
/// Command: flushes the TLBs of all vCPUs. No argument.
#[doc(alias = "HVMOP_flush_tlbs")]
pub const HVMOP_FLUSH_TLBS: u32 = 5;
/// Command: announces that a page table will be freed. See [`XenHvmPagetableDying`].
#[doc(alias = "HVMOP_pagetable_dying")]
pub const HVMOP_PAGETABLE_DYING: u32 = 9;
/// Command: gets the system time. See [`XenHvmGetTime`].
#[doc(alias = "HVMOP_get_time")]
pub const HVMOP_GET_TIME: u32 = 10;
/// Command: adds a record to the trace buffer. See [`XenHvmXentrace`].
#[doc(alias = "HVMOP_xentrace")]
pub const HVMOP_XENTRACE: u32 = 11;
/// Command: deprecated.
#[doc(alias = "HVMOP_set_mem_access")]
pub const HVMOP_SET_MEM_ACCESS: u32 = 12;
/// Command: deprecated.
#[doc(alias = "HVMOP_get_mem_access")]
pub const HVMOP_GET_MEM_ACCESS: u32 = 13;
/// Command: gets the type of a frame. See [`XenHvmGetMemType`].
#[doc(alias = "HVMOP_get_mem_type")]
pub const HVMOP_GET_MEM_TYPE: u32 = 15;
/// Command: sets the interrupt vector of a vCPU's upcalls (x86). See [`XenHvmEvtchnUpcallVector`].
#[doc(alias = "HVMOP_set_evtchn_upcall_vector")]
pub const HVMOP_SET_EVTCHN_UPCALL_VECTOR: u32 = 23;
/// Command: raises a monitor event. No argument.
#[doc(alias = "HVMOP_guest_request_vm_event")]
pub const HVMOP_GUEST_REQUEST_VM_EVENT: u32 = 24;
/// Command: controls alternate physical maps (altp2m). See [`XenHvmAltp2mOp`].
#[doc(alias = "HVMOP_altp2m")]
pub const HVMOP_ALTP2M: u32 = 25;

/// Argument of [`HVMOP_SET_PARAM`] and [`HVMOP_GET_PARAM`].
#[doc(alias = "xen_hvm_param")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmGetTime {
    /// Out: nanoseconds since boot.
    pub now: u64,
}
const _: () = assert!(size_of::<XenHvmGetTime>() == 8);

/// Argument of [`HVMOP_GET_MEM_TYPE`].
#[doc(alias = "xen_hvm_get_mem_type")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmEvtchnUpcallVector {
    /// The vCPU.
    pub vcpu: u32,
    /// The vector; 0 disables this delivery.
    pub vector: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}
const _: () = assert!(size_of::<XenHvmEvtchnUpcallVector>() == 8);

open_enum! {
    /// Type of guest memory.
    #[doc(alias = "hvmmem_type_t")]
    pub struct HvmmemType(u32) {
        /// Ordinary memory.
        #[doc(alias = "HVMMEM_ram_rw")]
        RAM_RW = 0;
        /// Read-only memory; writes are discarded.
        #[doc(alias = "HVMMEM_ram_ro")]
        RAM_RO = 1;
        /// Device memory; the device model handles accesses.
        #[doc(alias = "HVMMEM_mmio_dm")]
        MMIO_DM = 2;
        /// Unused; rejected. Once: writes went to the device model.
        #[doc(alias = "HVMMEM_unused")]
        UNUSED = 3;
        /// Memory whose accesses an ioreq server handles.
        #[doc(alias = "HVMMEM_ioreq_server")]
        IOREQ_SERVER = 4;
    }
}

/// Handling of buffered requests by an ioreq server: none.
pub const HVM_IOREQSRV_BUFIOREQ_OFF: u8 = 0;
/// Handling of buffered requests by an ioreq server: only the server moves the read pointer.
pub const HVM_IOREQSRV_BUFIOREQ_LEGACY: u8 = 1;
/// Handling of buffered requests by an ioreq server: the read pointer moves by atomic operations.
pub const HVM_IOREQSRV_BUFIOREQ_ATOMIC: u8 = 2;

/// Argument of [`HVMOP_XENTRACE`].
#[doc(alias = "xen_hvm_xentrace")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmXentrace {
    /// The event.
    pub event: u16,
    /// Number of bytes used.
    pub extra_bytes: u16,
    /// Data of the event.
    pub extra: [u8; 28],
}
const _: () = assert!(size_of::<XenHvmXentrace>() == 32);

/// Version of the operations on alternate maps.
pub const HVMOP_ALTP2M_INTERFACE_VERSION: u32 = 0x1;
/// Command: gets the state of altp2m of a domain. See [`XenHvmAltp2mDomainState`].
#[doc(alias = "HVMOP_altp2m_get_domain_state")]
pub const HVMOP_ALTP2M_GET_DOMAIN_STATE: u32 = 1;
/// Command: enables or disables altp2m of a domain. See [`XenHvmAltp2mDomainState`].
#[doc(alias = "HVMOP_altp2m_set_domain_state")]
pub const HVMOP_ALTP2M_SET_DOMAIN_STATE: u32 = 2;
/// Command: enables virtualization exceptions of a vCPU. See [`XenHvmAltp2mVcpuEnableNotify`].
#[doc(alias = "HVMOP_altp2m_vcpu_enable_notify")]
pub const HVMOP_ALTP2M_VCPU_ENABLE_NOTIFY: u32 = 3;
/// Command: creates a view. See [`XenHvmAltp2mView`].
#[doc(alias = "HVMOP_altp2m_create_p2m")]
pub const HVMOP_ALTP2M_CREATE_P2M: u32 = 4;
/// Command: destroys a view. See [`XenHvmAltp2mView`].
#[doc(alias = "HVMOP_altp2m_destroy_p2m")]
pub const HVMOP_ALTP2M_DESTROY_P2M: u32 = 5;
/// Command: switches a domain to a view. See [`XenHvmAltp2mView`].
#[doc(alias = "HVMOP_altp2m_switch_p2m")]
pub const HVMOP_ALTP2M_SWITCH_P2M: u32 = 6;
/// Command: sets access rights of a frame. See [`XenHvmAltp2mMemAccess`].
#[doc(alias = "HVMOP_altp2m_set_mem_access")]
pub const HVMOP_ALTP2M_SET_MEM_ACCESS: u32 = 7;
/// Command: maps a frame of a view to the memory of another frame. See [`XenHvmAltp2mChangeGfn`].
#[doc(alias = "HVMOP_altp2m_change_gfn")]
pub const HVMOP_ALTP2M_CHANGE_GFN: u32 = 8;
/// Command: sets access rights of many frames. See [`XenHvmAltp2mSetMemAccessMulti`].
#[doc(alias = "HVMOP_altp2m_set_mem_access_multi")]
pub const HVMOP_ALTP2M_SET_MEM_ACCESS_MULTI: u32 = 9;
/// Command: suppresses virtualization exceptions of a frame. See [`XenHvmAltp2mSuppressVe`].
#[doc(alias = "HVMOP_altp2m_set_suppress_ve")]
pub const HVMOP_ALTP2M_SET_SUPPRESS_VE: u32 = 10;
/// Command: gets the suppression of exceptions of a frame. See [`XenHvmAltp2mSuppressVe`].
#[doc(alias = "HVMOP_altp2m_get_suppress_ve")]
pub const HVMOP_ALTP2M_GET_SUPPRESS_VE: u32 = 11;
/// Command: gets access rights of a frame. See [`XenHvmAltp2mMemAccess`].
#[doc(alias = "HVMOP_altp2m_get_mem_access")]
pub const HVMOP_ALTP2M_GET_MEM_ACCESS: u32 = 12;
/// Command: disables virtualization exceptions of a vCPU. See [`XenHvmAltp2mVcpuDisableNotify`].
#[doc(alias = "HVMOP_altp2m_vcpu_disable_notify")]
pub const HVMOP_ALTP2M_VCPU_DISABLE_NOTIFY: u32 = 13;
/// Command: gets the active view of a vCPU. See [`XenHvmAltp2mGetVcpuP2mIdx`].
#[doc(alias = "HVMOP_altp2m_get_p2m_idx")]
pub const HVMOP_ALTP2M_GET_P2M_IDX: u32 = 14;
/// Command: suppresses virtualization exceptions of a range of frames. See
/// [`XenHvmAltp2mSuppressVeMulti`].
#[doc(alias = "HVMOP_altp2m_set_suppress_ve_multi")]
pub const HVMOP_ALTP2M_SET_SUPPRESS_VE_MULTI: u32 = 15;
/// Command: sets whether the guest can switch to a view. See [`XenHvmAltp2mSetVisibility`].
#[doc(alias = "HVMOP_altp2m_set_visibility")]
pub const HVMOP_ALTP2M_SET_VISIBILITY: u32 = 16;

/// Suppression of virtualization exceptions of a frame.
#[doc(alias = "xen_hvm_altp2m_suppress_ve")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mSuppressVe {
    /// The view.
    pub view: u16,
    /// Suppression: 1 on, 0 off.
    pub suppress_ve: u8,
    /// Reserved; zero.
    pub pad1: u8,
    /// Reserved; zero.
    pub pad2: u32,
    /// The guest frame.
    pub gfn: u64,
}
const _: () = assert!(size_of::<XenHvmAltp2mSuppressVe>() == 16);

/// Suppression of virtualization exceptions of a range of frames.
#[doc(alias = "xen_hvm_altp2m_suppress_ve_multi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mSuppressVeMulti {
    /// The view.
    pub view: u16,
    /// Suppression: 1 on, 0 off.
    pub suppress_ve: u8,
    /// Reserved; zero.
    pub pad1: u8,
    /// In: zero. Out: error number of the first error.
    pub first_error: i32,
    /// In: first frame. Out: next frame to process.
    pub first_gfn: u64,
    /// Last frame.
    pub last_gfn: u64,
    /// Out: frame of the first error.
    pub first_error_gfn: u64,
}
const _: () = assert!(size_of::<XenHvmAltp2mSuppressVeMulti>() == 32);

/// State of altp2m of a domain.
#[doc(alias = "xen_hvm_altp2m_domain_state")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mDomainState {
    /// State: 1 enabled, 0 disabled.
    pub state: u8,
}
const _: () = assert!(size_of::<XenHvmAltp2mDomainState>() == 1);

/// Virtualization exceptions of a vCPU.
#[doc(alias = "xen_hvm_altp2m_vcpu_enable_notify")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mVcpuEnableNotify {
    /// The vCPU.
    pub vcpu_id: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// Frame of the information page.
    pub gfn: u64,
}
const _: () = assert!(size_of::<XenHvmAltp2mVcpuEnableNotify>() == 16);

/// End of virtualization exceptions of a vCPU.
#[doc(alias = "xen_hvm_altp2m_vcpu_disable_notify")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mVcpuDisableNotify {
    /// The vCPU.
    pub vcpu_id: u32,
}
const _: () = assert!(size_of::<XenHvmAltp2mVcpuDisableNotify>() == 4);

/// A view.
#[doc(alias = "xen_hvm_altp2m_view")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mView {
    /// The view.
    pub view: u16,
    /// Default access rights.
    pub hvmmem_default_access: u16,
}
const _: () = assert!(size_of::<XenHvmAltp2mView>() == 4);

/// Access rights of a frame.
#[doc(alias = "xen_hvm_altp2m_mem_access")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mMemAccess {
    /// The view.
    pub view: u16,
    /// The rights: [`crate::memory::XenmemAccess`].
    pub access: u16,
    /// Reserved; zero.
    pub pad: u32,
    /// The guest frame.
    pub gfn: u64,
}
const _: () = assert!(size_of::<XenHvmAltp2mMemAccess>() == 16);

/// Access rights of an array of frames.
#[doc(alias = "xen_hvm_altp2m_set_mem_access_multi")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mSetMemAccessMulti {
    /// The view.
    pub view: u16,
    /// Reserved; zero.
    pub pad: u16,
    /// Number of frames.
    pub nr: u32,
    /// Zero; Xen stores its progress here.
    pub opaque: u64,
    /// Array of `u64`: frames.
    pub pfn_list: GuestHandle,
    /// Array of `u8`: rights.
    pub access_list: GuestHandle,
}
const _: () = assert!(size_of::<XenHvmAltp2mSetMemAccessMulti>() == 32);

/// Mapping of a frame to the memory of another frame.
#[doc(alias = "xen_hvm_altp2m_change_gfn")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mChangeGfn {
    /// The view.
    pub view: u16,
    /// Reserved; zero.
    pub pad1: u16,
    /// Reserved; zero.
    pub pad2: u32,
    /// The frame to change.
    pub old_gfn: u64,
    /// The other frame; all ones restores the original mapping.
    pub new_gfn: u64,
}
const _: () = assert!(size_of::<XenHvmAltp2mChangeGfn>() == 24);

/// Active view of a vCPU.
#[doc(alias = "xen_hvm_altp2m_get_vcpu_p2m_idx")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mGetVcpuP2mIdx {
    /// The vCPU.
    pub vcpu_id: u32,
    /// Out: the view.
    pub altp2m_idx: u16,
    /// Padding; zero.
    pub _pad0: [u8; 2],
}
const _: () = assert!(size_of::<XenHvmAltp2mGetVcpuP2mIdx>() == 8);

/// Visibility of a view to the guest.
#[doc(alias = "xen_hvm_altp2m_set_visibility")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mSetVisibility {
    /// The view.
    pub altp2m_idx: u16,
    /// Visibility: 1 visible, 0 hidden.
    pub visible: u8,
    /// Reserved; zero.
    pub pad: u8,
}
const _: () = assert!(size_of::<XenHvmAltp2mSetVisibility>() == 4);

/// Argument of [`HVMOP_ALTP2M`]: a command and its argument.
#[doc(alias = "xen_hvm_altp2m_op")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenHvmAltp2mOp {
    /// [`HVMOP_ALTP2M_INTERFACE_VERSION`].
    pub version: u32,
    /// The command.
    pub cmd: u32,
    /// The domain.
    pub domain: DomId,
    /// Reserved; zero.
    pub pad1: u16,
    /// Reserved; zero.
    pub pad2: u32,
    /// The command's argument, at the start.
    pub u: [u64; 8],
}
const _: () = assert!(size_of::<XenHvmAltp2mOp>() == 80);
