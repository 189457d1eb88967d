//! Registers with which a vCPU of an HVM or PVH guest starts; for
//! [`crate::vcpu::VCPUOP_INITIALISE`].
//!
//! Public header: `hvm/hvm_vcpu.h`.
//!
//! Coverage: 2 constants and 3 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// State for a start in 32-bit mode, paging on or off.
#[doc(alias = "vcpu_hvm_x86_32")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuHvmX8632 {
    /// Register `eax`.
    pub eax: u32,
    /// Register `ecx`.
    pub ecx: u32,
    /// Register `edx`.
    pub edx: u32,
    /// Register `ebx`.
    pub ebx: u32,
    /// Stack pointer.
    pub esp: u32,
    /// Register `ebp`.
    pub ebp: u32,
    /// Register `esi`.
    pub esi: u32,
    /// Register `edi`.
    pub edi: u32,
    /// Instruction pointer.
    pub eip: u32,
    /// Flags.
    pub eflags: u32,
    /// Control register 0.
    pub cr0: u32,
    /// Control register 3.
    pub cr3: u32,
    /// Control register 4.
    pub cr4: u32,
    /// Reserved; zero.
    pub pad1: u32,
    /// Extended feature register.
    pub efer: u64,
    /// Base of the code segment.
    pub cs_base: u32,
    /// Base of the data segment.
    pub ds_base: u32,
    /// Base of the stack segment.
    pub ss_base: u32,
    /// Base of the extra segment.
    pub es_base: u32,
    /// Base of the task segment.
    pub tr_base: u32,
    /// Limit of the code segment.
    pub cs_limit: u32,
    /// Limit of the data segment.
    pub ds_limit: u32,
    /// Limit of the stack segment.
    pub ss_limit: u32,
    /// Limit of the extra segment.
    pub es_limit: u32,
    /// Limit of the task segment.
    pub tr_limit: u32,
    /// Access rights of the code segment.
    pub cs_ar: u16,
    /// Access rights of the data segment.
    pub ds_ar: u16,
    /// Access rights of the stack segment.
    pub ss_ar: u16,
    /// Access rights of the extra segment.
    pub es_ar: u16,
    /// Access rights of the task segment.
    pub tr_ar: u16,
    /// Reserved; zero.
    pub pad2: [u16; 3],
}
const _: () = assert!(size_of::<VcpuHvmX8632>() == 120);

/// State for a start in 64-bit mode, with flat segments.
#[doc(alias = "vcpu_hvm_x86_64")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuHvmX8664 {
    /// Register `rax`.
    pub rax: u64,
    /// Register `rcx`.
    pub rcx: u64,
    /// Register `rdx`.
    pub rdx: u64,
    /// Register `rbx`.
    pub rbx: u64,
    /// Stack pointer.
    pub rsp: u64,
    /// Register `rbp`.
    pub rbp: u64,
    /// Register `rsi`.
    pub rsi: u64,
    /// Register `rdi`.
    pub rdi: u64,
    /// Instruction pointer.
    pub rip: u64,
    /// Flags.
    pub rflags: u64,
    /// Control register 0.
    pub cr0: u64,
    /// Control register 3.
    pub cr3: u64,
    /// Control register 4.
    pub cr4: u64,
    /// Extended feature register.
    pub efer: u64,
}
const _: () = assert!(size_of::<VcpuHvmX8664>() == 112);

/// Argument of [`crate::vcpu::VCPUOP_INITIALISE`].
#[doc(alias = "vcpu_hvm_context")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuHvmContext {
    /// `VCPU_HVM_MODE_*`.
    pub mode: u32,
    /// Reserved; zero.
    pub pad: u32,
    /// [`VcpuHvmX8632`] or [`VcpuHvmX8664`] at the start.
    pub cpu_regs: [u64; 15],
}
const _: () = assert!(size_of::<VcpuHvmContext>() == 128);

/// Mode: 32-bit.
pub const VCPU_HVM_MODE_32B: u32 = 0;
/// Mode: 64-bit.
pub const VCPU_HVM_MODE_64B: u32 = 1;
