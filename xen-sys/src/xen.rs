//! Hypercall numbers, domain identifiers, virtual interrupts and the memory that Xen shares with a
//! guest.
//!
//! Public header: `xen.h`.
//!
//! Coverage: 134 constants and 11 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::GuestHandle;
use crate::Port;

/// A machine word of the guest ABI: 64 bits on x86-64 and on both kinds of arm.
#[doc(alias = "xen_ulong_t")]
pub type XenUlong = u64;
/// A page frame number.
#[doc(alias = "xen_pfn_t")]
pub type XenPfn = u64;

/// Hypercall: sets the virtual interrupt descriptor table (PV only).
#[doc(alias = "__HYPERVISOR_set_trap_table")]
pub const HYPERVISOR_SET_TRAP_TABLE: usize = 0;
/// Hypercall: updates page table entries (PV only).
#[doc(alias = "__HYPERVISOR_mmu_update")]
pub const HYPERVISOR_MMU_UPDATE: usize = 1;
/// Hypercall: sets the global descriptor table (PV only).
#[doc(alias = "__HYPERVISOR_set_gdt")]
pub const HYPERVISOR_SET_GDT: usize = 2;
/// Hypercall: sets the kernel stack (PV only).
#[doc(alias = "__HYPERVISOR_stack_switch")]
pub const HYPERVISOR_STACK_SWITCH: usize = 3;
/// Hypercall: sets the event and failsafe entry points (PV only).
#[doc(alias = "__HYPERVISOR_set_callbacks")]
pub const HYPERVISOR_SET_CALLBACKS: usize = 4;
/// Hypercall: sets or clears the task-switched flag (PV only).
#[doc(alias = "__HYPERVISOR_fpu_taskswitch")]
pub const HYPERVISOR_FPU_TASKSWITCH: usize = 5;
/// Hypercall: scheduling, in the form before interface version 3.1.1.
#[doc(alias = "__HYPERVISOR_sched_op_compat")]
pub const HYPERVISOR_SCHED_OP_COMPAT: usize = 6;
/// Hypercall: platform operations of the hardware domain. See [`crate::platform`].
#[doc(alias = "__HYPERVISOR_platform_op")]
pub const HYPERVISOR_PLATFORM_OP: usize = 7;
/// Hypercall: sets a debug register (PV only).
#[doc(alias = "__HYPERVISOR_set_debugreg")]
pub const HYPERVISOR_SET_DEBUGREG: usize = 8;
/// Hypercall: gets a debug register (PV only).
#[doc(alias = "__HYPERVISOR_get_debugreg")]
pub const HYPERVISOR_GET_DEBUGREG: usize = 9;
/// Hypercall: updates one segment descriptor (PV only).
#[doc(alias = "__HYPERVISOR_update_descriptor")]
pub const HYPERVISOR_UPDATE_DESCRIPTOR: usize = 10;
/// Hypercall: memory operations. See [`crate::memory`].
#[doc(alias = "__HYPERVISOR_memory_op")]
pub const HYPERVISOR_MEMORY_OP: usize = 12;
/// Hypercall: batch of hypercalls. See [`MulticallEntry`].
#[doc(alias = "__HYPERVISOR_multicall")]
pub const HYPERVISOR_MULTICALL: usize = 13;
/// Hypercall: updates the mapping of one virtual address (PV only).
#[doc(alias = "__HYPERVISOR_update_va_mapping")]
pub const HYPERVISOR_UPDATE_VA_MAPPING: usize = 14;
/// Hypercall: sets the one-shot timer of the calling vCPU to an absolute system time in
/// nanoseconds.
#[doc(alias = "__HYPERVISOR_set_timer_op")]
pub const HYPERVISOR_SET_TIMER_OP: usize = 15;
/// Hypercall: event channels, in the form before interface version 3.2.2.
#[doc(alias = "__HYPERVISOR_event_channel_op_compat")]
pub const HYPERVISOR_EVENT_CHANNEL_OP_COMPAT: usize = 16;
/// Hypercall: versions and features. See [`crate::version`].
#[doc(alias = "__HYPERVISOR_xen_version")]
pub const HYPERVISOR_XEN_VERSION: usize = 17;
/// Hypercall: reads or writes the hypervisor's own console. See [`CONSOLEIO_WRITE`].
#[doc(alias = "__HYPERVISOR_console_io")]
pub const HYPERVISOR_CONSOLE_IO: usize = 18;
/// Hypercall: physical devices, in the form before interface version 3.2.2.
#[doc(alias = "__HYPERVISOR_physdev_op_compat")]
pub const HYPERVISOR_PHYSDEV_OP_COMPAT: usize = 19;
/// Hypercall: grant table operations. See [`crate::grant_table`].
#[doc(alias = "__HYPERVISOR_grant_table_op")]
pub const HYPERVISOR_GRANT_TABLE_OP: usize = 20;
/// Hypercall: enables or disables an assist. See [`VMASST_CMD_ENABLE`].
#[doc(alias = "__HYPERVISOR_vm_assist")]
pub const HYPERVISOR_VM_ASSIST: usize = 21;
/// Hypercall: updates a mapping of another domain (PV only).
#[doc(alias = "__HYPERVISOR_update_va_mapping_otherdomain")]
pub const HYPERVISOR_UPDATE_VA_MAPPING_OTHERDOMAIN: usize = 22;
/// Hypercall: returns from an interrupt (PV only).
#[doc(alias = "__HYPERVISOR_iret")]
pub const HYPERVISOR_IRET: usize = 23;
/// Hypercall: operations on virtual CPUs. See [`crate::vcpu`].
#[doc(alias = "__HYPERVISOR_vcpu_op")]
pub const HYPERVISOR_VCPU_OP: usize = 24;
/// Hypercall: sets a segment base (PV only).
#[doc(alias = "__HYPERVISOR_set_segment_base")]
pub const HYPERVISOR_SET_SEGMENT_BASE: usize = 25;
/// Hypercall: extended page table operations (PV only). See [`MmuextOp`].
#[doc(alias = "__HYPERVISOR_mmuext_op")]
pub const HYPERVISOR_MMUEXT_OP: usize = 26;
/// Hypercall: operations of the security module. See [`crate::xsm::flask_op`].
#[doc(alias = "__HYPERVISOR_xsm_op")]
pub const HYPERVISOR_XSM_OP: usize = 27;
/// Hypercall: registers a handler of non-maskable interrupts. See [`crate::nmi`].
#[doc(alias = "__HYPERVISOR_nmi_op")]
pub const HYPERVISOR_NMI_OP: usize = 28;
/// Hypercall: scheduling. See [`crate::sched`].
#[doc(alias = "__HYPERVISOR_sched_op")]
pub const HYPERVISOR_SCHED_OP: usize = 29;
/// Hypercall: registers entry points. See [`crate::callback`].
#[doc(alias = "__HYPERVISOR_callback_op")]
pub const HYPERVISOR_CALLBACK_OP: usize = 30;
/// Hypercall: profiling; removed in Xen 4.22.
#[doc(alias = "__HYPERVISOR_xenoprof_op")]
pub const HYPERVISOR_XENOPROF_OP: usize = 31;
/// Hypercall: event channel operations. See [`crate::event_channel`].
#[doc(alias = "__HYPERVISOR_event_channel_op")]
pub const HYPERVISOR_EVENT_CHANNEL_OP: usize = 32;
/// Hypercall: physical interrupts and PCI devices. See [`crate::physdev`].
#[doc(alias = "__HYPERVISOR_physdev_op")]
pub const HYPERVISOR_PHYSDEV_OP: usize = 33;
/// Hypercall: parameters and controls of HVM and PVH guests. See [`crate::hvm::hvm_op`].
#[doc(alias = "__HYPERVISOR_hvm_op")]
pub const HYPERVISOR_HVM_OP: usize = 34;
/// Hypercall: control of the host by the toolstack. See [`crate::sysctl`].
#[doc(alias = "__HYPERVISOR_sysctl")]
pub const HYPERVISOR_SYSCTL: usize = 35;
/// Hypercall: control of domains by the toolstack. See [`crate::domctl`].
#[doc(alias = "__HYPERVISOR_domctl")]
pub const HYPERVISOR_DOMCTL: usize = 36;
/// Hypercall: loads and starts a kernel in place of the hypervisor. See [`crate::kexec`].
#[doc(alias = "__HYPERVISOR_kexec_op")]
pub const HYPERVISOR_KEXEC_OP: usize = 37;
/// Hypercall: transcendent memory; removed.
#[doc(alias = "__HYPERVISOR_tmem_op")]
pub const HYPERVISOR_TMEM_OP: usize = 38;
/// Hypercall: messages between domains. See [`crate::argo`].
#[doc(alias = "__HYPERVISOR_argo_op")]
pub const HYPERVISOR_ARGO_OP: usize = 39;
/// Hypercall: performance counters. See [`crate::pmu`].
#[doc(alias = "__HYPERVISOR_xenpmu_op")]
pub const HYPERVISOR_XENPMU_OP: usize = 40;
/// Hypercall: operations of a device model. See [`crate::hvm::dm_op`].
#[doc(alias = "__HYPERVISOR_dm_op")]
pub const HYPERVISOR_DM_OP: usize = 41;
/// Hypercall: parameter tree of the hypervisor. See [`crate::hypfs`].
#[doc(alias = "__HYPERVISOR_hypfs_op")]
pub const HYPERVISOR_HYPFS_OP: usize = 42;
/// Hypercall: first number reserved for the architecture; machine checks on x86.
#[doc(alias = "__HYPERVISOR_arch_0")]
pub const HYPERVISOR_ARCH_0: usize = 48;
/// Hypercall: second number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_1")]
pub const HYPERVISOR_ARCH_1: usize = 49;
/// Hypercall: third number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_2")]
pub const HYPERVISOR_ARCH_2: usize = 50;
/// Hypercall: fourth number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_3")]
pub const HYPERVISOR_ARCH_3: usize = 51;
/// Hypercall: fifth number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_4")]
pub const HYPERVISOR_ARCH_4: usize = 52;
/// Hypercall: sixth number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_5")]
pub const HYPERVISOR_ARCH_5: usize = 53;
/// Hypercall: seventh number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_6")]
pub const HYPERVISOR_ARCH_6: usize = 54;
/// Hypercall: eighth number reserved for the architecture.
#[doc(alias = "__HYPERVISOR_arch_7")]
pub const HYPERVISOR_ARCH_7: usize = 55;

