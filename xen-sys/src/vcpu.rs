//! Virtual CPUs: start, stop, timers, shared areas.
//!
//! Public header: `vcpu.h`.
//!
//! Coverage: 22 constants and 7 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Command: sets the registers of a vCPU before its first start. The argument is
/// architecture-specific.
#[doc(alias = "VCPUOP_initialise")]
pub const VCPUOP_INITIALISE: u32 = 0;
/// Command: starts a vCPU. No argument.
#[doc(alias = "VCPUOP_up")]
pub const VCPUOP_UP: u32 = 1;
/// Command: stops a vCPU. No argument.
#[doc(alias = "VCPUOP_down")]
pub const VCPUOP_DOWN: u32 = 2;
/// Command: returns whether a vCPU is up. No argument.
#[doc(alias = "VCPUOP_is_up")]
pub const VCPUOP_IS_UP: u32 = 3;
/// Command: gets the runstate of a vCPU. See [`VcpuRunstateInfo`].
#[doc(alias = "VCPUOP_get_runstate_info")]
pub const VCPUOP_GET_RUNSTATE_INFO: u32 = 4;
/// Command: registers an address at which Xen maintains [`VcpuRunstateInfo`]. See
/// [`VcpuRegisterRunstateMemoryArea`].
#[doc(alias = "VCPUOP_register_runstate_memory_area")]
pub const VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA: u32 = 5;
/// Command: starts the periodic timer. See [`VcpuSetPeriodicTimer`].
#[doc(alias = "VCPUOP_set_periodic_timer")]
pub const VCPUOP_SET_PERIODIC_TIMER: u32 = 6;
/// Command: stops the periodic timer. No argument.
#[doc(alias = "VCPUOP_stop_periodic_timer")]
pub const VCPUOP_STOP_PERIODIC_TIMER: u32 = 7;
/// Command: starts the one-shot timer. See [`VcpuSetSingleshotTimer`].
#[doc(alias = "VCPUOP_set_singleshot_timer")]
pub const VCPUOP_SET_SINGLESHOT_TIMER: u32 = 8;
/// Command: stops the one-shot timer. No argument.
#[doc(alias = "VCPUOP_stop_singleshot_timer")]
pub const VCPUOP_STOP_SINGLESHOT_TIMER: u32 = 9;
/// Command: moves [`crate::xen::VcpuInfo`] of a vCPU to memory of the guest. See
/// [`VcpuRegisterVcpuInfo`].
#[doc(alias = "VCPUOP_register_vcpu_info")]
pub const VCPUOP_REGISTER_VCPU_INFO: u32 = 10;
/// Command: sends a non-maskable interrupt. No argument.
#[doc(alias = "VCPUOP_send_nmi")]
pub const VCPUOP_SEND_NMI: u32 = 11;
/// Command: gets the physical identifiers of a pinned vCPU of dom0. See [`VcpuGetPhysid`].
#[doc(alias = "VCPUOP_get_physid")]
pub const VCPUOP_GET_PHYSID: u32 = 12;
/// Command: registers an address at which Xen maintains a copy of the clock. See
/// [`VcpuRegisterTimeMemoryArea`].
#[doc(alias = "VCPUOP_register_vcpu_time_memory_area")]
pub const VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA: u32 = 13;
/// Command: [`VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA`] by physical address (Xen 4.18).
#[doc(alias = "VCPUOP_register_runstate_phys_area")]
pub const VCPUOP_REGISTER_RUNSTATE_PHYS_AREA: u32 = 14;
/// Command: [`VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA`] by physical address (Xen 4.18).
#[doc(alias = "VCPUOP_register_vcpu_time_phys_area")]
pub const VCPUOP_REGISTER_VCPU_TIME_PHYS_AREA: u32 = 15;

/// Runstate of a vCPU: its state and the time spent in each state.
#[doc(alias = "vcpu_runstate_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuRunstateInfo {
    /// Current state.
    pub state: VcpuRunstate,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// System time in nanoseconds of the entry into this state. The top bit is
    /// [`XEN_RUNSTATE_UPDATE`].
    pub state_entry_time: u64,
    /// Nanoseconds spent in each state.
    pub time: [u64; 4],
}
const _: () = assert!(size_of::<VcpuRunstateInfo>() == 48);

/// Bit of [`VcpuRunstateInfo::state_entry_time`]: an update by Xen is in progress; the guest must
/// read again.
pub const XEN_RUNSTATE_UPDATE: u64 = 1 << 63;

open_enum! {
    /// State of a vCPU.
    pub struct VcpuRunstate(i32) {
        /// Running on a physical CPU.
        #[doc(alias = "RUNSTATE_running")]
        RUNNING = 0;
        /// Runnable, but not scheduled on a physical CPU.
        #[doc(alias = "RUNSTATE_runnable")]
        RUNNABLE = 1;
        /// Blocked until an event.
        #[doc(alias = "RUNSTATE_blocked")]
        BLOCKED = 2;
        /// Offline or paused.
        #[doc(alias = "RUNSTATE_offline")]
        OFFLINE = 3;
    }
}

/// Argument of [`VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA`].
#[doc(alias = "vcpu_register_runstate_memory_area")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuRegisterRunstateMemoryArea {
    /// Virtual address, or physical for the `phys` form.
    pub addr: u64,
}
const _: () = assert!(size_of::<VcpuRegisterRunstateMemoryArea>() == 8);

/// Argument of [`VCPUOP_SET_PERIODIC_TIMER`].
#[doc(alias = "vcpu_set_periodic_timer")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuSetPeriodicTimer {
    /// Period in nanoseconds.
    pub period_ns: u64,
}
const _: () = assert!(size_of::<VcpuSetPeriodicTimer>() == 8);

/// Argument of [`VCPUOP_SET_SINGLESHOT_TIMER`].
#[doc(alias = "vcpu_set_singleshot_timer")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuSetSingleshotTimer {
    /// Absolute system time in nanoseconds.
    pub timeout_abs_ns: u64,
    /// [`VCPU_SSHOTTMR_FUTURE`] or zero.
    pub flags: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<VcpuSetSingleshotTimer>() == 16);

/// Flag of [`VcpuSetSingleshotTimer`]: fail with ETIME if the time is in the past.
#[doc(alias = "VCPU_SSHOTTMR_future")]
pub const VCPU_SSHOTTMR_FUTURE: u32 = 1 << 0;

/// Argument of [`VCPUOP_REGISTER_VCPU_INFO`].
#[doc(alias = "vcpu_register_vcpu_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuRegisterVcpuInfo {
    /// Frame of the page.
    pub mfn: u64,
    /// Offset in the page, in bytes.
    pub offset: u32,
    /// Zero.
    pub rsvd: u32,
}
const _: () = assert!(size_of::<VcpuRegisterVcpuInfo>() == 16);

/// Argument of [`VCPUOP_GET_PHYSID`].
#[doc(alias = "vcpu_get_physid")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuGetPhysid {
    /// Out: APIC identifier in the low half, ACPI identifier in the high half.
    pub phys_id: u64,
}
const _: () = assert!(size_of::<VcpuGetPhysid>() == 8);

/// Argument of [`VCPUOP_REGISTER_VCPU_TIME_MEMORY_AREA`].
#[doc(alias = "vcpu_register_time_memory_area")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuRegisterTimeMemoryArea {
    /// Virtual address, or physical for the `phys` form.
    pub addr: u64,
}
const _: () = assert!(size_of::<VcpuRegisterTimeMemoryArea>() == 8);
