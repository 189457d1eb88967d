//! Events of a guest in a ring of a monitor, pager or sharer.
//!
//! Public header: `vm_event.h`.
//!
//! Coverage: 54 constants and 19 structures, of Xen 4.17 and 4.20; left out, for the reasons in
//! `abi/left-out.txt`: `vm_event_back_ring`, `vm_event_front_ring`, `vm_event_sring`,
//! `vm_event_sring_entry`.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Value of [`VmEventSt::version`].
pub const VM_EVENT_INTERFACE_VERSION: u32 = 0x7;

flags! {
    /// Flags of an event and its response.
    pub struct VmEventFlags(u32) {
        /// The vCPU is paused until the response.
        #[doc(alias = "VM_EVENT_FLAG_VCPU_PAUSED")]
        VCPU_PAUSED = 1 << 0;
        /// Another domain caused the event.
        #[doc(alias = "VM_EVENT_FLAG_FOREIGN")]
        FOREIGN = 1 << 1;
        /// Response: emulate the instruction.
        #[doc(alias = "VM_EVENT_FLAG_EMULATE")]
        EMULATE = 1 << 2;
        /// Response: emulate the instruction without its writes.
        #[doc(alias = "VM_EVENT_FLAG_EMULATE_NOWRITE")]
        EMULATE_NOWRITE = 1 << 3;
        /// Response: toggle single-stepping.
        #[doc(alias = "VM_EVENT_FLAG_TOGGLE_SINGLESTEP")]
        TOGGLE_SINGLESTEP = 1 << 4;
        /// Response: emulate the instruction with the given data for reads.
        #[doc(alias = "VM_EVENT_FLAG_SET_EMUL_READ_DATA")]
        SET_EMUL_READ_DATA = 1 << 5;
        /// Response: deny the change.
        #[doc(alias = "VM_EVENT_FLAG_DENY")]
        DENY = 1 << 6;
        /// A view is given; in a response: switch to it.
        #[doc(alias = "VM_EVENT_FLAG_ALTERNATE_P2M")]
        ALTERNATE_P2M = 1 << 7;
        /// Response: set the registers.
        #[doc(alias = "VM_EVENT_FLAG_SET_REGISTERS")]
        SET_REGISTERS = 1 << 8;
        /// Response: emulate the given instruction.
        #[doc(alias = "VM_EVENT_FLAG_SET_EMUL_INSN_DATA")]
        SET_EMUL_INSN_DATA = 1 << 9;
        /// Response: report the next interrupt.
        #[doc(alias = "VM_EVENT_FLAG_GET_NEXT_INTERRUPT")]
        GET_NEXT_INTERRUPT = 1 << 10;
        /// Response: one step in another view.
        #[doc(alias = "VM_EVENT_FLAG_FAST_SINGLESTEP")]
        FAST_SINGLESTEP = 1 << 11;
        /// The vCPU runs a nested guest.
        #[doc(alias = "VM_EVENT_FLAG_NESTED_P2M")]
        NESTED_P2M = 1 << 12;
        /// Response: reset the trace.
        #[doc(alias = "VM_EVENT_FLAG_RESET_VMTRACE")]
        RESET_VMTRACE = 1 << 13;
        /// Response: reset the state of the fork.
        #[doc(alias = "VM_EVENT_FLAG_RESET_FORK_STATE")]
        RESET_FORK_STATE = 1 << 14;
        /// Response: reset the memory of the fork.
        #[doc(alias = "VM_EVENT_FLAG_RESET_FORK_MEMORY")]
        RESET_FORK_MEMORY = 1 << 15;
    }
}