open_enum! {
    /// A virtual interrupt line: an event that Xen itself raises.
    pub struct Virq(u32) {
        /// Expired timer of the vCPU. One per vCPU.
        #[doc(alias = "VIRQ_TIMER")]
        TIMER = 0;
        /// Request to print the state of the guest. One per vCPU.
        #[doc(alias = "VIRQ_DEBUG")]
        DEBUG = 1;
        /// Input on the hypervisor's console. Global, dom0.
        #[doc(alias = "VIRQ_CONSOLE")]
        CONSOLE = 2;
        /// Change of a domain's state: shut down, destroyed and others. Global, dom0.
        #[doc(alias = "VIRQ_DOM_EXC")]
        DOM_EXC = 3;
        /// Records in the trace buffer. Global, dom0.
        #[doc(alias = "VIRQ_TBUF")]
        TBUF = 4;
        /// Domain stopped for a debugger. Global, dom0.
        #[doc(alias = "VIRQ_DEBUGGER")]
        DEBUGGER = 6;
        /// Profiling sample. One per vCPU.
        #[doc(alias = "VIRQ_XENOPROF")]
        XENOPROF = 7;
        /// Output on the hypervisor's console. Global, dom0.
        #[doc(alias = "VIRQ_CON_RING")]
        CON_RING = 8;
        /// Change of a physical CPU's state. Global, dom0.
        #[doc(alias = "VIRQ_PCPU_STATE")]
        PCPU_STATE = 9;
        /// Memory event. Global, dom0.
        #[doc(alias = "VIRQ_MEM_EVENT")]
        MEM_EVENT = 10;
        /// Argo message, or space for one. Global.
        #[doc(alias = "VIRQ_ARGO")]
        ARGO = 11;
        /// Low memory in the hypervisor's heap. Global, dom0.
        #[doc(alias = "VIRQ_ENOMEM")]
        ENOMEM = 12;
        /// Overflow of a performance counter. One per vCPU.
        #[doc(alias = "VIRQ_XENPMU")]
        XENPMU = 13;
        /// First line reserved for the architecture; machine checks on x86.
        #[doc(alias = "VIRQ_ARCH_0")]
        ARCH_0 = 16;
        /// Second line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_1")]
        ARCH_1 = 17;
        /// Third line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_2")]
        ARCH_2 = 18;
        /// Fourth line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_3")]
        ARCH_3 = 19;
        /// Fifth line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_4")]
        ARCH_4 = 20;
        /// Sixth line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_5")]
        ARCH_5 = 21;
        /// Seventh line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_6")]
        ARCH_6 = 22;
        /// Eighth line reserved for the architecture.
        #[doc(alias = "VIRQ_ARCH_7")]
        ARCH_7 = 23;
    }
}

