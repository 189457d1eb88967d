//! The arm part of the ABI, for 64-bit guests.
//!
//! A hypercall is `hvc #0xEA1`: number in x16, arguments in x0 to x4, result in x0.
//!
//! Public header: `arch-arm.h`.
//!
//! Coverage: 86 constants and 6 structures, of Xen 4.17 and 4.20; nothing is left out.

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::DomId;
use crate::GuestHandle;
use crate::xen::VcpuTimeInfo;
use crate::xen::XenDomainHandle;
use crate::xen::XenUlong;

pub mod smccc;

/// Immediate operand of the instruction `hvc`.
pub const XEN_HYPERCALL_TAG: u32 = 3745;

/// vCPUs whose [`VcpuInfo`] lies in [`SharedInfo`]; others must register theirs.
pub const XEN_LEGACY_MAX_VCPUS: usize = 1;

/// Area shared by Xen and one vCPU: pending events and the clock.
#[doc(alias = "vcpu_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuInfo {
    /// Set by Xen when an event is pending; cleared by the guest before it scans the ports.
    pub evtchn_upcall_pending: u8,
    /// Reserved; zero.
    pub pad0: u8,
    /// Padding; zero.
    pub _pad0: [u8; 6],
    /// One bit per word of [`SharedInfo::evtchn_pending`]: the word has pending events.
    pub evtchn_pending_sel: XenUlong,
    /// The clock; not used on arm.
    pub time: VcpuTimeInfo,
}
const _: () = assert!(size_of::<VcpuInfo>() == 48);

/// The page that Xen shares with a whole guest.
#[doc(alias = "shared_info")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct SharedInfo {
    /// Area of the first vCPU.
    pub vcpu_info: [VcpuInfo; 1],
    /// One bit per port: an event is pending.
    pub evtchn_pending: [XenUlong; 64],
    /// One bit per port: events are masked.
    pub evtchn_mask: [XenUlong; 64],
    /// Odd while Xen writes the wall clock.
    pub wc_version: u32,
    /// Wall clock at system time zero: seconds since 1970, low 32 bits.
    pub wc_sec: u32,
    /// Wall clock at system time zero: nanoseconds.
    pub wc_nsec: u32,
    /// Wall clock at system time zero: seconds, high 32 bits.
    pub wc_sec_hi: u32,
}
const _: () = assert!(size_of::<SharedInfo>() == 1088);

/// A vCPU's registers. A 32-bit guest's lie in the low halves.
#[doc(alias = "vcpu_guest_core_regs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuGuestCoreRegs {
    /// Register `x0`.
    pub x0: u64,
    /// Register `x1`.
    pub x1: u64,
    /// Register `x2`.
    pub x2: u64,
    /// Register `x3`.
    pub x3: u64,
    /// Register `x4`.
    pub x4: u64,
    /// Register `x5`.
    pub x5: u64,
    /// Register `x6`.
    pub x6: u64,
    /// Register `x7`.
    pub x7: u64,
    /// Register `x8`.
    pub x8: u64,
    /// Register `x9`.
    pub x9: u64,
    /// Register `x10`.
    pub x10: u64,
    /// Register `x11`.
    pub x11: u64,
    /// Register `x12`.
    pub x12: u64,
    /// Register `x13`.
    pub x13: u64,
    /// Register `x14`.
    pub x14: u64,
    /// Register `x15`.
    pub x15: u64,
    /// Register `x16`.
    pub x16: u64,
    /// Register `x17`.
    pub x17: u64,
    /// Register `x18`.
    pub x18: u64,
    /// Register `x19`.
    pub x19: u64,
    /// Register `x20`.
    pub x20: u64,
    /// Register `x21`.
    pub x21: u64,
    /// Register `x22`.
    pub x22: u64,
    /// Register `x23`.
    pub x23: u64,
    /// Register `x24`.
    pub x24: u64,
    /// Register `x25`.
    pub x25: u64,
    /// Register `x26`.
    pub x26: u64,
    /// Register `x27`.
    pub x27: u64,
    /// Register `x28`.
    pub x28: u64,
    /// Register `x29`.
    pub x29: u64,
    /// Register `x30`.
    pub x30: u64,
    /// Program counter.
    pub pc64: u64,
    /// Processor state.
    pub cpsr: u64,
    /// Saved processor state.
    pub spsr_el1: u64,
    /// Saved processor state, 32-bit guests.
    pub spsr_fiq: u32,
    /// Saved processor state, 32-bit guests.
    pub spsr_irq: u32,
    /// Saved processor state, 32-bit guests.
    pub spsr_und: u32,
    /// Saved processor state, 32-bit guests.
    pub spsr_abt: u32,
    /// Stack pointer of programs.
    pub sp_el0: u64,
    /// Stack pointer of the kernel.
    pub sp_el1: u64,
    /// Return address.
    pub elr_el1: u64,
}
const _: () = assert!(size_of::<VcpuGuestCoreRegs>() == 312);

