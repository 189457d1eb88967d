//! CPUID leaves that identify Xen and its features to a guest.
//!
//! The leaves start at 0x40000000, or at a multiple of 0x100 above it, up to 0x40010000, if Xen
//! also presents the leaves of another hypervisor.
//!
//! Public header: `arch-x86/cpuid.h`.
//!
//! Coverage: 22 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// The lowest leaf that can carry Xen's signature.
pub const XEN_CPUID_FIRST_LEAF: u32 = 0x40000000;
/// Signature in EBX: `XenV`.
pub const XEN_CPUID_SIGNATURE_EBX: u32 = 0x566e6558;
/// Signature in ECX: `MMXe`.
pub const XEN_CPUID_SIGNATURE_ECX: u32 = 0x65584d4d;
/// Signature in EDX: `nVMM`.
pub const XEN_CPUID_SIGNATURE_EDX: u32 = 0x4d4d566e;
/// Leaf 2, ECX, bit number: page table updates can keep accessed and dirty bits (PV).
#[doc(alias = "_XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD")]
pub const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD_BIT: u32 = 0;
/// Leaf 2, ECX: page table updates can keep accessed and dirty bits (PV).
pub const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD: u32 = 0x1;
/// Leaf 4, EAX: the CPU virtualizes APIC registers.
pub const XEN_HVM_CPUID_APIC_ACCESS_VIRT: u32 = 0x1;
/// Leaf 4, EAX: the CPU virtualizes x2APIC registers.
pub const XEN_HVM_CPUID_X2APIC_VIRT: u32 = 0x2;
/// Leaf 4, EAX: memory mapped from other domains can be used for device access.
pub const XEN_HVM_CPUID_IOMMU_MAPPINGS: u32 = 0x4;
/// Leaf 4, EAX: EBX has the number of this vCPU.
pub const XEN_HVM_CPUID_VCPU_ID_PRESENT: u32 = 0x8;
/// Leaf 4, EAX: ECX has the number of this domain.
pub const XEN_HVM_CPUID_DOMID_PRESENT: u32 = 0x10;
/// Leaf 4, EAX: interrupt messages take 15-bit APIC identifiers.
pub const XEN_HVM_CPUID_EXT_DEST_ID: u32 = 0x20;
/// Leaf 4, EAX: per-vCPU upcall vectors work without an acknowledge through the event channel.
pub const XEN_HVM_CPUID_UPCALL_VECTOR: u32 = 0x40;
/// Leaf 5, EBX: width of machine addresses in bits.
pub const XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK: u32 = 0xff;
/// Number of the highest leaf, counted from the base.
pub const XEN_CPUID_MAX_NUM_LEAVES: u32 = 5;

/// Leaf 3, subleaf 0, EAX: the time stamp counter is emulated.
pub const XEN_CPUID_TSC_EMULATED: u32 = 1;
/// Leaf 3, subleaf 0, EAX: the host's counter is reliable.
pub const XEN_CPUID_HOST_TSC_RELIABLE: u32 = 2;
/// Leaf 3, subleaf 0, EAX: the CPU has the instruction RDTSCP.
pub const XEN_CPUID_RDTSCP_INSTR_AVAIL: u32 = 4;
/// Leaf 3, subleaf 0, EBX: emulated where needed.
pub const XEN_CPUID_TSC_MODE_DEFAULT: u32 = 0;
/// Leaf 3, subleaf 0, EBX: always emulated.
pub const XEN_CPUID_TSC_MODE_ALWAYS_EMULATE: u32 = 1;
/// Leaf 3, subleaf 0, EBX: never emulated.
pub const XEN_CPUID_TSC_MODE_NEVER_EMULATE: u32 = 2;
/// Leaf 3, subleaf 0, EBX: a removed mode.
pub const XEN_CPUID_TSC_MODE_PVRDTSCP: u32 = 3;