/// Number of virtual interrupt lines, including unassigned ones.
pub const NR_VIRQS: u32 = 24;
/// Command of [`HYPERVISOR_CONSOLE_IO`]: writes bytes.
#[doc(alias = "CONSOLEIO_write")]
pub const CONSOLEIO_WRITE: u32 = 0;
/// Command of [`HYPERVISOR_CONSOLE_IO`]: reads input.
#[doc(alias = "CONSOLEIO_read")]
pub const CONSOLEIO_READ: u32 = 1;
/// Command of [`HYPERVISOR_VM_ASSIST`]: enables an assist.
#[doc(alias = "VMASST_CMD_enable")]
pub const VMASST_CMD_ENABLE: u32 = 0;
/// Command of [`HYPERVISOR_VM_ASSIST`]: disables an assist.
#[doc(alias = "VMASST_CMD_disable")]
pub const VMASST_CMD_DISABLE: u32 = 1;
/// Assist: 4 GiB segments for 32-bit PV guests.
#[doc(alias = "VMASST_TYPE_4gb_segments")]
pub const VMASST_TYPE_4GB_SEGMENTS: u32 = 0;
/// Assist: trap 15 when the segment assist is used.
#[doc(alias = "VMASST_TYPE_4gb_segments_notify")]
pub const VMASST_TYPE_4GB_SEGMENTS_NOTIFY: u32 = 1;
/// Assist: page tables that a PV guest may write.
#[doc(alias = "VMASST_TYPE_writable_pagetables")]
pub const VMASST_TYPE_WRITABLE_PAGETABLES: u32 = 2;
/// Assist: page directories above 4 GiB for 32-bit PV guests.
#[doc(alias = "VMASST_TYPE_pae_extended_cr3")]
pub const VMASST_TYPE_PAE_EXTENDED_CR3: u32 = 3;
/// Assist: I/O privilege level as in the CPU, for PV guests.
#[doc(alias = "VMASST_TYPE_architectural_iopl")]
pub const VMASST_TYPE_ARCHITECTURAL_IOPL: u32 = 4;
/// Assist: marks runstate areas while Xen updates them. See [`crate::vcpu::XEN_RUNSTATE_UPDATE`].
#[doc(alias = "VMASST_TYPE_runstate_update_flag")]
pub const VMASST_TYPE_RUNSTATE_UPDATE_FLAG: u32 = 5;
/// Assist: hides the machine-to-physical table from PV user mode.
#[doc(alias = "VMASST_TYPE_m2p_strict")]
pub const VMASST_TYPE_M2P_STRICT: u32 = 32;

