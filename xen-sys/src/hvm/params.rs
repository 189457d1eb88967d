//! Parameters of HVM and PVH guests, for [`super::hvm_op::HVMOP_GET_PARAM`] and
//! [`super::hvm_op::HVMOP_SET_PARAM`].
//!
//! Public header: `hvm/params.h`.
//!
//! Coverage: 68 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Delivery of upcalls: a type in bits 56 to 63 and its data.
pub const HVM_PARAM_CALLBACK_IRQ: u32 = 0;
/// Frame of the xenstore ring.
pub const HVM_PARAM_STORE_PFN: u32 = 1;
/// Port of the xenstore ring.
pub const HVM_PARAM_STORE_EVTCHN: u32 = 2;
/// Deprecated.
pub const HVM_PARAM_PAE_ENABLED: u32 = 4;
/// Frame of the I/O request page.
pub const HVM_PARAM_IOREQ_PFN: u32 = 5;
/// Frame of the buffered I/O request page.
pub const HVM_PARAM_BUFIOREQ_PFN: u32 = 6;
/// Enlightenments for Windows: `HVMPV_*`.
pub const HVM_PARAM_VIRIDIAN: u32 = 9;
/// Handling of missed timer ticks: `HVMPTM_*`.
pub const HVM_PARAM_TIMER_MODE: u32 = 10;
/// High precision event timer: 1 if the guest has one.
pub const HVM_PARAM_HPET_ENABLED: u32 = 11;
/// Address of an identity-mapped page table for real mode.
pub const HVM_PARAM_IDENT_PT: u32 = 12;
/// Deprecated.
pub const HVM_PARAM_DM_DOMAIN: u32 = 13;
/// The ACPI sleep state.
pub const HVM_PARAM_ACPI_S_STATE: u32 = 14;
/// Address of a task segment for real mode.
pub const HVM_PARAM_VM86_TSS: u32 = 15;
/// Alignment of periodic virtual timers: 1 to align.
pub const HVM_PARAM_VPT_ALIGN: u32 = 16;
/// Frame of the console ring.
pub const HVM_PARAM_CONSOLE_PFN: u32 = 17;
/// Port of the console ring.
pub const HVM_PARAM_CONSOLE_EVTCHN: u32 = 18;
/// Location of the ACPI I/O ports: version 0 or 1.
pub const HVM_PARAM_ACPI_IOPORTS_LOCATION: u32 = 19;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_CR0: u32 = 20;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_CR3: u32 = 21;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_CR4: u32 = 22;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_INT3: u32 = 23;
/// Deprecated.
pub const HVM_PARAM_NESTEDHVM: u32 = 24;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_SINGLE_STEP: u32 = 25;
/// Deprecated.
pub const HVM_PARAM_BUFIOREQ_EVTCHN: u32 = 26;
/// Frame of the ring of paging events.
pub const HVM_PARAM_PAGING_RING_PFN: u32 = 27;
/// Frame of the ring of monitor events.
pub const HVM_PARAM_MONITOR_RING_PFN: u32 = 28;
/// Frame of the ring of sharing events.
pub const HVM_PARAM_SHARING_RING_PFN: u32 = 29;
/// Deprecated.
pub const HVM_PARAM_MEMORY_EVENT_MSR: u32 = 30;
/// Shutdown reason for a triple fault.
pub const HVM_PARAM_TRIPLE_FAULT_REASON: u32 = 31;
/// First frame for ioreq servers.
pub const HVM_PARAM_IOREQ_SERVER_PFN: u32 = 32;
/// Number of frames for ioreq servers.
pub const HVM_PARAM_NR_IOREQ_SERVER_PAGES: u32 = 33;
/// Physical address of the generation identifier.
pub const HVM_PARAM_VM_GENERATION_ID_ADDR: u32 = 34;
/// Mode of alternate physical maps: `XEN_ALTP2M_*`.
pub const HVM_PARAM_ALTP2M: u32 = 35;
/// Width of the saved x87 instruction pointer, in bytes.
pub const HVM_PARAM_X87_FIP_WIDTH: u32 = 36;
/// Address and size of a task segment for real mode.
pub const HVM_PARAM_VM86_TSS_SIZED: u32 = 37;
/// Machine check capabilities: `XEN_HVM_MCA_CAP_*`.
pub const HVM_PARAM_MCA_CAP: u32 = 38;
/// Number of parameters.
pub const HVM_NR_PARAMS: u32 = 39;

/// Bits of [`HVM_PARAM_CALLBACK_IRQ`] that hold the type.
pub const HVM_PARAM_CALLBACK_IRQ_TYPE_MASK: u64 = 0xff00000000000000;
/// Type: a global interrupt line, its number in the low bits.
pub const HVM_PARAM_CALLBACK_TYPE_GSI: u64 = 0;
/// Type: a PCI interrupt pin; pin in bits 0 to 1, device in 11 to 15, bus and segment above.
pub const HVM_PARAM_CALLBACK_TYPE_PCI_INTX: u64 = 1;
/// Type on x86: an interrupt vector in bits 0 to 7.
pub const HVM_PARAM_CALLBACK_TYPE_VECTOR: u64 = 2;
/// Type on arm: a private interrupt in bits 0 to 7, flags in 8 to 15.
pub const HVM_PARAM_CALLBACK_TYPE_PPI: u64 = 2;
/// Flags of the arm type.
pub const HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_MASK: u64 = 0xff00;
/// Flag of the arm type: active low.
pub const HVM_PARAM_CALLBACK_TYPE_PPI_FLAG_LOW_LEVEL: u64 = 2;