/// State with which a vCPU starts.
#[doc(alias = "vcpu_guest_context")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct VcpuGuestContext {
    /// [`VGCF_ONLINE`] or zero.
    pub flags: u32,
    /// Padding; zero.
    pub _pad0: [u8; 4],
    /// Registers.
    pub user_regs: VcpuGuestCoreRegs,
    /// System control register.
    pub sctlr: u64,
    /// Translation control register.
    pub ttbcr: u64,
    /// First translation table.
    pub ttbr0: u64,
    /// Second translation table.
    pub ttbr1: u64,
}
const _: () = assert!(size_of::<VcpuGuestContext>() == 352);

/// Flag of [`VcpuGuestContext`]: the vCPU is to be up.
#[doc(alias = "VGCF_online")]
pub const VGCF_ONLINE: u32 = 1;

/// The arm part of a new domain's configuration.
#[doc(alias = "xen_arch_domainconfig")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenArchDomainconfig {
    /// `XEN_DOMCTL_CONFIG_GIC_*`.
    pub gic_version: u8,
    /// Length of vectors, in units of 128 bits; zero for none (Xen 4.18).
    pub sve_vl: u8,
    /// `XEN_DOMCTL_CONFIG_TEE_*`.
    pub tee_type: u16,
    /// Shared interrupts.
    pub nr_spis: u32,
    /// Out: frequency of the timer; zero for the hardware's.
    pub clock_frequency: u32,
}
const _: () = assert!(size_of::<XenArchDomainconfig>() == 12);

/// Interrupt controller: the host's.
pub const XEN_DOMCTL_CONFIG_GIC_NATIVE: u8 = 0;
/// Interrupt controller: version 2.
pub const XEN_DOMCTL_CONFIG_GIC_V2: u8 = 1;
/// Interrupt controller: version 3.
pub const XEN_DOMCTL_CONFIG_GIC_V3: u8 = 2;

/// Trusted environment: none.
pub const XEN_DOMCTL_CONFIG_TEE_NONE: u16 = 0;
/// Trusted environment: OP-TEE.
pub const XEN_DOMCTL_CONFIG_TEE_OPTEE: u16 = 1;
/// Trusted environment: FF-A (Xen 4.18).
pub const XEN_DOMCTL_CONFIG_TEE_FFA: u16 = 2;

/// Performance counters: none.
#[doc(alias = "xen_pmu_arch")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuArch {
    /// Unused.
    pub dummy: u8,
}
const _: () = assert!(size_of::<XenPmuArch>() == 1);

