//! The entry of an arm64 Image, and of the other vCPUs.

use core::arch::global_asm;

/// Defines the entry point of an arm64 kernel, its Image header, the boot page tables and a stack.
///
/// ```ignore
/// xen_guest::arm64_entry!(start, stack: 64 * 1024);
///
/// fn start(device_tree: usize) -> ! {
///     // EL1, MMU and caches on, interrupts off.
/// }
/// ```
///
/// The function gets the physical address of the device tree; see
/// [`device_tree::at`](crate::device_tree::at). The stack has the given number of bytes.
///
/// The boot protocol (`Documentation/arch/arm64/booting.rst` of Linux, which Xen's loaders follow)
/// specifies: MMU off, interrupts masked, X0 = physical address of the device tree. The code
/// applies the relocations of a position-independent executable, maps the gigabytes of the image
/// and of the device tree to their own addresses as normal memory in blocks of 1 GiB, enables MMU,
/// caches and floating point, and zeroes `.bss`. All further mappings are the kernel's: `TTBR0_EL1`
/// has a table of the first level with 512 entries, for addresses of 39 bits.
///
/// Memory attributes of `MAIR_EL1`: 0 is normal, write-back; 1 is device (nGnRE).
///
/// Sections: `.text.boot`, `.bss.boot`, `.stack`. The image must be linked with the linker script
/// `arm64.ld` of this crate as a position-independent executable (`-pie`, `-z norelro`,
/// `-z notext`), and converted to a flat file that begins with the header. A build script finds the
/// script's path in `DEP_XEN_GUEST_LINKER_SCRIPT`.
#[macro_export]
macro_rules! arm64_entry {
    ($main:path, stack: $stack:expr) => {
        /// Starts the kernel with MMU and caches on.
        extern "C" fn xen_guest_start(device_tree: usize) -> ! {
            let main: fn(usize) -> ! = $main;
            main(device_tree)
        }

        core::arch::global_asm!(
            ".section .text.boot, \"ax\"",
            ".globl arm64_start",
            "arm64_start:",
            "b 2f",
            "nop",
            ".quad 0",                    // the offset of the image, in units of 2 MiB
            ".quad image_end - . + 16",   // its size in memory
            ".quad 0xa",                  // little-endian, pages of 4 KiB, at any address
            ".quad 0, 0, 0",
            ".ascii \"ARMd\"",
            ".long 0",
            "2:",
            "mov x19, x0",
            "adrp x20, arm64_start",
            // Relocations: each has an offset, a type and an addend. A line that is in a cache
            // without this store is discarded, as caches are off.
            "adrp x1, rela_start",
            "add x1, x1, :lo12:rela_start",
            "adrp x2, rela_end",
            "add x2, x2, :lo12:rela_end",
            "3:",
            "cmp x1, x2",
            "b.hs 4f",
            "ldp x3, x4, [x1], #16",
            "ldr x5, [x1], #8",
            "cmp w4, #1027", // R_AARCH64_RELATIVE
            "b.ne 3b",
            "add x5, x5, x20",
            "add x3, x3, x20",
            "str x5, [x3]",
            "dc ivac, x3",
            "b 3b",
            "4:",
            "adrp x1, arm64_table",
            "mov x2, x1",
            "add x3, x1, #4096",
            "5:",
            "stp xzr, xzr, [x2], #16",
            "cmp x2, x3",
            "b.lo 5b",
            // Blocks of the first level: valid, accessed, inner shareable, attribute 0.
            "mov x4, #0x701",
            "adrp x2, image_end",
            "lsr x5, x20, #30",
            "lsr x6, x2, #30",
            "lsr x7, x19, #30",
            "orr x8, x4, x5, lsl #30",
            "str x8, [x1, x5, lsl #3]",
            "orr x8, x4, x6, lsl #30",
            "str x8, [x1, x6, lsl #3]",
            "orr x8, x4, x7, lsl #30",
            "str x8, [x1, x7, lsl #3]",
            "mov x2, x1",
            "6:",
            "dc ivac, x2",
            "add x2, x2, #16", // the smallest line of a cache
            "cmp x2, x3",
            "b.lo 6b",
            "dsb sy",
            "mov x2, #0x04ff",
            "msr mair_el1, x2",
            // Addresses of 39 bits by TTBR0 alone; tables are write-back and inner shareable.
            "mov x2, #0x3519",
            "movk x2, #0x80, lsl #16",
            "mrs x3, id_aa64mmfr0_el1",
            "and x3, x3, #0xf",
            "mov x4, #5",
            "cmp x3, x4",
            "csel x3, x3, x4, lo",
            "orr x2, x2, x3, lsl #32",
            "msr tcr_el1, x2",
            "msr ttbr0_el1, x1",
            "mov x2, #0x300000", // floating point without a trap
            "msr cpacr_el1, x2",
            "isb",
            "tlbi vmalle1",
            "ic iallu",
            "dsb nsh",
            "isb",
            // MMU, data and instruction caches, stack alignment, and the bits that are always set.
            "mov x2, #0x180d",
            "movk x2, #0x30d0, lsl #16",
            "msr sctlr_el1, x2",
            "isb",
            "adrp x1, bss_start",
            "add x1, x1, :lo12:bss_start",
            "adrp x2, bss_end",
            "add x2, x2, :lo12:bss_end",
            "7:",
            "cmp x1, x2",
            "b.hs 8f",
            "stp xzr, xzr, [x1], #16",
            "b 7b",
            "8:",
            "adrp x1, arm64_stack_end",
            "add x1, x1, :lo12:arm64_stack_end",
            "mov sp, x1",
            "mov x29, xzr", // ends the chain of stack frames
            "mov x30, xzr",
            "mov x0, x19",
            "bl {start}",
            "brk #1",
            ".section .bss.boot, \"aw\", @nobits",
            ".balign 4096",
            "arm64_table:",
            ".skip 4096",
            ".section .stack, \"aw\", @nobits",
            ".balign 4096",
            ".skip {stack}",
            ".balign 16",
            "arm64_stack_end:",
            ".text",
            start = sym xen_guest_start,
            stack = const $stack,
        );
    };
}

// The first instructions of another vCPU, with the MMU off: X0 has the address of a `VcpuStart`.
global_asm!(
    ".section .text.xen_guest_vcpu_start, \"ax\"",
    ".globl xen_guest_vcpu_start",
    "xen_guest_vcpu_start:",
    "mov x19, x0",
    "ldp x1, x2, [x19]",
    "ldp x3, x4, [x19, #16]",
    "ldp x5, x6, [x19, #32]",
    "msr mair_el1, x1",
    "msr tcr_el1, x2",
    "msr ttbr0_el1, x3",
    "msr cpacr_el1, x4",
    "isb",
    "tlbi vmalle1",
    "ic iallu",
    "dsb nsh",
    "isb",
    "msr sctlr_el1, x5",
    "isb",
    "ldr x7, [x19, #48]",
    "mov sp, x7",
    "ldp x0, x1, [x19, #56]",
    "ldr x2, [x19, #72]",
    "mov x29, xzr",
    "mov x30, xzr",
    "br x6",
    ".text",
);