/// Timer mode: virtual time stops while the vCPU is descheduled.
#[doc(alias = "HVMPTM_delay_for_missed_ticks")]
pub const HVMPTM_DELAY_FOR_MISSED_TICKS: u64 = 0;
/// Timer mode: all missed ticks are delivered late.
#[doc(alias = "HVMPTM_no_delay_for_missed_ticks")]
pub const HVMPTM_NO_DELAY_FOR_MISSED_TICKS: u64 = 1;
/// Timer mode: missed ticks are lost.
#[doc(alias = "HVMPTM_no_missed_ticks_pending")]
pub const HVMPTM_NO_MISSED_TICKS_PENDING: u64 = 2;
/// Timer mode: missed ticks are merged into one.
#[doc(alias = "HVMPTM_one_missed_tick_pending")]
pub const HVMPTM_ONE_MISSED_TICK_PENDING: u64 = 3;

/// Enlightenment of [`HVM_PARAM_VIRIDIAN`]: the base set.
#[doc(alias = "HVMPV_base_freq")]
pub const HVMPV_BASE_FREQ: u64 = 1 << 0;
/// Enlightenment: without the frequency registers.
#[doc(alias = "HVMPV_no_freq")]
pub const HVMPV_NO_FREQ: u64 = 1 << 1;
/// Enlightenment: reference counter.
#[doc(alias = "HVMPV_time_ref_count")]
pub const HVMPV_TIME_REF_COUNT: u64 = 1 << 2;
/// Enlightenment: reference page of the time stamp counter.
#[doc(alias = "HVMPV_reference_tsc")]
pub const HVMPV_REFERENCE_TSC: u64 = 1 << 3;
/// Enlightenment: remote TLB flushes by hypercall.
#[doc(alias = "HVMPV_hcall_remote_tlb_flush")]
pub const HVMPV_HCALL_REMOTE_TLB_FLUSH: u64 = 1 << 4;
/// Enlightenment: APIC assist.
#[doc(alias = "HVMPV_apic_assist")]
pub const HVMPV_APIC_ASSIST: u64 = 1 << 5;
/// Enlightenment: crash registers.
#[doc(alias = "HVMPV_crash_ctl")]
pub const HVMPV_CRASH_CTL: u64 = 1 << 6;
/// Enlightenment: synthetic interrupt controller.
#[doc(alias = "HVMPV_synic")]
pub const HVMPV_SYNIC: u64 = 1 << 7;
/// Enlightenment: synthetic timers.
#[doc(alias = "HVMPV_stimer")]
pub const HVMPV_STIMER: u64 = 1 << 8;
/// Enlightenment: interprocessor interrupts by hypercall.
#[doc(alias = "HVMPV_hcall_ipi")]
pub const HVMPV_HCALL_IPI: u64 = 1 << 9;
/// Enlightenment: extended processor masks.
#[doc(alias = "HVMPV_ex_processor_masks")]
pub const HVMPV_EX_PROCESSOR_MASKS: u64 = 1 << 10;
/// Enlightenment: more than 64 processors.
#[doc(alias = "HVMPV_no_vp_limit")]
pub const HVMPV_NO_VP_LIMIT: u64 = 1 << 11;
/// Enlightenment: hotplug of processors.
#[doc(alias = "HVMPV_cpu_hotplug")]
pub const HVMPV_CPU_HOTPLUG: u64 = 1 << 12;
/// All enlightenments.
#[doc(alias = "HVMPV_feature_mask")]
pub const HVMPV_FEATURE_MASK: u64 = 8191;
/// Mode of [`HVM_PARAM_ALTP2M`]: off.
#[doc(alias = "XEN_ALTP2M_disabled")]
pub const XEN_ALTP2M_DISABLED: u64 = 0;
/// Mode of [`HVM_PARAM_ALTP2M`]: available to the guest and to external tools.
#[doc(alias = "XEN_ALTP2M_mixed")]
pub const XEN_ALTP2M_MIXED: u64 = 1;
/// Mode of [`HVM_PARAM_ALTP2M`]: available to external tools only.
#[doc(alias = "XEN_ALTP2M_external")]
pub const XEN_ALTP2M_EXTERNAL: u64 = 2;
/// Mode of [`HVM_PARAM_ALTP2M`]: the guest may only use the views that external tools created.
#[doc(alias = "XEN_ALTP2M_limited")]
pub const XEN_ALTP2M_LIMITED: u64 = 3;
/// Capability of [`HVM_PARAM_MCA_CAP`]: local machine checks.
pub const XEN_HVM_MCA_CAP_LMCE: u64 = 1 << 0;
/// All capabilities of [`HVM_PARAM_MCA_CAP`].
pub const XEN_HVM_MCA_CAP_MASK: u64 = 1;