ident! {
    /// A domain's number. Numbers from 0x7ff0 on are reserved and have names here.
    #[doc(alias = "domid_t")]
    pub struct DomId(u16);
}

impl DomId {
    /// The first reserved number; ordinary domains stay below.
    #[doc(alias = "DOMID_FIRST_RESERVED")]
    pub const FIRST_RESERVED: Self = Self(0x7ff0);
    /// The calling domain itself.
    #[doc(alias = "DOMID_SELF")]
    pub const SELF: Self = Self(0x7ff0);
    /// The owner of device memory; for mapping I/O pages.
    #[doc(alias = "DOMID_IO")]
    pub const IO: Self = Self(0x7ff1);
    /// The hypervisor, as owner of pages that it shares.
    #[doc(alias = "DOMID_XEN")]
    pub const XEN: Self = Self(0x7ff2);
    /// The owner of pages that are shared copy-on-write.
    #[doc(alias = "DOMID_COW")]
    pub const COW: Self = Self(0x7ff3);
    /// No domain.
    #[doc(alias = "DOMID_INVALID")]
    pub const INVALID: Self = Self(0x7ff4);
    /// Any domain; where an interface allows a wildcard (Xen 4.22).
    #[doc(alias = "DOMID_ANY")]
    pub const ANY: Self = Self(0x7ff5);
    /// The domain that runs when no other does.
    #[doc(alias = "DOMID_IDLE")]
    pub const IDLE: Self = Self(0x7fff);
    /// The bits that a domain number uses.
    #[doc(alias = "DOMID_MASK")]
    pub const MASK: u16 = 0x7fff;
}