/// Processor state: Thumb.
pub const PSR_THUMB: u64 = 32;
/// Processor state: fast interrupts masked.
pub const PSR_FIQ_MASK: u64 = 64;
/// Processor state: interrupts masked.
pub const PSR_IRQ_MASK: u64 = 128;
/// Processor state: aborts masked.
pub const PSR_ABT_MASK: u64 = 256;
/// Processor state: big-endian, 32-bit guests.
pub const PSR_BIG_ENDIAN: u64 = 512;
/// Processor state: debug exceptions masked.
pub const PSR_DBG_MASK: u64 = 512;
/// Processor state: if-then state.
pub const PSR_IT_MASK: u64 = 100727808;
/// Processor state: Jazelle.
pub const PSR_JAZELLE: u64 = 16777216;
/// Processor state: zero.
pub const PSR_Z: u64 = 1073741824;
/// 32-bit mode: user.
pub const PSR_MODE_USR: u64 = 16;
/// 32-bit mode: fast interrupt.
pub const PSR_MODE_FIQ: u64 = 17;
/// 32-bit mode: interrupt.
pub const PSR_MODE_IRQ: u64 = 18;
/// 32-bit mode: supervisor.
pub const PSR_MODE_SVC: u64 = 19;
/// 32-bit mode: monitor.
pub const PSR_MODE_MON: u64 = 22;
/// 32-bit mode: abort.
pub const PSR_MODE_ABT: u64 = 23;
/// 32-bit mode: hypervisor.
pub const PSR_MODE_HYP: u64 = 26;
/// 32-bit mode: undefined.
pub const PSR_MODE_UND: u64 = 27;
/// 32-bit mode: system.
pub const PSR_MODE_SYS: u64 = 31;
/// Bit of all 32-bit modes.
pub const PSR_MODE_BIT: u64 = 16;
/// 64-bit mode: level 3, own stack.
#[doc(alias = "PSR_MODE_EL3h")]
pub const PSR_MODE_EL3H: u64 = 13;
/// 64-bit mode: level 3, shared stack.
#[doc(alias = "PSR_MODE_EL3t")]
pub const PSR_MODE_EL3T: u64 = 12;
/// 64-bit mode: level 2, own stack.
#[doc(alias = "PSR_MODE_EL2h")]
pub const PSR_MODE_EL2H: u64 = 9;
/// 64-bit mode: level 2, shared stack.
#[doc(alias = "PSR_MODE_EL2t")]
pub const PSR_MODE_EL2T: u64 = 8;
/// 64-bit mode: level 1, own stack.
#[doc(alias = "PSR_MODE_EL1h")]
pub const PSR_MODE_EL1H: u64 = 5;
/// 64-bit mode: level 1, shared stack.
#[doc(alias = "PSR_MODE_EL1t")]
pub const PSR_MODE_EL1T: u64 = 4;
/// 64-bit mode: level 0.
#[doc(alias = "PSR_MODE_EL0t")]
pub const PSR_MODE_EL0T: u64 = 0;
/// Processor state in which a 32-bit guest starts.
pub const PSR_GUEST32_INIT: u64 = 1073742291;
/// Processor state in which a 64-bit guest starts. Xen 4.20.4 and later mask debug exceptions too.
pub const PSR_GUEST64_INIT: u64 = 0x1c5;
/// System control register with which a guest starts.
pub const SCTLR_GUEST_INIT: u64 = 12910712;
/// Start of virtio devices.
pub const GUEST_VIRTIO_MMIO_BASE: u64 = 33554432;
/// Size of virtio devices.
pub const GUEST_VIRTIO_MMIO_SIZE: u64 = 1048576;
/// Start of the interrupt distributor, version 2.
pub const GUEST_GICD_BASE: u64 = 50335744;
/// Size of the interrupt distributor, version 2.
pub const GUEST_GICD_SIZE: u64 = 4096;
/// Start of the interrupt controller's CPU interface, version 2.
pub const GUEST_GICC_BASE: u64 = 50339840;
/// Size of the interrupt controller's CPU interface, version 2.
pub const GUEST_GICC_SIZE: u64 = 8192;
/// Start of the interrupt distributor, version 3.
pub const GUEST_GICV3_GICD_BASE: u64 = 50335744;
/// Size of the interrupt distributor, version 3.
pub const GUEST_GICV3_GICD_SIZE: u64 = 65536;
/// Regions of interrupt redistributors, version 3.
pub const GUEST_GICV3_RDIST_REGIONS: u64 = 1;
/// Start of the interrupt redistributors, version 3.
pub const GUEST_GICV3_GICR0_BASE: u64 = 50462720;
/// Size of the interrupt redistributors, version 3.
pub const GUEST_GICV3_GICR0_SIZE: u64 = 16777216;
/// Start of PCI configuration space.
pub const GUEST_VPCI_ECAM_BASE: u64 = 268435456;
/// Size of PCI configuration space.
pub const GUEST_VPCI_ECAM_SIZE: u64 = 268435456;
/// Start of ACPI tables.
pub const GUEST_ACPI_BASE: u64 = 536870912;
/// Size of ACPI tables.
pub const GUEST_ACPI_SIZE: u64 = 33554432;
/// Start of the serial port.
pub const GUEST_PL011_BASE: u64 = 570425344;
/// Size of the serial port.
pub const GUEST_PL011_SIZE: u64 = 4096;
/// PCI address type: memory.
pub const GUEST_VPCI_ADDR_TYPE_MEM: u64 = 33554432;
/// Start of PCI memory.
pub const GUEST_VPCI_MEM_ADDR: u64 = 587202560;
/// Size of PCI memory.
pub const GUEST_VPCI_MEM_SIZE: u64 = 268435456;
/// Start of the area meant for the grant table.
pub const GUEST_GNTTAB_BASE: u64 = 939524096;
/// Size of the area meant for the grant table.
pub const GUEST_GNTTAB_SIZE: u64 = 16777216;
/// Start of the pages of xenstore, console and others.
pub const GUEST_MAGIC_BASE: u64 = 956301312;
/// Size of the pages of xenstore, console and others.
pub const GUEST_MAGIC_SIZE: u64 = 16777216;
/// Banks of memory.
pub const GUEST_RAM_BANKS: u64 = 2;
/// Start of the first bank of memory.
pub const GUEST_RAM0_BASE: u64 = 1073741824;
/// Largest size of the first bank of memory.
pub const GUEST_RAM0_SIZE: u64 = 3221225472;
/// PCI address type: prefetchable memory.
pub const GUEST_VPCI_ADDR_TYPE_PREFETCH_MEM: u64 = 1124073472;
/// Start of prefetchable PCI memory.
pub const GUEST_VPCI_PREFETCH_MEM_ADDR: u64 = 4294967296;
/// Size of prefetchable PCI memory.
pub const GUEST_VPCI_PREFETCH_MEM_SIZE: u64 = 4294967296;
/// Start of the second bank of memory.
pub const GUEST_RAM1_BASE: u64 = 8589934592;
/// Largest size of the second bank of memory.
pub const GUEST_RAM1_SIZE: u64 = 1090921693184;
/// Start of memory.
pub const GUEST_RAM_BASE: u64 = 1073741824;
/// Maximum amount of memory.
pub const GUEST_RAM_MAX: u64 = 1094142918656;