open_enum! {
    /// Reason of an event.
    pub struct VmEventReason(u32) {
        /// Unknown.
        #[doc(alias = "VM_EVENT_REASON_UNKNOWN")]
        UNKNOWN = 0;
        /// Access that violates the access rights. See [`VmEventMemAccess`].
        #[doc(alias = "VM_EVENT_REASON_MEM_ACCESS")]
        MEM_ACCESS = 1;
        /// Lack of memory to unshare a page. See [`VmEventSharing`].
        #[doc(alias = "VM_EVENT_REASON_MEM_SHARING")]
        MEM_SHARING = 2;
        /// Access to a page that is paged out. See [`VmEventPaging`].
        #[doc(alias = "VM_EVENT_REASON_MEM_PAGING")]
        MEM_PAGING = 3;
        /// Write of a control register. See [`VmEventWriteCtrlreg`].
        #[doc(alias = "VM_EVENT_REASON_WRITE_CTRLREG")]
        WRITE_CTRLREG = 4;
        /// Write of a model-specific register. See [`VmEventMovToMsr`].
        #[doc(alias = "VM_EVENT_REASON_MOV_TO_MSR")]
        MOV_TO_MSR = 5;
        /// Breakpoint instruction. See [`VmEventDebug`].
        #[doc(alias = "VM_EVENT_REASON_SOFTWARE_BREAKPOINT")]
        SOFTWARE_BREAKPOINT = 6;
        /// Single step. See [`VmEventSinglestep`].
        #[doc(alias = "VM_EVENT_REASON_SINGLESTEP")]
        SINGLESTEP = 7;
        /// Request of the guest.
        #[doc(alias = "VM_EVENT_REASON_GUEST_REQUEST")]
        GUEST_REQUEST = 8;
        /// Debug exception. See [`VmEventDebug`].
        #[doc(alias = "VM_EVENT_REASON_DEBUG_EXCEPTION")]
        DEBUG_EXCEPTION = 9;
        /// CPUID instruction. See [`VmEventCpuid`].
        #[doc(alias = "VM_EVENT_REASON_CPUID")]
        CPUID = 10;
        /// Call to the secure monitor (arm).
        #[doc(alias = "VM_EVENT_REASON_PRIVILEGED_CALL")]
        PRIVILEGED_CALL = 11;
        /// Interrupt. See [`VmEventInterruptX86`].
        #[doc(alias = "VM_EVENT_REASON_INTERRUPT")]
        INTERRUPT = 12;
        /// Access to a descriptor table register. See [`VmEventDescAccess`].
        #[doc(alias = "VM_EVENT_REASON_DESCRIPTOR_ACCESS")]
        DESCRIPTOR_ACCESS = 13;
        /// Instruction that Xen cannot emulate.
        #[doc(alias = "VM_EVENT_REASON_EMUL_UNIMPLEMENTED")]
        EMUL_UNIMPLEMENTED = 14;
        /// VM exit. See [`VmEventVmexit`].
        #[doc(alias = "VM_EVENT_REASON_VMEXIT")]
        VMEXIT = 15;
        /// I/O instruction (Xen 4.18). See [`VmEventIo`].
        #[doc(alias = "VM_EVENT_REASON_IO_INSTRUCTION")]
        IO_INSTRUCTION = 16;
    }
}

/// Control register 0.
pub const VM_EVENT_X86_CR0: u32 = 0;
/// Control register 3.
pub const VM_EVENT_X86_CR3: u32 = 1;
/// Control register 4.
pub const VM_EVENT_X86_CR4: u32 = 2;
/// Extended control register 0.
pub const VM_EVENT_X86_XCR0: u32 = 3;
/// Flag of [`VmEventMemAccess`]: read.
pub const MEM_ACCESS_R: u32 = 1 << 0;
/// Flag of [`VmEventMemAccess`]: write.
pub const MEM_ACCESS_W: u32 = 1 << 1;
/// Flag of [`VmEventMemAccess`]: execute.
pub const MEM_ACCESS_X: u32 = 1 << 2;
/// Flags of [`VmEventMemAccess`]: read and write.
pub const MEM_ACCESS_RW: u32 = 3;
/// Flags of [`VmEventMemAccess`]: read and execute.
pub const MEM_ACCESS_RX: u32 = 5;
/// Flags of [`VmEventMemAccess`]: write and execute.
pub const MEM_ACCESS_WX: u32 = 6;
/// Flags of [`VmEventMemAccess`]: all.
pub const MEM_ACCESS_RWX: u32 = 7;
/// Flag of [`VmEventMemAccess`]: the virtual address is valid.
pub const MEM_ACCESS_GLA_VALID: u32 = 1 << 3;
/// Flag of [`VmEventMemAccess`]: fault of an access by virtual address.
pub const MEM_ACCESS_FAULT_WITH_GLA: u32 = 1 << 4;
/// Flag of [`VmEventMemAccess`]: fault of an access to the guest's page tables.
pub const MEM_ACCESS_FAULT_IN_GPT: u32 = 1 << 5;
/// Flag of [`VmEventPaging`]: drop the page.
pub const MEM_PAGING_DROP_PAGE: u32 = 1 << 0;
/// Flag of [`VmEventPaging`]: the eviction failed.
pub const MEM_PAGING_EVICT_FAIL: u32 = 1 << 1;