/// One call of a [`HYPERVISOR_MULTICALL`] batch.
#[doc(alias = "multicall_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MulticallEntry {
    /// Number of the hypercall.
    pub op: XenUlong,
    /// Out: the call's result.
    pub result: XenUlong,
    /// The call's arguments.
    pub args: [XenUlong; 6],
}
const _: () = assert!(size_of::<MulticallEntry>() == 64);

/// Xen's clock as one vCPU sees it; written by Xen, guarded by `version`.
#[doc(alias = "vcpu_time_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuTimeInfo {
    /// Odd while Xen writes the other fields; changes with each update.
    pub version: u32,
    /// Unused.
    pub pad0: u32,
    /// Time stamp counter at the last update.
    pub tsc_timestamp: u64,
    /// Nanoseconds since boot at the last update.
    pub system_time: u64,
    /// Nanoseconds per (shifted) tick, as a fraction of 2^32.
    pub tsc_to_system_mul: u32,
    /// Left shift of the tick count before the multiplication; negative for a right shift.
    pub tsc_shift: i8,
    /// Flags of the clock.
    pub flags: PvclockFlags,
    /// Unused.
    pub pad1: [u8; 2],
}
const _: () = assert!(size_of::<VcpuTimeInfo>() == 32);

flags! {
    /// Flags of [`VcpuTimeInfo`].
    pub struct PvclockFlags(u8) {
        /// Clock that is monotonic across vCPUs.
        #[doc(alias = "XEN_PVCLOCK_TSC_STABLE_BIT")]
        TSC_STABLE = 1 << 0;
        /// Long stop of the guest; a watchdog should not fire.
        #[doc(alias = "XEN_PVCLOCK_GUEST_STOPPED")]
        GUEST_STOPPED = 1 << 1;
    }
}

by_architecture! { SharedInfo, VcpuInfo, XEN_LEGACY_MAX_VCPUS }

