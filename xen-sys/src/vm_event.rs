//! Events of a guest that a monitor, pager or sharer takes from a ring.
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
    /// Flags of an event and its answer.
    pub struct VmEventFlags(u32) {
        /// The vCPU waits for the answer.
        #[doc(alias = "VM_EVENT_FLAG_VCPU_PAUSED")]
        VCPU_PAUSED = 1 << 0;
        /// Another domain has caused it.
        #[doc(alias = "VM_EVENT_FLAG_FOREIGN")]
        FOREIGN = 1 << 1;
        /// Answer: emulate the instruction.
        #[doc(alias = "VM_EVENT_FLAG_EMULATE")]
        EMULATE = 1 << 2;
        /// Answer: emulate without writing.
        #[doc(alias = "VM_EVENT_FLAG_EMULATE_NOWRITE")]
        EMULATE_NOWRITE = 1 << 3;
        /// Answer: switch single steps.
        #[doc(alias = "VM_EVENT_FLAG_TOGGLE_SINGLESTEP")]
        TOGGLE_SINGLESTEP = 1 << 4;
        /// Answer: emulate, reading the given data.
        #[doc(alias = "VM_EVENT_FLAG_SET_EMUL_READ_DATA")]
        SET_EMUL_READ_DATA = 1 << 5;
        /// Answer: drop the change.
        #[doc(alias = "VM_EVENT_FLAG_DENY")]
        DENY = 1 << 6;
        /// The view is given; answer: switch to it.
        #[doc(alias = "VM_EVENT_FLAG_ALTERNATE_P2M")]
        ALTERNATE_P2M = 1 << 7;
        /// Answer: set the registers.
        #[doc(alias = "VM_EVENT_FLAG_SET_REGISTERS")]
        SET_REGISTERS = 1 << 8;
        /// Answer: emulate the given instruction.
        #[doc(alias = "VM_EVENT_FLAG_SET_EMUL_INSN_DATA")]
        SET_EMUL_INSN_DATA = 1 << 9;
        /// Answer: report the next interrupt.
        #[doc(alias = "VM_EVENT_FLAG_GET_NEXT_INTERRUPT")]
        GET_NEXT_INTERRUPT = 1 << 10;
        /// Answer: one step in another view.
        #[doc(alias = "VM_EVENT_FLAG_FAST_SINGLESTEP")]
        FAST_SINGLESTEP = 1 << 11;
        /// The vCPU runs a nested guest.
        #[doc(alias = "VM_EVENT_FLAG_NESTED_P2M")]
        NESTED_P2M = 1 << 12;
        /// Answer: reset the trace.
        #[doc(alias = "VM_EVENT_FLAG_RESET_VMTRACE")]
        RESET_VMTRACE = 1 << 13;
        /// Answer: reset the fork's state.
        #[doc(alias = "VM_EVENT_FLAG_RESET_FORK_STATE")]
        RESET_FORK_STATE = 1 << 14;
        /// Answer: reset the fork's memory.
        #[doc(alias = "VM_EVENT_FLAG_RESET_FORK_MEMORY")]
        RESET_FORK_MEMORY = 1 << 15;
    }
}