/// Register: interrupt table.
pub const VM_EVENT_DESC_IDTR: u8 = 1;
/// Register: global descriptor table.
pub const VM_EVENT_DESC_GDTR: u8 = 2;
/// Register: local descriptor table.
pub const VM_EVENT_DESC_LDTR: u8 = 3;
/// Register: task.
pub const VM_EVENT_DESC_TR: u8 = 4;

/// A segment.
#[doc(alias = "vm_event_x86_selector_reg")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventX86SelectorReg {
    /// Limit in bits 0 to 19 (in pages where the attributes say so), attributes in bits 20 to 31.
    pub bits: u32,
}
const _: () = assert!(size_of::<VmEventX86SelectorReg>() == 4);

/// Registers on x86.
#[doc(alias = "vm_event_regs_x86")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventRegsX86 {
    /// Register `rax`.
    pub rax: u64,
    /// Register `rcx`.
    pub rcx: u64,
    /// Register `rdx`.
    pub rdx: u64,
    /// Register `rbx`.
    pub rbx: u64,
    /// Register `rsp`.
    pub rsp: u64,
    /// Register `rbp`.
    pub rbp: u64,
    /// Register `rsi`.
    pub rsi: u64,
    /// Register `rdi`.
    pub rdi: u64,
    /// Register `r8`.
    pub r8: u64,
    /// Register `r9`.
    pub r9: u64,
    /// Register `r10`.
    pub r10: u64,
    /// Register `r11`.
    pub r11: u64,
    /// Register `r12`.
    pub r12: u64,
    /// Register `r13`.
    pub r13: u64,
    /// Register `r14`.
    pub r14: u64,
    /// Register `r15`.
    pub r15: u64,
    /// Register `rflags`.
    pub rflags: u64,
    /// Register `dr6`.
    pub dr6: u64,
    /// Register `dr7`.
    pub dr7: u64,
    /// Register `rip`.
    pub rip: u64,
    /// Register `cr0`.
    pub cr0: u64,
    /// Register `cr2`.
    pub cr2: u64,
    /// Register `cr3`.
    pub cr3: u64,
    /// Register `cr4`.
    pub cr4: u64,
    /// Register `sysenter_cs`.
    pub sysenter_cs: u64,
    /// Register `sysenter_esp`.
    pub sysenter_esp: u64,
    /// Register `sysenter_eip`.
    pub sysenter_eip: u64,
    /// Register `efer`.
    pub msr_efer: u64,
    /// Register `star`.
    pub msr_star: u64,
    /// Register `lstar`.
    pub msr_lstar: u64,
    /// Base of GDTR.
    pub gdtr_base: u64,
    /// Base of NPT.
    pub npt_base: u64,
    /// Position in the trace.
    pub vmtrace_pos: u64,
    /// Base of CS.
    pub cs_base: u32,
    /// Base of SS.
    pub ss_base: u32,
    /// Base of DS.
    pub ds_base: u32,
    /// Base of ES.
    pub es_base: u32,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS.
    pub gs_base: u64,
    /// Segment register `cs`.
    pub cs: VmEventX86SelectorReg,
    /// Segment register `ss`.
    pub ss: VmEventX86SelectorReg,
    /// Segment register `ds`.
    pub ds: VmEventX86SelectorReg,
    /// Segment register `es`.
    pub es: VmEventX86SelectorReg,
    /// Segment register `fs`.
    pub fs: VmEventX86SelectorReg,
    /// Segment register `gs`.
    pub gs: VmEventX86SelectorReg,
    /// Register `shadow_gs`.
    pub shadow_gs: u64,
    /// Limit of GDTR.
    pub gdtr_limit: u16,
    /// Selector of CS.
    pub cs_sel: u16,
    /// Selector of SS.
    pub ss_sel: u16,
    /// Selector of DS.
    pub ds_sel: u16,
    /// Selector of ES.
    pub es_sel: u16,
    /// Selector of FS.
    pub fs_sel: u16,
    /// Selector of GS.
    pub gs_sel: u16,
    /// Reserved; zero.
    pub _pad: u16,
}
const _: () = assert!(size_of::<VmEventRegsX86>() == 344);