flags! {
    /// Flags of the start information, PV and PVH alike.
    pub struct StartInfoFlags(u32) {
        /// The domain may use privileged operations.
        #[doc(alias = "SIF_PRIVILEGED")]
        PRIVILEGED = 1 << 0;
        /// The domain is the initial domain, dom0.
        #[doc(alias = "SIF_INITDOMAIN")]
        INITDOMAIN = 1 << 1;
        /// The module list has the multiboot format.
        #[doc(alias = "SIF_MULTIBOOT_MOD")]
        MULTIBOOT_MOD = 1 << 2;
        /// The module's address is a frame number.
        #[doc(alias = "SIF_MOD_START_PFN")]
        MOD_START_PFN = 1 << 3;
        /// The tools support a virtually mapped frame list.
        #[doc(alias = "SIF_VIRT_P2M_4TOOLS")]
        VIRT_P2M_4TOOLS = 1 << 4;
        /// Power management options.
        #[doc(alias = "SIF_PM_MASK")]
        PM_MASK = 0xff00;
    }
}

/// A boot module, in the format of [`StartInfoFlags::MULTIBOOT_MOD`].
#[doc(alias = "xen_multiboot_mod_list")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMultibootModList {
    /// Address of the first byte.
    pub mod_start: u32,
    /// Address of the last byte.
    pub mod_end: u32,
    /// Address of the command line, terminated by a zero byte.
    pub cmdline: u32,
    /// Zero.
    pub pad: u32,
}
const _: () = assert!(size_of::<XenMultibootModList>() == 16);

/// A bitmap in the caller's memory.
#[doc(alias = "xenctl_bitmap")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenctlBitmap {
    /// The bytes.
    pub bitmap: GuestHandle,
    /// Length in bits.
    pub nr_bits: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenctlBitmap>() == 16);

/// A domain's UUID.
#[doc(alias = "xen_domain_handle_t")]
pub type XenDomainHandle = [u8; 16];

