//! ELF notes in which a kernel describes itself to Xen's loader. Their owner name is `Xen`.
//!
//! Public header: `elfnote.h`.
//!
//! Coverage: 27 constants and no structures, of Xen 4.17 and 4.20; nothing is left out.

/// Informational; ignored.
pub const XEN_ELFNOTE_INFO: u32 = 0;
/// Virtual address of a PV kernel's entry point.
pub const XEN_ELFNOTE_ENTRY: u32 = 1;
/// Virtual address of the page that Xen fills with hypercall stubs.
pub const XEN_ELFNOTE_HYPERCALL_PAGE: u32 = 2;
/// Virtual base address of a PV kernel.
pub const XEN_ELFNOTE_VIRT_BASE: u32 = 3;
/// Offset of the ELF physical addresses.
pub const XEN_ELFNOTE_PADDR_OFFSET: u32 = 4;
/// Interface version: `xen-3.0`.
pub const XEN_ELFNOTE_XEN_VERSION: u32 = 5;
/// Name of the guest's operating system.
pub const XEN_ELFNOTE_GUEST_OS: u32 = 6;
/// Version of the guest's operating system.
pub const XEN_ELFNOTE_GUEST_VERSION: u32 = 7;
/// Name of the loader: `generic`.
pub const XEN_ELFNOTE_LOADER: u32 = 8;
/// PAE mode of a 32-bit PV kernel: `yes`, `no` or `bimodal`.
pub const XEN_ELFNOTE_PAE_MODE: u32 = 9;
/// Features that the kernel supports or needs, as text.
pub const XEN_ELFNOTE_FEATURES: u32 = 10;
/// `yes` if the kernel requires its symbol table, in the BSD layout.
pub const XEN_ELFNOTE_BSD_SYMTAB: u32 = 11;
/// Lowest address at which the hypervisor's hole may start.
pub const XEN_ELFNOTE_HV_START_LOW: u32 = 12;
/// Masks of page table entries that are ignored when not present.
pub const XEN_ELFNOTE_L1_MFN_VALID: u32 = 13;
/// Support of a cancelled suspend; non-zero if supported.
pub const XEN_ELFNOTE_SUSPEND_CANCEL: u32 = 14;
/// Virtual address of the initial frame list.
pub const XEN_ELFNOTE_INIT_P2M: u32 = 15;
/// Form of the module's address: non-zero for a frame number.
pub const XEN_ELFNOTE_MOD_START_PFN: u32 = 16;
/// Features that the kernel supports, as a bit map of [`crate::features`].
pub const XEN_ELFNOTE_SUPPORTED_FEATURES: u32 = 17;
/// Physical address of the 32-bit entry point: marks a PVH kernel.
pub const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;
/// Alignment and address range in which a PVH kernel can be placed (Xen 4.20).
pub const XEN_ELFNOTE_PHYS32_RELOC: u32 = 19;
/// Highest note type that describes a kernel.
pub const XEN_ELFNOTE_MAX: u32 = 19;
/// Crash note: the hypervisor's state.
pub const XEN_ELFNOTE_CRASH_INFO: u32 = 0x1000001;
/// Crash note: a CPU's control registers.
pub const XEN_ELFNOTE_CRASH_REGS: u32 = 0x1000002;
/// Core dump: no information.
pub const XEN_ELFNOTE_DUMPCORE_NONE: u32 = 0x2000000;
/// Core dump: header.
pub const XEN_ELFNOTE_DUMPCORE_HEADER: u32 = 0x2000001;
/// Core dump: Xen's version.
pub const XEN_ELFNOTE_DUMPCORE_XEN_VERSION: u32 = 0x2000002;
/// Core dump: version of the format.
pub const XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION: u32 = 0x2000003;