open_enum! {
    /// What has happened.
    pub struct VmEventReason(u32) {
        /// Not known.
        #[doc(alias = "VM_EVENT_REASON_UNKNOWN")]
        UNKNOWN = 0;
        /// An access against the rights. See [`VmEventMemAccess`].
        #[doc(alias = "VM_EVENT_REASON_MEM_ACCESS")]
        MEM_ACCESS = 1;
        /// No memory to end sharing. See [`VmEventSharing`].
        #[doc(alias = "VM_EVENT_REASON_MEM_SHARING")]
        MEM_SHARING = 2;
        /// A page is paged out. See [`VmEventPaging`].
        #[doc(alias = "VM_EVENT_REASON_MEM_PAGING")]
        MEM_PAGING = 3;
        /// A control register was written. See [`VmEventWriteCtrlreg`].
        #[doc(alias = "VM_EVENT_REASON_WRITE_CTRLREG")]
        WRITE_CTRLREG = 4;
        /// A register was written. See [`VmEventMovToMsr`].
        #[doc(alias = "VM_EVENT_REASON_MOV_TO_MSR")]
        MOV_TO_MSR = 5;
        /// A breakpoint instruction. See [`VmEventDebug`].
        #[doc(alias = "VM_EVENT_REASON_SOFTWARE_BREAKPOINT")]
        SOFTWARE_BREAKPOINT = 6;
        /// A single step. See [`VmEventSinglestep`].
        #[doc(alias = "VM_EVENT_REASON_SINGLESTEP")]
        SINGLESTEP = 7;
        /// The guest has asked for it.
        #[doc(alias = "VM_EVENT_REASON_GUEST_REQUEST")]
        GUEST_REQUEST = 8;
        /// A debug exception. See [`VmEventDebug`].
        #[doc(alias = "VM_EVENT_REASON_DEBUG_EXCEPTION")]
        DEBUG_EXCEPTION = 9;
        /// The CPUID instruction. See [`VmEventCpuid`].
        #[doc(alias = "VM_EVENT_REASON_CPUID")]
        CPUID = 10;
        /// A call to the secure monitor (arm).
        #[doc(alias = "VM_EVENT_REASON_PRIVILEGED_CALL")]
        PRIVILEGED_CALL = 11;
        /// An interrupt. See [`VmEventInterruptX86`].
        #[doc(alias = "VM_EVENT_REASON_INTERRUPT")]
        INTERRUPT = 12;
        /// A descriptor table register. See [`VmEventDescAccess`].
        #[doc(alias = "VM_EVENT_REASON_DESCRIPTOR_ACCESS")]
        DESCRIPTOR_ACCESS = 13;
        /// An instruction that cannot be emulated.
        #[doc(alias = "VM_EVENT_REASON_EMUL_UNIMPLEMENTED")]
        EMUL_UNIMPLEMENTED = 14;
        /// An exit of the guest. See [`VmEventVmexit`].
        #[doc(alias = "VM_EVENT_REASON_VMEXIT")]
        VMEXIT = 15;
        /// An I/O instruction (Xen 4.18). See [`VmEventIo`].
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
/// Flag of [`VmEventMemAccess`]: the virtual address is known.
pub const MEM_ACCESS_GLA_VALID: u32 = 1 << 3;
/// Flag of [`VmEventMemAccess`]: by virtual address.
pub const MEM_ACCESS_FAULT_WITH_GLA: u32 = 1 << 4;
/// Flag of [`VmEventMemAccess`]: in the guest's page tables.
pub const MEM_ACCESS_FAULT_IN_GPT: u32 = 1 << 5;
/// Flag of [`VmEventPaging`]: the page is no longer needed.
pub const MEM_PAGING_DROP_PAGE: u32 = 1 << 0;
/// Flag of [`VmEventPaging`]: could not be paged out.
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
    /// Register.
    pub rax: u64,
    /// Register.
    pub rcx: u64,
    /// Register.
    pub rdx: u64,
    /// Register.
    pub rbx: u64,
    /// Register.
    pub rsp: u64,
    /// Register.
    pub rbp: u64,
    /// Register.
    pub rsi: u64,
    /// Register.
    pub rdi: u64,
    /// Register.
    pub r8: u64,
    /// Register.
    pub r9: u64,
    /// Register.
    pub r10: u64,
    /// Register.
    pub r11: u64,
    /// Register.
    pub r12: u64,
    /// Register.
    pub r13: u64,
    /// Register.
    pub r14: u64,
    /// Register.
    pub r15: u64,
    /// Register.
    pub rflags: u64,
    /// Register.
    pub dr6: u64,
    /// Register.
    pub dr7: u64,
    /// Register.
    pub rip: u64,
    /// Register.
    pub cr0: u64,
    /// Register.
    pub cr2: u64,
    /// Register.
    pub cr3: u64,
    /// Register.
    pub cr4: u64,
    /// Register.
    pub sysenter_cs: u64,
    /// Register.
    pub sysenter_esp: u64,
    /// Register.
    pub sysenter_eip: u64,
    /// Register.
    pub msr_efer: u64,
    /// Register.
    pub msr_star: u64,
    /// Register.
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
    /// Segment.
    pub cs: VmEventX86SelectorReg,
    /// Segment.
    pub ss: VmEventX86SelectorReg,
    /// Segment.
    pub ds: VmEventX86SelectorReg,
    /// Segment.
    pub es: VmEventX86SelectorReg,
    /// Segment.
    pub fs: VmEventX86SelectorReg,
    /// Segment.
    pub gs: VmEventX86SelectorReg,
    /// Register.
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

/// An access against the rights.
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

/// A control register was written.
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

/// A single step.
#[doc(alias = "vm_event_singlestep")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventSinglestep {
    /// The guest frame.
    pub gfn: u64,
}
const _: () = assert!(size_of::<VmEventSinglestep>() == 8);

/// Answer: one step in another view.
#[doc(alias = "vm_event_fast_singlestep")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventFastSinglestep {
    /// The view.
    pub p2midx: u16,
}
const _: () = assert!(size_of::<VmEventFastSinglestep>() == 2);