/// Page table update (PV): normal, checked.
pub const MMU_NORMAL_PT_UPDATE: u32 = 0;
/// Page table update (PV): entry of the machine-to-physical table.
pub const MMU_MACHPHYS_UPDATE: u32 = 1;
/// Page table update (PV): accessed and dirty bits are preserved.
pub const MMU_PT_UPDATE_PRESERVE_AD: u32 = 2;
/// Page table update (PV): frame numbers are machine frames.
pub const MMU_PT_UPDATE_NO_TRANSLATE: u32 = 3;
/// Flag of a mapping's update (PV): no flush.
pub const UVMF_NONE: u32 = 0x0;
/// Flag of a mapping's update (PV): flush everything.
pub const UVMF_TLB_FLUSH: u32 = 1 << 0;
/// Flag of a mapping's update (PV): flush one address.
pub const UVMF_INVLPG: u32 = 0x2;
/// Mask of the kind of flush.
pub const UVMF_FLUSHTYPE_MASK: u32 = 0x3;
/// Flag of a mapping's update (PV): on some CPUs.
pub const UVMF_MULTI: u32 = 0x0;
/// Flag of a mapping's update (PV): on this CPU.
pub const UVMF_LOCAL: u32 = 0x0;
/// Flag of a mapping's update (PV): on all CPUs.
pub const UVMF_ALL: u32 = 1 << 2;
/// Extended operation (PV): pins a page as a level 1 table.
pub const MMUEXT_PIN_L1_TABLE: u32 = 0;
/// Extended operation (PV): pins a page as a level 2 table.
pub const MMUEXT_PIN_L2_TABLE: u32 = 1;
/// Extended operation (PV): pins a page as a level 3 table.
pub const MMUEXT_PIN_L3_TABLE: u32 = 2;
/// Extended operation (PV): pins a page as a level 4 table.
pub const MMUEXT_PIN_L4_TABLE: u32 = 3;
/// Extended operation (PV): unpins a table.
pub const MMUEXT_UNPIN_TABLE: u32 = 4;
/// Extended operation (PV): switches the root table.
pub const MMUEXT_NEW_BASEPTR: u32 = 5;
/// Extended operation (PV): flushes this CPU.
pub const MMUEXT_TLB_FLUSH_LOCAL: u32 = 6;
/// Extended operation (PV): flushes an address on this CPU.
pub const MMUEXT_INVLPG_LOCAL: u32 = 7;
/// Extended operation (PV): flushes some CPUs.
pub const MMUEXT_TLB_FLUSH_MULTI: u32 = 8;
/// Extended operation (PV): flushes an address on some CPUs.
pub const MMUEXT_INVLPG_MULTI: u32 = 9;
/// Extended operation (PV): flushes all CPUs.
pub const MMUEXT_TLB_FLUSH_ALL: u32 = 10;
/// Extended operation (PV): flushes an address on all CPUs.
pub const MMUEXT_INVLPG_ALL: u32 = 11;
/// Extended operation (PV): writes the caches back.
pub const MMUEXT_FLUSH_CACHE: u32 = 12;
/// Extended operation (PV): sets the local descriptor table.
pub const MMUEXT_SET_LDT: u32 = 13;
/// Extended operation (PV): switches the root table of user mode.
pub const MMUEXT_NEW_USER_BASEPTR: u32 = 15;
/// Extended operation (PV): clears a page.
pub const MMUEXT_CLEAR_PAGE: u32 = 16;
/// Extended operation (PV): copies a page.
pub const MMUEXT_COPY_PAGE: u32 = 17;
/// Extended operation (PV): writes the caches of all CPUs back.
pub const MMUEXT_FLUSH_CACHE_GLOBAL: u32 = 18;
/// Extended operation (PV): marks a superpage.
pub const MMUEXT_MARK_SUPER: u32 = 19;
/// Extended operation (PV): unmarks a superpage.
pub const MMUEXT_UNMARK_SUPER: u32 = 20;

/// An extended operation of a PV guest.
#[doc(alias = "mmuext_op")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MmuextOp {
    /// `MMUEXT_*`.
    pub cmd: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// A frame, or a virtual address.
    pub arg1: u64,
    /// Number of entries (low half), address of a CPU bitmap, or frame.
    pub arg2: u64,
}
const _: () = assert!(size_of::<MmuextOp>() == 24);

/// A page table update of a PV guest.
#[doc(alias = "mmu_update")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct MmuUpdate {
    /// Machine address of the entry; the kind of update in the two low bits.
    pub ptr: u64,
    /// The new entry.
    pub val: u64,
}
const _: () = assert!(size_of::<MmuUpdate>() == 16);

/// Bytes of [`StartInfo::cmd_line`].
pub const MAX_GUEST_CMDLINE: usize = 1024;

/// The start information of a PV guest.
#[doc(alias = "start_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct StartInfo {
    /// `xen-` and a version, terminated by a zero byte.
    pub magic: [u8; 32],
    /// Memory in pages.
    pub nr_pages: u64,
    /// Machine address of [`SharedInfo`].
    pub shared_info: u64,
    /// Flags of the domain.
    pub flags: StartInfoFlags,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Frame of the xenstore ring.
    pub store_mfn: XenPfn,
    /// Port of the xenstore ring.
    pub store_evtchn: Port,
    /// Padding; zero.
    pub _pad1: [u8; 4],
    /// Console: frame and port of the ring; for dom0, offset and size of [`Dom0VgaConsoleInfo`].
    pub console: [u64; 2],
    /// Virtual address of the page table root.
    pub pt_base: u64,
    /// Number of frames of the initial page tables.
    pub nr_pt_frames: u64,
    /// Virtual address of the frame list.
    pub mfn_list: u64,
    /// Virtual address, or frame, of the module.
    pub mod_start: u64,
    /// Size of the module in bytes.
    pub mod_len: u64,
    /// The command line, terminated by a zero byte.
    pub cmd_line: [u8; 1024],
    /// First frame of the initial frame list.
    pub first_p2m_pfn: u64,
    /// Number of frames of the initial frame list.
    pub nr_p2m_frames: u64,
}
const _: () = assert!(size_of::<StartInfo>() == 1168);