/// Maximum number of vCPUs.
pub const GUEST_MAX_VCPUS: u32 = 128;
/// Interrupt of the virtual timer.
pub const GUEST_TIMER_VIRT_PPI: u32 = 27;
/// Interrupt of the secure physical timer.
pub const GUEST_TIMER_PHYS_S_PPI: u32 = 29;
/// Interrupt of the physical timer.
pub const GUEST_TIMER_PHYS_NS_PPI: u32 = 30;
/// Interrupt of event channels.
pub const GUEST_EVTCHN_PPI: u32 = 31;
/// Interrupt of the serial port.
pub const GUEST_VPL011_SPI: u32 = 32;
/// First interrupt of virtio devices.
pub const GUEST_VIRTIO_MMIO_SPI_FIRST: u32 = 33;
/// Last interrupt of virtio devices.
pub const GUEST_VIRTIO_MMIO_SPI_LAST: u32 = 43;
/// Call of an old power interface: suspends a CPU.
#[doc(alias = "PSCI_cpu_suspend")]
pub const PSCI_CPU_SUSPEND: u32 = 0;
/// Call of an old power interface: stops a CPU.
#[doc(alias = "PSCI_cpu_off")]
pub const PSCI_CPU_OFF: u32 = 1;
/// Call of an old power interface: starts a CPU.
#[doc(alias = "PSCI_cpu_on")]
pub const PSCI_CPU_ON: u32 = 2;
/// Call of an old power interface: moves the trusted system.
#[doc(alias = "PSCI_migrate")]
pub const PSCI_MIGRATE: u32 = 3;

/// A sample of performance counters; empty on arm.
#[doc(alias = "xen_pmu_data")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenPmuData {
    /// Out: the vCPU.
    pub vcpu_id: u32,
    /// Out: the physical CPU.
    pub pcpu_id: u32,
    /// Out: the domain.
    pub domain_id: DomId,
    /// Reserved; zero.
    pub pad: [u8; 6],
    /// Architecture-specific part.
    pub pmu: XenPmuArch,
    /// Padding; zero.
    pub _pad0: [u8; 3],
}
const _: () = assert!(size_of::<XenPmuData>() == 20);

/// A new domain.
#[doc(alias = "xen_domctl_createdomain")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlCreatedomain {
    /// Security label.
    pub ssidref: u32,
    /// UUID.
    pub handle: XenDomainHandle,
    /// `XEN_DOMCTL_CDF_*`.
    pub flags: u32,
    /// `XEN_DOMCTL_IOMMU_*`.
    pub iommu_opts: u32,
    /// Maximum number of vCPUs.
    pub max_vcpus: u32,
    /// Highest port.
    pub max_evtchn_port: u32,
    /// Maximum number of pages of the grant table; negative for the default.
    pub max_grant_frames: i32,
    /// Maximum number of pages for mapped grants; negative for the default.
    pub max_maptrack_frames: i32,
    /// Highest grant table version.
    pub grant_opts: u32,
    /// Zero.
    pub altp2m_opts: u32,
    /// Zero.
    pub vmtrace_size: u32,
    /// The CPU pool.
    pub cpupool_id: u32,
    /// Architecture-specific part.
    pub arch: XenArchDomainconfig,
}
const _: () = assert!(size_of::<XenDomctlCreatedomain>() == 72);

