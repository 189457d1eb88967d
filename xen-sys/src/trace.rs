//! Records of the trace buffers.
//!
//! Public header: `trace.h`.
//!
//! Coverage: 175 constants and 3 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Maximum number of words of data in a record.
pub const TRACE_EXTRA_MAX: usize = 7;

/// Shift of the number of words of data.
pub const TRACE_EXTRA_SHIFT: u32 = 28;
/// Shift of the class.
pub const TRC_CLS_SHIFT: u32 = 16;
/// Shift of the subclass.
pub const TRC_SUBCLS_SHIFT: u32 = 12;
/// All classes.
pub const TRC_ALL: u32 = 0xffff000;
/// Bit of an event: addresses have 64 bits.
pub const TRC_64_FLAG: u32 = 0x100;
/// Bit of the first word: a time stamp follows.
pub const TRC_HD_CYCLE_FLAG: u32 = 1 << 31;
/// Width of the scheduler's field.
pub const TRC_SCHED_ID_BITS: u32 = 3;
/// Shift of the scheduler's field.
pub const TRC_SCHED_ID_SHIFT: u32 = 9;
/// Mask of the scheduler's field.
pub const TRC_SCHED_ID_MASK: u32 = 0xe00;
/// Scheduler: credit.
pub const TRC_SCHED_CSCHED: u32 = 0;
/// Scheduler: credit 2.
pub const TRC_SCHED_CSCHED2: u32 = 1;
/// Scheduler: ARINC 653.
pub const TRC_SCHED_ARINC653: u32 = 3;
/// Scheduler: real time.
pub const TRC_SCHED_RTDS: u32 = 4;
/// Scheduler: one vCPU per CPU.
pub const TRC_SCHED_SNULL: u32 = 5;
/// Field of a hypercall's record: arguments that are present.
pub const TRC_PV_HYPERCALL_V2_ARG_MASK: u32 = 0xfff00000;
/// Bit of an event: of a nested guest.
pub const TRC_HVM_NESTEDFLAG: u32 = 0x400;
/// Class of events: trace itself.
pub const TRC_GEN: u32 = 0x1f000;
/// Event of trace itself: lost records.
pub const TRC_LOST_RECORDS: u32 = 126977;
/// Event of trace itself: trace wrap buffer.
pub const TRC_TRACE_WRAP_BUFFER: u32 = 126978;
/// Event of trace itself: trace cpu change.
pub const TRC_TRACE_CPU_CHANGE: u32 = 126979;
/// Subclass of events of scheduling: min.
pub const TRC_SCHED_MIN: u32 = 0x21000;
/// Event of scheduling: runstate change.
pub const TRC_SCHED_RUNSTATE_CHANGE: u32 = 135169;
/// Event of scheduling: continue running.
pub const TRC_SCHED_CONTINUE_RUNNING: u32 = 135170;
/// Subclass of events of scheduling: class.
pub const TRC_SCHED_CLASS: u32 = 0x22000;
/// Subclass of events of scheduling: verbose.
pub const TRC_SCHED_VERBOSE: u32 = 0x28000;
/// Event of scheduling: dom add.
pub const TRC_SCHED_DOM_ADD: u32 = 163841;
/// Event of scheduling: dom rem.
pub const TRC_SCHED_DOM_REM: u32 = 163842;
/// Event of scheduling: sleep.
pub const TRC_SCHED_SLEEP: u32 = 163843;
/// Event of scheduling: wake.
pub const TRC_SCHED_WAKE: u32 = 163844;
/// Event of scheduling: yield.
pub const TRC_SCHED_YIELD: u32 = 163845;
/// Event of scheduling: block.
pub const TRC_SCHED_BLOCK: u32 = 163846;
/// Event of scheduling: shutdown.
pub const TRC_SCHED_SHUTDOWN: u32 = 163847;
/// Event of scheduling: ctl.
pub const TRC_SCHED_CTL: u32 = 163848;
/// Event of scheduling: adjdom.
pub const TRC_SCHED_ADJDOM: u32 = 163849;
/// Event of scheduling: switch.
pub const TRC_SCHED_SWITCH: u32 = 163850;
/// Event of scheduling: s timer fn.
pub const TRC_SCHED_S_TIMER_FN: u32 = 163851;
/// Event of scheduling: t timer fn.
pub const TRC_SCHED_T_TIMER_FN: u32 = 163852;
/// Event of scheduling: dom timer fn.
pub const TRC_SCHED_DOM_TIMER_FN: u32 = 163853;
/// Event of scheduling: switch infprev.
pub const TRC_SCHED_SWITCH_INFPREV: u32 = 163854;
/// Event of scheduling: switch infnext.
pub const TRC_SCHED_SWITCH_INFNEXT: u32 = 163855;
/// Event of scheduling: shutdown code.
pub const TRC_SCHED_SHUTDOWN_CODE: u32 = 163856;
/// Event of scheduling: switch infcont.
pub const TRC_SCHED_SWITCH_INFCONT: u32 = 163857;
/// Class of events: scheduling.
pub const TRC_SCHED: u32 = 0x2f000;
/// Subclass of events of operations of dom0: domops.
pub const TRC_DOM0_DOMOPS: u32 = 0x41000;
/// Event of operations of dom0: dom add.
pub const TRC_DOM0_DOM_ADD: u32 = 266241;
/// Event of operations of dom0: dom rem.
pub const TRC_DOM0_DOM_REM: u32 = 266242;
/// Class of events: operations of dom0.
pub const TRC_DOM0OP: u32 = 0x4f000;
/// Subclass of events of HVM and PVH guests: entryexit.
pub const TRC_HVM_ENTRYEXIT: u32 = 0x81000;
/// Event of HVM and PVH guests: vmentry.
pub const TRC_HVM_VMENTRY: u32 = 0x81001;
/// Event of HVM and PVH guests: vmexit.
pub const TRC_HVM_VMEXIT: u32 = 0x81002;
/// Event of HVM and PVH guests: vmx exit.
pub const TRC_HVM_VMX_EXIT: u32 = 528386;
/// Event of HVM and PVH guests: svm exit.
pub const TRC_HVM_SVM_EXIT: u32 = 528387;
/// Event of HVM and PVH guests: vmexit, 64-bit.
pub const TRC_HVM_VMEXIT64: u32 = 0x81102;
/// Event of HVM and PVH guests: vmx exit, 64-bit.
pub const TRC_HVM_VMX_EXIT64: u32 = 528642;
/// Event of HVM and PVH guests: svm exit, 64-bit.
pub const TRC_HVM_SVM_EXIT64: u32 = 528643;
/// Subclass of events of HVM and PVH guests: handler.
pub const TRC_HVM_HANDLER: u32 = 0x82000;
/// Event of HVM and PVH guests: pf xen.
pub const TRC_HVM_PF_XEN: u32 = 0x82001;
/// Event of HVM and PVH guests: pf inject.
pub const TRC_HVM_PF_INJECT: u32 = 0x82002;
/// Event of HVM and PVH guests: inj exc.
pub const TRC_HVM_INJ_EXC: u32 = 0x82003;
/// Event of HVM and PVH guests: inj virq.
pub const TRC_HVM_INJ_VIRQ: u32 = 0x82004;
/// Event of HVM and PVH guests: reinj virq.
pub const TRC_HVM_REINJ_VIRQ: u32 = 0x82005;
/// Event of HVM and PVH guests: io read.
pub const TRC_HVM_IO_READ: u32 = 0x82006;
/// Event of HVM and PVH guests: io write.
pub const TRC_HVM_IO_WRITE: u32 = 0x82007;
/// Event of HVM and PVH guests: cr read.
pub const TRC_HVM_CR_READ: u32 = 0x82008;
/// Event of HVM and PVH guests: cr write.
pub const TRC_HVM_CR_WRITE: u32 = 0x82009;
/// Event of HVM and PVH guests: dr read.
pub const TRC_HVM_DR_READ: u32 = 0x8200a;
/// Event of HVM and PVH guests: dr write.
pub const TRC_HVM_DR_WRITE: u32 = 0x8200b;
/// Event of HVM and PVH guests: msr read.
pub const TRC_HVM_MSR_READ: u32 = 0x8200c;
/// Event of HVM and PVH guests: msr write.
pub const TRC_HVM_MSR_WRITE: u32 = 0x8200d;
/// Event of HVM and PVH guests: cpuid.
pub const TRC_HVM_CPUID: u32 = 0x8200e;
/// Event of HVM and PVH guests: intr.
pub const TRC_HVM_INTR: u32 = 0x8200f;
/// Event of HVM and PVH guests: nmi.
pub const TRC_HVM_NMI: u32 = 0x82010;
/// Event of HVM and PVH guests: smi.
pub const TRC_HVM_SMI: u32 = 0x82011;
/// Event of HVM and PVH guests: vmmcall.
pub const TRC_HVM_VMMCALL: u32 = 0x82012;
/// Event of HVM and PVH guests: hlt.
pub const TRC_HVM_HLT: u32 = 0x82013;
/// Event of HVM and PVH guests: invlpg.
pub const TRC_HVM_INVLPG: u32 = 0x82014;
/// Event of HVM and PVH guests: mce.
pub const TRC_HVM_MCE: u32 = 0x82015;
/// Event of HVM and PVH guests: ioport read.
pub const TRC_HVM_IOPORT_READ: u32 = 0x82016;
/// Event of HVM and PVH guests: iomem read.
pub const TRC_HVM_IOMEM_READ: u32 = 0x82017;
/// Event of HVM and PVH guests: clts.
pub const TRC_HVM_CLTS: u32 = 0x82018;
/// Event of HVM and PVH guests: lmsw.
pub const TRC_HVM_LMSW: u32 = 0x82019;
/// Event of HVM and PVH guests: rdtsc.
pub const TRC_HVM_RDTSC: u32 = 0x8201a;
/// Event of HVM and PVH guests: intr window.
pub const TRC_HVM_INTR_WINDOW: u32 = 0x82020;
/// Event of HVM and PVH guests: npf.
pub const TRC_HVM_NPF: u32 = 0x82021;
/// Event of HVM and PVH guests: realmode emulate.
pub const TRC_HVM_REALMODE_EMULATE: u32 = 0x82022;
/// Event of HVM and PVH guests: trap.
pub const TRC_HVM_TRAP: u32 = 0x82023;
/// Event of HVM and PVH guests: trap debug.
pub const TRC_HVM_TRAP_DEBUG: u32 = 0x82024;
/// Event of HVM and PVH guests: vlapic.
pub const TRC_HVM_VLAPIC: u32 = 0x82025;
/// Event of HVM and PVH guests: pf xen, 64-bit.
pub const TRC_HVM_PF_XEN64: u32 = 0x82101;
/// Event of HVM and PVH guests: pf inject, 64-bit.
pub const TRC_HVM_PF_INJECT64: u32 = 0x82102;
/// Event of HVM and PVH guests: cr read, 64-bit.
pub const TRC_HVM_CR_READ64: u32 = 0x82108;
/// Event of HVM and PVH guests: cr write, 64-bit.
pub const TRC_HVM_CR_WRITE64: u32 = 0x82109;
/// Event of HVM and PVH guests: invlpg, 64-bit.
pub const TRC_HVM_INVLPG64: u32 = 0x82114;
/// Event of HVM and PVH guests: lmsw, 64-bit.
pub const TRC_HVM_LMSW64: u32 = 0x82119;
/// Event of HVM and PVH guests: xcr read, 64-bit.
pub const TRC_HVM_XCR_READ64: u32 = 0x82126;
/// Event of HVM and PVH guests: xcr write, 64-bit.
pub const TRC_HVM_XCR_WRITE64: u32 = 0x82127;
/// Event of HVM and PVH guests: ioport write.
pub const TRC_HVM_IOPORT_WRITE: u32 = 0x82216;
/// Event of HVM and PVH guests: iomem write.
pub const TRC_HVM_IOMEM_WRITE: u32 = 0x82217;
/// Subclass of events of HVM and PVH guests: emul.
pub const TRC_HVM_EMUL: u32 = 0x84000;
/// Event of HVM and PVH guests: emul hpet start timer.
pub const TRC_HVM_EMUL_HPET_START_TIMER: u32 = 0x84001;
/// Event of HVM and PVH guests: emul pit start timer.
pub const TRC_HVM_EMUL_PIT_START_TIMER: u32 = 0x84002;
/// Event of HVM and PVH guests: emul rtc start timer.
pub const TRC_HVM_EMUL_RTC_START_TIMER: u32 = 0x84003;
/// Event of HVM and PVH guests: emul lapic start timer.
pub const TRC_HVM_EMUL_LAPIC_START_TIMER: u32 = 0x84004;
/// Event of HVM and PVH guests: emul hpet stop timer.
pub const TRC_HVM_EMUL_HPET_STOP_TIMER: u32 = 0x84005;
/// Event of HVM and PVH guests: emul pit stop timer.
pub const TRC_HVM_EMUL_PIT_STOP_TIMER: u32 = 0x84006;
/// Event of HVM and PVH guests: emul rtc stop timer.
pub const TRC_HVM_EMUL_RTC_STOP_TIMER: u32 = 0x84007;
/// Event of HVM and PVH guests: emul lapic stop timer.
pub const TRC_HVM_EMUL_LAPIC_STOP_TIMER: u32 = 0x84008;
/// Event of HVM and PVH guests: emul pit timer cb.
pub const TRC_HVM_EMUL_PIT_TIMER_CB: u32 = 0x84009;
/// Event of HVM and PVH guests: emul lapic timer cb.
pub const TRC_HVM_EMUL_LAPIC_TIMER_CB: u32 = 0x8400a;
/// Event of HVM and PVH guests: emul pic int output.
pub const TRC_HVM_EMUL_PIC_INT_OUTPUT: u32 = 0x8400b;
/// Event of HVM and PVH guests: emul pic kick.
pub const TRC_HVM_EMUL_PIC_KICK: u32 = 0x8400c;
/// Event of HVM and PVH guests: emul pic intack.
pub const TRC_HVM_EMUL_PIC_INTACK: u32 = 0x8400d;
/// Event of HVM and PVH guests: emul pic posedge.
pub const TRC_HVM_EMUL_PIC_POSEDGE: u32 = 0x8400e;
/// Event of HVM and PVH guests: emul pic negedge.
pub const TRC_HVM_EMUL_PIC_NEGEDGE: u32 = 0x8400f;
/// Event of HVM and PVH guests: emul pic pend irq call.
pub const TRC_HVM_EMUL_PIC_PEND_IRQ_CALL: u32 = 0x84010;
/// Event of HVM and PVH guests: emul lapic pic intr.
pub const TRC_HVM_EMUL_LAPIC_PIC_INTR: u32 = 0x84011;
/// Class of events: HVM and PVH guests.
pub const TRC_HVM: u32 = 0x8f000;
/// Class of events: memory.
pub const TRC_MEM: u32 = 0x10f000;
/// Event of memory: page grant map.
pub const TRC_MEM_PAGE_GRANT_MAP: u32 = 1110017;
/// Event of memory: page grant unmap.
pub const TRC_MEM_PAGE_GRANT_UNMAP: u32 = 1110018;
/// Event of memory: page grant transfer.
pub const TRC_MEM_PAGE_GRANT_TRANSFER: u32 = 1110019;
/// Event of memory: set p2m entry.
pub const TRC_MEM_SET_P2M_ENTRY: u32 = 1110020;
/// Event of memory: decrease reservation.
pub const TRC_MEM_DECREASE_RESERVATION: u32 = 1110021;
/// Event of memory: pod populate.
pub const TRC_MEM_POD_POPULATE: u32 = 1110032;
/// Event of memory: pod zero reclaim.
pub const TRC_MEM_POD_ZERO_RECLAIM: u32 = 1110033;
/// Event of memory: pod superpage splinter.
pub const TRC_MEM_POD_SUPERPAGE_SPLINTER: u32 = 1110034;
/// Subclass of events of PV guests: entry.
pub const TRC_PV_ENTRY: u32 = 0x201000;
/// Event of PV guests: hypercall.
pub const TRC_PV_HYPERCALL: u32 = 2101249;
/// Event of PV guests: trap.
pub const TRC_PV_TRAP: u32 = 2101251;
/// Event of PV guests: page fault.
pub const TRC_PV_PAGE_FAULT: u32 = 2101252;
/// Event of PV guests: forced invalid op.
pub const TRC_PV_FORCED_INVALID_OP: u32 = 2101253;
/// Event of PV guests: emulate privop.
pub const TRC_PV_EMULATE_PRIVOP: u32 = 2101254;
/// Event of PV guests: emulate 4gb.
pub const TRC_PV_EMULATE_4GB: u32 = 2101255;
/// Event of PV guests: math state restore.
pub const TRC_PV_MATH_STATE_RESTORE: u32 = 2101256;
/// Event of PV guests: paging fixup.
pub const TRC_PV_PAGING_FIXUP: u32 = 2101257;
/// Event of PV guests: gdt ldt mapping fault.
pub const TRC_PV_GDT_LDT_MAPPING_FAULT: u32 = 2101258;
/// Event of PV guests: ptwr emulation.
pub const TRC_PV_PTWR_EMULATION: u32 = 2101259;
/// Event of PV guests: ptwr emulation pae.
pub const TRC_PV_PTWR_EMULATION_PAE: u32 = 2101260;
/// Event of PV guests: hypercall v2.
pub const TRC_PV_HYPERCALL_V2: u32 = 2101261;
/// Subclass of events of PV guests: subcall.
pub const TRC_PV_SUBCALL: u32 = 0x202000;
/// Event of PV guests: hypercall subcall.
pub const TRC_PV_HYPERCALL_SUBCALL: u32 = 2105358;
/// Class of events: PV guests.
pub const TRC_PV: u32 = 0x20f000;
/// Class of events: shadow page tables.
pub const TRC_SHADOW: u32 = 0x40f000;
/// Event of shadow page tables: not shadow.
pub const TRC_SHADOW_NOT_SHADOW: u32 = 4255745;
/// Event of shadow page tables: fast propagate.
pub const TRC_SHADOW_FAST_PROPAGATE: u32 = 4255746;
/// Event of shadow page tables: fast mmio.
pub const TRC_SHADOW_FAST_MMIO: u32 = 4255747;
/// Event of shadow page tables: false fast path.
pub const TRC_SHADOW_FALSE_FAST_PATH: u32 = 4255748;
/// Event of shadow page tables: mmio.
pub const TRC_SHADOW_MMIO: u32 = 4255749;
/// Event of shadow page tables: fixup.
pub const TRC_SHADOW_FIXUP: u32 = 4255750;
/// Event of shadow page tables: domf_dying.
pub const TRC_SHADOW_DOMF_DYING: u32 = 4255751;
/// Event of shadow page tables: emulate.
pub const TRC_SHADOW_EMULATE: u32 = 4255752;
/// Event of shadow page tables: emulate unshadow user.
pub const TRC_SHADOW_EMULATE_UNSHADOW_USER: u32 = 4255753;
/// Event of shadow page tables: emulate unshadow evtinj.
pub const TRC_SHADOW_EMULATE_UNSHADOW_EVTINJ: u32 = 4255754;
/// Event of shadow page tables: emulate unshadow unhandled.
pub const TRC_SHADOW_EMULATE_UNSHADOW_UNHANDLED: u32 = 4255755;
/// Event of shadow page tables: wrmap bf.
pub const TRC_SHADOW_WRMAP_BF: u32 = 4255756;
/// Event of shadow page tables: prealloc unpin.
pub const TRC_SHADOW_PREALLOC_UNPIN: u32 = 4255757;
/// Event of shadow page tables: resync full.
pub const TRC_SHADOW_RESYNC_FULL: u32 = 4255758;
/// Event of shadow page tables: resync only.
pub const TRC_SHADOW_RESYNC_ONLY: u32 = 4255759;
/// Subclass of events of hardware: pm.
pub const TRC_HW_PM: u32 = 0x801000;
/// Event of power management: freq change.
pub const TRC_PM_FREQ_CHANGE: u32 = 0x801001;
/// Event of power management: idle entry.
pub const TRC_PM_IDLE_ENTRY: u32 = 0x801002;
/// Event of power management: idle exit.
pub const TRC_PM_IDLE_EXIT: u32 = 0x801003;
/// Subclass of events of hardware: irq.
pub const TRC_HW_IRQ: u32 = 0x802000;
/// Event of hardware: irq move cleanup delay.
pub const TRC_HW_IRQ_MOVE_CLEANUP_DELAY: u32 = 0x802001;
/// Event of hardware: irq move cleanup.
pub const TRC_HW_IRQ_MOVE_CLEANUP: u32 = 0x802002;
/// Event of hardware: irq bind vector.
pub const TRC_HW_IRQ_BIND_VECTOR: u32 = 0x802003;
/// Event of hardware: irq clear vector.
pub const TRC_HW_IRQ_CLEAR_VECTOR: u32 = 0x802004;
/// Event of hardware: irq move finish.
pub const TRC_HW_IRQ_MOVE_FINISH: u32 = 0x802005;
/// Event of hardware: irq assign vector.
pub const TRC_HW_IRQ_ASSIGN_VECTOR: u32 = 0x802006;
/// Event of hardware: irq unmapped vector.
pub const TRC_HW_IRQ_UNMAPPED_VECTOR: u32 = 0x802007;
/// Event of hardware: irq handled.
pub const TRC_HW_IRQ_HANDLED: u32 = 0x802008;
/// Class of events: hardware.
pub const TRC_HW: u32 = 0x80f000;
/// Class of events: records of guests.
pub const TRC_GUEST: u32 = 0x800f000;

/// A record. Unused words of data are absent.
#[doc(alias = "t_rec")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TRec {
    /// Event in bits 0 to 27, number of words of data in bits 28 to 30, presence of a time stamp in
    /// bit 31.
    pub event: u32,
    /// Time stamp, if there is one, then words of data.
    pub u: [u32; 9],
}
const _: () = assert!(size_of::<TRec>() == 40);

/// Header of a CPU's buffer; records follow.
#[doc(alias = "t_buf")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TBuf {
    /// Consumer offset, written by the tools.
    pub cons: u32,
    /// Producer offset, written by Xen.
    pub prod: u32,
}
const _: () = assert!(size_of::<TBuf>() == 8);

/// Header of the list of buffers; offsets of the frame lists follow, one for each CPU.
#[doc(alias = "t_info")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct TInfo {
    /// Number of pages of each buffer.
    pub tbuf_size: u16,
}
const _: () = assert!(size_of::<TInfo>() == 2);

/// Mask of the event of a scheduler.
pub const TRC_SCHED_EVT_MASK: u64 = 18446744073709548031;
