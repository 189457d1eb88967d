//! The parts of the x86 ABI that 32-bit and 64-bit guests share. Layouts are those of x86-64.
//!
//! Public header: `arch-x86/xen.h`.
//!
//! Coverage: 25 constants and 6 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `PRI_xen_pfn`, `PRI_xen_ulong`, `PRIu_xen_pfn`, `VGCF_I387_VALID`,
//! `VGCF_IN_KERNEL`, `XEN_EMULATE_PREFIX`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::arch_x86::xen_x86_64::CpuUserRegs;
use crate::xen::XenPfn;

/// The x86 part of [`crate::xen::SharedInfo`]. PV guests use it; others find zeros.
#[doc(alias = "arch_shared_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct ArchSharedInfo {
    /// Number of frames in the frame list.
    pub max_pfn: u64,
    /// Frame of the root of the frame list.
    pub pfn_to_mfn_frame_list_list: XenPfn,
    /// Reason of a non-maskable interrupt. See [`crate::nmi`].
    pub nmi_reason: u64,
    /// Page table root of the linear frame list; zero where that is not used.
    pub p2m_cr3: u64,
    /// Virtual address of the linear frame list.
    pub p2m_vaddr: u64,
    /// Odd while the guest changes the mapping of the frame list.
    pub p2m_generation: u64,
}
const _: () = assert!(size_of::<ArchSharedInfo>() == 48);

/// The I/O port that prints a byte on the hypervisor's console, for HVM and PVH guests.
pub const XEN_HVM_DEBUGCONS_IOPORT: u16 = 0xe9;

/// First page of a PV guest's descriptor table that is Xen's.
pub const FIRST_RESERVED_GDT_PAGE: usize = 14;
/// First byte of a PV guest's descriptor table that is Xen's.
pub const FIRST_RESERVED_GDT_BYTE: usize = 57344;
/// First entry of a PV guest's descriptor table that is Xen's.
pub const FIRST_RESERVED_GDT_ENTRY: usize = 7168;

/// An entry of a PV guest's interrupt table.
#[doc(alias = "trap_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TrapInfo {
    /// The vector.
    pub vector: u8,
    /// Privilege level in bits 0 to 1; bit 2: events are masked at entry.
    pub flags: u8,
    /// Code segment.
    pub cs: u16,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Entry point.
    pub address: u64,
}
const _: () = assert!(size_of::<TrapInfo>() == 16);

flags! {
    /// Flags of [`VcpuGuestContext`].
    pub struct VgcfFlags(u64) {
        /// The floating point state is valid.
        #[doc(alias = "VGCF_i387_valid")]
        I387_VALID = 1 << 0;
        /// The vCPU is in kernel mode.
        #[doc(alias = "VGCF_in_kernel")]
        IN_KERNEL = 1 << 2;
        /// Events are masked at the failsafe entry.
        #[doc(alias = "VGCF_failsafe_disables_events")]
        FAILSAFE_DISABLES_EVENTS = 1 << 3;
        /// Events are masked at the system call entry.
        #[doc(alias = "VGCF_syscall_disables_events")]
        SYSCALL_DISABLES_EVENTS = 1 << 4;
        /// The vCPU is to be up.
        #[doc(alias = "VGCF_online")]
        ONLINE = 1 << 5;
        /// The vCPU is in a system call.
        #[doc(alias = "VGCF_in_syscall")]
        IN_SYSCALL = 1 << 8;
    }
}