/// Registers on arm.
#[doc(alias = "vm_event_regs_arm")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventRegsArm {
    /// First translation table.
    pub ttbr0: u64,
    /// Second translation table.
    pub ttbr1: u64,
    /// Translation control.
    pub ttbcr: u64,
    /// Program counter.
    pub pc: u64,
    /// Processor state.
    pub cpsr: u64,
}
const _: () = assert!(size_of::<VmEventRegsArm>() == 40);

/// Access that violates the access rights.
#[doc(alias = "vm_event_mem_access")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventMemAccess {
    /// The guest frame.
    pub gfn: u64,
    /// Offset in the frame.
    pub offset: u64,
    /// Virtual address.
    pub gla: u64,
    /// `MEM_ACCESS_*`.
    pub flags: u32,
    /// Reserved; zero.
    pub _pad: u32,
}
const _: () = assert!(size_of::<VmEventMemAccess>() == 32);

/// Write of a control register.
#[doc(alias = "vm_event_write_ctrlreg")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventWriteCtrlreg {
    /// `VM_EVENT_X86_*`.
    pub index: u32,
    /// Reserved; zero.
    pub _pad: u32,
    /// New value.
    pub new_value: u64,
    /// Old value.
    pub old_value: u64,
}
const _: () = assert!(size_of::<VmEventWriteCtrlreg>() == 24);

/// Single step.
#[doc(alias = "vm_event_singlestep")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventSinglestep {
    /// The guest frame.
    pub gfn: u64,
}
const _: () = assert!(size_of::<VmEventSinglestep>() == 8);

/// Response: one step in another view.
#[doc(alias = "vm_event_fast_singlestep")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventFastSinglestep {
    /// The view.
    pub p2midx: u16,
}
const _: () = assert!(size_of::<VmEventFastSinglestep>() == 2);

/// Debug event.
#[doc(alias = "vm_event_debug")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventDebug {
    /// The guest frame.
    pub gfn: u64,
    /// Pending debug state.
    pub pending_dbg: u64,
    /// Length of the instruction.
    pub insn_length: u32,
    /// Kind of event.
    #[doc(alias = "type")]
    pub type_: u8,
    /// Reserved; zero.
    pub _pad: [u8; 3],
}
const _: () = assert!(size_of::<VmEventDebug>() == 24);

/// Write of a model-specific register.
#[doc(alias = "vm_event_mov_to_msr")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventMovToMsr {
    /// The register.
    pub msr: u64,
    /// New value.
    pub new_value: u64,
    /// Old value.
    pub old_value: u64,
}
const _: () = assert!(size_of::<VmEventMovToMsr>() == 24);