/// Kind of screen: text.
pub const XEN_VGATYPE_TEXT_MODE_3: u8 = 0x3;
/// Kind of screen: frame buffer set up by VESA BIOS.
pub const XEN_VGATYPE_VESA_LFB: u8 = 0x23;
/// Kind of screen: frame buffer set up by EFI.
pub const XEN_VGATYPE_EFI_LFB: u8 = 0x70;

/// Video settings of the console at the start of dom0.
#[doc(alias = "dom0_vga_console_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Dom0VgaConsoleInfo {
    /// `XEN_VGATYPE_*`.
    pub video_type: u8,
    /// Padding; zero.
    pub _pad0: [u8; 3],
    /// For a frame buffer: width in pixels. For text: font height in pixels.
    #[doc(alias = "u.vesa_lfb.width")]
    pub width: u16,
    /// For a frame buffer: height in pixels. For text: cursor column.
    #[doc(alias = "u.vesa_lfb.height")]
    pub height: u16,
    /// For a frame buffer: bytes per line. For text: cursor row.
    #[doc(alias = "u.vesa_lfb.bytes_per_line")]
    pub bytes_per_line: u16,
    /// For a frame buffer: bits per pixel. For text: number of rows.
    #[doc(alias = "u.vesa_lfb.bits_per_pixel")]
    pub bits_per_pixel: u16,
    /// For a frame buffer: physical address, low half. For text: number of columns, in the first
    /// two bytes.
    #[doc(alias = "u.vesa_lfb.lfb_base")]
    pub lfb_base: u32,
    /// Size in units of 64 KiB.
    #[doc(alias = "u.vesa_lfb.lfb_size")]
    pub lfb_size: u32,
    /// Position of red.
    #[doc(alias = "u.vesa_lfb.red_pos")]
    pub red_pos: u8,
    /// Width of red.
    #[doc(alias = "u.vesa_lfb.red_size")]
    pub red_size: u8,
    /// Position of green.
    #[doc(alias = "u.vesa_lfb.green_pos")]
    pub green_pos: u8,
    /// Width of green.
    #[doc(alias = "u.vesa_lfb.green_size")]
    pub green_size: u8,
    /// Position of blue.
    #[doc(alias = "u.vesa_lfb.blue_pos")]
    pub blue_pos: u8,
    /// Width of blue.
    #[doc(alias = "u.vesa_lfb.blue_size")]
    pub blue_size: u8,
    /// Position of the unused bits.
    #[doc(alias = "u.vesa_lfb.rsvd_pos")]
    pub rsvd_pos: u8,
    /// Width of the unused bits.
    #[doc(alias = "u.vesa_lfb.rsvd_size")]
    pub rsvd_size: u8,
    /// Capabilities.
    #[doc(alias = "u.vesa_lfb.gbl_caps")]
    pub gbl_caps: u32,
    /// Attributes of the mode.
    #[doc(alias = "u.vesa_lfb.mode_attrs")]
    pub mode_attrs: u16,
    /// Zero.
    #[doc(alias = "u.vesa_lfb.pad")]
    pub pad: u16,
    /// Physical address, high half.
    #[doc(alias = "u.vesa_lfb.ext_lfb_base")]
    pub ext_lfb_base: u32,
}
const _: () = assert!(size_of::<Dom0VgaConsoleInfo>() == 40);

/// A UUID.
#[doc(alias = "xen_uuid_t")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenUuid {
    /// Bytes in the order of the text form.
    pub a: [u8; 16],
}
const _: () = assert!(size_of::<XenUuid>() == 16);