/// State with which a vCPU of a PV guest starts. HVM and PVH guests use
/// [`crate::hvm::hvm_vcpu::VcpuHvmContext`].
#[doc(alias = "vcpu_guest_context")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuGuestContext {
    /// Floating point state.
    pub fpu_ctxt: [u64; 64],
    /// Flags.
    pub flags: VgcfFlags,
    /// Registers.
    pub user_regs: CpuUserRegs,
    /// Interrupt table.
    pub trap_ctxt: [TrapInfo; 256],
    /// Address of the local descriptor table.
    pub ldt_base: u64,
    /// Entries of the local descriptor table.
    pub ldt_ents: u64,
    /// Frames of the descriptor table.
    pub gdt_frames: [u64; 16],
    /// Entries of the descriptor table.
    pub gdt_ents: u64,
    /// Stack segment of the kernel.
    pub kernel_ss: u64,
    /// Stack pointer of the kernel.
    pub kernel_sp: u64,
    /// Control registers.
    pub ctrlreg: [u64; 8],
    /// Debug registers.
    pub debugreg: [u64; 8],
    /// Entry point of events.
    pub event_callback_eip: u64,
    /// Entry point of the failsafe.
    pub failsafe_callback_eip: u64,
    /// Entry point of system calls.
    pub syscall_callback_eip: u64,
    /// Enabled assists.
    pub vm_assist: u64,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS in the kernel.
    pub gs_base_kernel: u64,
    /// Base of GS in user mode.
    pub gs_base_user: u64,
}
const _: () = assert!(size_of::<VcpuGuestContext>() == 5168);

flags! {
    /// Devices that Xen emulates for a guest.
    pub struct EmulationFlags(u32) {
        /// Local APIC.
        #[doc(alias = "XEN_X86_EMU_LAPIC")]
        LAPIC = 1 << 0;
        /// High precision timer.
        #[doc(alias = "XEN_X86_EMU_HPET")]
        HPET = 1 << 1;
        /// ACPI power management.
        #[doc(alias = "XEN_X86_EMU_PM")]
        PM = 1 << 2;
        /// Clock.
        #[doc(alias = "XEN_X86_EMU_RTC")]
        RTC = 1 << 3;
        /// I/O APIC.
        #[doc(alias = "XEN_X86_EMU_IOAPIC")]
        IOAPIC = 1 << 4;
        /// Interrupt controller.
        #[doc(alias = "XEN_X86_EMU_PIC")]
        PIC = 1 << 5;
        /// Screen.
        #[doc(alias = "XEN_X86_EMU_VGA")]
        VGA = 1 << 6;
        /// Device address translation.
        #[doc(alias = "XEN_X86_EMU_IOMMU")]
        IOMMU = 1 << 7;
        /// Interval timer.
        #[doc(alias = "XEN_X86_EMU_PIT")]
        PIT = 1 << 8;
        /// Interrupts of devices as event channels.
        #[doc(alias = "XEN_X86_EMU_USE_PIRQ")]
        USE_PIRQ = 1 << 9;
        /// PCI configuration.
        #[doc(alias = "XEN_X86_EMU_VPCI")]
        VPCI = 1 << 10;
        /// All.
        #[doc(alias = "XEN_X86_EMU_ALL")]
        ALL = 2047;
    }
}

/// The x86 part of a new domain's configuration.
#[doc(alias = "xen_arch_domainconfig")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArchDomainconfig {
    /// Emulated devices.
    pub emulation_flags: EmulationFlags,
    /// [`XEN_X86_MSR_RELAXED`] and others.
    pub misc_flags: u32,
}
const _: () = assert!(size_of::<XenArchDomainconfig>() == 8);

/// Flag of [`XenArchDomainconfig`]: unknown registers read as zero.
pub const XEN_X86_MSR_RELAXED: u32 = 0x1;
/// The highest flag of [`XenArchDomainconfig`].
pub const XEN_X86_MISC_FLAGS_MAX: u32 = 1;
/// Value of [`XenCpuidLeaf::subleaf`]: the leaf has none.
pub const XEN_CPUID_NO_SUBLEAF: u32 = 0xffffffff;

/// A CPUID leaf of a CPU policy.
#[doc(alias = "xen_cpuid_leaf")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenCpuidLeaf {
    /// The leaf.
    pub leaf: u32,
    /// The subleaf.
    pub subleaf: u32,
    /// EAX.
    pub a: u32,
    /// EBX.
    pub b: u32,
    /// ECX.
    pub c: u32,
    /// EDX.
    pub d: u32,
}
const _: () = assert!(size_of::<XenCpuidLeaf>() == 24);

/// A register of a CPU policy.
#[doc(alias = "xen_msr_entry")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenMsrEntry {
    /// The register.
    pub idx: u32,
    /// Flags.
    pub flags: u32,
    /// Value.
    pub val: u64,
}
const _: () = assert!(size_of::<XenMsrEntry>() == 16);
