//! The parts of the ABI that only 64-bit x86 guests have.
//!
//! Public header: `arch-x86/xen-x86_64.h`.
//!
//! Coverage: 34 constants and 3 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `VGCF_IN_SYSCALL`, `machine_to_phys_mapping`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The x86-64 part of [`crate::xen::VcpuInfo`].
#[doc(alias = "arch_vcpu_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct ArchVcpuInfo {
    /// Address of the last page fault (PV only).
    pub cr2: u64,
    /// Unused.
    pub pad: u64,
}
const _: () = assert!(size_of::<ArchVcpuInfo>() == 16);

/// Selector that Xen provides: 32-bit code, user mode.
pub const FLAT_RING3_CS32: u16 = 0xe023;
/// Selector that Xen provides: 64-bit code, user mode.
pub const FLAT_RING3_CS64: u16 = 0xe033;
/// Selector that Xen provides: 32-bit data, user mode.
pub const FLAT_RING3_DS32: u16 = 0xe02b;
/// Selector that Xen provides: 64-bit data, user mode.
pub const FLAT_RING3_DS64: u16 = 0x0;
/// Selector that Xen provides: 32-bit stack, user mode.
pub const FLAT_RING3_SS32: u16 = 0xe02b;
/// Selector that Xen provides: 64-bit stack, user mode.
pub const FLAT_RING3_SS64: u16 = 0xe02b;
/// 64-bit data of a PV kernel.
pub const FLAT_KERNEL_DS64: u16 = 0;
/// 32-bit data of a PV kernel.
pub const FLAT_KERNEL_DS32: u16 = 57387;
/// Data of a PV kernel.
pub const FLAT_KERNEL_DS: u16 = 0;
/// 64-bit code of a PV kernel.
pub const FLAT_KERNEL_CS64: u16 = 57395;
/// 32-bit code of a PV kernel.
pub const FLAT_KERNEL_CS32: u16 = 57379;
/// Code of a PV kernel.
pub const FLAT_KERNEL_CS: u16 = 57395;
/// 64-bit stack of a PV kernel.
pub const FLAT_KERNEL_SS64: u16 = 57387;
/// 32-bit stack of a PV kernel.
pub const FLAT_KERNEL_SS32: u16 = 57387;
/// Stack of a PV kernel.
pub const FLAT_KERNEL_SS: u16 = 57387;
/// 64-bit data of a PV guest's programs.
pub const FLAT_USER_DS64: u16 = 0;
/// 32-bit data of a PV guest's programs.
pub const FLAT_USER_DS32: u16 = 57387;
/// Data of a PV guest's programs.
pub const FLAT_USER_DS: u16 = 0;
/// 64-bit code of a PV guest's programs.
pub const FLAT_USER_CS64: u16 = 57395;
/// 32-bit code of a PV guest's programs.
pub const FLAT_USER_CS32: u16 = 57379;
/// Code of a PV guest's programs.
pub const FLAT_USER_CS: u16 = 57395;
/// 64-bit stack of a PV guest's programs.
pub const FLAT_USER_SS64: u16 = 57387;
/// 32-bit stack of a PV guest's programs.
pub const FLAT_USER_SS32: u16 = 57387;
/// Stack of a PV guest's programs.
pub const FLAT_USER_SS: u16 = 57387;

/// Start of Xen's part of a PV guest's address space.
pub const HYPERVISOR_VIRT_START: u64 = 18446603336221196288;
/// End of Xen's part of a PV guest's address space.
pub const HYPERVISOR_VIRT_END: u64 = 18446612132314218496;
/// Start of the machine-to-physical table.
pub const MACH2PHYS_VIRT_START: u64 = 18446603336221196288;
/// End of the machine-to-physical table.
pub const MACH2PHYS_VIRT_END: u64 = 18446603611099103232;
/// Entries of the machine-to-physical table.
pub const MACH2PHYS_NR_ENTRIES: u64 = 34359738368;

/// Segment base to set: FS.
pub const SEGBASE_FS: u32 = 0;
/// Segment base to set: GS in user mode.
pub const SEGBASE_GS_USER: u32 = 1;
/// Segment base to set: GS in the kernel.
pub const SEGBASE_GS_KERNEL: u32 = 2;
/// Segment base to set: GS in user mode, by selector.
pub const SEGBASE_GS_USER_SEL: u32 = 3;

/// Frame that a PV kernel pushes for [`crate::xen::HYPERVISOR_IRET`].
#[doc(alias = "iret_context")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct IretContext {
    /// Register `rax`.
    pub rax: u64,
    /// Register `r11`.
    pub r11: u64,
    /// Register `rcx`.
    pub rcx: u64,
    /// Zero, or the flag of a system call.
    pub flags: u64,
    /// Instruction pointer.
    pub rip: u64,
    /// Code segment.
    pub cs: u64,
    /// Flags.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack segment.
    pub ss: u64,
}
const _: () = assert!(size_of::<IretContext>() == 72);

/// A guest's registers.
#[doc(alias = "cpu_user_regs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct CpuUserRegs {
    /// Register `r15`.
    pub r15: u64,
    /// Register `r14`.
    pub r14: u64,
    /// Register `r13`.
    pub r13: u64,
    /// Register `r12`.
    pub r12: u64,
    /// Register `rbp`.
    pub rbp: u64,
    /// Register `rbx`.
    pub rbx: u64,
    /// Register `r11`.
    pub r11: u64,
    /// Register `r10`.
    pub r10: u64,
    /// Register `r9`.
    pub r9: u64,
    /// Register `r8`.
    pub r8: u64,
    /// Register `rax`.
    pub rax: u64,
    /// Register `rcx`.
    pub rcx: u64,
    /// Register `rdx`.
    pub rdx: u64,
    /// Register `rsi`.
    pub rsi: u64,
    /// Register `rdi`.
    pub rdi: u64,
    /// Error code; Xen's own.
    pub error_code: u32,
    /// Vector; Xen's own.
    pub entry_vector: u32,
    /// Instruction pointer.
    pub rip: u64,
    /// Code segment.
    pub cs: u16,
    /// Reserved; zero.
    pub _pad0: [u16; 1],
    /// Event mask at the interrupt: non-zero if events were masked.
    pub saved_upcall_mask: u8,
    /// Reserved; zero.
    pub _pad1: [u8; 3],
    /// Flags.
    pub rflags: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Stack segment.
    pub ss: u16,
    /// Reserved; zero.
    pub _pad2: [u16; 3],
    /// Segment register `es`.
    pub es: u16,
    /// Reserved; zero.
    pub _pad3: [u16; 3],
    /// Segment register `ds`.
    pub ds: u16,
    /// Reserved; zero.
    pub _pad4: [u16; 3],
    /// Segment register `fs`.
    pub fs: u16,
    /// Reserved; zero.
    pub _pad5: [u16; 3],
    /// Segment register `gs`.
    pub gs: u16,
    /// Reserved; zero.
    pub _pad6: [u16; 3],
}
const _: () = assert!(size_of::<CpuUserRegs>() == 200);