/// Access to a descriptor table register.
#[doc(alias = "vm_event_desc_access")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventDescAccess {
    /// Instruction information, in the low half, and qualification.
    pub arch: [u64; 2],
    /// `VM_EVENT_DESC_*`.
    pub descriptor: u8,
    /// Direction: 1 for a write, 0 for a read.
    pub is_write: u8,
    /// Reserved; zero.
    pub _pad: [u8; 6],
}
const _: () = assert!(size_of::<VmEventDescAccess>() == 24);

/// CPUID instruction.
#[doc(alias = "vm_event_cpuid")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventCpuid {
    /// Length of the instruction.
    pub insn_length: u32,
    /// The leaf.
    pub leaf: u32,
    /// The subleaf.
    pub subleaf: u32,
    /// Reserved; zero.
    pub _pad: u32,
}
const _: () = assert!(size_of::<VmEventCpuid>() == 16);

/// Interrupt.
#[doc(alias = "vm_event_interrupt_x86")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventInterruptX86 {
    /// The vector.
    pub vector: u32,
    /// Kind.
    #[doc(alias = "type")]
    pub type_: u32,
    /// Error code.
    pub error_code: u32,
    /// Reserved; zero.
    pub _pad: u32,
    /// Address, for a page fault.
    pub cr2: u64,
}
const _: () = assert!(size_of::<VmEventInterruptX86>() == 24);

/// Access to a page that is paged out.
#[doc(alias = "vm_event_paging")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventPaging {
    /// The guest frame.
    pub gfn: u64,
    /// Type of the frame.
    pub p2mt: u32,
    /// `MEM_PAGING_*`.
    pub flags: u32,
}
const _: () = assert!(size_of::<VmEventPaging>() == 16);

/// Lack of memory to unshare a page.
#[doc(alias = "vm_event_sharing")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventSharing {
    /// The guest frame.
    pub gfn: u64,
    /// Type of the frame.
    pub p2mt: u32,
    /// Reserved; zero.
    pub _pad: u32,
}
const _: () = assert!(size_of::<VmEventSharing>() == 16);

/// Response: data for reads.
#[doc(alias = "vm_event_emul_read_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventEmulReadData {
    /// Number of bytes.
    pub size: u32,
    /// The data.
    pub data: [u8; 340],
}
const _: () = assert!(size_of::<VmEventEmulReadData>() == 344);

/// Response: an instruction.
#[doc(alias = "vm_event_emul_insn_data")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventEmulInsnData {
    /// Bytes of the instruction.
    pub data: [u8; 16],
}
const _: () = assert!(size_of::<VmEventEmulInsnData>() == 16);

/// VM exit.
#[doc(alias = "vm_event_vmexit")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventVmexit {
    /// The reason.
    #[doc(alias = "arch.vmx.reason")]
    pub reason: u64,
    /// The qualification.
    #[doc(alias = "arch.vmx.qualification")]
    pub qualification: u64,
}
const _: () = assert!(size_of::<VmEventVmexit>() == 16);

/// I/O instruction.
#[doc(alias = "vm_event_io")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventIo {
    /// Size of the access in bytes.
    pub bytes: u32,
    /// The I/O port.
    pub port: u16,
    /// Direction: 1 for input, 0 for output.
    #[doc(alias = "in")]
    pub in_: u8,
    /// String instruction: 1 if it is one.
    pub str: u8,
}
const _: () = assert!(size_of::<VmEventIo>() == 8);

/// An event and its response.
#[doc(alias = "vm_event_st")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventSt {
    /// [`VM_EVENT_INTERFACE_VERSION`].
    pub version: u32,
    /// Flags.
    pub flags: VmEventFlags,
    /// Reason of the event.
    pub reason: VmEventReason,
    /// The vCPU.
    pub vcpu_id: u32,
    /// The view.
    pub altp2m_idx: u16,
    /// Reserved; zero.
    pub _pad: [u16; 3],
    /// Details by reason, at the start.
    pub u: [u64; 4],
    /// Registers, or data of a response, at the start.
    pub data: [u64; 43],
}
const _: () = assert!(size_of::<VmEventSt>() == 400);