/// Information on a domain.
#[doc(alias = "xen_domctl_getdomaininfo")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlGetdomaininfo {
    /// The domain.
    pub domain: DomId,
    /// Reserved; zero.
    pub pad1: u16,
    /// Out: `XEN_DOMINF_*`.
    pub flags: u32,
    /// Out: pages it has.
    pub tot_pages: u64,
    /// Out: pages it may have.
    pub max_pages: u64,
    /// Out: pages it has claimed.
    pub outstanding_pages: u64,
    /// Out: pages it shares.
    pub shr_pages: u64,
    /// Out: pages paged out.
    pub paged_pages: u64,
    /// Out: frame of its shared information.
    pub shared_info_frame: u64,
    /// Out: CPU time in nanoseconds.
    pub cpu_time: u64,
    /// Out: vCPUs that are up.
    pub nr_online_vcpus: u32,
    /// Out: its highest vCPU.
    pub max_vcpu_id: u32,
    /// Out: its label.
    pub ssidref: u32,
    /// Out: its UUID.
    pub handle: XenDomainHandle,
    /// Out: its CPU pool.
    pub cpupool: u32,
    /// Out: width of guest physical addresses.
    pub gpaddr_bits: u8,
    /// Reserved; zero.
    pub pad2: [u8; 7],
    /// Out: architecture-specific part.
    pub arch_config: XenArchDomainconfig,
    /// Padding; zero.
    pub _pad0: [u8; 4],
}
const _: () = assert!(size_of::<XenDomctlGetdomaininfo>() == 120);

/// Extended state of a vCPU; empty on arm.
#[doc(alias = "xen_domctl_ext_vcpucontext")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlExtVcpucontext {
    /// The vCPU.
    pub vcpu: u32,
    /// Bytes used of this structure.
    pub size: u32,
}
const _: () = assert!(size_of::<XenDomctlExtVcpucontext>() == 8);

/// An overlay of the device tree to attach to a domain (Xen 4.20).
#[doc(alias = "xen_domctl_dt_overlay")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenDomctlDtOverlay {
    /// The overlay.
    pub overlay_fdt: GuestHandle,
    /// Size in bytes.
    pub overlay_fdt_size: u32,
    /// [`XEN_DOMCTL_DT_OVERLAY_ATTACH`].
    pub overlay_op: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenDomctlDtOverlay>() == 16);

/// An overlay of the device tree to add or remove (Xen 4.19).
#[doc(alias = "xen_sysctl_dt_overlay")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct XenSysctlDtOverlay {
    /// The overlay.
    pub overlay_fdt: GuestHandle,
    /// Size in bytes.
    pub overlay_fdt_size: u32,
    /// [`XEN_SYSCTL_DT_OVERLAY_ADD`] or [`XEN_SYSCTL_DT_OVERLAY_REMOVE`].
    pub overlay_op: u8,
    /// Reserved; zero.
    pub pad: [u8; 3],
}
const _: () = assert!(size_of::<XenSysctlDtOverlay>() == 16);

/// Operation of [`XenDomctlDtOverlay`]: attaches (Xen 4.20).
pub const XEN_DOMCTL_DT_OVERLAY_ATTACH: u8 = 1;
/// Operation of [`XenSysctlDtOverlay`]: adds (Xen 4.19).
pub const XEN_SYSCTL_DT_OVERLAY_ADD: u8 = 1;
/// Operation of [`XenSysctlDtOverlay`]: removes (Xen 4.19).
pub const XEN_SYSCTL_DT_OVERLAY_REMOVE: u8 = 2;

/// Field of the capabilities of the architecture: length of vectors.
pub const XEN_SYSCTL_PHYSCAP_ARM_SVE_MASK: u32 = 31;
/// Interrupt of pending notifications of FF-A.
pub const GUEST_FFA_NOTIF_PEND_INTR_ID: u32 = 8;
/// Interrupt of the receiver's scheduling of FF-A.
pub const GUEST_FFA_SCHEDULE_RECV_INTR_ID: u32 = 9;