/// A debug event.
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

/// A register was written.
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

/// A descriptor table register was accessed.
#[doc(alias = "vm_event_desc_access")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventDescAccess {
    /// Instruction information, in the low half, and qualification.
    pub arch: [u64; 2],
    /// `VM_EVENT_DESC_*`.
    pub descriptor: u8,
    /// Whether it was written.
    pub is_write: u8,
    /// Reserved; zero.
    pub _pad: [u8; 6],
}
const _: () = assert!(size_of::<VmEventDescAccess>() == 24);

/// The CPUID instruction.
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

/// An interrupt.
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

/// A page is paged out.
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

/// No memory to end sharing.
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

/// Answer: data to read.
#[doc(alias = "vm_event_emul_read_data")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventEmulReadData {
    /// Bytes.
    pub size: u32,
    /// The data.
    pub data: [u8; 340],
}
const _: () = assert!(size_of::<VmEventEmulReadData>() == 344);

/// Answer: an instruction.
#[doc(alias = "vm_event_emul_insn_data")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventEmulInsnData {
    /// Its bytes.
    pub data: [u8; 16],
}
const _: () = assert!(size_of::<VmEventEmulInsnData>() == 16);

/// An exit of the guest.
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

/// An I/O instruction.
#[doc(alias = "vm_event_io")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventIo {
    /// Bytes.
    pub bytes: u32,
    /// The I/O port.
    pub port: u16,
    /// Whether it reads.
    #[doc(alias = "in")]
    pub in_: u8,
    /// Whether it is a string instruction.
    pub str: u8,
}
const _: () = assert!(size_of::<VmEventIo>() == 8);

/// An event, and its answer.
#[doc(alias = "vm_event_st")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VmEventSt {
    /// [`VM_EVENT_INTERFACE_VERSION`].
    pub version: u32,
    /// Flags.
    pub flags: VmEventFlags,
    /// What has happened.
    pub reason: VmEventReason,
    /// The vCPU.
    pub vcpu_id: u32,
    /// The view.
    pub altp2m_idx: u16,
    /// Reserved; zero.
    pub _pad: [u16; 3],
    /// What has happened, by reason; at the start.
    pub u: [u64; 4],
    /// Registers, or data for an answer; at the start.
    pub data: [u64; 43],
}
const _: () = assert!(size_of::<VmEventSt>() == 400);
